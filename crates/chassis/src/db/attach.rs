//! The database of a running service: waited for at start, watched afterwards.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Db, DbError, Migrations};
use crate::app::App;
use crate::settings;

/// Wait after the first failed attempt; doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Is told why an attempt failed that will be repeated.
pub type OnWait = dyn Fn(&DbError) + Send + Sync;

/// Opens the database of `app`, with its readiness check and the metrics of its pool. A server that is not up yet, or a
/// schema that another process has still to migrate, is waited for, and meanwhile `/readyz` and the log say so.
///
/// # Errors
/// If the URL is wrong, the server refuses us, or the schema has lost what this program needs.
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
    let told = Arc::clone(&state);
    let waiting = move |error: &DbError| {
        tracing::warn!(error = error as &dyn std::error::Error, "waiting for the database");
        *told.lock().unwrap_or_else(PoisonError::into_inner) = Err(error.to_string());
    };
    let db = wait_for(name, settings, migrations, &waiting).await?;
    *state.lock().unwrap_or_else(PoisonError::into_inner) = Ok(db.clone());
    app.background("database metrics", db.clone().watch());
    Ok(db)
}

/// Brings a schema up to date and answers its version; waits for a server that is not up yet and tells `waiting` why.
///
/// # Errors
/// As [`attach`].
pub async fn migrate(
    name: &'static str,
    settings: &settings::Database,
    migrations: Migrations,
    waiting: &OnWait,
) -> Result<i64, DbError> {
    let settings = settings::Database { migrate: true, ..settings.clone() };
    Ok(wait_for(name, &settings, migrations, waiting).await?.schema)
}

/// Opens the database, again and again until it works or fails for good.
async fn wait_for(
    name: &'static str,
    settings: &settings::Database,
    migrations: Migrations,
    waiting: &OnWait,
) -> Result<Db, DbError> {
    let mut wait = FIRST_WAIT;
    loop {
        match Db::open(name, settings, migrations).await {
            // Nobody starts SQLite: what is wrong with a file stays wrong.
            Err(error) if error.may_pass() && !settings.url.starts_with("sqlite:") => waiting(&error),
            outcome => return outcome,
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
