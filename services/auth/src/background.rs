//! What auth does without being asked: sweep, purge, rotate keys, make sure there is an admin.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chassis::backoff::{Backoff, Jitter};
use chassis::ports::Ports;
use tokio::time::{MissedTickBehavior, interval};

use crate::domain::account::NewAccount;
use crate::domain::accounts::{Accounts, Bootstrap};
use crate::domain::key_rotation::KeyRotation;
use crate::domain::{Error, now};

/// Waits between attempts to create the admin; the longest is shorter than any sensible `registration.pending_ttl_s`.
const RETRY: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(30), Jitter::None);

/// Runs `job` at once and then every `period`, for ever. A run that fails is reported and repeated at the next turn.
pub(crate) async fn every<F, R>(period: Duration, name: &'static str, mut job: F)
where
    F: FnMut() -> R,
    R: Future<Output = Result<(), Error>>,
{
    let mut timer = interval(period);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        if let Err(error) = job().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, task = name, "a background run failed and will be repeated");
        }
    }
}

/// Takes the steps that the signing keys are due for, and shows how long the one that signs now may go on.
///
/// # Errors
/// If the store cannot be used.
pub(crate) async fn rotate_keys(rotation: &KeyRotation) -> Result<(), Error> {
    if let Some(expiry) = rotation.run(now()).await? {
        #[allow(clippy::cast_precision_loss, reason = "exact for millions of years")]
        telemetry::gauge!("auth_signing_key_expiry_timestamp_seconds").set(expiry.timestamp() as f64);
    }
    Ok(())
}

/// Makes sure that the admin account exists, however long the user service takes to come up.
pub(crate) async fn ensure_admin(accounts: Arc<Accounts>, admin: NewAccount) {
    let (ports, mut failures) = (Ports::default(), 0);
    loop {
        match accounts.ensure_admin(&admin).await {
            Ok(Bootstrap::Created) => tracing::info!("admin account created"),
            Ok(Bootstrap::Present) => tracing::info!("admin account present"),
            Ok(Bootstrap::Taken) => {
                tracing::warn!("the e-mail address of `bootstrap.admin_email` is taken; the account is left as it is");
            }
            Err(error) => {
                failures += 1;
                let wait = RETRY.wait(failures, &*ports.random);
                report(&error, wait);
                ports.clock.sleep(wait).await;
                continue;
            }
        }
        // A background task that ends is reported as a bug.
        return std::future::pending().await;
    }
}

fn report(error: &Error, wait: Duration) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(error, retry_ms = wait.as_millis(), "the admin account is not ready yet");
}
