//! Signing keys in SQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use stores::on;

use super::{SqlStore, failed, unknown};
use crate::domain::Error;
use crate::domain::keys::{Phase, Seed, SigningKey};
use crate::ports::KeyStore;

const LOAD: &str = "SELECT kid, seed, phase, phase_since FROM signing_keys ORDER BY phase_since, kid";

/// The unique index on the phase decides between replicas that add a key at the same time.
const ADD: &str = "
    INSERT INTO signing_keys (kid, seed, phase, phase_since)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING";

const RETIRE: &str = "UPDATE signing_keys SET phase = 'retired', phase_since = $1 WHERE phase = 'current'";

const PROMOTE: &str = "UPDATE signing_keys SET phase = 'current', phase_since = $2 WHERE kid = $1 AND phase = 'next'";

const REMOVE: &str = "DELETE FROM signing_keys WHERE kid = $1 AND phase = 'retired'";

#[async_trait]
impl KeyStore for SqlStore {
    async fn load(&self) -> Result<Vec<SigningKey>, Error> {
        type Row = (String, Vec<u8>, String, DateTime<Utc>);
        let mut conn = self.db.reader().await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query_as::<_, Row>(LOAD).fetch_all(c));
        let rows = self.db.observe("SELECT signing_keys", query).await.map_err(failed)?;
        let read = |(kid, seed, phase, since): Row| {
            let seed = Box::<[u8; 32]>::try_from(seed.into_boxed_slice())
                .map_err(|_| Error::Internal("a signing key in the database is not of 32 bytes".into()))?;
            let phase = Phase::from_name(&phase).ok_or_else(|| unknown("phase", &phase))?;
            Ok(SigningKey::new(kid, Seed::new(seed), phase, since))
        };
        rows.into_iter().map(read).collect()
    }

    async fn add(&self, key: &SigningKey) -> Result<(), Error> {
        let mut conn = self.db.writer().await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query(ADD)
            .bind(key.id())
            .bind(key.seed().as_slice())
            .bind(key.phase().as_str())
            .bind(key.since())
            .execute(c));
        self.db.observe("INSERT signing_keys", query).await.map_err(failed)?;
        Ok(())
    }

    async fn promote(&self, id: &str, at: DateTime<Utc>) -> Result<(), Error> {
        let mut tx = self.db.begin().await.map_err(failed)?;
        let query = on!(tx, |c| sqlx::query(RETIRE).bind(at).execute(c));
        self.db.observe("UPDATE signing_keys", query).await.map_err(failed)?;
        let query = on!(tx, |c| sqlx::query(PROMOTE).bind(id).bind(at).execute(c));
        if self.db.observe("UPDATE signing_keys", query).await.map_err(failed)? == 0 {
            return Ok(()); // another replica was faster; dropping the transaction undoes the retirement
        }
        tx.commit().await.map_err(failed)
    }

    async fn remove(&self, id: &str) -> Result<(), Error> {
        let mut conn = self.db.writer().await.map_err(failed)?;
        let query = on!(conn, |c| sqlx::query(REMOVE).bind(id).execute(c));
        self.db.observe("DELETE signing_keys", query).await.map_err(failed)?;
        Ok(())
    }
}
