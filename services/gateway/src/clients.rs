//! The services behind the gateway.

use chassis::Problem;
use contracts::auth::v1::auth_service_client::AuthServiceClient;
use contracts::product::v1::product_service_client::ProductServiceClient;
use contracts::user::v1::user_service_client::UserServiceClient;
use tonic::Status;
use upstream::Channel;

use crate::config::Config;

/// A client of each service. Cloning shares the connections.
#[derive(Clone)]
pub(crate) struct Clients {
    pub(crate) auth: AuthServiceClient<Channel>,
    pub(crate) user: UserServiceClient<Channel>,
    pub(crate) product: ProductServiceClient<Channel>,
}

impl Clients {
    pub(crate) fn connect(config: &Config) -> Self {
        Self {
            auth: AuthServiceClient::new(upstream::connect("auth", &config.auth)),
            user: UserServiceClient::new(upstream::connect("user", &config.user)),
            product: ProductServiceClient::new(upstream::connect("product", &config.product)),
        }
    }
}

/// Fields that have another name in the public API than in the contracts.
const PUBLIC_NAMES: [(&str, &str); 8] = [
    ("page_size", "limit"),
    ("page_token", "cursor"),
    ("query", "q"),
    ("min_price_minor", "min_price"),
    ("max_price_minor", "max_price"),
    ("expected_version", "version"),
    ("price.amount_minor", "price"),
    ("price.currency", "currency"),
];

/// What the client learns of a call that failed. A failure is logged here with its cause,
/// unless the service that answered has done so.
pub(crate) fn upstream(status: &Status) -> Problem {
    let mut problem = Problem::from(status);
    for error in &mut problem.fields {
        if let Some((_, public)) = PUBLIC_NAMES.iter().find(|(contract, _)| *contract == error.field) {
            error.field = (*public).to_owned();
        }
    }
    if problem.kind.is_ours() && !chassis::is_reported(status) {
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
