//! Has the effect of an event, in one transaction with its row in the inbox.

use chrono::Utc;
use messaging::Inbox;
use stores::db::{Db, Tx};
use stores::on;
use uuid::Uuid;

use crate::domain::{Address, Applied, Draft, Effect, Error, Event, Kind, SingleLine, Variables};
use crate::name::NAME;

const REMEMBER: &str = "INSERT INTO recipients (user_id, email, name, state, created_at, updated_at)
    VALUES ($1, $2, $3, 'known', $4, $4) ON CONFLICT (user_id) DO NOTHING";

const FORGET: &str = "INSERT INTO recipients (user_id, email, name, state, created_at, updated_at)
    VALUES ($1, NULL, NULL, 'forgotten', $2, $2)
    ON CONFLICT (user_id) DO UPDATE SET email = NULL, name = NULL, state = 'forgotten', updated_at = $2";

const STATE: &str = "SELECT state FROM recipients WHERE user_id = $1";

const QUEUE: &str = "INSERT INTO mails
    (id, kind, user_id, address, variables, state, occurred_at, queued_at, due_at, claimed_until, traceparent)
    VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $7, $7, $8)";

const CANCEL: &str = "UPDATE mails SET state = 'cancelled', settled_at = $2
    WHERE user_id = $1 AND state = 'pending' RETURNING kind";

/// See [`crate::ports::Store::apply`].
pub(super) async fn apply(db: &Db, inbox: &Inbox, event: &Event, effect: &Effect) -> Result<Applied, Error> {
    let mut work = Work { db, tx: db.begin().await?, event };
    if !inbox.once(&mut work.tx, NAME, event.id).await? {
        return Ok(Applied::Repeated);
    }
    let applied = match effect {
        Effect::Register { user, address, name } => work.register(*user, address, name).await?,
        Effect::Forget { user } => work.forget(*user).await?,
        Effect::MailUser { user, draft } => work.mail_user(*user, draft).await?,
        Effect::MailAddress { to, draft } => work.queue(None, Some(to), draft).await?,
    };
    db.observe("COMMIT", work.tx.commit()).await?;
    Ok(applied)
}

struct Work<'a> {
    db: &'a Db,
    tx: Tx,
    event: &'a Event,
}

impl Work<'_> {
    async fn register(&mut self, user: Uuid, address: &Address, name: &SingleLine) -> Result<Applied, Error> {
        let insert = on!(self.tx, |c| sqlx::query(REMEMBER)
            .bind(user)
            .bind(address.as_str())
            .bind(name.as_str())
            .bind(Utc::now())
            .execute(c));
        let inserted: u64 = self.db.observe("INSERT recipients", insert).await?;
        if inserted == 0 {
            return Ok(Applied::Obsolete);
        }
        let draft = Draft { kind: Kind::Welcome, variables: Variables::new() };
        self.queue(Some(user), None, &draft).await
    }

    async fn forget(&mut self, user: Uuid) -> Result<Applied, Error> {
        let now = Utc::now();
        let upsert = on!(self.tx, |c| sqlx::query(FORGET).bind(user).bind(now).execute(c));
        let _: u64 = self.db.observe("INSERT recipients forgotten", upsert).await?;
        let cancel = on!(self.tx, |c| sqlx::query_as::<_, (String,)>(CANCEL).bind(user).bind(now).fetch_all(c));
        let rows = self.db.observe("UPDATE mails cancel", cancel).await?;
        Ok(Applied::Forgotten { cancelled: rows.iter().filter_map(|row| Kind::of(&row.0)).collect() })
    }

    async fn mail_user(&mut self, user: Uuid, draft: &Draft) -> Result<Applied, Error> {
        let select = on!(self.tx, |c| sqlx::query_as::<_, (String,)>(STATE).bind(user).fetch_optional(c));
        let state = self.db.observe("SELECT recipients", select).await?;
        match state.as_ref().map(|row| row.0.as_str()) {
            Some("known") => self.queue(Some(user), None, draft).await,
            Some(_) => Ok(Applied::Obsolete),
            None => Err(Error::UnknownRecipient),
        }
    }

    async fn queue(&mut self, user: Option<Uuid>, to: Option<&Address>, draft: &Draft) -> Result<Applied, Error> {
        let variables = serde_json::to_string(&draft.variables).map_err(|error| Error::Store(error.into()))?;
        let insert = on!(self.tx, |c| sqlx::query(QUEUE)
            .bind(self.event.id)
            .bind(draft.kind.as_str())
            .bind(user)
            .bind(to.map(Address::as_str))
            .bind(&variables)
            .bind(self.event.occurred_at)
            .bind(Utc::now())
            .bind(self.event.traceparent.as_deref())
            .execute(c));
        let _: u64 = self.db.observe("INSERT mails", insert).await?;
        Ok(Applied::Queued)
    }
}
