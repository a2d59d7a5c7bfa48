//! The services behind the gateway.

use chassis::{Callee, Problem, StartError, callee};
use contracts::auth::v1::auth_service_client::AuthServiceClient;
use contracts::product::v1::product_service_client::ProductServiceClient;
use contracts::user::v1::user_service_client::UserServiceClient;
use tonic::Status;

use crate::config::Config;

/// A client of each service. Cloning shares the connections.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) auth: AuthServiceClient<Callee>,
    pub(crate) user: UserServiceClient<Callee>,
    pub(crate) product: ProductServiceClient<Callee>,
}

impl Clients {
    pub(crate) fn connect(config: &Config) -> Result<Self, StartError> {
        Ok(Self {
            auth: AuthServiceClient::new(callee::connect("auth", &config.auth)?),
            user: UserServiceClient::new(callee::connect("user", &config.user)?),
            product: ProductServiceClient::new(callee::connect("product", &config.product)?),
        })
    }
}

/// What the client learns of a call that failed. Failures of ours are logged here, once, with the cause.
pub(crate) fn upstream(status: &Status) -> Problem {
    let problem = Problem::from(status);
    if problem.kind.is_ours() {
        tracing::error!(
            error = status as &(dyn std::error::Error + 'static),
            error.code = problem.code.as_ref(),
            "call to a service failed"
        );
    }
    problem
}

/// An answer that lacks what its contract promises.
pub(crate) fn incomplete(what: &'static str) -> Problem {
    tracing::error!(missing = what, "answer of a service is incomplete");
    Problem::new(chassis::Kind::Internal, "internal", "Something went wrong on our side.")
}
