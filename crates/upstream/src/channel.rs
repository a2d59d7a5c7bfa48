//! The client of one service: its settings checked, its layers stacked.

use std::convert::Infallible;

use chassis::deadline::TimedBody;
use chassis::ports::Ports;
use http::{Request, Response};
use telemetry::{GrpcClient, GrpcClientLayer};
use tonic::body::Body;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceBuilder};

use crate::balance::Balance;
use crate::breaker::BreakerLayer;
use crate::bulkhead::BulkheadLayer;
use crate::limit::LimitLayer;
use crate::resolve::{Resolve, system_resolver};
use crate::retry::RetryLayer;
use crate::settings::Settings;

/// What a generated client is built on. Cloning it shares connections, breaker and limits.
pub type Channel = GrpcClient<BoxCloneSyncService<Request<Body>, Response<TimedBody<Body>>, Infallible>>;

/// Prepares the client of the service configured under `key`. The service need not be up yet.
pub fn connect(key: &'static str, settings: &Settings) -> Channel {
    connect_with(key, settings, system_resolver())
}

/// Like [`connect`], with another way to find the addresses of a host name.
pub fn connect_with(key: &'static str, settings: &Settings, resolve: Resolve) -> Channel {
    let (host, port) = settings.targets.first().host_and_port();
    let observed = GrpcClientLayer::new(contracts::known_method, &host, port);
    let ports = Ports::default();
    let layers = ServiceBuilder::new()
        .layer(LimitLayer::new(key, settings.timeout, ports.clock.clone()))
        .layer(RetryLayer::new(key, settings.retry_attempts, ports.clone()))
        .layer(BreakerLayer::new(key, settings, ports.clone()))
        .layer(BulkheadLayer::new(key, settings.max_in_flight, ports.clock.clone()));
    let stack =
        layers.service(Balance::new(key, settings.targets.all().to_vec(), resolve, settings.resolve_interval, ports));
    observed.layer(BoxCloneSyncService::new(stack))
}
