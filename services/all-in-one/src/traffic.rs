//! The built-in shopper on a runtime and under an identity of its own, as any other service.

use std::net::SocketAddr;
use std::sync::Arc;

use chassis::StartError;
use telemetry::{ServiceSettings, ServiceTelemetry, Tap};

use crate::shopper::{Shopper, Tally};
use crate::traces::Traces;

/// The shopper on a runtime and under an identity of its own.
pub(crate) struct Traffic {
    runtime: Option<tokio::runtime::Runtime>,
    _telemetry: ServiceTelemetry,
}

impl Traffic {
    /// Starts `per_second` walks a second at the gateway of that address.
    ///
    /// # Errors
    /// If the endpoint is wrong or the system refuses a thread.
    pub(crate) fn start(
        address: SocketAddr,
        per_second: f64,
        otlp_endpoint: Option<&str>,
        traces: &Arc<Traces>,
        tally: &Arc<Tally>,
    ) -> Result<Self, StartError> {
        let telemetry = telemetry::register(&ServiceSettings {
            name: "shopper".to_owned(),
            version: telemetry::BUILD.version.to_owned(),
            instance: "built-in".to_owned(),
            environment: "development".to_owned(),
            log_level: "info".to_owned(),
            sampling_ratio: 1.0,
            otlp_endpoint: otlp_endpoint.unwrap_or_default().to_owned(),
            tap: Some(Arc::clone(traces) as Arc<dyn Tap>),
        })?;
        let identity = telemetry.identity();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("shopper")
            .on_thread_start(move || identity.enter_thread())
            .enable_all()
            .build()
            .map_err(|source| StartError::System { what: "a runtime", source })?;
        let tally = Arc::clone(tally);
        runtime.spawn(async move { Shopper::new(format!("http://{address}"), tally).run(per_second).await });
        Ok(Self { runtime: Some(runtime), _telemetry: telemetry })
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
