//! Sessions in Redis as long as it answers, in SQL otherwise.
//!
//! A session lives in the one store it was opened in, so what Redis does not know is asked of SQL. While Redis does not
//! answer, a token that SQL does not know either may live in Redis: it is neither accepted nor called invalid, the
//! answer is [`Error::Unavailable`]. No token is ever in both stores, so a use that one store has noted cannot be
//! repeated in the other: if it is not known whether Redis stored a new session, SQL does not get the same one.
//!
//! Sessions end with the credentials of their user, which are in SQL only: it is asked whenever Redis finds a session.
//! The announcement that a token was reused is in SQL, too. It comes first: if the family in Redis survives it because
//! Redis goes away in between, its next reuse revokes it, and is not announced again.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use stores::redis::RedisError;
use uuid::Uuid;

use super::redis_sessions::RedisSessions;
use crate::domain::Error;
use crate::domain::refresh_token::TokenHash;
use crate::domain::session::{NewSession, NewToken, OpenOutcome, RotateOutcome, StoredToken};
use crate::ports::{CredentialStore, ReuseLog, SessionStore};

/// See the module.
pub struct FallbackSessionStore {
    redis: RedisSessions,
    credentials: Arc<dyn CredentialStore>,
    reuses: Arc<dyn ReuseLog>,
    sql: Arc<dyn SessionStore>,
}

impl FallbackSessionStore {
    /// Sessions of the users in `credentials`.
    #[must_use]
    pub fn new(
        redis: RedisSessions,
        credentials: Arc<dyn CredentialStore>,
        reuses: Arc<dyn ReuseLog>,
        sql: Arc<dyn SessionStore>,
    ) -> Self {
        let operations = ["open", "find", "rotate", "revoke", "revoke_reused"];
        telemetry::init_to_zero("session_store_fallbacks_total", &[("operation", &operations)]);
        Self { redis, credentials, reuses, sql }
    }
}

#[async_trait]
impl SessionStore for FallbackSessionStore {
    async fn open(&self, session: NewSession) -> Result<OpenOutcome, Error> {
        if !self.credentials.may_sign_in(session.user_id).await? {
            return Ok(OpenOutcome::NoCredentials);
        }
        match self.redis.open(session).await {
            Ok(()) => Ok(OpenOutcome::Stored),
            Err(error) if error.may_have_happened() => Ok(OpenOutcome::Unknown),
            Err(_) => {
                count("open");
                self.sql.open(session).await
            }
        }
    }

    async fn find(&self, token: &TokenHash, now: DateTime<Utc>) -> Result<Option<StoredToken>, Error> {
        match self.redis.find(token, now).await {
            Ok(Some(session)) => Ok(self.credentials.may_sign_in(session.user_id).await?.then_some(session)),
            Ok(None) => self.sql.find(token, now).await,
            Err(error) => {
                count("find");
                self.sql.find(token, now).await?.map(Some).ok_or_else(|| unavailable(error))
            }
        }
    }

    async fn rotate(&self, family_id: Uuid, token: &TokenHash, next: NewToken) -> Result<RotateOutcome, Error> {
        match self.redis.rotate(family_id, token, next).await {
            Ok(RotateOutcome::Refused) => self.sql.rotate(family_id, token, next).await,
            Ok(RotateOutcome::Rotated) => Ok(RotateOutcome::Rotated),
            Ok(RotateOutcome::Reused) => {
                if let Some(user_id) = self.redis.owner(family_id).await.map_err(unavailable)? {
                    self.revoke_reused(&StoredToken { family_id, user_id, spent: true }, next.issued_at).await?;
                }
                Ok(RotateOutcome::Reused)
            }
            Err(error) => {
                count("rotate");
                match self.sql.rotate(family_id, token, next).await? {
                    RotateOutcome::Refused => Err(unavailable(error)),
                    outcome => Ok(outcome),
                }
            }
        }
    }

    async fn revoke_reused(&self, session: &StoredToken, at: DateTime<Utc>) -> Result<(), Error> {
        match self.redis.owner(session.family_id).await {
            Ok(Some(_)) => {
                self.reuses.announce_reused(session, at).await?;
                self.redis.revoke_family(session.family_id).await.map(drop).map_err(unavailable)
            }
            // It is in SQL, or it has ended meanwhile.
            Ok(None) => self.sql.revoke_reused(session, at).await,
            Err(error) => {
                count("revoke_reused");
                self.sql.revoke_reused(session, at).await?;
                Err(unavailable(error))
            }
        }
    }

    async fn revoke(&self, token: &TokenHash, at: DateTime<Utc>) -> Result<(), Error> {
        match self.redis.revoke(token).await {
            Ok(true) => Ok(()),
            Ok(false) => self.sql.revoke(token, at).await,
            Err(error) => {
                count("revoke");
                if self.sql.find(token, at).await?.is_none() {
                    return Err(unavailable(error));
                }
                self.sql.revoke(token, at).await
            }
        }
    }

    async fn purge(&self, now: DateTime<Utc>) -> Result<u64, Error> {
        self.sql.purge(now).await
    }
}

fn count(operation: &'static str) {
    telemetry::counter!("session_store_fallbacks_total", "operation" => operation).increment(1);
}

fn unavailable(error: RedisError) -> Error {
    Error::Unavailable(error.into())
}
