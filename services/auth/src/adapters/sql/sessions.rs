//! Refresh tokens and their families in SQL. Every transaction locks the family before its tokens, so that none of
//! them can wait for each other in a circle.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use stores::db::Tx;
use stores::on;
use uuid::Uuid;

use super::{SqlStore, failed};
use crate::adapters::events;
use crate::domain::Error;
use crate::domain::refresh_token::TokenHash;
use crate::domain::session::{NewSession, NewToken, OpenOutcome, RotateOutcome, StoredToken};
use crate::ports::{ReuseLog, SessionStore};

const OPEN_FAMILY: &str = "
    INSERT INTO refresh_families (family_id, user_id, created_at, renewed_at, expires_at)
    VALUES ($1, $2, $3, $3, $4)";

const ADD_TOKEN: &str = "
    INSERT INTO refresh_tokens (token_hash, family_id, issued_at, expires_at)
    VALUES ($1, $2, $3, $4)";

const FIND: &str = "
    SELECT f.family_id, f.user_id, t.used_at
    FROM refresh_tokens t
    JOIN refresh_families f ON f.family_id = t.family_id
    WHERE t.token_hash = $1 AND t.expires_at > $2 AND f.expires_at > $2 AND f.revoked_at IS NULL";

/// Also the lock that makes rotations of one family follow each other.
const RENEW_FAMILY: &str = "
    UPDATE refresh_families SET renewed_at = $2
    WHERE family_id = $1 AND expires_at > $2 AND revoked_at IS NULL";

const SPEND: &str = "
    UPDATE refresh_tokens SET used_at = $3
    WHERE token_hash = $1 AND family_id = $2 AND expires_at > $3 AND used_at IS NULL";

/// Only a token that was used, not one that expired meanwhile, tells of a theft.
const REVOKE_REUSED: &str = "
    UPDATE refresh_families SET revoked_at = $3
    WHERE family_id = $2 AND EXISTS (
        SELECT 1 FROM refresh_tokens WHERE token_hash = $1 AND family_id = $2 AND used_at IS NOT NULL)
    RETURNING user_id";

const REVOKE_FAMILY: &str = "
    UPDATE refresh_families SET revoked_at = $2 WHERE family_id = $1 AND revoked_at IS NULL RETURNING user_id";

const REVOKE: &str = "
    UPDATE refresh_families SET revoked_at = $2
    WHERE revoked_at IS NULL AND family_id = (SELECT family_id FROM refresh_tokens WHERE token_hash = $1)";

/// A family that is not kept here, as revoked, unless it is noted already or its user has no credentials any more.
const NOTE_REUSED: &str = "
    INSERT INTO refresh_families (family_id, user_id, created_at, renewed_at, expires_at, revoked_at)
    SELECT $1, user_id, $3, $3, $4, $3 FROM credentials WHERE user_id = $2
    ON CONFLICT DO NOTHING";

/// How long it is remembered that a reuse was announced. What comes after the announcement takes moments.
const ANNOUNCED: TimeDelta = TimeDelta::days(1);

/// In batches, so that no statement runs into its time limit after a long pause.
const PURGE_FAMILIES: &str = "
    DELETE FROM refresh_families
    WHERE family_id IN (SELECT family_id FROM refresh_families WHERE expires_at <= $1 LIMIT 500)";

const PURGE_TOKENS: &str = "
    DELETE FROM refresh_tokens
    WHERE token_hash IN (SELECT token_hash FROM refresh_tokens WHERE expires_at <= $1 LIMIT 500)";

#[async_trait]
impl SessionStore for SqlStore {
    async fn open(&self, session: NewSession) -> Result<OpenOutcome, Error> {
        let NewSession { family_id, user_id, expires_at, token } = session;
        let mut tx = self.db.begin().await.map_err(failed)?;
        let query = on!(tx, |c| sqlx::query(OPEN_FAMILY)
            .bind(family_id)
            .bind(user_id)
            .bind(token.issued_at)
            .bind(expires_at)
            .execute(c));
        match self.db.observe("INSERT refresh_families", query).await {
            Ok(_) => {}
            Err(error) if stores::db::error_type(&error) == Some("foreign_key_violation") => {
                return Ok(OpenOutcome::NoCredentials);
            }
            Err(error) => return Err(failed(error)),
        }
        self.add_token(&mut tx, family_id, token).await?;
        tx.commit().await.map_err(failed)?;
        Ok(OpenOutcome::Stored)
    }

    async fn find(&self, token: &TokenHash, now: DateTime<Utc>) -> Result<Option<StoredToken>, Error> {
        type Row = (Uuid, Uuid, Option<DateTime<Utc>>);
        let mut conn = self.db.reader().await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query_as::<_, Row>(FIND).bind(token.as_slice()).bind(now).fetch_optional(c));
        let row = self.db.observe("SELECT refresh_tokens", query).await.map_err(failed)?;
        Ok(row.map(|(family_id, user_id, used_at)| StoredToken { family_id, user_id, spent: used_at.is_some() }))
    }

    async fn rotate(&self, family_id: Uuid, token: &TokenHash, next: NewToken) -> Result<RotateOutcome, Error> {
        let (now, hash) = (next.issued_at, token.as_slice());
        let mut tx = self.db.begin().await.map_err(failed)?;
        let query = on!(tx, |c| sqlx::query(RENEW_FAMILY).bind(family_id).bind(now).execute(c));
        if self.db.observe("UPDATE refresh_families", query).await.map_err(failed)? == 0 {
            return Ok(RotateOutcome::Refused);
        }
        let query = on!(tx, |c| sqlx::query(SPEND).bind(hash).bind(family_id).bind(now).execute(c));
        if self.db.observe("UPDATE refresh_tokens", query).await.map_err(failed)? == 1 {
            self.add_token(&mut tx, family_id, next).await?;
            tx.commit().await.map_err(failed)?;
            return Ok(RotateOutcome::Rotated);
        }
        let query = on!(tx, |c| {
            sqlx::query_as::<_, (Uuid,)>(REVOKE_REUSED).bind(hash).bind(family_id).bind(now).fetch_optional(c)
        });
        let Some((user_id,)) = self.db.observe("UPDATE refresh_families", query).await.map_err(failed)? else {
            tx.commit().await.map_err(failed)?;
            return Ok(RotateOutcome::Refused);
        };
        self.commit_reused(tx, user_id, family_id, now).await?;
        Ok(RotateOutcome::Reused)
    }

    async fn revoke_reused(&self, session: &StoredToken, at: DateTime<Utc>) -> Result<(), Error> {
        let mut tx = self.db.begin().await.map_err(failed)?;
        let query = on!(tx, |c| {
            sqlx::query_as::<_, (Uuid,)>(REVOKE_FAMILY).bind(session.family_id).bind(at).fetch_optional(c)
        });
        match self.db.observe("UPDATE refresh_families", query).await.map_err(failed)? {
            Some((user_id,)) => self.commit_reused(tx, user_id, session.family_id, at).await,
            // Announced by whoever revoked it, or ended by its owner meanwhile.
            None => Ok(()),
        }
    }

    async fn revoke(&self, token: &TokenHash, at: DateTime<Utc>) -> Result<(), Error> {
        let mut conn = self.db.writer().await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query(REVOKE).bind(token.as_slice()).bind(at).execute(c));
        self.db.observe("UPDATE refresh_families", query).await.map_err(failed)?;
        Ok(())
    }

    async fn purge(&self, now: DateTime<Utc>) -> Result<u64, Error> {
        let mut purged = 0;
        for (summary, sql) in [("DELETE refresh_families", PURGE_FAMILIES), ("DELETE refresh_tokens", PURGE_TOKENS)] {
            loop {
                // A connection per batch: on SQLite there is one writer, and sign-ins want it too.
                let mut conn = self.db.writer().await.map_err(failed)?;
                let query = on!(conn, |c| sqlx::query(sql).bind(now).execute(c));
                let rows = self.db.observe(summary, query).await.map_err(failed)?;
                purged += rows;
                if rows == 0 {
                    break;
                }
            }
        }
        Ok(purged)
    }
}

#[async_trait]
impl ReuseLog for SqlStore {
    async fn announce_reused(&self, session: &StoredToken, at: DateTime<Utc>) -> Result<(), Error> {
        let mut tx = self.db.begin().await.map_err(failed)?;
        let query = on!(tx, |c| sqlx::query(NOTE_REUSED)
            .bind(session.family_id)
            .bind(session.user_id)
            .bind(at)
            .bind(at + ANNOUNCED)
            .execute(c));
        match self.db.observe("INSERT refresh_families", query).await.map_err(failed)? {
            0 => Ok(()),
            _ => self.commit_reused(tx, session.user_id, session.family_id, at).await,
        }
    }
}

impl SqlStore {
    /// Makes a revocation lasting, together with the event that tells of it.
    async fn commit_reused(&self, mut tx: Tx, user_id: Uuid, family_id: Uuid, at: DateTime<Utc>) -> Result<(), Error> {
        let event = events::refresh_token_reused(user_id, family_id, at);
        let event = event.map_err(|malformed| Error::Internal(malformed.into()))?;
        self.outbox.append(&mut tx, &event).await.map_err(failed)?;
        self.outbox.commit(tx).await.map_err(failed)
    }

    async fn add_token(&self, tx: &mut Tx, family_id: Uuid, token: NewToken) -> Result<(), Error> {
        let query = on!(tx, |c| sqlx::query(ADD_TOKEN)
            .bind(token.hash.as_slice())
            .bind(family_id)
            .bind(token.issued_at)
            .bind(token.expires_at)
            .execute(c));
        self.db.observe("INSERT refresh_tokens", query).await.map_err(failed)?;
        Ok(())
    }
}
