//! One address of a callee: its HTTP/2 connection, how many attempts it is busy with, and whether it can be reached.
//!
//! This is hyper's client, not tonic's `Channel`: the channel reads `grpc-timeout` itself and breaks off at that very
//! moment, before the callee's own `DEADLINE_EXCEEDED` can arrive, so that the callee would count a cancellation.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::Full;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rand::RngExt;
use tokio_util::task::AbortOnDropHandle;
use tonic::body::Body;
use tower::{Service, ServiceExt};

use super::balance::Peers;
use super::target::Target;

/// How long establishing a connection may take: a lost packet is sent again after a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Pings that find out whether a connection with calls on it is still there.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// First and longest pause between attempts to reach an address that was set aside.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// See the module.
pub(super) struct Peer {
    pub(super) target: Target,
    client: Client<Connector, Full<Bytes>>,
    active: AtomicUsize,
    aside: AtomicBool,
    /// Tries to reach it while it is set aside; ends with the peer.
    probe: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Peer {
    /// Connects with the first call.
    pub(super) fn new(target: Target) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .http2_only(true)
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .http2_keep_alive_interval(KEEPALIVE)
            .http2_keep_alive_while_idle(false)
            .build(Connector::new(target.uri()));
        Self { target, client, active: AtomicUsize::new(0), aside: AtomicBool::new(false), probe: Mutex::default() }
    }

    pub(super) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    pub(super) fn is_aside(&self) -> bool {
        self.aside.load(Ordering::Relaxed)
    }

    /// Sends a request whose URI has only a path.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Result<Response<Body>, Error> {
        let _busy = Busy::new(&self.active);
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
    pub(super) fn set_aside(self: &Arc<Self>, peers: &Arc<Peers>) {
        if self.aside.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::warn!(callee = peers.callee, address = %self.target.uri(), "address of a callee set aside");
        let probe = tokio::spawn(reconnect(Arc::downgrade(self), Arc::downgrade(peers), self.target.uri()));
        *self.probe.lock().unwrap_or_else(PoisonError::into_inner) = Some(AbortOnDropHandle::new(probe));
        peers.show();
    }
}

async fn reconnect(peer: Weak<Peer>, peers: Weak<Peers>, uri: Uri) {
    let mut bound = RECONNECT.0;
    loop {
        let pause = rand::rng().random_range(bound / 2..=bound);
        tokio::time::sleep(pause).await;
        if Connector::new(uri.clone()).oneshot(uri.clone()).await.is_ok() {
            break;
        }
        bound = (bound * 2).min(RECONNECT.1);
    }
    if let (Some(peer), Some(peers)) = (peer.upgrade(), peers.upgrade()) {
        peer.aside.store(false, Ordering::Relaxed);
        tracing::info!(callee = peers.callee, address = %uri, "address of a callee is back");
        peers.show();
    }
}

/// Counts an attempt for as long as it lives.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn new(active: &'a AtomicUsize) -> Self {
        active.fetch_add(1, Ordering::Relaxed);
        Self(active)
    }
}

impl Drop for Busy<'_> {
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
