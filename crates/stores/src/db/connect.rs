//! Opening the pools of SQLite, and what every pool is set to.

use std::str::FromStr;

use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Database};

use super::error::DbError;
use super::pools::Pools;
use crate::settings;

pub(super) async fn open_sqlite(file: &str, settings: &settings::Database) -> Result<Pools, DbError> {
    let failed = |source| DbError::Open { target: file.to_owned(), source };
    let options = SqliteConnectOptions::from_str(file)
        .map_err(failed)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(settings.statement_timeout)
        .foreign_keys(true)
        .disable_statement_logging();
    // SQLite admits one writer anyway; waiting in our queue is cheaper and fairer than on its lock.
    let writer = pool_options(1, settings).connect_with(options.clone()).await.map_err(failed)?;
    let readers =
        pool_options(settings.max_connections, settings).connect_with(options.read_only(true)).await.map_err(failed)?;
    Ok(Pools::Lite { writer, readers })
}

pub(super) fn pool_options<D: Database>(max: u32, settings: &settings::Database) -> PoolOptions<D> {
    PoolOptions::new()
        .max_connections(max)
        .acquire_timeout(settings.acquire_timeout)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}
