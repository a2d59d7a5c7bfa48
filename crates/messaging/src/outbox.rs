//! The outbox: events written in the transaction that makes them true, to be published afterwards.
//!
//! One text serves both databases but for one clause: Postgres lets several relays claim at once, each skipping the
//! rows the others hold; SQLite has one writer, so the statement itself excludes the others. A claim is a lease
//! in the row and not a lock, so no transaction stays open while the broker is being waited for.

use std::sync::Arc;
use std::time::Duration;

use chassis::ports::Ports;
use chrono::{DateTime, Utc};
use stores::db::{Conn, Db, Tx};
use stores::on;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::envelope::{Envelope, Malformed};
use crate::time::{delta, timeout, utc};

const INSERT: &str = "INSERT INTO outbox
    (id, type, version, occurred_at, aggregate_key, traceparent, payload, appended_at, claimed_until)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)";

// Only the oldest unsent event of each aggregate may be in flight: what follows must not overtake it, whatever
// becomes of it. The conditions stand twice because a row may have changed between being found and being locked.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE outbox SET claimed_until = $2, attempts = attempts + 1
            WHERE sent_at IS NULL AND claimed_until <= $1 AND seq IN (
                SELECT head.seq FROM outbox AS head
                WHERE head.sent_at IS NULL AND head.claimed_until <= $1 AND NOT EXISTS (
                    SELECT 1 FROM outbox AS earlier
                    WHERE earlier.aggregate_key = head.aggregate_key AND earlier.sent_at IS NULL
                        AND earlier.seq < head.seq)
                ORDER BY head.seq LIMIT $3",
            $lock,
            ")
            RETURNING seq, appended_at, attempts, id, type, version, occurred_at, aggregate_key, traceparent, payload"
        )
    };
}

const CLAIM_SQLITE: &str = claim!("");
const CLAIM_POSTGRES: &str = claim!(" FOR UPDATE OF head SKIP LOCKED");

const SENT: &str = "UPDATE outbox SET sent_at = $2 WHERE seq = $1 AND sent_at IS NULL";

const RELEASE: &str = "UPDATE outbox SET claimed_until = $2 WHERE seq = $1 AND sent_at IS NULL";

const DUE: &str = "SELECT seq FROM outbox WHERE sent_at IS NULL AND claimed_until <= $1 ORDER BY seq LIMIT 1";

const COUNT: &str = "SELECT count(*) FROM outbox WHERE sent_at IS NULL";

const OLDEST: &str = "SELECT appended_at FROM outbox WHERE sent_at IS NULL ORDER BY seq LIMIT 1";

const PURGEABLE: &str = "SELECT seq FROM outbox WHERE sent_at < $1 LIMIT 1";

const PURGE: &str = "DELETE FROM outbox
    WHERE seq IN (SELECT seq FROM outbox WHERE sent_at < $1 ORDER BY sent_at LIMIT $2)";

/// Rows one purging statement deletes, so that it never holds the database for long.
const PURGE_BATCH: i64 = 1_000;

/// The outbox of a service, in a database with the table of [`crate::schema`]. Cloning it shares it.
#[derive(Clone)]
pub struct Outbox {
    db: Db,
    committed: Arc<Notify>,
    ports: Ports,
}

/// What waits in an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Events the broker has not confirmed.
    pub count: u64,
    /// Age of the oldest of them; zero if there is none.
    pub oldest: Duration,
}

/// An event a relay has claimed.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) seq: i64,
    pub(crate) appended_at: DateTime<Utc>,
    /// How often it was claimed, this time included.
    pub(crate) attempts: u32,
    pub(crate) event: Result<Envelope, Malformed>,
}

impl Claim {
    /// The type of the event; empty if the row is none.
    pub(crate) fn kind(&self) -> &str {
        self.event.as_ref().map_or("", Envelope::kind)
    }

    /// The id of the event, as far as it could be read.
    pub(crate) fn id(&self) -> String {
        let id = self.event.as_ref().map_or_else(|malformed| malformed.id, |event| Some(event.id()));
        id.map(|id| id.to_string()).unwrap_or_default()
    }
}

type Row = (i64, DateTime<Utc>, i32, Uuid, String, i32, DateTime<Utc>, String, Option<String>, String);

impl Outbox {
    /// On that database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self::with_ports(db, Ports::default())
    }

    /// On that database and that clock, which its relay shares.
    #[must_use]
    pub fn with_ports(db: Db, ports: Ports) -> Self {
        Self { db, committed: Arc::default(), ports }
    }

    /// Time as this outbox sees it.
    pub(crate) fn ports(&self) -> &Ports {
        &self.ports
    }

    fn now(&self) -> DateTime<Utc> {
        utc(&*self.ports.clock)
    }

    /// Adds `event` within the transaction of the change it reports. Events of one aggregate are published in the
    /// order of their appending, so change the aggregate's row first: that makes its transactions queue.
    ///
    /// # Errors
    /// If the database refuses or is gone.
    pub async fn append(&self, tx: &mut Tx, event: &Envelope) -> Result<(), sqlx::Error> {
        let payload = serde_json::Value::Object(event.payload().clone()).to_string();
        let insert = on!(tx, |c| sqlx::query(INSERT)
            .bind(event.id())
            .bind(event.kind())
            .bind(i32::from(event.version()))
            .bind(event.occurred_at())
            .bind(event.key())
            .bind(event.traceparent())
            .bind(&payload)
            .bind(self.now())
            .execute(c));
        self.db.observe("INSERT outbox", insert).await.map(|_: u64| ())
    }

    /// Commits a transaction with appended events and tells the relay in this process. One that is committed in
    /// another way is found too, a poll interval later.
    ///
    /// # Errors
    /// If the database refuses or is gone; nothing has happened then.
    pub async fn commit(&self, tx: Tx) -> Result<(), sqlx::Error> {
        self.db.observe("COMMIT", tx.commit()).await?;
        self.committed.notify_one();
        Ok(())
    }

    /// What waits.
    ///
    /// # Errors
    /// If the database is gone.
    pub async fn backlog(&self) -> Result<Backlog, sqlx::Error> {
        let mut conn = self.db.reader().await?;
        let count = on!(conn, |c| sqlx::query_as::<_, (i64,)>(COUNT).fetch_optional(c));
        let count = self.db.observe("SELECT outbox count", count).await?.map_or(0, |row| row.0);
        let oldest = on!(conn, |c| sqlx::query_as::<_, (DateTime<Utc>,)>(OLDEST).fetch_optional(c));
        let oldest = self.db.observe("SELECT outbox oldest", oldest).await?;
        let age = oldest.and_then(|row| (self.now() - row.0).to_std().ok()).unwrap_or_default();
        Ok(Backlog { count: u64::try_from(count).unwrap_or(0), oldest: age })
    }

    /// Deletes what was sent before `time`, and answers how many that were.
    ///
    /// # Errors
    /// If the database refuses or is gone.
    pub async fn purge(&self, time: DateTime<Utc>) -> Result<u64, sqlx::Error> {
        let mut total = 0;
        while self.exists("SELECT outbox purgeable", PURGEABLE, time).await? {
            let mut conn = self.db.writer().await?;
            let delete = on!(conn, |c| sqlx::query(PURGE).bind(time).bind(PURGE_BATCH).execute(c));
            let deleted: u64 = self.db.observe("DELETE outbox", delete).await?;
            total += deleted;
        }
        Ok(total)
    }

    /// Waits until something has been committed here, at most `limit`.
    pub(crate) async fn wait_for_commit(&self, limit: Duration) {
        let _ = timeout(&*self.ports.clock, limit, self.committed.notified()).await;
    }

    /// Claims at most `limit` events until `lease` from now, in the order of their appending.
    pub(crate) async fn claim(&self, limit: u16, lease: Duration) -> Result<Vec<Claim>, sqlx::Error> {
        let now = self.now();
        if !self.exists("SELECT outbox due", DUE, now).await? {
            return Ok(Vec::new());
        }
        let until = now + delta(lease);
        let mut conn = self.db.writer().await?;
        let sql = if matches!(conn, Conn::Lite(_)) { CLAIM_SQLITE } else { CLAIM_POSTGRES };
        let claim = on!(conn, |c| sqlx::query_as(sql).bind(now).bind(until).bind(i64::from(limit)).fetch_all(c));
        let mut rows: Vec<Row> = self.db.observe("UPDATE outbox claim", claim).await?;
        rows.sort_unstable_by_key(|row| row.0);
        Ok(rows.into_iter().map(Claim::from).collect())
    }

    /// Looks before it writes: an idle outbox must not take SQLite's only writer several times a second.
    async fn exists(&self, summary: &'static str, sql: &'static str, time: DateTime<Utc>) -> Result<bool, sqlx::Error> {
        let mut conn = self.db.reader().await?;
        let select = on!(conn, |c| sqlx::query_as::<_, (i64,)>(sql).bind(time).fetch_optional(c));
        Ok(self.db.observe(summary, select).await?.is_some())
    }

    /// Notes what became of claimed events: sent, or to be tried again after a while.
    pub(crate) async fn record_outcomes(&self, outcomes: &[(i64, Option<Duration>)]) -> Result<(), sqlx::Error> {
        let now = self.now();
        let mut tx = self.db.begin().await?;
        for (seq, wait) in outcomes {
            let (sql, time) = match wait {
                None => (SENT, now),
                Some(wait) => (RELEASE, now + delta(*wait)),
            };
            let update = on!(tx, |c| sqlx::query(sql).bind(*seq).bind(time).execute(c));
            let _: u64 = self.db.observe("UPDATE outbox settle", update).await?;
        }
        self.db.observe("COMMIT", tx.commit()).await
    }
}

impl From<Row> for Claim {
    fn from(row: Row) -> Self {
        let (seq, appended_at, attempts, id, kind, version, occurred_at, key, traceparent, payload) = row;
        let event = Envelope::stored((id, kind, version, occurred_at, key, traceparent, payload));
        Self { seq, appended_at, attempts: u32::try_from(attempts).unwrap_or(1), event }
    }
}
