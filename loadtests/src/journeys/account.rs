//! Requests around an account: register, log in, renew, log out, read and change the profile.

use std::time::{Duration, Instant};

use goose::prelude::GooseUser;
use serde::Deserialize;
use serde_json::json;

use super::call::{Call, Finding, StepError};
use super::routes::{LOGIN, LOGOUT, READ_PROFILE, REFRESH, REGISTER, RENAME};

/// Who a shopper says it is.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    email: String,
    password: String,
}

impl Credentials {
    /// Credentials nobody has used before.
    pub(crate) fn fresh() -> Self {
        // Two ids: a password that contains the name in the address is refused.
        let [id, secret] = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(uuid::Uuid::simple);
        Self { email: format!("load-{id}@example.com"), password: secret.to_string() }
    }
}

/// A log-in that holds until it is renewed or ended.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    access_token: String,
    refresh_token: String,
    renew_at: Instant,
}

impl Session {
    /// Whether most of the access token's life is over.
    pub(crate) fn is_old(&self) -> bool {
        Instant::now() >= self.renew_at
    }
}

#[derive(Debug, Deserialize)]
struct Tokens {
    access_token: String,
    refresh_token: String,
    token_type: String,
    expires_in: u64,
}

impl Tokens {
    fn check(&self) -> Finding {
        match self {
            tokens if tokens.token_type != "Bearer" => Err("the token is not of type Bearer"),
            tokens if tokens.access_token.is_empty() || tokens.refresh_token.is_empty() => Err("a token is empty"),
            tokens if tokens.expires_in == 0 => Err("the token has expired already"),
            _ => Ok(()),
        }
    }
}

impl From<Tokens> for Session {
    fn from(tokens: Tokens) -> Self {
        let life = Duration::from_secs(tokens.expires_in);
        Self {
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            renew_at: Instant::now() + life * 3 / 4,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Registered {
    email: String,
    #[expect(dead_code, reason = "that a field is there is what is checked")]
    name: String,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "that a field is there is what is checked")]
struct Profile {
    id: String,
    email: String,
    name: String,
    role: Role,
    created_at: String,
    updated_at: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Admin,
}

/// `POST /v1/auth/register`.
pub(crate) async fn register(user: &mut GooseUser, who: &Credentials) -> Result<(), StepError> {
    let body = json!({ "email": who.email, "password": who.password, "name": "Load Shopper" });
    let check = |answer: &Registered| {
        if answer.email == who.email { Ok(()) } else { Err("another e-mail was registered") }
    };
    Call::to(REGISTER).json(body).read(user, check).await.map(|_| ())
}

/// `POST /v1/auth/login`.
pub(crate) async fn log_in(user: &mut GooseUser, who: &Credentials) -> Result<Session, StepError> {
    let body = json!({ "email": who.email, "password": who.password });
    Call::to(LOGIN).json(body).read(user, Tokens::check).await.map(Session::from)
}

/// `POST /v1/auth/refresh`: the session it answers replaces the one it was given, whose refresh token is spent.
pub(crate) async fn renew(user: &mut GooseUser, session: &Session) -> Result<Session, StepError> {
    let body = json!({ "refresh_token": session.refresh_token });
    let check = |tokens: &Tokens| {
        if tokens.refresh_token == session.refresh_token {
            return Err("the refresh token was not replaced");
        }
        tokens.check()
    };
    Call::to(REFRESH).json(body).read(user, check).await.map(Session::from)
}

/// `POST /v1/auth/logout`.
pub(crate) async fn log_out(user: &mut GooseUser, session: &Session) -> Result<(), StepError> {
    let body = json!({ "refresh_token": session.refresh_token });
    Call::to(LOGOUT).json(body).finish(user).await
}

/// `GET /v1/users/me`.
pub(crate) async fn read_profile(user: &mut GooseUser, session: &Session, who: &Credentials) -> Result<(), StepError> {
    let check = |profile: &Profile| {
        if profile.email == who.email { Ok(()) } else { Err("somebody else's profile") }
    };
    Call::to(READ_PROFILE).bearer(&session.access_token).read(user, check).await.map(|_| ())
}

/// `PATCH /v1/users/me`.
pub(crate) async fn rename(user: &mut GooseUser, session: &Session, name: &str) -> Result<(), StepError> {
    let check = |profile: &Profile| {
        if profile.name == name { Ok(()) } else { Err("the profile does not have the new name") }
    };
    Call::to(RENAME).bearer(&session.access_token).json(json!({ "name": name })).read(user, check).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_never_the_same() {
        let (one, other) = (Credentials::fresh(), Credentials::fresh());
        assert_ne!(one.email, other.email);
        assert_ne!(one.password, other.password);
        assert_eq!(one.email, one.email.to_lowercase(), "the server may lower-case it");
    }

    #[test]
    fn tokens_are_checked_beyond_their_shape() {
        let tokens = |kind: &str, refresh: &str, expires_in| Tokens {
            access_token: "a".to_owned(),
            refresh_token: refresh.to_owned(),
            token_type: kind.to_owned(),
            expires_in,
        };
        assert_eq!(tokens("Bearer", "r", 900).check(), Ok(()));
        assert!(tokens("Basic", "r", 900).check().is_err());
        assert!(tokens("Bearer", "", 900).check().is_err());
        assert!(tokens("Bearer", "r", 0).check().is_err());
    }
}
