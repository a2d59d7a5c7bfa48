//! The HTTP/1.1 server runner: no-delay, header and connection limits, slow-client time-out, and a drain
//! that loses no request.
//!
//! Draining closes in steps. Answers carry `connection: close` as soon as the service turns unready, so that
//! clients move away on their own; then the port is given up after the connections the kernel had already
//! accepted have been taken in; then what runs is finished.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::CONNECTION;
use http::{HeaderValue, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::app::Stop;
use crate::error::{Kind, Problem};
use crate::readiness::Readiness;
use crate::settings::{self, millis};

/// Smallest read buffer hyper accepts; also the floor for the header limit it enforces by itself.
const MIN_BUFFER: usize = 8192;

/// Most header fields of one request.
const MAX_HEADERS: usize = 64;

/// Pause after a failed accept, when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Peer address of a connection, as a request extension.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub std::net::SocketAddr);

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
        let graceful = GracefulShutdown::new();
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
                Ok((stream, peer)) => self.spawn(stream, Peer(peer), &graceful, slot.ok()),
                Err(error) => {
                    tracing::warn!(error = %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        self.take_in_backlog(listener, &graceful);
        tokio::select! {
            () = graceful.shutdown() => {}
            () = self.stop.cut.cancelled() => {}
        }
    }

    /// The kernel has answered these clients already: closing the port would reset them.
    fn take_in_backlog(&self, listener: TcpListener, graceful: &GracefulShutdown) {
        let Ok(listener) = listener.into_std() else { return };
        while let Ok((stream, peer)) = listener.accept() {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.spawn(stream, Peer(peer), graceful, None);
            }
        }
    }

    fn spawn(
        &self,
        stream: TcpStream,
        peer: Peer,
        graceful: &GracefulShutdown,
        slot: Option<tokio::sync::OwnedSemaphorePermit>,
    ) {
        // Best effort: without it small answers may wait for an acknowledgement, and nothing else changes.
        let _ = stream.set_nodelay(true);
        let server = self.clone();
        let service = tower::service_fn(move |request: hyper::Request<Incoming>| server.clone().answer(request, peer));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(millis(self.settings.header_timeout_ms))
            .max_headers(MAX_HEADERS)
            .max_buf_size((self.settings.max_header_bytes * 2).max(MIN_BUFFER))
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = graceful.watch(connection);
        let cut = self.stop.cut.clone();
        tokio::spawn(async move {
            tokio::select! {
                // How a connection ends is the client's business.
                _ = connection => {}
                () = cut.cancelled() => {}
            }
            drop(slot);
        });
    }

    async fn answer(mut self, request: hyper::Request<Incoming>, peer: Peer) -> Result<Response, std::convert::Infallible> {
        use tower::Service;
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(peer);
        let too_large = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
            > self.settings.max_header_bytes;
        let mut response = if too_large {
            let limit = self.settings.max_header_bytes;
            Problem::new(Kind::HeadersTooLarge, "headers_too_large", format!("Headers may take {limit} bytes."))
                .into_response()
        } else {
            let request = Request::from_parts(parts, axum::body::Body::new(body));
            match self.router.as_service().call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        };
        if (self.readiness.is_draining() || too_large) && response.version() == Version::HTTP_11 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }
}
