//! The HTTP/1.1 server runner: no-delay, header and connection limits, slow-client time-out, and a drain
//! that loses no request.
//!
//! Draining closes in steps. Answers carry `connection: close` as soon as the service turns unready, so that
//! clients move away on their own; then the port is given up after the connections the kernel had already
//! accepted have been taken in; then what runs is finished, and a connection that has not sent its first
//! request yet gets a moment to do so.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::readiness::Readiness;
use crate::settings;
use crate::stop::Stop;

/// Smallest read buffer hyper accepts; also the floor for the header limit it enforces by itself.
const MIN_BUFFER: usize = 8192;

/// Most header fields of one request.
const MAX_HEADERS: usize = 64;

/// Pause after a failed accept, when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a connection without a request yet may take to send it after the drain has begun.
const FIRST_REQUEST: Duration = Duration::from_millis(500);

/// An unread body of at most this size is swallowed after a refusal; above, the connection is closed instead.
const SWALLOWED_BODY: u64 = 16 * 1024;

/// Address of the client of a connection, as a request extension.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub std::net::SocketAddr);

/// Serves `router` until it is told to stop.
pub(crate) fn serve(
    listener: std::net::TcpListener,
    settings: settings::Http,
    router: Router,
    stop: Stop,
    readiness: &Readiness,
) -> impl Future<Output = ()> + Send + 'static {
    let server = Server { settings: Arc::new(settings), router, readiness: readiness.clone(), stop };
    async move {
        match TcpListener::from_std(listener) {
            Ok(listener) => server.accept(listener).await,
            Err(error) => tracing::error!(error = %error, "cannot use the listening socket"),
        }
    }
}

#[derive(Clone)]
struct Server {
    settings: Arc<settings::Http>,
    router: Router,
    readiness: Readiness,
    stop: Stop,
}

impl Server {
    async fn accept(self, listener: TcpListener) {
        let connections = TaskTracker::new();
        let slots = Arc::new(Semaphore::new(self.settings.max_connections));
        loop {
            let slot = tokio::select! {
                () = self.stop.drain.cancelled() => break,
                slot = Arc::clone(&slots).acquire_owned() => slot,
            };
            let accepted = tokio::select! {
                () = self.stop.drain.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.spawn(stream, ClientAddress(peer), &connections, slot.ok()),
                Err(error) => {
                    tracing::warn!(error = %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        self.take_in_backlog(listener, &connections);
        connections.close();
        tokio::select! {
            () = connections.wait() => {}
            () = self.stop.cut.cancelled() => {}
        }
    }

    /// The kernel has answered these clients already: closing the port would reset them.
    fn take_in_backlog(&self, listener: TcpListener, connections: &TaskTracker) {
        let Ok(listener) = listener.into_std() else { return };
        while let Ok((stream, peer)) = listener.accept() {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.spawn(stream, ClientAddress(peer), connections, None);
            }
        }
    }

    fn spawn(
        &self,
        stream: TcpStream,
        peer: ClientAddress,
        connections: &TaskTracker,
        slot: Option<OwnedSemaphorePermit>,
    ) {
        // Best effort: without it small answers may wait for an acknowledgement, and nothing else changes.
        let _ = stream.set_nodelay(true);
        let server = self.clone();
        connections.spawn(async move {
            server.connection(stream, peer).await;
            drop(slot);
        });
    }

    async fn connection(self, stream: TcpStream, peer: ClientAddress) {
        let (begun, stop) = (CancellationToken::new(), self.stop.clone());
        let first = begun.clone();
        let header_timeout = self.settings.header_timeout;
        let buffer = (self.settings.max_header_bytes * 2).max(MIN_BUFFER);
        let service = tower::service_fn(move |request: hyper::Request<Incoming>| {
            first.cancel();
            self.clone().answer(request, peer)
        });
        let mut connection = std::pin::pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(header_timeout)
                .max_headers(MAX_HEADERS)
                .max_buf_size(buffer)
                .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        );
        // How a connection ends is the client's business.
        let drain = async {
            stop.drain.cancelled().await;
            let _ = tokio::time::timeout(FIRST_REQUEST, begun.cancelled()).await;
        };
        tokio::select! {
            _ = &mut connection => return,
            () = drain => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            _ = connection => {}
            () = stop.cut.cancelled() => {}
        }
    }

    async fn answer(
        mut self,
        request: hyper::Request<Incoming>,
        peer: ClientAddress,
    ) -> Result<Response, std::convert::Infallible> {
        use tower::Service;
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(peer);
        let announced = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let heavy = announced.map_or(parts.headers.contains_key(TRANSFER_ENCODING), |length| length > SWALLOWED_BODY);
        let request = Request::from_parts(parts, axum::body::Body::new(body));
        let mut response = match self.router.as_service().call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let unread = heavy && !response.status().is_success();
        if self.readiness.is_draining() || unread {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}
