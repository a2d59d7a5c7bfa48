//! Credentials in SQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use stores::on;
use uuid::Uuid;

use super::{SqlStore, failed, unknown};
use crate::domain::Error;
use crate::domain::account::{Claim, Credential, Email, NewClaim, Role, State};
use crate::ports::{CredentialStore, RollbackStore};

/// Always writes, whoever holds the address: a commit takes time that an outsider could measure.
const CLAIM: &str = "
    INSERT INTO credentials (user_id, email, password_hash, state, initial_role, created_at, updated_at)
    VALUES ($1, $2, $3, 'pending', $4, $5, $5)
    ON CONFLICT (email) DO UPDATE SET
        password_hash = CASE
            WHEN credentials.state = 'pending' AND credentials.initial_role = excluded.initial_role
            THEN excluded.password_hash
            ELSE credentials.password_hash
        END,
        updated_at = excluded.updated_at
    RETURNING user_id, state, initial_role";

/// Writes active rows too, for the same reason.
const ACTIVATE: &str = "
    UPDATE credentials SET state = 'active', updated_at = $2
    WHERE user_id = $1 AND state IN ('pending', 'active')";

const WITHDRAW: &str = "DELETE FROM credentials WHERE user_id = $1 AND state = 'pending'";

const FIND: &str = "SELECT user_id, password_hash, state FROM credentials WHERE email = $1";

const MAY_SIGN_IN: &str = "SELECT user_id FROM credentials WHERE user_id = $1 AND state = 'active'";

const REPLACE_HASH: &str = "
    UPDATE credentials SET password_hash = $3, updated_at = $4
    WHERE user_id = $1 AND password_hash = $2";

/// Sessions go with it, by the foreign key.
const DELETE: &str = "DELETE FROM credentials WHERE user_id = $1";

const ABANDON_STALE: &str = "
    UPDATE credentials SET state = 'abandoned', updated_at = $2
    WHERE state = 'pending' AND initial_role = 'user' AND updated_at <= $1";

const ABANDONED: &str = "SELECT user_id FROM credentials WHERE state = 'abandoned' ORDER BY updated_at LIMIT 100";

const ABANDON: &str = "UPDATE credentials SET state = 'abandoned', updated_at = $2 WHERE user_id = $1";

const END_SESSIONS: &str = "DELETE FROM refresh_families WHERE user_id = $1";

const CLEAR: &str = "DELETE FROM credentials WHERE user_id = $1 AND state = 'abandoned'";

#[async_trait]
impl CredentialStore for SqlStore {
    async fn claim(&self, claim: NewClaim<'_>, at: DateTime<Utc>) -> Result<Claim, Error> {
        let NewClaim { user_id, email, password_hash, role } = claim;
        let (email, role) = (email.as_str(), role.as_str());
        let mut conn = self.db.writer().await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query_as::<_, (Uuid, String, String)>(CLAIM)
            .bind(user_id)
            .bind(email)
            .bind(password_hash)
            .bind(role)
            .bind(at)
            .fetch_optional(c));
        let row = self.db.observe("INSERT credentials", query).await.map_err(failed)?;
        let (user_id, state, role) = row.ok_or(sqlx::Error::RowNotFound).map_err(failed)?;
        let role = Role::from_name(&role).ok_or_else(|| unknown("initial_role", &role))?;
        Ok(Claim { user_id, state: read_state(&state)?, role })
    }

    async fn activate(&self, user_id: Uuid, at: DateTime<Utc>) -> Result<bool, Error> {
        let mut conn = self.db.writer().await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query(ACTIVATE).bind(user_id).bind(at).execute(c));
        Ok(self.db.observe("UPDATE credentials", query).await.map_err(failed)? > 0)
    }

    async fn withdraw(&self, user_id: Uuid) -> Result<(), Error> {
        let mut conn = self.db.writer().await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query(WITHDRAW).bind(user_id).execute(c));
        self.db.observe("DELETE credentials", query).await.map_err(failed)?;
        Ok(())
    }

    async fn find(&self, email: &Email) -> Result<Option<Credential>, Error> {
        let mut conn = self.db.reader().await.map_err(failed)?;
        let query =
            on!(conn, |c| sqlx::query_as::<_, (Uuid, String, String)>(FIND).bind(email.as_str()).fetch_optional(c));
        let row = self.db.observe("SELECT credentials", query).await.map_err(failed)?;
        row.map(|(user_id, hash, state)| Ok(Credential::stored(user_id, hash, read_state(&state)?))).transpose()
    }

    async fn may_sign_in(&self, user_id: Uuid) -> Result<bool, Error> {
        let mut conn = self.db.reader().await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query_as::<_, (Uuid,)>(MAY_SIGN_IN).bind(user_id).fetch_optional(c));
        Ok(self.db.observe("SELECT credentials", query).await.map_err(failed)?.is_some())
    }

    async fn replace_hash(&self, user_id: Uuid, old: &str, new: &str, at: DateTime<Utc>) -> Result<(), Error> {
        let mut conn = self.db.writer().await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query(REPLACE_HASH).bind(user_id).bind(old).bind(new).bind(at).execute(c));
        self.db.observe("UPDATE credentials", query).await.map_err(failed)?;
        Ok(())
    }

    async fn delete(&self, user_id: Uuid) -> Result<bool, Error> {
        let mut conn = self.db.writer().await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query(DELETE).bind(user_id).execute(c));
        Ok(self.db.observe("DELETE credentials", query).await.map_err(failed)? > 0)
    }
}

#[async_trait]
impl RollbackStore for SqlStore {
    async fn abandon_stale(&self, before: DateTime<Utc>, at: DateTime<Utc>) -> Result<Vec<Uuid>, Error> {
        let mut conn = self.db.writer().await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query(ABANDON_STALE).bind(before).bind(at).execute(c));
        self.db.observe("UPDATE credentials", query).await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query_as::<_, (Uuid,)>(ABANDONED).fetch_all(c));
        let rows = self.db.observe("SELECT credentials", query).await.map_err(failed)?;
        Ok(rows.into_iter().map(|(user_id,)| user_id).collect())
    }

    async fn abandon(&self, user_id: Uuid, at: DateTime<Utc>) -> Result<(), Error> {
        let mut tx = self.db.begin().await.map_err(failed)?;
        let query = on!(tx, |c| sqlx::query(ABANDON).bind(user_id).bind(at).execute(c));
        self.db.observe("UPDATE credentials", query).await.map_err(failed)?;
        let query = on!(tx, |c| sqlx::query(END_SESSIONS).bind(user_id).execute(c));
        self.db.observe("DELETE refresh_families", query).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn clear(&self, user_id: Uuid) -> Result<(), Error> {
        let mut conn = self.db.writer().await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query(CLEAR).bind(user_id).execute(c));
        self.db.observe("DELETE credentials", query).await.map_err(failed)?;
        Ok(())
    }
}

fn read_state(word: &str) -> Result<State, Error> {
    State::from_name(word).ok_or_else(|| unknown("state", word))
}
