//! Who is speaking: which service the running thread belongs to.
//!
//! One process may host many services, each on threads of its own. A thread is bound to a service once,
//! in the runtime's `on_thread_start`; spans, metrics and log lines read the binding from a thread-local.

use std::cell::Cell;
use std::sync::RwLock;

use metrics_exporter_prometheus::PrometheusRecorder;
use opentelemetry_sdk::trace::SdkTracer;
use rand::RngExt;

use crate::log_levels::{InvalidLogLevel, LogLevels};

thread_local! {
    static CURRENT: Cell<Option<Identity>> = const { Cell::new(None) };
}

static SERVICES: RwLock<Vec<Identity>> = RwLock::new(Vec::new());

/// Name on log lines of threads that belong to no service.
const NO_SERVICE: &str = "process";

/// A registered service. Copying it is free; it lives as long as the process.
#[derive(Clone, Copy)]
pub struct Identity(&'static Service);

/// What telemetry has to know about one service.
pub(crate) struct Service {
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) tracer: SdkTracer,
    pub(crate) recorder: PrometheusRecorder,
    pub(crate) levels: LogLevels,
    /// A root span is sampled if a random number is below this.
    pub(crate) sampling_threshold: u64,
}

impl Identity {
    /// Registers a service for the life of the process.
    pub(crate) fn register(make: impl FnOnce(usize) -> Service) -> Self {
        let mut services = SERVICES.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let identity = Self(Box::leak(Box::new(make(services.len()))));
        services.push(identity);
        identity
    }

    /// The service of the running thread.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.get()
    }

    /// Binds the running thread to this service; meant for `on_thread_start` of the service's runtime.
    pub fn enter_thread(self) {
        CURRENT.set(Some(self));
    }

    /// Value of `service.name`.
    #[must_use]
    pub fn name(self) -> &'static str {
        &self.0.name
    }

    /// Value of `service.name` for the running thread, `process` if it belongs to no service.
    #[must_use]
    pub fn current_name() -> &'static str {
        Self::current().map_or(NO_SERVICE, Self::name)
    }

    /// The log levels in force, as they were set.
    #[must_use]
    pub fn log_level(self) -> String {
        self.0.levels.text()
    }

    /// Changes the log levels of this service at once.
    ///
    /// # Errors
    /// If the text is not a list of levels; the levels then stay as they were.
    pub fn set_log_level(self, text: &str) -> Result<(), InvalidLogLevel> {
        self.0.levels.set(text)
    }

    /// The service's metrics in the Prometheus text format, version 0.0.4.
    #[must_use]
    pub fn render_metrics(self) -> String {
        self.0.recorder.handle().render()
    }

    /// Moves histogram samples into their buckets; without it they pile up until somebody scrapes.
    pub(crate) fn metrics_upkeep(self) {
        self.0.recorder.handle().run_upkeep();
    }

    pub(crate) fn service(self) -> &'static Service {
        self.0
    }

    pub(crate) fn by_index(index: usize) -> Option<Self> {
        SERVICES.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(index).copied()
    }

    pub(crate) fn all() -> Vec<Self> {
        SERVICES.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Decides whether a trace that starts here is recorded.
    pub(crate) fn samples_root(self) -> bool {
        rand::rng().random::<u64>() <= self.0.sampling_threshold && self.0.sampling_threshold > 0
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Identity").field(&self.name()).finish()
    }
}
