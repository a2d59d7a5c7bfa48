//! One address of a callee: its HTTP/2 connection, how many attempts it is busy with, and whether it can be reached.
//!
//! This is hyper's client, not tonic's `Channel`: the channel reads `grpc-timeout` itself and breaks off at that very
//! moment, before the callee's own `DEADLINE_EXCEEDED` can arrive, so that the callee would count a cancellation.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chassis::backoff::{Backoff, Jitter};
use chassis::ports::Ports;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::Full;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio_util::task::AbortOnDropHandle;
use tonic::body::Body;
use tower::{Service, ServiceExt};

use crate::target::Target;

/// How long establishing a connection may take: a lost packet is sent again after a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Pings that find out whether a connection with calls on it is still there.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Pauses between attempts to reach an address that was ejected.
const RECONNECT: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), Jitter::Half);

/// Is called after an endpoint was ejected or has come back.
pub(crate) type OnChange = Arc<dyn Fn() + Send + Sync>;

/// See the module.
pub(crate) struct Endpoint {
    callee: &'static str,
    pub(crate) target: Target,
    client: Client<Connector, Full<Bytes>>,
    active: AtomicUsize,
    ejected: AtomicBool,
    ports: Ports,
    on_change: OnChange,
    /// Tries to reach it while it is ejected; ends with the endpoint.
    probe: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Endpoint {
    /// Connects with the first call.
    pub(crate) fn new(callee: &'static str, target: Target, ports: Ports, on_change: OnChange) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .http2_only(true)
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .http2_keep_alive_interval(KEEPALIVE)
            .http2_keep_alive_while_idle(false)
            .build(Connector::new(target.uri()));
        Self {
            callee,
            target,
            client,
            active: AtomicUsize::new(0),
            ejected: AtomicBool::new(false),
            ports,
            on_change,
            probe: Mutex::default(),
        }
    }

    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    pub(crate) fn is_ejected(&self) -> bool {
        self.ejected.load(Ordering::Relaxed)
    }

    /// Sends a request whose URI has only a path.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, Error> {
        let _in_flight = InFlight::new(&self.active);
        let (mut parts, body) = request.into_parts();
        let mut uri = self.target.origin.clone().into_parts();
        uri.path_and_query = parts.uri.path_and_query().cloned();
        // Cannot fail: scheme and authority come from a URI, the path from another.
        parts.uri = Uri::from_parts(uri).unwrap_or(parts.uri);
        parts.headers.insert(header::USER_AGENT, HeaderValue::from_static("signalbox"));
        let response = self.client.request(Request::from_parts(parts, Full::new(body))).await?;
        Ok(response.map(Body::new))
    }

    /// Sends nobody here until it can be connected to again.
    pub(crate) fn eject(self: &Arc<Self>) {
        if self.ejected.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::warn!(callee = self.callee, address = %self.target.uri(), "address of a callee set aside");
        let probe = tokio::spawn(reconnect(Arc::downgrade(self), self.target.uri(), self.ports.clone()));
        *self.probe.lock().unwrap_or_else(PoisonError::into_inner) = Some(AbortOnDropHandle::new(probe));
        (self.on_change)();
    }

    fn readmit(&self) {
        self.ejected.store(false, Ordering::Relaxed);
        tracing::info!(callee = self.callee, address = %self.target.uri(), "address of a callee is back");
        (self.on_change)();
    }
}

async fn reconnect(endpoint: Weak<Endpoint>, uri: Uri, ports: Ports) {
    let mut failures = 0;
    loop {
        failures += 1;
        ports.clock.sleep(RECONNECT.wait(failures, &*ports.random)).await;
        if Connector::new(uri.clone()).oneshot(uri.clone()).await.is_ok() {
            break;
        }
    }
    if let Some(endpoint) = endpoint.upgrade() {
        endpoint.readmit();
    }
}

/// Counts an attempt for as long as it lives.
struct InFlight<'a>(&'a AtomicUsize);

impl<'a> InFlight<'a> {
    fn new(active: &'a AtomicUsize) -> Self {
        active.fetch_add(1, Ordering::Relaxed);
        Self(active)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Connects to one address, whatever authority the request names.
#[derive(Clone)]
struct Connector {
    http: HttpConnector,
    uri: Uri,
}

impl Connector {
    fn new(uri: Uri) -> Self {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        Self { http, uri }
    }
}

impl Service<Uri> for Connector {
    type Response = <HttpConnector as Service<Uri>>::Response;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = <HttpConnector as Service<Uri>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(cx)
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        self.http.call(self.uri.clone())
    }
}
