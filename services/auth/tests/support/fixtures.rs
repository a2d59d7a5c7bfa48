//! Accounts and tokens as the tests of the stores need them.

use auth::domain::account::{Claim, Email, NewClaim, Role};
use auth::domain::now;
use auth::domain::refresh_token::RefreshToken;
use auth::domain::session::{NewSession, NewToken};
use auth::ports::CredentialStore;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// An e-mail address.
pub(crate) fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

/// Claims an address for a new account.
pub(crate) async fn claim(store: &dyn CredentialStore, email: &Email, hash: &str, role: Role) -> Claim {
    let user_id = Uuid::now_v7();
    store.claim(NewClaim { user_id, email, password_hash: hash, role }, now()).await.unwrap()
}

/// An active account with an address of its own.
pub(crate) async fn account(store: &dyn CredentialStore) -> Uuid {
    let email = email(&format!("{}@example.com", Uuid::new_v4().simple()));
    let claim = claim(store, &email, "hash", Role::User).await;
    assert!(store.activate(claim.user_id, now()).await.unwrap());
    claim.user_id
}

/// A refresh token, and what is stored of it.
pub(crate) fn token(issued_at: DateTime<Utc>, ttl: TimeDelta) -> (RefreshToken, NewToken) {
    let token = RefreshToken::generate();
    let stored = NewToken { hash: token.hash(), issued_at, expires_at: issued_at + ttl };
    (token, stored)
}

/// A session of two weeks that begins now, and its first token.
pub(crate) fn session(user_id: Uuid, ttl: TimeDelta) -> (NewSession, RefreshToken) {
    let now = now();
    let (first, token) = token(now, ttl);
    (NewSession { family_id: Uuid::now_v7(), user_id, expires_at: now + TimeDelta::days(14), token }, first)
}
