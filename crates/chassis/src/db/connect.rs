//! Opening pools with the settings each database wants, and bringing schemas up to date.

use std::borrow::Cow;
use std::str::FromStr;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::pool::PoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Database};

use super::{DbError, Pools};
use crate::settings::{self, millis};

/// The migrator of a list of `(file name, text)`.
pub(super) fn migrator(files: &[(&'static str, &'static str)]) -> Migrator {
    let migrations = files.iter().map(|(file, text)| migration(file, text)).collect();
    Migrator { migrations: Cow::Owned(migrations), ..Migrator::DEFAULT }
}

pub(super) async fn open_sqlite(path: &str, settings: &settings::Database) -> Result<Pools, DbError> {
    let failed = |source| DbError::Open { target: path.to_owned(), source };
    let options = SqliteConnectOptions::from_str(path)
        .map_err(failed)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(millis(settings.statement_timeout_ms))
        .foreign_keys(true)
        .disable_statement_logging();
    // SQLite admits one writer anyway; waiting in our queue is cheaper and fairer than on its lock.
    let writer = pool_options(1, settings).connect_with(options.clone()).await.map_err(failed)?;
    let readers =
        pool_options(settings.max_connections, settings).connect_with(options.read_only(true)).await.map_err(failed)?;
    Ok(Pools::Lite { writer, readers })
}

pub(super) async fn open_postgres(settings: &settings::Database) -> Result<Pools, DbError> {
    let shown = settings.url.split('@').next_back().unwrap_or_default().to_owned();
    let failed = |source| DbError::Open { target: shown.clone(), source };
    let limit = settings.statement_timeout_ms.to_string();
    let options = PgConnectOptions::from_str(&settings.url)
        .map_err(failed)?
        .options([("statement_timeout", limit.as_str()), ("lock_timeout", limit.as_str())])
        .disable_statement_logging();
    let pool = pool_options(settings.max_connections, settings)
        .min_connections(settings.max_connections)
        .connect_with(options)
        .await
        .map_err(failed)?;
    Ok(Pools::Pg(pool))
}

fn pool_options<D: Database>(max: u32, settings: &settings::Database) -> PoolOptions<D> {
    PoolOptions::new()
        .max_connections(max)
        .acquire_timeout(millis(settings.acquire_timeout_ms))
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

fn migration(file: &'static str, text: &'static str) -> Migration {
    let (version, rest) = file.split_once('_').unwrap_or((file, ""));
    let description = rest.trim_end_matches(".sql").replace('_', " ");
    let sql = sqlx::AssertSqlSafe(text);
    let sql = sqlx::SqlSafeStr::into_sql_str(sql);
    Migration::new(version.parse().unwrap_or(0), description.into(), MigrationType::Simple, sql, false)
}
