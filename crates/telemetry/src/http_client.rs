//! Tower layer for HTTP clients: a client span, its duration, and `traceparent` on the wire.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::{Request, Response};
use metrics::Label;
use pin_project_lite::pin_project;
use tower::{Layer, Service};
use tracing::Span;
use tracing::instrument::{Instrument, Instrumented};

use crate::context::{Attached, TraceContext};
use crate::histogram_cache::HistogramCache;
use crate::semconv::{known_method, status_text};

/// Observes an HTTP client.
#[derive(Clone)]
pub struct HttpClientLayer(HistogramCache<Key>);

impl HttpClientLayer {
    /// Build it on a thread of the service that calls.
    #[must_use]
    pub fn new() -> Self {
        Self(HistogramCache::new())
    }
}

impl Default for HttpClientLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for HttpClientLayer {
    type Service = HttpClient<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpClient { inner, handles: self.0.clone() }
    }
}

/// See [`HttpClientLayer`].
#[derive(Clone)]
pub struct HttpClient<S> {
    inner: S,
    handles: HistogramCache<Key>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    method: &'static str,
    address: String,
    status: u16,
}

impl<S, B, R> Service<Request<B>> for HttpClient<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = HttpClientFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let method = known_method(request.method());
        let context = TraceContext::current().map_or_else(TraceContext::root, TraceContext::child);
        let (span, context) = crate::trace::start_span(context, || client_span(&request, method));
        context.inject(request.headers_mut());
        let address = request.uri().host().unwrap_or_default().to_owned();
        let inner = context.scope(|| span.in_scope(|| self.inner.call(request)));
        HttpClientFuture {
            inner: context.attach(inner.instrument(span.clone())),
            start: Instant::now(),
            key: Key { method, address, status: 0 },
            span,
            handles: self.handles.clone(),
        }
    }
}

pin_project! {
    /// See [`HttpClientLayer`].
    pub struct HttpClientFuture<F> {
        #[pin]
        inner: Attached<Instrumented<F>>,
        start: Instant,
        key: Key,
        span: Span,
        handles: HistogramCache<Key>,
    }
}

impl<F, R, E> Future for HttpClientFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        this.key.status = result.as_ref().map_or(0, |response| response.status().as_u16());
        let error = match this.key.status {
            0 => Some("connection"),
            status if status >= 400 => Some(status_text(status)),
            _ => None,
        };
        if let Some(error) = error {
            this.span.record("error.type", error);
            this.span.record("otel.status_code", "ERROR");
        }
        if this.key.status != 0 {
            this.span.record("http.response.status_code", i64::from(this.key.status));
        }
        this.handles.record(&*this.key, this.start.elapsed().as_secs_f64(), || {
            (this.key.clone(), metrics::histogram!("http_client_request_duration_seconds", labels(this.key, error)))
        });
        Poll::Ready(result)
    }
}

fn labels(key: &Key, error: Option<&'static str>) -> Vec<Label> {
    let mut labels = vec![
        Label::from_static_parts("http_request_method", key.method),
        Label::new("server_address", key.address.clone()),
    ];
    if key.status != 0 {
        labels.push(Label::from_static_parts("http_response_status_code", status_text(key.status)));
    }
    if let Some(error) = error {
        labels.push(Label::from_static_parts("error_type", error));
    }
    labels
}

fn client_span<B>(request: &Request<B>, method: &'static str) -> Span {
    let uri = request.uri();
    tracing::info_span!(
        "http.client",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = tracing::field::Empty,
        http.request.method = method,
        http.response.status_code = tracing::field::Empty,
        url.full = %uri,
        server.address = uri.host(),
        server.port = uri.port_u16().map(i64::from),
        error.type = tracing::field::Empty,
    )
}
