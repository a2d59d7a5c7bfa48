//! Why telemetry could not be started.

use crate::log_levels::InvalidLogLevel;

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
    LogLevel(#[from] InvalidLogLevel),
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
