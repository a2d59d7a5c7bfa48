//! Whether a service may be sent requests: a latch set when everything listens, checks of what it cannot
//! do without, and a switch that turns it off for good at shutdown. Soft checks are shown and decide nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

/// Good news is repeated for this long without looking again; bad news is always looked at again, so that
/// readiness comes back at once.
const CACHE: Duration = Duration::from_millis(500);

/// How often the metrics are brought up to date.
const WATCH: Duration = Duration::from_secs(1);

/// Longest time one check may take.
const TIMEOUT: Duration = Duration::from_secs(2);

type Probe = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

#[derive(Clone)]
struct Check {
    name: &'static str,
    vital: bool,
    probe: Probe,
}

/// Shared by the admin port, the gRPC health service and the shutdown.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    phase: Phase,
    checks: Vec<Check>,
    last: Option<(Instant, Vec<CheckResult>)>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Starting,
    Serving,
    Draining,
}

/// What `/readyz` answers.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether requests are welcome.
    pub ready: bool,
    /// `starting`, `serving` or `draining`.
    pub phase: &'static str,
    /// The checks by name.
    pub checks: Vec<CheckResult>,
}

/// Outcome of one check.
#[derive(Clone, Debug, Serialize)]
pub struct CheckResult {
    /// What was checked.
    pub name: &'static str,
    /// Whether the service is ready without it, if in a worse state; absent if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub degrades: bool,
    /// Why it failed; absent if it passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Readiness {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds something the service cannot do without.
    pub fn check<F, R>(&self, name: &'static str, check: F)
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.add(name, true, Arc::new(move || Box::pin(check())));
    }

    /// Adds something without which the service does less, or later, and is ready nevertheless.
    pub fn degrading<F, R>(&self, name: &'static str, check: F)
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.add(name, false, Arc::new(move || Box::pin(check())));
    }

    fn add(&self, name: &'static str, vital: bool, probe: Probe) {
        self.state().checks.push(Check { name, vital, probe });
    }

    pub(crate) fn serve(&self) {
        let mut state = self.state();
        if state.phase == Phase::Starting {
            state.phase = Phase::Serving;
        }
    }

    pub(crate) fn drain(&self) {
        self.state().phase = Phase::Draining;
    }

    /// Whether shutdown has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.state().phase == Phase::Draining
    }

    /// Keeps the metrics current, for ever: nobody asks a service for its readiness as often as it is scraped.
    pub(crate) async fn watch(self) {
        loop {
            self.report().await;
            tokio::time::sleep(WATCH).await;
        }
    }

    /// Runs the checks, or answers from a moment ago.
    pub async fn report(&self) -> Report {
        let (phase, checks, last) = {
            let state = self.state();
            (state.phase, state.checks.clone(), state.last.clone())
        };
        let fresh = last.filter(|(at, _)| at.elapsed() < CACHE).map(|(_, results)| results);
        let results = match fresh {
            Some(results) => results,
            None => {
                let results = futures_util::future::join_all(checks.iter().map(run)).await;
                let good = results.iter().all(|result| result.error.is_none());
                self.state().last = good.then(|| (Instant::now(), results.clone()));
                results
            }
        };
        let ready = phase == Phase::Serving && results.iter().all(|result| result.degrades || result.error.is_none());
        update_gauges(ready, &results);
        Report {
            ready,
            phase: match phase {
                Phase::Starting => "starting",
                Phase::Serving => "serving",
                Phase::Draining => "draining",
            },
            checks: results,
        }
    }
}

/// The same for `/metrics`.
fn update_gauges(ready: bool, results: &[CheckResult]) {
    telemetry::gauge!("service_ready").set(f64::from(u8::from(ready)));
    for CheckResult { name, error, .. } in results {
        telemetry::gauge!("readiness_check", "check" => *name).set(f64::from(u8::from(error.is_none())));
    }
}

async fn run(check: &Check) -> CheckResult {
    let error = match tokio::time::timeout(TIMEOUT, (check.probe)()).await {
        Ok(result) => result.err(),
        Err(_) => Some(format!("no answer within {} s", TIMEOUT.as_secs())),
    };
    CheckResult { name: check.name, degrades: !check.vital, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_degrades_is_shown_and_decides_nothing() {
        let readiness = Readiness::default();
        readiness.check("database", || async { Ok(()) });
        readiness.degrading("redis", || async { Err("away".to_owned()) });
        readiness.serve();
        let report = readiness.report().await;
        assert!(report.ready);
        let shown = serde_json::to_value(&report.checks).expect("JSON");
        let expected = serde_json::json!([
            { "name": "database" },
            { "name": "redis", "degrades": true, "error": "away" },
        ]);
        assert_eq!(shown, expected);
        readiness.check("disk", || async { Err("full".to_owned()) });
        assert!(!readiness.report().await.ready);
    }
}
