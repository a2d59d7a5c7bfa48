//! Start and stop: one installation per process, one registration per service.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::identity::{Identity, Service};
use crate::log::{LogFormat, LogLayer, LogOutput};
use crate::log_filter::{BadLevel, LevelSwitch, LogFilter};
use crate::record::Tap;
use crate::recorder::RoutingRecorder;
use crate::trace::SampledOnly;

/// Longest time the last spans may take to leave at shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

static INSTALLED: OnceLock<()> = OnceLock::new();

/// Telemetry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log file cannot be written.
    #[error("cannot write the log to {path}: {source}")]
    LogFile {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The log level text is wrong.
    #[error("telemetry.log_level: {0}")]
    LogLevel(#[from] BadLevel),
    /// The sampling ratio is not between 0 and 1.
    #[error("telemetry.sampling_ratio: {0} is not between 0 and 1")]
    SamplingRatio(f64),
    /// The exporter cannot be built, usually because of its address.
    #[error(
        "telemetry.otlp_endpoint: cannot export to `{endpoint}`: {source}; use a URL such as http://127.0.0.1:4317"
    )]
    Exporter {
        /// The address as configured.
        endpoint: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The metric recorder cannot be built.
    #[error("cannot set up metrics: {0}")]
    Recorder(Box<dyn std::error::Error + Send + Sync>),
}

/// What a service wants from telemetry.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// `service.name`.
    pub name: String,
    /// `service.version`.
    pub version: String,
    /// `service.instance.id`, unique per name.
    pub instance: String,
    /// `deployment.environment.name`.
    pub environment: String,
    /// Log levels, such as `info,sqlx=warn`.
    pub log_level: String,
    /// Share of new traces to record, 0 to 1; traces begun elsewhere keep the caller's decision.
    pub sampling_ratio: f64,
    /// OTLP gRPC endpoint such as `http://127.0.0.1:4317`; empty for none.
    pub otlp_endpoint: String,
    /// Receives spans inside the process.
    pub tap: Option<Arc<dyn Tap>>,
}

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
    crate::process::log_panics();
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
    let levels = LevelSwitch::new(&settings.log_level)?;
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
