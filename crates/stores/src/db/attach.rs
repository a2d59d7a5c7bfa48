//! The database of a running service: waited for at start, watched afterwards.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::backoff::{Backoff, Jitter};
use chassis::config::Layers;
use chassis::ports::Ports;
use chassis::{App, StartError};
use serde::Deserialize;

use super::database::Db;
use super::error::DbError;
use super::migrations::Migrations;
use crate::settings::{self, DatabaseUrl};

/// Waits between attempts to reach a server that is not up yet. It serves one process at a time, so nothing is drawn.
const RECONNECT: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5), Jitter::None);

/// Is told why an attempt failed that will be repeated.
type OnRetry<'a> = dyn Fn(&DbError) + Send + Sync + 'a;

/// The section of a service's configuration that [`migrate`] reads.
#[derive(Deserialize)]
struct DatabaseSection {
    database: settings::Database,
}

/// Opens the database of `app`, with its readiness check and the metrics of its pool. A server that is not up yet, or a
/// schema that another process has still to migrate, is waited for, and meanwhile `/readyz` and the log say so.
///
/// # Errors
/// If the server refuses us, or the schema has lost what this program needs.
pub async fn attach(
    app: &mut App,
    name: &'static str,
    settings: &settings::Database,
    migrations: Migrations,
) -> Result<Db, DbError> {
    let state = Arc::new(Mutex::new(Err("not connected yet".to_owned())));
    let known = Arc::clone(&state);
    app.readiness().check("database", move || {
        let state = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        async move {
            let db: Db = state?;
            db.ping().await
        }
    });
    let shown = Arc::clone(&state);
    let on_retry = move |error: &DbError| {
        tracing::warn!(error = error as &dyn std::error::Error, "waiting for the database");
        *shown.lock().unwrap_or_else(PoisonError::into_inner) = Err(error.to_string());
    };
    let db = wait_for(name, settings, migrations, &on_retry).await?;
    *state.lock().unwrap_or_else(PoisonError::into_inner) = Ok(db.clone());
    app.background("database metrics", db.clone().watch());
    Ok(db)
}

/// Brings the schema of the configured database up to date and answers its version; waits for a server that is not up yet
/// and tells `on_retry` why.
///
/// # Errors
/// As [`attach`], and if the configuration cannot be read.
pub async fn migrate(
    name: &'static str,
    layers: Layers,
    migrations: Migrations,
    on_retry: Box<chassis::OnRetry>,
) -> Result<i64, StartError> {
    let section: DatabaseSection = layers.read()?;
    let settings = settings::Database { migrate: true, ..section.database };
    Ok(wait_for(name, &settings, migrations, &|error| on_retry(error)).await?.schema_version())
}

/// Opens the database, again and again until it works or fails for good.
async fn wait_for(
    name: &'static str,
    settings: &settings::Database,
    migrations: Migrations,
    on_retry: &OnRetry<'_>,
) -> Result<Db, DbError> {
    let ports = Ports::default();
    let mut failures = 0;
    loop {
        match Db::open(name, settings, migrations).await {
            // Nobody starts SQLite: what is wrong with a file stays wrong.
            Err(error) if error.may_pass() && !matches!(settings.url, DatabaseUrl::Sqlite { .. }) => on_retry(&error),
            outcome => return outcome,
        }
        failures += 1;
        ports.clock.sleep(RECONNECT.wait(failures, &*ports.random)).await;
    }
}
