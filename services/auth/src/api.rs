//! `auth.v1.AuthService`: from proto to domain and back, and the counters of what came of it.

use std::sync::Arc;

use chassis::{Actor, FieldError, Problem, to_status};
use contracts::auth::v1::auth_service_server::AuthService;
use contracts::auth::v1::{self as proto};
use secrecy::ExposeSecret;
use telemetry::{counter, init_to_zero};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::domain::Error;
use crate::domain::account::NewAccount;
use crate::domain::accounts::{Accounts, Registration};
use crate::domain::sessions::{Sessions, TokenPair};
use crate::ports::AccessTokens;

/// See the module.
pub(crate) struct Api {
    accounts: Arc<Accounts>,
    sessions: Arc<Sessions>,
    tokens: Arc<dyn AccessTokens>,
}

impl Api {
    /// The service over its use cases.
    #[must_use]
    pub(crate) fn new(accounts: Arc<Accounts>, sessions: Arc<Sessions>, tokens: Arc<dyn AccessTokens>) -> Self {
        init_to_zero("auth_registrations_total", &[("outcome", &["created", "known", "failed"])]);
        init_to_zero("auth_logins_total", &[("outcome", &["success", "refused", "busy", "failed"])]);
        init_to_zero("auth_refreshes_total", &[("outcome", &["success", "refused", "reused", "failed"])]);
        Self { accounts, sessions, tokens }
    }
}

#[tonic::async_trait]
impl AuthService for Api {
    async fn register(
        &self,
        request: Request<proto::RegisterRequest>,
    ) -> Result<Response<proto::RegisterResponse>, Status> {
        let proto::RegisterRequest { email, password, name } = request.into_inner();
        let account = NewAccount::new(&email, password.into(), &name).map_err(|error| to_status(&error))?;
        let result = self.accounts.register(&account).await;
        let outcome = match &result {
            Ok(Registration::Created) => "created",
            Ok(Registration::Known) => "known",
            Err(_) => "failed",
        };
        counter!("auth_registrations_total", "outcome" => outcome).increment(1);
        result.map_err(|error| to_status(&error))?;
        Ok(Response::new(proto::RegisterResponse {}))
    }

    async fn login(&self, request: Request<proto::LoginRequest>) -> Result<Response<proto::LoginResponse>, Status> {
        let proto::LoginRequest { email, password } = request.into_inner();
        let result = self.sessions.login(&email, password.into()).await;
        let outcome = match &result {
            Ok(_) => "success",
            Err(Error::InvalidCredentials) => "refused",
            Err(Error::Busy) => "busy",
            Err(_) => "failed",
        };
        counter!("auth_logins_total", "outcome" => outcome).increment(1);
        let tokens = result.map_err(|error| to_status(&error))?;
        Ok(Response::new(proto::LoginResponse { tokens: Some(encode(&tokens)) }))
    }

    async fn refresh(
        &self,
        request: Request<proto::RefreshRequest>,
    ) -> Result<Response<proto::RefreshResponse>, Status> {
        let result = self.sessions.refresh(request.into_inner().refresh_token).await;
        let outcome = match &result {
            Ok(_) => "success",
            Err(Error::InvalidRefreshToken) => "refused",
            Err(Error::ReusedRefreshToken) => "reused",
            Err(_) => "failed",
        };
        counter!("auth_refreshes_total", "outcome" => outcome).increment(1);
        let tokens = result.map_err(|error| to_status(&error))?;
        Ok(Response::new(proto::RefreshResponse { tokens: Some(encode(&tokens)) }))
    }

    async fn logout(&self, request: Request<proto::LogoutRequest>) -> Result<Response<proto::LogoutResponse>, Status> {
        let token = request.into_inner().refresh_token;
        self.sessions.logout(token).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(proto::LogoutResponse {}))
    }

    async fn get_jwks(
        &self,
        _request: Request<proto::GetJwksRequest>,
    ) -> Result<Response<proto::GetJwksResponse>, Status> {
        let jwks_json = self.tokens.key_set().map_err(|error| to_status(&error))?;
        Ok(Response::new(proto::GetJwksResponse { jwks_json }))
    }

    async fn delete_credentials(
        &self,
        request: Request<proto::DeleteCredentialsRequest>,
    ) -> Result<Response<proto::DeleteCredentialsResponse>, Status> {
        let actor = Actor::of(request.metadata());
        let user_id = Uuid::try_parse(&request.get_ref().user_id)
            .map_err(|_| Problem::invalid(vec![FieldError::new("user_id", "must be a UUID")]))?;
        actor.require_self_or_admin(user_id)?;
        let deleted = self.accounts.delete(user_id).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(proto::DeleteCredentialsResponse { deleted }))
    }
}

fn encode(pair: &TokenPair) -> proto::TokenPair {
    proto::TokenPair {
        access_token: pair.access.expose_secret().to_owned(),
        refresh_token: pair.refresh.reveal().to_owned(),
        expires_in: pair.expires_in,
    }
}
