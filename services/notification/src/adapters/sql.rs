//! Recipients and mails in SQL, one text for SQLite and Postgres but for the locking clause of a claim.
//!
//! A claim is a lease in the row, as in the outbox: no transaction stays open while a mail server is being waited
//! for. Who it goes to is looked up with the claim, so a user who is forgotten gets no mail from then on, also
//! if a mail to them was queued at that very moment.

mod effects;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use messaging::{Inbox, schema};
use stores::db::{Conn, Db, Migrations, is_away};
use stores::on;
use uuid::Uuid;

use crate::domain::{
    Address, Applied, Backlog, Claim, Effect, Error, Event, Kind, Recipient, SingleLine, Variables, Verdict,
};
use crate::ports::Store;

/// The schema.
pub const MIGRATIONS: Migrations = Migrations {
    sqlite: &[
        ("0001_notification.sql", include_str!("../../migrations/sqlite/0001_notification.sql")),
        ("0002_inbox.sql", schema::INBOX_SQLITE),
    ],
    postgres: &[
        ("0001_notification.sql", include_str!("../../migrations/postgres/0001_notification.sql")),
        ("0002_inbox.sql", schema::INBOX_POSTGRES),
    ],
};

// Materialized, because Postgres may otherwise run the selection again for each row it updates, and then LIMIT bounds
// nothing. The conditions stand twice because a row may have changed between being found and being locked.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "WITH next AS MATERIALIZED (
                SELECT id FROM mails WHERE state = 'pending' AND due_at <= $1 AND claimed_until <= $1
                ORDER BY due_at, id LIMIT $3",
            $lock,
            ")
            UPDATE mails SET claimed_until = $2, attempts = attempts + 1
            WHERE state = 'pending' AND due_at <= $1 AND claimed_until <= $1 AND id IN (SELECT id FROM next)
            RETURNING id, kind, variables, attempts, occurred_at, queued_at, traceparent,
                coalesce(address, (SELECT email FROM recipients WHERE recipients.user_id = mails.user_id)),
                coalesce((SELECT name FROM recipients WHERE recipients.user_id = mails.user_id), '')"
        )
    };
}

const CLAIM_SQLITE: &str = claim!("");
const CLAIM_POSTGRES: &str = claim!(" FOR UPDATE SKIP LOCKED");

const DUE: &str = "SELECT id FROM mails WHERE state = 'pending' AND due_at <= $1 AND claimed_until <= $1 LIMIT 1";

// Also of a mail that was cancelled while it was on its way: that it went out is the truth.
const SENT: &str = "UPDATE mails SET state = 'sent', settled_at = $2, last_error = NULL
    WHERE id = $1 AND state IN ('pending', 'cancelled')";

const RETRY: &str = "UPDATE mails SET due_at = $3, claimed_until = $4, last_error = $5
    WHERE id = $1 AND attempts = $2 AND state = 'pending'";

const END: &str = "UPDATE mails SET state = $3, settled_at = $4, last_error = $5
    WHERE id = $1 AND attempts = $2 AND state = 'pending'";

const BACKLOG: &str = "SELECT count(*), min(queued_at) FROM mails WHERE state = 'pending'";

const PURGE: &str = "DELETE FROM mails WHERE settled_at < $1";

/// Recipients and mails in a database.
pub struct SqlStore {
    db: Db,
    inbox: Inbox,
}

type Row = (Uuid, String, String, i32, DateTime<Utc>, DateTime<Utc>, Option<String>, Option<String>, String);

impl SqlStore {
    /// On a database with the schema of [`MIGRATIONS`].
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { inbox: Inbox::new(db.clone()), db }
    }

    /// Looks before it writes: an idle sender must not take SQLite's only writer every second.
    async fn anything_due(&self, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
        let mut conn = self.db.reader().await?;
        let select = on!(conn, |c| sqlx::query_as::<_, (Uuid,)>(DUE).bind(now).fetch_optional(c));
        Ok(self.db.observe("SELECT mails due", select).await?.is_some())
    }

    async fn end(&self, claim: &Claim, state: &str, reason: Option<&str>) -> Result<(), Error> {
        let mut conn = self.db.writer().await?;
        let update = on!(conn, |c| sqlx::query(END)
            .bind(claim.id)
            .bind(attempts(claim))
            .bind(state)
            .bind(Utc::now())
            .bind(reason)
            .execute(c));
        Ok(self.db.observe("UPDATE mails settle", update).await.map(|_: u64| ())?)
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn apply(&self, event: &Event, effect: &Effect) -> Result<Applied, Error> {
        effects::apply(&self.db, &self.inbox, event, effect).await
    }

    async fn claim(&self, limit: usize, lease: Duration) -> Result<Vec<Claim>, Error> {
        let now = Utc::now();
        if limit == 0 || !self.anything_due(now).await? {
            return Ok(Vec::new());
        }
        let until = now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut conn = self.db.writer().await?;
        let sql = if matches!(conn, Conn::Lite(_)) { CLAIM_SQLITE } else { CLAIM_POSTGRES };
        let claim = on!(conn, |c| sqlx::query_as(sql).bind(now).bind(until).bind(limit).fetch_all(c));
        let rows: Vec<Row> = self.db.observe("UPDATE mails claim", claim).await?;
        rows.into_iter().map(restore).collect()
    }

    async fn settle(&self, claim: &Claim, verdict: &Verdict) -> Result<(), Error> {
        match verdict {
            Verdict::Sent => {
                let mut conn = self.db.writer().await?;
                let update = on!(conn, |c| sqlx::query(SENT).bind(claim.id).bind(Utc::now()).execute(c));
                Ok(self.db.observe("UPDATE mails sent", update).await.map(|_: u64| ())?)
            }
            Verdict::Cancelled => self.end(claim, "cancelled", None).await,
            Verdict::Failed { reason } | Verdict::Expired { reason } => self.end(claim, "failed", Some(reason)).await,
            Verdict::Retry { due_at, reason } => {
                let mut conn = self.db.writer().await?;
                let update = on!(conn, |c| sqlx::query(RETRY)
                    .bind(claim.id)
                    .bind(attempts(claim))
                    .bind(due_at)
                    .bind(Utc::now())
                    .bind(reason)
                    .execute(c));
                Ok(self.db.observe("UPDATE mails retry", update).await.map(|_: u64| ())?)
            }
        }
    }

    async fn backlog(&self) -> Result<Backlog, Error> {
        let mut conn = self.db.reader().await?;
        let select = on!(conn, |c| sqlx::query_as::<_, (i64, Option<DateTime<Utc>>)>(BACKLOG).fetch_optional(c));
        let (count, oldest) = self.db.observe("SELECT mails backlog", select).await?.unwrap_or_default();
        let age = oldest.and_then(|queued_at| (Utc::now() - queued_at).to_std().ok()).unwrap_or_default();
        Ok(Backlog { count: u64::try_from(count).unwrap_or(0), oldest: age })
    }

    async fn purge(&self, time: DateTime<Utc>) -> Result<u64, Error> {
        let mut conn = self.db.writer().await?;
        let delete = on!(conn, |c| sqlx::query(PURGE).bind(time).execute(c));
        let deleted: u64 = self.db.observe("DELETE mails", delete).await?;
        drop(conn);
        Ok(deleted + self.inbox.purge(time).await?)
    }
}

fn attempts(claim: &Claim) -> i32 {
    i32::try_from(claim.attempts).unwrap_or(i32::MAX)
}

fn restore(row: Row) -> Result<Claim, Error> {
    let (id, kind, variables, attempts, occurred_at, queued_at, traceparent, address, name) = row;
    let variables: Variables = serde_json::from_str(&variables).map_err(|error| Error::Store(error.into()))?;
    let address = address.map(|address| Address::parse(&address)).transpose();
    let address = address.map_err(|error| Error::Store(error.into()))?;
    Ok(Claim {
        id,
        kind: Kind::of(&kind).ok_or_else(|| Error::Store(format!("there is no kind of mails `{kind}`").into()))?,
        variables,
        recipient: address.map(|address| Recipient { address, name: SingleLine::of(&name) }),
        attempts: u32::try_from(attempts).unwrap_or(1),
        occurred_at,
        queued_at,
        traceparent,
    })
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_away(&error) { Self::Unavailable(error.into()) } else { Self::Store(error.into()) }
    }
}
