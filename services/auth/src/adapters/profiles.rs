//! The user service over gRPC, called on our own behalf.

use async_trait::async_trait;
use chassis::{Actor, Kind, Problem};
use contracts::user::v1::user_service_client::UserServiceClient;
use contracts::user::v1::{self as proto, CreateUserRequest, DeleteUserRequest, GetUserRequest};
use tonic::{Code, Status};
use upstream::Channel;
use uuid::Uuid;

use crate::domain::Error;
use crate::domain::account::Role;
use crate::ports::{NewProfile, ProfileOutcome, Profiles};

/// See the module.
pub struct UserService {
    client: UserServiceClient<Channel>,
}

impl UserService {
    /// Calls through `callee`.
    #[must_use]
    pub fn new(callee: Channel) -> Self {
        Self { client: UserServiceClient::new(callee) }
    }
}

#[async_trait]
impl Profiles for UserService {
    async fn create(&self, profile: NewProfile<'_>) -> Result<ProfileOutcome, Error> {
        let role = match profile.role {
            Role::User => proto::Role::User,
            Role::Admin => proto::Role::Admin,
        };
        let request = CreateUserRequest {
            id: profile.user_id.to_string(),
            email: profile.email.as_str().to_owned(),
            name: profile.name.to_owned(),
            role: role.into(),
        };
        match self.client.clone().create_user(Actor::Service.request(request)).await {
            Ok(response) if response.get_ref().created => Ok(ProfileOutcome::Created),
            Ok(_) => Ok(ProfileOutcome::AlreadyExists),
            Err(status) if status.code() == Code::AlreadyExists => Ok(ProfileOutcome::EmailTaken),
            Err(status) => Err(failed(status)),
        }
    }

    async fn role(&self, user_id: Uuid) -> Result<Option<Role>, Error> {
        let request = GetUserRequest { id: user_id.to_string() };
        match self.client.clone().get_user(Actor::Service.request(request)).await {
            Ok(response) => match response.into_inner().user.map(|user| user.role()) {
                Some(proto::Role::User) => Ok(Some(Role::User)),
                Some(proto::Role::Admin) => Ok(Some(Role::Admin)),
                Some(proto::Role::Unspecified) | None => {
                    Err(Error::Internal("the user service answered without a role".into()))
                }
            },
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(failed(status)),
        }
    }

    async fn delete(&self, user_id: Uuid) -> Result<(), Error> {
        let request = DeleteUserRequest { id: user_id.to_string() };
        match self.client.clone().delete_user(Actor::Service.request(request)).await {
            Ok(_) => Ok(()),
            Err(status) if status.code() == Code::NotFound => Ok(()),
            Err(status) => Err(failed(status)),
        }
    }
}

/// Whether it may help to try again decides how it is reported.
fn failed(status: Status) -> Error {
    match Problem::from(&status).kind {
        Kind::Unavailable | Kind::DeadlineExceeded | Kind::Overloaded | Kind::RateLimited => {
            Error::Unavailable(status.into())
        }
        _ => Error::Internal(status.into()),
    }
}
