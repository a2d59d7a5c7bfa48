//! Opening a pool of Postgres, with TLS as configured.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgSslMode};
use sqlx::{ConnectOptions, Connection};

use super::connect::pool_options;
use super::error::DbError;
use crate::settings;
use crate::tls::TlsRequest;

/// How long a first answer of the server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait for another process that migrates the same database.
const MIGRATION_LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// A pool of the Postgres of `settings`.
pub(super) async fn open(options: &PgConnectOptions, settings: &settings::Database) -> Result<PgPool, DbError> {
    let failed = |source| DbError::Open { target: settings.url.to_string(), source };
    let timeout = settings.statement_timeout;
    let options = limited(secured(options.clone(), settings)?, timeout, timeout).disable_statement_logging();
    // One connection first: the pool would hide why it gets none behind a time-out.
    match tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await {
        Ok(connected) => connected.map_err(failed)?.close().await.map_err(failed)?,
        Err(elapsed) => return Err(failed(sqlx::Error::Io(elapsed.into()))),
    }
    // No `min_connections`: to replace one that broke, the pool's upkeep takes a place that nobody else gets meanwhile,
    // and during an outage its pauses grow to a minute. So the pool stays unusable after the database is back.
    pool_options(settings.max_connections, settings).connect_with(options).await.map_err(failed)
}

/// One more connection to the server of `pool`, for as long as a migration takes: building an index may take longer than
/// any statement of the service.
pub(super) async fn for_migration(pool: &PgPool, settings: &settings::Database) -> Result<PgPool, DbError> {
    let failed = |source| DbError::Open { target: settings.url.to_string(), source };
    // What is named last counts.
    let options = limited(pool.connect_options().as_ref().clone(), Duration::ZERO, MIGRATION_LOCK_TIMEOUT);
    pool_options(1, settings).connect_with(options).await.map_err(failed)
}

/// With the time that a statement may run and wait for a lock; zero for as long as it takes.
fn limited(options: PgConnectOptions, statement: Duration, lock: Duration) -> PgConnectOptions {
    let limits = [("statement_timeout", statement), ("lock_timeout", lock)];
    options.options(limits.map(|(name, limit)| (name, limit.as_millis().to_string())))
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
