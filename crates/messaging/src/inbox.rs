//! The inbox: which events a consumer has had the effect of, noted in the transaction of that effect.

use chassis::ports::Ports;
use chrono::{DateTime, Utc};
use stores::db::{Db, Tx};
use stores::on;
use uuid::Uuid;

use crate::time::utc;

const INSERT: &str = "INSERT INTO inbox (consumer, message_id, handled_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

const PURGE: &str = "DELETE FROM inbox WHERE handled_at < $1";

/// Notes events in a database with the inbox of [`crate::schema`].
#[derive(Clone)]
pub struct Inbox {
    db: Db,
    ports: Ports,
}

impl Inbox {
    /// On that database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self::with_ports(db, Ports::default())
    }

    /// On that database and that clock.
    #[must_use]
    pub fn with_ports(db: Db, ports: Ports) -> Self {
        Self { db, ports }
    }

    /// Whether the event `id` is new to `consumer`. Have its effect in the same transaction if it is, and commit:
    /// then each event has its effect exactly once, however often it is delivered. A delivery of the same event
    /// at the same time waits here for that commit.
    ///
    /// # Errors
    /// If the database refuses or is gone.
    pub async fn once(&self, tx: &mut Tx, consumer: &str, id: Uuid) -> Result<bool, sqlx::Error> {
        let now = utc(&*self.ports.clock);
        let insert = on!(tx, |c| sqlx::query(INSERT).bind(consumer).bind(id).bind(now).execute(c));
        let inserted: u64 = self.db.observe("INSERT inbox", insert).await?;
        Ok(inserted == 1)
    }

    /// Forgets events handled before `time` and answers how many. Keep them for longer than the broker may repeat
    /// one, dead letters included: weeks.
    ///
    /// # Errors
    /// If the database refuses or is gone.
    pub async fn purge(&self, time: DateTime<Utc>) -> Result<u64, sqlx::Error> {
        let mut conn = self.db.writer().await?;
        self.db.observe("DELETE inbox", on!(conn, |c| sqlx::query(PURGE).bind(time).execute(c))).await
    }
}
