//! Facts about the process and its runtimes, refreshed on a timer and before each scrape.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use tracing_appender::non_blocking::ErrorCounter;

use crate::identity::Identity;

/// How often gauges are refreshed and histograms drained.
const INTERVAL: Duration = Duration::from_secs(5);

static LOG_DROPS: OnceLock<ErrorCounter> = OnceLock::new();

/// Identifies the running program on `build_info` and `/build`.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Build {
    /// Version of the workspace.
    pub version: &'static str,
    /// Git revision, `unknown` outside a checkout.
    pub revision: &'static str,
    /// Compiler that built it.
    pub rustc: &'static str,
}

/// What this binary was built from.
pub const BUILD: Build =
    Build { version: env!("CARGO_PKG_VERSION"), revision: env!("SIGNALBOX_REVISION"), rustc: env!("SIGNALBOX_RUSTC") };

/// Refreshes what is measured by looking instead of by counting.
pub struct ProcessMetrics {
    identity: Identity,
    collector: metrics_process::Collector,
    runtime: tokio::runtime::Handle,
    /// When the runtime was last looked at, and how long its workers had been busy by then.
    last: Mutex<(Instant, Duration)>,
}

impl ProcessMetrics {
    /// Metrics of the current runtime and its process. Call it on a thread of the service.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        let runtime = tokio::runtime::Handle::current();
        let labels = [("version", BUILD.version), ("revision", BUILD.revision), ("rustc", BUILD.rustc)];
        metrics::gauge!("build_info", &labels).set(1.0);
        for metric in ["tokio_busy_ratio", "panics_total", "log_lines_dropped_total"] {
            crate::init_to_zero(metric, &[]);
        }
        let last = Mutex::new((Instant::now(), Duration::ZERO));
        Self { identity, collector: metrics_process::Collector::default(), runtime, last }
    }

    /// Measures now.
    pub fn refresh(&self) {
        self.collector.collect();
        self.identity.metrics_upkeep();
        if let Some(dropped) = LOG_DROPS.get() {
            metrics::counter!("log_lines_dropped_total").absolute(dropped.dropped_lines() as u64);
        }
        let runtime = self.runtime.metrics();
        #[allow(clippy::cast_precision_loss, reason = "counts of tasks and threads are small")]
        for (name, value) in [
            ("tokio_workers", runtime.num_workers()),
            ("tokio_tasks", runtime.num_alive_tasks()),
            ("tokio_global_queue_depth", runtime.global_queue_depth()),
        ] {
            metrics::gauge!(name).set(value as f64);
        }
        self.refresh_runtime();
    }

    fn refresh_runtime(&self) {
        let runtime = self.runtime.metrics();
        let (mut busy, mut parks) = (Duration::ZERO, 0);
        for worker in 0..runtime.num_workers() {
            busy += runtime.worker_total_busy_duration(worker);
            parks += runtime.worker_park_count(worker);
        }
        metrics::counter!("tokio_parks_total").absolute(parks);
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let elapsed = last.0.elapsed().as_secs_f64();
        // Two scrapes in quick succession say nothing about the time between them.
        if elapsed >= 1.0 {
            #[allow(clippy::cast_precision_loss, reason = "few workers")]
            let capacity = elapsed * runtime.num_workers() as f64;
            metrics::gauge!("tokio_busy_ratio").set(busy.saturating_sub(last.1).as_secs_f64() / capacity);
            *last = (Instant::now(), busy);
        }
    }

    /// Measures every few seconds, for ever.
    pub async fn run(&self) {
        let mut timer = tokio::time::interval(INTERVAL);
        loop {
            timer.tick().await;
            self.refresh();
        }
    }
}

pub(crate) fn count_dropped_lines(counter: ErrorCounter) {
    // A second writer in the same process exists only in tests.
    let _ = LOG_DROPS.set(counter);
}

/// Counts and logs the panics of services with their place. The payload may hold user data and stays out.
pub(crate) fn install_panic_hook() {
    let elsewhere = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if Identity::current().is_none() {
            return elsewhere(panic);
        }
        metrics::counter!("panics_total").increment(1);
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(code.location = location, "panic");
    }));
}
