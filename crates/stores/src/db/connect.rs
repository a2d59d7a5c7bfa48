//! Opening pools with the settings each database wants.

use std::str::FromStr;
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgPool, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Database};

use super::error::DbError;
use super::pools::Pools;
use crate::settings;
use crate::tls::TlsRequest;

/// How long a first answer of the server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

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

/// How long Postgres lets a statement run, and wait for a lock; `None` for as long as it takes.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) statement: Option<Duration>,
    pub(super) lock: Option<Duration>,
}

/// A pool of `connections` to the Postgres of `settings`.
pub(super) async fn open_postgres(
    options: &PgConnectOptions,
    settings: &settings::Database,
    connections: u32,
    limits: Limits,
) -> Result<PgPool, DbError> {
    let failed = |source| DbError::Open { target: settings.url.to_string(), source };
    let limits = [("statement_timeout", limits.statement), ("lock_timeout", limits.lock)];
    let milliseconds = |limit: Option<Duration>| limit.unwrap_or_default().as_millis().to_string();
    let options = secured(options.clone(), settings)?
        .options(limits.map(|(name, limit)| (name, milliseconds(limit))))
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
    let request = TlsRequest {
        section: "database",
        encrypted: matches!(mode, Require | VerifyCa | VerifyFull),
        verified: matches!(mode, VerifyCa | VerifyFull),
        example_url: "postgres://user:password@host/database?sslmode=verify-full",
        ca_file: settings.ca_file.as_deref(),
    };
    let authorities = request.authorities().map_err(|error| DbError::Tls(error.to_string()))?;
    Ok(match authorities {
        Some(text) => options.ssl_root_cert_from_pem(text.into_bytes()),
        None => options,
    })
}

fn pool_options<D: Database>(max: u32, settings: &settings::Database) -> PoolOptions<D> {
    PoolOptions::new()
        .max_connections(max)
        .acquire_timeout(settings.acquire_timeout)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}
