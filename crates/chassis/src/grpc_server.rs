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

use crate::deadline::ServerDeadlineLayer;
use crate::error::{Kind, Problem};
use crate::readiness::Readiness;
use crate::settings;
use crate::shed::{AdmitLayer, RefuseLayer};
use crate::stop::Stop;

/// How long a keep-alive ping may stay unanswered.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the health service follows the readiness of the process.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes of all metadata of one call.
const MAX_METADATA_BYTES: u32 = 16 * 1024;

/// What a gRPC server has to know of the contract it serves.
#[derive(Clone, Copy, Debug)]
pub struct Contract {
    /// Full name of the service, such as `user.v1.UserService`.
    pub service: &'static str,
    /// Every declared call, of this service and of others, as `package.Service/Method`.
    pub methods: &'static [&'static str],
    /// The declared call that a request path names, if there is one; bounds a label.
    pub known_method: fn(&str) -> Option<&'static str>,
}

impl Contract {
    /// The calls of this service.
    fn own_methods(self) -> impl Iterator<Item = &'static str> {
        let owner = move |method: &str| method.rsplit_once('/').is_some_and(|(owner, _)| owner == self.service);
        self.methods.iter().copied().filter(move |method| owner(method))
    }
}

/// A gRPC server that already listens.
pub(crate) struct Server {
    pub(crate) listener: std::net::TcpListener,
    pub(crate) settings: settings::Grpc,
    pub(crate) contract: Contract,
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
        let follow = tokio::spawn(follow(reporter, self.contract.service, readiness));
        let mut server = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(self.settings.keepalive))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .max_concurrent_streams(self.settings.max_concurrent_streams)
            .http2_max_header_list_size(MAX_METADATA_BYTES)
            .layer(AdmitLayer::grpc(self.settings.max_in_flight))
            .layer(GrpcServerLayer::new(self.contract.known_method).init_failures_to_zero(self.contract.own_methods()))
            .layer(RefuseLayer::grpc())
            .layer(CatchPanicLayer::custom(on_panic))
            .layer(ServerDeadlineLayer::new(self.settings.timeout));
        if let Some(age) = self.settings.max_connection_age {
            server = server.max_connection_age(age);
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
