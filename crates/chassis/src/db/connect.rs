//! Opening pools with the settings each database wants.

use std::str::FromStr;
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgPool, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Database};

use super::{DbError, Pools};
use crate::settings::{self, millis};
use crate::tls;

/// How long a first answer of the server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

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
    let limit = settings.statement_timeout_ms;
    postgres_pool(settings, settings.max_connections, (limit, limit)).await.map(Pools::Pg)
}

/// A pool of `connections`; the limits, in milliseconds, are those of a statement and of waiting for a lock, 0 for none.
pub(super) async fn postgres_pool(
    settings: &settings::Database,
    connections: u32,
    (statement_timeout, lock_timeout): (u64, u64),
) -> Result<PgPool, DbError> {
    let failed = |source| DbError::Open { target: shown(&settings.url), source };
    let limits = [("statement_timeout", statement_timeout), ("lock_timeout", lock_timeout)];
    let options = secured(PgConnectOptions::from_str(&settings.url).map_err(failed)?, settings)?
        .options(limits.map(|(name, limit)| (name, limit.to_string())))
        .disable_statement_logging();
    // One connection first: the pool would hide why it gets none behind a time-out.
    match tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await {
        Ok(connected) => connected.map_err(failed)?.close().await.map_err(failed)?,
        Err(elapsed) => return Err(failed(sqlx::Error::Io(elapsed.into()))),
    }
    // No `min_connections`: to replace one that broke, the pool's upkeep takes a place that nobody else gets meanwhile,
    // and during an outage its pauses grow to a minute. So the pool stays unusable after the database is back.
    pool_options(connections, settings).connect_with(options).await.map_err(failed)
}

/// With the authorities that the configuration names.
fn secured(options: PgConnectOptions, settings: &settings::Database) -> Result<PgConnectOptions, DbError> {
    use PgSslMode::{Require, VerifyCa, VerifyFull};
    let mode = options.get_ssl_mode();
    let wanted = tls::Wanted {
        section: "database",
        asked: matches!(mode, Require | VerifyCa | VerifyFull),
        checked: matches!(mode, VerifyCa | VerifyFull),
        like: "postgres://user:password@host/database?sslmode=verify-full",
        ca_file: &settings.ca_file,
    };
    let authorities = wanted.authorities().map_err(|error| DbError::Tls(error.to_string()))?;
    Ok(match authorities {
        Some(text) => options.ssl_root_cert_from_pem(text.into_bytes()),
        None => options,
    })
}

/// A URL without its credentials.
pub(super) fn shown(url: &str) -> String {
    url.split('@').next_back().unwrap_or_default().to_owned()
}

fn pool_options<D: Database>(max: u32, settings: &settings::Database) -> PoolOptions<D> {
    PoolOptions::new()
        .max_connections(max)
        .acquire_timeout(millis(settings.acquire_timeout_ms))
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}
