//! Start and stop: one installation per process, one registration per service.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::error::StartError;
use crate::identity::{Identity, Service};
use crate::log::{LogFormat, LogLayer, LogOutput};
use crate::log_filter::LogFilter;
use crate::log_levels::LogLevels;
use crate::recorder::RoutingRecorder;
use crate::settings::ServiceSettings;
use crate::trace::SampledOnly;

/// Longest time the last spans may take to leave at shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

static INSTALLED: OnceLock<()> = OnceLock::new();

/// Writes the remaining log lines when it is dropped.
#[must_use = "dropping the guard at once loses log lines"]
#[derive(Debug)]
pub struct LogGuard(#[allow(dead_code, reason = "held for its drop")] Option<WorkerGuard>);

/// Installs the process-wide subscriber and recorder. Later calls change nothing and answer an empty guard.
///
/// # Errors
/// If the log file cannot be opened.
pub fn install(format: LogFormat, output: &LogOutput) -> Result<LogGuard, StartError> {
    let mut outcome = Ok(LogGuard(None));
    INSTALLED.get_or_init(|| outcome = install_once(format, output));
    outcome
}

fn install_once(format: LogFormat, output: &LogOutput) -> Result<LogGuard, StartError> {
    let path = match output {
        LogOutput::File(path) => path.display().to_string(),
        LogOutput::Stdout | LogOutput::Off => String::new(),
    };
    let (logs, guard) = LogLayer::open(format, output).map_err(|source| StartError::LogFile { path, source })?;
    // Both layers are filtered: an unfiltered one beside them would bring every span of every library to life.
    tracing_subscriber::registry()
        .with(crate::trace::layer().with_filter(SampledOnly))
        .with(logs.with_filter(LogFilter))
        .try_init()
        .map_err(|source| StartError::Recorder(source.into()))?;
    metrics::set_global_recorder(RoutingRecorder).map_err(|source| StartError::Recorder(source.to_string().into()))?;
    crate::process::install_panic_hook();
    Ok(LogGuard(guard))
}

/// A registered service. Dropping it flushes its spans; [`ServiceTelemetry::shutdown`] also says whether that worked.
#[must_use = "dropping the guard at once stops the export of spans"]
#[derive(Debug)]
pub struct ServiceTelemetry {
    identity: Identity,
    provider: SdkTracerProvider,
}

/// Registers a service. Call it inside the tokio runtime that will carry the service's export.
///
/// # Errors
/// If a setting is wrong; the message names it.
pub fn register(settings: &ServiceSettings) -> Result<ServiceTelemetry, StartError> {
    if !(0.0..=1.0).contains(&settings.sampling_ratio) {
        return Err(StartError::SamplingRatio(settings.sampling_ratio));
    }
    let levels = LogLevels::new(&settings.log_level)?;
    let recorder = crate::recorder::build()?;
    let provider = crate::trace::provider(settings, &recorder)?;
    if let Some(tap) = &settings.tap {
        crate::log::add_tap(Arc::clone(tap));
    }
    let tracer = provider.tracer("signalbox");
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a ratio")]
    let sampling_threshold = (settings.sampling_ratio * u64::MAX as f64) as u64;
    let name = settings.name.clone();
    let identity = Identity::register(|index| Service { index, name, tracer, recorder, levels, sampling_threshold });
    tracing::callsite::rebuild_interest_cache();
    Ok(ServiceTelemetry { identity, provider })
}

impl ServiceTelemetry {
    /// The identity to bind threads to.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Sends the remaining spans. Blocks for at most five seconds; call it off the runtime's workers.
    ///
    /// # Errors
    /// If some spans could not be sent.
    pub fn shutdown(&self) -> Result<(), String> {
        self.provider.shutdown_with_timeout(FLUSH_TIMEOUT).map_err(|error| error.to_string())
    }

    /// Sends the spans that have ended so far. Blocks; call it off the runtime's workers.
    ///
    /// # Errors
    /// If some spans could not be sent.
    pub fn flush(&self) -> Result<(), String> {
        self.provider.force_flush().map_err(|error| error.to_string())
    }
}

impl Drop for ServiceTelemetry {
    fn drop(&mut self) {
        // Already shut down is the normal case, and a drop has nobody to tell.
        let _ = self.provider.shutdown_with_timeout(FLUSH_TIMEOUT);
    }
}
