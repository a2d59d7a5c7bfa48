//! What a service tells telemetry about itself.

use std::sync::Arc;

use crate::tap::Tap;

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
