//! Users in SQL, one text for SQLite and Postgres.
//!
//! There must always be an admin. Checking that and then demoting somebody is two looks at the table, and two
//! admins demoting each other at the same moment would both pass the check. So each transaction that may
//! take an admin away first updates the one row of `admin_guard`: whoever comes second waits there until the
//! first has committed, and then counts what the first has left.
//!
//! What others are told is appended to the outbox in the transaction that makes it true.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use messaging::{Envelope, Malformed, Outbox, schema};
use stores::db::{Db, Migrations, Tx, is_unavailable};
use stores::on;
use uuid::Uuid;

use super::events;
use crate::domain::{Creation, Error, Name, Position, Role, StoredUser, User, UserId};
use crate::ports::UserStore;

/// The schema.
pub const MIGRATIONS: Migrations = Migrations {
    sqlite: &[
        ("0001_users.sql", include_str!("../../migrations/sqlite/0001_users.sql")),
        ("0002_outbox.sql", schema::OUTBOX_SQLITE),
    ],
    postgres: &[
        ("0001_users.sql", include_str!("../../migrations/postgres/0001_users.sql")),
        ("0002_outbox.sql", schema::OUTBOX_POSTGRES),
    ],
};

// No target: a repeated call conflicts on id and e-mail at once, and either conflict is answered below.
const INSERT: &str = "INSERT INTO users (id, email, name, role, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";

const SELECT_EXISTING: &str =
    "SELECT id, email, name, role, created_at, updated_at FROM users WHERE id = $1 OR email = $2";

const SELECT: &str = "SELECT id, email, name, role, created_at, updated_at FROM users WHERE id = $1";

const SELECT_PAGE: &str = "SELECT id, email, name, role, created_at, updated_at FROM users
    WHERE (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT $3";

// Saying again what is so already is no change, hence the CASE.
const RENAME: &str = "UPDATE users SET name = $2, updated_at = CASE WHEN name = $2 THEN updated_at ELSE $3 END
    WHERE id = $1 RETURNING id, email, name, role, created_at, updated_at";

const LOCK_ADMINS: &str = "UPDATE admin_guard SET passages = passages + 1";

const SET_ROLE: &str = "UPDATE users SET role = $2, updated_at = $3
    WHERE id = $1 AND ($2 = 'admin' OR role <> 'admin' OR (SELECT count(*) FROM users WHERE role = 'admin') > 1)
    RETURNING id, email, name, role, created_at, updated_at";

const DELETE: &str = "DELETE FROM users
    WHERE id = $1 AND (role <> 'admin' OR (SELECT count(*) FROM users WHERE role = 'admin') > 1)";

/// Users in a database.
pub struct SqlUsers {
    db: Db,
    outbox: Outbox,
}

impl SqlUsers {
    /// On a database with the schema of [`MIGRATIONS`], and its outbox.
    #[must_use]
    pub fn new(db: Db, outbox: Outbox) -> Self {
        Self { db, outbox }
    }

    /// A transaction in which nobody else takes an admin away.
    async fn begin_guarded(&self) -> Result<Tx, Error> {
        let mut tx = self.db.begin().await?;
        self.db.observe("UPDATE admin_guard", on!(tx, |c| sqlx::query(LOCK_ADMINS).execute(c))).await?;
        Ok(tx)
    }

    /// Makes lasting what happened in `tx`, together with the event that tells of it.
    async fn commit(&self, mut tx: Tx, event: Result<Envelope, Malformed>) -> Result<(), Error> {
        let event = event.map_err(|malformed| Error::Internal(malformed.into()))?;
        self.outbox.append(&mut tx, &event).await?;
        Ok(self.outbox.commit(tx).await?)
    }

    async fn find_in(&self, tx: &mut Tx, id: UserId) -> Result<User, Error> {
        let select = on!(tx, |c| sqlx::query_as(SELECT).bind(id.uuid()).fetch_optional(c));
        let row: Option<StoredUser> = self.db.observe("SELECT users", select).await?;
        restore(row.ok_or(Error::NotFound)?)
    }

    /// The user that an insert of `user` conflicted with, if it has the same id.
    async fn existing(&self, tx: &mut Tx, user: &User) -> Result<Creation, Error> {
        let (id, email) = (user.id(), user.email().as_str());
        let select = on!(tx, |c| sqlx::query_as(SELECT_EXISTING).bind(id.uuid()).bind(email).fetch_all(c));
        let rows: Vec<StoredUser> = self.db.observe("SELECT users", select).await?;
        if rows.is_empty() {
            // Deleted a moment ago; the call is idempotent, so its caller repeats it.
            return Err(Error::Unavailable("the user in the way was deleted meanwhile".into()));
        }
        match rows.into_iter().find(|row| row.0 == id.uuid()) {
            Some(row) => Ok(Creation { user: restore(row)?, created: false }),
            None => Err(Error::EmailTaken),
        }
    }
}

#[async_trait]
impl UserStore for SqlUsers {
    async fn create(&self, user: User) -> Result<Creation, Error> {
        let mut tx = self.db.begin().await?;
        let insert = on!(tx, |c| sqlx::query(INSERT)
            .bind(user.id().uuid())
            .bind(user.email().as_str())
            .bind(user.name().as_str())
            .bind(user.role().as_str())
            .bind(user.created_at())
            .bind(user.updated_at())
            .execute(c));
        let inserted: u64 = self.db.observe("INSERT users", insert).await?;
        if inserted == 0 {
            return self.existing(&mut tx, &user).await;
        }
        self.commit(tx, events::registered(&user)).await?;
        Ok(Creation { user, created: true })
    }

    async fn find(&self, id: UserId) -> Result<User, Error> {
        let mut conn = self.db.reader().await?;
        let select = on!(conn, |c| sqlx::query_as(SELECT).bind(id.uuid()).fetch_optional(c));
        let row: Option<StoredUser> = self.db.observe("SELECT users", select).await?;
        restore(row.ok_or(Error::NotFound)?)
    }

    async fn page(&self, after: Option<Position>, limit: u16) -> Result<Vec<User>, Error> {
        let beginning = (DateTime::UNIX_EPOCH, Uuid::nil());
        let (at, id) = after.map_or(beginning, |position| (position.created_at(), position.id().uuid()));
        let mut conn = self.db.reader().await?;
        let select = on!(conn, |c| sqlx::query_as(SELECT_PAGE).bind(at).bind(id).bind(i64::from(limit)).fetch_all(c));
        let rows: Vec<StoredUser> = self.db.observe("SELECT users page", select).await?;
        rows.into_iter().map(restore).collect()
    }

    async fn rename(&self, id: UserId, name: &Name, at: DateTime<Utc>) -> Result<User, Error> {
        let mut conn = self.db.writer().await?;
        let update =
            on!(conn, |c| sqlx::query_as(RENAME).bind(id.uuid()).bind(name.as_str()).bind(at).fetch_optional(c));
        let row: Option<StoredUser> = self.db.observe("UPDATE users", update).await?;
        restore(row.ok_or(Error::NotFound)?)
    }

    async fn set_role(&self, id: UserId, role: Role, by: Option<UserId>, at: DateTime<Utc>) -> Result<User, Error> {
        let mut tx = self.begin_guarded().await?;
        let before = self.find_in(&mut tx, id).await?;
        if before.role() == role {
            return Ok(before);
        }
        let update =
            on!(tx, |c| sqlx::query_as(SET_ROLE).bind(id.uuid()).bind(role.as_str()).bind(at).fetch_optional(c));
        let row: Option<StoredUser> = self.db.observe("UPDATE users", update).await?;
        let user = restore(row.ok_or(Error::LastAdmin)?)?;
        self.commit(tx, events::role_changed(&user, before.role(), by)).await?;
        Ok(user)
    }

    async fn delete(&self, id: UserId, at: DateTime<Utc>) -> Result<(), Error> {
        let mut tx = self.begin_guarded().await?;
        let delete = on!(tx, |c| sqlx::query(DELETE).bind(id.uuid()).execute(c));
        let deleted: u64 = self.db.observe("DELETE users", delete).await?;
        if deleted == 0 {
            // There is no such user, or it is the last admin.
            return Err(self.find_in(&mut tx, id).await.map_or_else(|error| error, |_| Error::LastAdmin));
        }
        self.commit(tx, events::deleted(id, at)).await
    }
}

fn restore(row: StoredUser) -> Result<User, Error> {
    User::stored(row).map_err(|unknown| Error::Internal(unknown.into()))
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_unavailable(&error) { Self::Unavailable(error.into()) } else { Self::Internal(error.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(database: &str) -> Vec<String> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
        let entries = std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().expect("Unicode")).collect();
        names.sort();
        names
    }

    #[test]
    fn both_databases_have_the_same_migrations_and_all_are_listed() {
        let listed = |list: &[(&str, &str)]| list.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
        // The outbox's text stands in messaging.
        let own = |list: &[(&'static str, &'static str)], shared: &str| {
            listed(&list.iter().filter(|(_, text)| *text != shared).copied().collect::<Vec<_>>())
        };
        assert_eq!(listed(MIGRATIONS.sqlite), listed(MIGRATIONS.postgres));
        assert!(MIGRATIONS.sqlite.is_sorted() && MIGRATIONS.sqlite.len() == files("sqlite").len() + 1);
        assert_eq!(own(MIGRATIONS.sqlite, schema::OUTBOX_SQLITE), files("sqlite"));
        assert_eq!(own(MIGRATIONS.postgres, schema::OUTBOX_POSTGRES), files("postgres"));
    }

    #[test]
    fn a_busy_pool_is_unavailable_and_a_bug_is_internal() {
        assert!(matches!(Error::from(sqlx::Error::PoolTimedOut), Error::Unavailable(_)));
        assert!(matches!(Error::from(sqlx::Error::ColumnNotFound("x".into())), Error::Internal(_)));
    }
}
