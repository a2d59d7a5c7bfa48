//! Sample items in SQL, one text for SQLite and Postgres.

use async_trait::async_trait;
use stores::db::{Db, Migrations, is_unavailable};
use stores::on;

use crate::domain::{Creation, Error, SampleItem, SampleItemId, StoredSampleItem};
use crate::ports::SampleItemStore;

/// The schema.
pub const MIGRATIONS: Migrations = Migrations {
    sqlite: &[("0001_sample_items.sql", include_str!("../../migrations/sqlite/0001_sample_items.sql"))],
    postgres: &[("0001_sample_items.sql", include_str!("../../migrations/postgres/0001_sample_items.sql"))],
};

const INSERT: &str =
    "INSERT INTO sample_items (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";

const SELECT: &str = "SELECT id, name, created_at FROM sample_items WHERE id = $1";

/// Sample items in a database.
pub struct SqlSampleItems {
    db: Db,
}

impl SqlSampleItems {
    /// On a database with the schema of [`MIGRATIONS`].
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}

#[async_trait]
impl SampleItemStore for SqlSampleItems {
    async fn create(&self, sample_item: SampleItem) -> Result<Creation, Error> {
        let mut conn = self.db.writer().await?;
        let insert = on!(conn, |c| sqlx::query(INSERT)
            .bind(sample_item.id().uuid())
            .bind(sample_item.name().as_str())
            .bind(sample_item.created_at())
            .execute(c));
        let inserted: u64 = self.db.observe("INSERT sample_items", insert).await?;
        // The connection goes back before another one is taken.
        drop(conn);
        if inserted == 0 {
            return Ok(Creation { sample_item: self.find(sample_item.id()).await?, created: false });
        }
        Ok(Creation { sample_item, created: true })
    }

    async fn find(&self, id: SampleItemId) -> Result<SampleItem, Error> {
        let mut conn = self.db.reader().await?;
        let select = on!(conn, |c| sqlx::query_as(SELECT).bind(id.uuid()).fetch_optional(c));
        let row: Option<StoredSampleItem> = self.db.observe("SELECT sample_items", select).await?;
        row.map(SampleItem::stored).ok_or(Error::NotFound)
    }
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
        assert_eq!(listed(MIGRATIONS.sqlite), files("sqlite"));
        assert_eq!(listed(MIGRATIONS.postgres), files("postgres"));
        assert_eq!(files("sqlite"), files("postgres"));
    }

    #[test]
    fn a_busy_pool_is_unavailable_and_a_bug_is_internal() {
        assert!(matches!(Error::from(sqlx::Error::PoolTimedOut), Error::Unavailable(_)));
        assert!(matches!(Error::from(sqlx::Error::ColumnNotFound("x".into())), Error::Internal(_)));
    }
}
