//! The gRPC server runner: no-delay, keep-alive, limits, time-outs, panic isolation, health service.
//!
//! Layers, outermost first: admission, trace and metrics, refusal of what was not admitted, panic catch, deadline, size
//! limits, handler.

use std::any::Any;
use std::time::Duration;

use http::Response;
use telemetry::GrpcServerLayer;
use tokio::net::TcpListener;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::Stop;
use crate::deadline::ServerDeadlineLayer;
use crate::error::{Kind, Problem};
use crate::readiness::Readiness;
use crate::settings::{self, millis};
use crate::shed::{AdmitLayer, RefuseLayer};

/// How long a keep-alive ping may stay unanswered.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the health service follows the readiness of the process.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes of all metadata of one call.
const MAX_METADATA_BYTES: u32 = 16 * 1024;

/// A gRPC server that already listens.
pub(crate) struct Server {
    pub(crate) listener: std::net::TcpListener,
    pub(crate) settings: settings::Grpc,
    pub(crate) name: &'static str,
    pub(crate) routes: Routes,
}

impl Server {
    /// Serves until it is told to stop.
    pub(crate) async fn run(self, stop: Stop, readiness: Readiness) {
        let listener = match TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(error = %error, "cannot use the listening socket"),
        };
        let (reporter, health) = tonic_health::server::health_reporter();
        let follow = tokio::spawn(follow(reporter, self.name, readiness));
        let age = self.settings.max_connection_age_s;
        let mut server = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(Duration::from_secs(self.settings.keepalive_s)))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .max_concurrent_streams(self.settings.max_concurrent_streams)
            .http2_max_header_list_size(MAX_METADATA_BYTES)
            .layer(AdmitLayer::grpc(self.settings.max_in_flight))
            .layer(
                GrpcServerLayer::new(contracts::known_method).init_failures_to_zero(contracts::methods_of(self.name)),
            )
            .layer(RefuseLayer::grpc())
            .layer(CatchPanicLayer::custom(on_panic))
            .layer(ServerDeadlineLayer::new(millis(self.settings.timeout_ms)));
        if age > 0 {
            server = server.max_connection_age(Duration::from_secs(age));
        }
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let serving = server
            .add_routes(self.routes.add_service(health))
            .serve_with_incoming_shutdown(incoming, stop.drain.clone().cancelled_owned());
        tokio::select! {
            result = serving => if let Err(error) = result {
                tracing::error!(error = &error as &dyn std::error::Error, "gRPC server failed");
            },
            () = stop.cut.cancelled() => {}
        }
        follow.abort();
    }
}

/// Whether a call is to the health service, which no limit holds up.
pub(crate) fn is_health_check(path: &str) -> bool {
    path.starts_with("/grpc.health.v1.Health/")
}

/// Keeps the health service, asked by name or for the whole server, in step with `/readyz`.
async fn follow(reporter: tonic_health::server::HealthReporter, name: &'static str, readiness: Readiness) {
    let mut last = None;
    loop {
        let ready = readiness.report().await.ready;
        if last != Some(ready) {
            let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
            reporter.set_service_status(name, status).await;
            reporter.set_service_status("", status).await;
            last = Some(ready);
        }
        tokio::time::sleep(HEALTH_INTERVAL).await;
    }
}

fn on_panic(_: Box<dyn Any + Send>) -> Response<Body> {
    // The panic hook has logged it with its place; the caller learns no more than that we failed.
    let problem = Problem::new(Kind::Internal, "internal", "Something went wrong on our side.");
    Status::from(problem).into_http()
}
