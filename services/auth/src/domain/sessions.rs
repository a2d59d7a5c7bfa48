//! Sessions: a login opens a family of refresh tokens, each refresh spends one and issues the next.
//!
//! Using a token twice revokes its family, without a grace period: the second use may be a thief's, and nobody can
//! tell whose the first was. The price is that a client whose answer was lost on its way has to sign in again. The
//! user service is asked before the token is spent, so that its failure costs nobody a session.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use uuid::Uuid;

use super::account::{Credential, Email, Role};
use super::error::Error;
use super::refresh_token::RefreshToken;
use super::session::{AccessClaims, NewSession, NewToken, OpenOutcome, RotateOutcome, StoredToken};
use super::time::now;
use crate::ports::{AccessTokens, CredentialStore, PasswordCheck, PasswordHasher, Profiles, SessionStore};

/// How often a session is opened anew if nobody knows whether it was stored.
const OPEN_ATTEMPTS: usize = 3;

/// How long sessions and their tokens live.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// An access token.
    pub access: TimeDelta,
    /// A session, however often it is refreshed.
    pub session: TimeDelta,
    /// A refresh token that is not used.
    pub idle: TimeDelta,
}

/// What a client needs to call the API and to stay signed in.
#[derive(Debug)]
pub struct TokenPair {
    /// Signed access token.
    pub access: SecretString,
    /// Refresh token, for one use.
    pub refresh: RefreshToken,
    /// Seconds the access token is valid.
    pub expires_in: i64,
}

/// The ports the use cases need.
pub struct SessionPorts {
    /// Credentials.
    pub credentials: Arc<dyn CredentialStore>,
    /// Refresh tokens.
    pub sessions: Arc<dyn SessionStore>,
    /// Profiles of the user service.
    pub profiles: Arc<dyn Profiles>,
    /// Password hashing.
    pub passwords: Arc<dyn PasswordHasher>,
    /// Access tokens.
    pub tokens: Arc<dyn AccessTokens>,
}

/// The use cases around sessions.
pub struct Sessions {
    ports: SessionPorts,
    lifetimes: Lifetimes,
}

impl Sessions {
    /// Wires the use cases.
    #[must_use]
    pub fn new(ports: SessionPorts, lifetimes: Lifetimes) -> Self {
        Self { ports, lifetimes }
    }

    /// Opens a session.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`] after the same work for every reason, [`Error::Busy`], or those of the ports.
    pub async fn login(&self, email: &str, password: SecretString) -> Result<TokenPair, Error> {
        let known = match Email::parse(email) {
            Ok(email) => self.ports.credentials.find(&email).await?,
            Err(_) => None,
        };
        let active = known.filter(Credential::is_active);
        let hash = active.as_ref().map(|credential| credential.password_hash().to_owned());
        let check = self.ports.passwords.verify(&password, hash.as_deref()).await?;
        let Some(credential) = active.filter(|_| check != PasswordCheck::Mismatch) else {
            return Err(Error::InvalidCredentials);
        };
        let user_id = credential.user_id();
        if check == PasswordCheck::NeedsRehash {
            self.rehash(user_id, credential.password_hash(), &password).await;
        }
        let role = self.role(user_id).await?.ok_or(Error::InvalidCredentials)?;
        self.open(user_id, role).await
    }

    /// Spends a refresh token for the next pair.
    ///
    /// # Errors
    /// [`Error::InvalidRefreshToken`], [`Error::ReusedRefreshToken`], or those of the ports; the token is only spent
    /// if none of them failed.
    pub async fn refresh(&self, presented: String) -> Result<TokenPair, Error> {
        let token = RefreshToken::parse(presented).ok_or(Error::InvalidRefreshToken)?;
        let now = now();
        let session = self.ports.sessions.find(&token.hash(), now).await?.ok_or(Error::InvalidRefreshToken)?;
        if session.spent {
            return Err(self.reused(&session, now).await);
        }
        let role = self.role(session.user_id).await?.ok_or(Error::InvalidRefreshToken)?;
        self.rotate(&token, session, role, now).await
    }

    /// Ends the session of a refresh token; nothing to end is fine.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn logout(&self, presented: String) -> Result<(), Error> {
        match RefreshToken::parse(presented) {
            Some(token) => self.ports.sessions.revoke(&token.hash(), now()).await,
            None => Ok(()),
        }
    }

    /// Deletes what has expired. Answers how many rows.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn purge(&self) -> Result<u64, Error> {
        self.ports.sessions.purge(now()).await
    }

    /// The role, if the user still exists; credentials that outlived their user are deleted.
    async fn role(&self, user_id: Uuid) -> Result<Option<Role>, Error> {
        let role = self.ports.profiles.role(user_id).await?;
        if role.is_none() && self.ports.credentials.delete(user_id).await? {
            tracing::info!(user.id = %user_id, "credentials of a deleted user removed");
        }
        Ok(role)
    }

    async fn open(&self, user_id: Uuid, role: Role) -> Result<TokenPair, Error> {
        for _ in 0..OPEN_ATTEMPTS {
            let now = now();
            let expires_at = now + self.lifetimes.session;
            let refresh = RefreshToken::generate();
            let token = self.next_token(&refresh, now);
            let pair = self.pair(user_id, role, refresh, now)?;
            let session = NewSession { family_id: Uuid::now_v7(), user_id, expires_at, token };
            match self.ports.sessions.open(session).await? {
                OpenOutcome::Stored => return Ok(pair),
                // They can be deleted between the check and this line.
                OpenOutcome::NoCredentials => return Err(Error::InvalidCredentials),
                OpenOutcome::Unknown => {}
            }
        }
        Err(Error::Unavailable("no store says whether it holds the session".into()))
    }

    async fn rotate(
        &self,
        token: &RefreshToken,
        session: StoredToken,
        role: Role,
        now: DateTime<Utc>,
    ) -> Result<TokenPair, Error> {
        let refresh = RefreshToken::generate();
        let next = self.next_token(&refresh, now);
        // Signed before the token is spent: nothing that can fail comes after.
        let pair = self.pair(session.user_id, role, refresh, now)?;
        match self.ports.sessions.rotate(session.family_id, &token.hash(), next).await? {
            RotateOutcome::Rotated => Ok(pair),
            RotateOutcome::Refused => Err(Error::InvalidRefreshToken),
            RotateOutcome::Reused => Err(self.reused(&session, now).await),
        }
    }

    /// The security event of a token that was used twice.
    async fn reused(&self, session: &StoredToken, at: DateTime<Utc>) -> Error {
        if let Err(error) = self.ports.sessions.revoke_reused(session, at).await {
            return error;
        }
        let (family, user) = (session.family_id, session.user_id);
        tracing::warn!(session.id = %family, user.id = %user, "refresh token reused, session revoked");
        Error::ReusedRefreshToken
    }

    fn next_token(&self, token: &RefreshToken, now: DateTime<Utc>) -> NewToken {
        NewToken { hash: token.hash(), issued_at: now, expires_at: now + self.lifetimes.idle }
    }

    fn pair(
        &self,
        user_id: Uuid,
        role: Role,
        refresh: RefreshToken,
        issued_at: DateTime<Utc>,
    ) -> Result<TokenPair, Error> {
        let expires_at = issued_at + self.lifetimes.access;
        let access = self.ports.tokens.sign(AccessClaims { user_id, role, issued_at, expires_at })?;
        Ok(TokenPair { access, refresh, expires_in: self.lifetimes.access.num_seconds() })
    }

    /// Replaces a hash of lower cost. Best effort: the login does not depend on it, and the next one tries again.
    async fn rehash(&self, user_id: Uuid, old: &str, password: &SecretString) {
        let replaced = match self.ports.passwords.hash(password).await {
            Ok(new) => self.ports.credentials.replace_hash(user_id, old, &new, now()).await,
            Err(error) => Err(error),
        };
        if let Err(error) = replaced {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, user.id = %user_id, "a password hash could not be strengthened");
        }
    }
}
