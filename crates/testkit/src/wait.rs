//! Waiting for a condition instead of for a time.

use std::time::Duration;

use telemetry::exposition::Exposition;

/// Longest time a condition may take to come true; a loaded machine is slow, and success never waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until `look` answers something.
///
/// # Panics
/// If that does not happen within 20 s; `what` says what was waited for.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, look: impl FnMut() -> F) -> T {
    eventually_within(PATIENCE, what, look).await
}

/// As [`eventually`], for what may take longer.
///
/// # Panics
/// If it takes longer than `patience`.
pub async fn eventually_within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let poll = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(patience, poll).await {
        Ok(found) => found,
        Err(_) => panic!("waited {patience:?} in vain for {what}"),
    }
}

/// Sum of the samples of `name` in Prometheus text whose labels include all of `labels`.
///
/// # Panics
/// If `metrics` is not in the text format.
#[must_use]
pub fn value_of(metrics: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    Exposition::parse(metrics).expect("metrics").sum(name, labels)
}
