//! Bringing a schema up to date, or making sure that it is.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::connect::{postgres_pool, shown};
use super::{DbError, Migrations, Pools};
use crate::settings;

/// Milliseconds to wait for another process that migrates the same database.
const MIGRATION_LOCK_TIMEOUT: u64 = 60_000;

/// Made by the migrator. The name of a table cannot be a parameter, so the text names it.
const VERSION: &str = "SELECT max(version) FROM _sqlx_migrations WHERE success";

/// Applies what is missing, one process at a time.
pub(super) async fn migrate(
    pools: &Pools,
    settings: &settings::Database,
    migrations: Migrations,
) -> Result<(), DbError> {
    let result = match pools {
        Pools::Lite { writer, .. } => migrator(migrations.sqlite).run(writer).await,
        Pools::Pg(_) => {
            // Building an index may take longer than any statement of the service.
            let pool = postgres_pool(settings, 1, (0, MIGRATION_LOCK_TIMEOUT)).await?;
            let outcome = migrator(migrations.postgres).run(&pool).await;
            pool.close().await;
            outcome
        }
    };
    match result {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(found)) => {
            Err(DbError::Newer { target: shown(&settings.url), found, known: migrations.latest() })
        }
        Err(source) => Err(DbError::Migrate { target: shown(&settings.url), source }),
    }
}

/// Makes sure that nothing is missing and nothing is unknown.
pub(super) async fn check(pools: &Pools, settings: &settings::Database, migrations: Migrations) -> Result<(), DbError> {
    let version = match pools {
        Pools::Lite { writer, .. } => sqlx::query_as::<_, (Option<i64>,)>(VERSION).fetch_one(writer).await,
        Pools::Pg(pool) => sqlx::query_as::<_, (Option<i64>,)>(VERSION).fetch_one(pool).await,
    };
    let target = || shown(&settings.url);
    let (found, known) = match version {
        Ok((found,)) => (found.unwrap_or(0), migrations.latest()),
        Err(error) if is_undefined_table(&error) => (0, migrations.latest()),
        Err(source) => return Err(DbError::Open { target: target(), source }),
    };
    match found.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(DbError::Older { target: target(), found, known }),
        std::cmp::Ordering::Greater => Err(DbError::Newer { target: target(), found, known }),
    }
}

fn is_undefined_table(error: &sqlx::Error) -> bool {
    // SQLSTATE undefined_table; SQLite has only its general error, and a query of one table that fails at once.
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| matches!(&*code, "42P01" | "1"))
}

impl Migrations {
    /// Version of the schema after all of them.
    #[must_use]
    pub fn latest(self) -> i64 {
        self.postgres.iter().map(|(file, _)| version(file)).max().unwrap_or(0)
    }
}

/// The migrator of a list of `(file name, text)`.
fn migrator(files: &[(&'static str, &'static str)]) -> Migrator {
    let migrations = files.iter().map(|(file, text)| migration(file, text)).collect();
    Migrator { migrations: Cow::Owned(migrations), ..Migrator::DEFAULT }
}

fn migration(file: &'static str, text: &'static str) -> Migration {
    let rest = file.split_once('_').map_or("", |(_, rest)| rest);
    let description = rest.trim_end_matches(".sql").replace('_', " ");
    let sql = sqlx::AssertSqlSafe(text);
    let sql = sqlx::SqlSafeStr::into_sql_str(sql);
    Migration::new(version(file), description.into(), MigrationType::Simple, sql, false)
}

fn version(file: &str) -> i64 {
    file.split_once('_').and_then(|(version, _)| version.parse().ok()).unwrap_or(0)
}
