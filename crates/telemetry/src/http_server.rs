//! Tower layer for HTTP servers: span, RED metrics, access line and trace headers of every request.
//!
//! The route comes from a function, so that this crate needs no web framework. Without a route the
//! request counts under no route: a raw path is never a label or a span name.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::{Request, Response, StatusCode, header};
use metrics::{Gauge, Histogram, Label};
use pin_project_lite::pin_project;
use tower::{Layer, Service};
use tracing::Span;
use tracing::instrument::{Instrument, Instrumented};

use crate::context::{Attached, TraceContext};
use crate::histogram_cache::HistogramCache;
use crate::semconv::{known_method, millis, status_text};

/// Finds the route template of a request, such as `/v1/products/{id}`.
pub type RouteOf<B> = fn(&Request<B>) -> Option<&str>;

/// What a route of ours fails with: a bug, something missing or too much to do, and no time left.
const FAILURES: [u16; 3] = [500, 503, 504];

/// Observes an HTTP server. Put it outside of everything but admission.
pub struct HttpServerLayer<B> {
    route_of: RouteOf<B>,
    handles: HistogramCache<Key>,
}

impl<B> HttpServerLayer<B> {
    /// Build it on a thread of the service it observes.
    pub fn new(route_of: RouteOf<B>) -> Self {
        Self { route_of, handles: HistogramCache::new() }
    }

    /// Lets the failures of these routes, by method and template, exist with zero, so that the first one is seen.
    #[must_use]
    pub fn init_failures_to_zero(self, routes: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        for (method, route) in routes {
            for status in FAILURES {
                let key = Key { method, route: Some(Arc::from(route)), status };
                let handle = key.register();
                self.handles.insert(key, handle);
            }
        }
        self
    }
}

impl<B> Clone for HttpServerLayer<B> {
    fn clone(&self) -> Self {
        Self { route_of: self.route_of, handles: self.handles.clone() }
    }
}

impl<S, B> Layer<S> for HttpServerLayer<B> {
    type Service = HttpServer<S, B>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpServer { inner, layer: self.clone() }
    }
}

/// See [`HttpServerLayer`].
pub struct HttpServer<S, B> {
    inner: S,
    layer: HttpServerLayer<B>,
}

impl<S: Clone, B> Clone for HttpServer<S, B> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    method: &'static str,
    route: Option<Arc<str>>,
    /// 0 if there was no answer.
    status: u16,
}

impl Key {
    fn register(&self) -> Histogram {
        metrics::histogram!("http_server_request_duration_seconds", self.labels())
    }

    fn labels(&self) -> Vec<Label> {
        let mut labels = vec![
            Label::from_static_parts("http_request_method", self.method),
            Label::from_static_parts("url_scheme", "http"),
        ];
        if let Some(route) = &self.route {
            labels.push(Label::new("http_route", route.to_string()));
        }
        if self.status != 0 {
            labels.push(Label::from_static_parts("http_response_status_code", status_text(self.status)));
        }
        if let Some(error) = error_type(self.status) {
            labels.push(Label::from_static_parts("error_type", error));
        }
        labels
    }
}

impl<S, B, R> Service<Request<B>> for HttpServer<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = HttpServerFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let method = known_method(request.method());
        let route: Option<Arc<str>> = (self.layer.route_of)(&request).map(Arc::from);
        let parent = TraceContext::extract(request.headers());
        // Sampling is settled here; an unsampled request never builds a span.
        let (context, recorded) = TraceContext::from_request(&request, parent);
        let (span, context) = if context.sampled {
            let span = context.scope(|| server_span(&request, method, route.as_deref()));
            let context = crate::trace::set_parent(&span, parent).unwrap_or(context);
            (span, context)
        } else {
            (Span::none(), context)
        };
        let active = metrics::gauge!(
            "http_server_active_requests", "http_request_method" => method, "url_scheme" => "http");
        active.increment(1.0);
        let guard = RequestGuard {
            start: Instant::now(),
            method,
            route,
            context,
            recorded,
            span: span.clone(),
            active,
            handles: self.layer.handles.clone(),
            status: None,
        };
        request.extensions_mut().insert(context);
        let inner = context.scope(|| span.in_scope(|| self.inner.call(request)));
        HttpServerFuture { inner: context.attach(inner.instrument(span)), guard: Some(guard) }
    }
}

pin_project! {
    /// See [`HttpServerLayer`].
    pub struct HttpServerFuture<F> {
        #[pin]
        inner: Attached<Instrumented<F>>,
        guard: Option<RequestGuard>,
    }
}

impl<F, R, E> Future for HttpServerFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut result = ready!(this.inner.poll(cx));
        if let (Some(mut guard), Ok(response)) = (this.guard.take(), &mut result) {
            guard.status = Some(response.status());
            guard.context.inject(response.headers_mut());
        }
        Poll::Ready(result)
    }
}

/// What is reported when the request ends, also when it ends because the client went away.
struct RequestGuard {
    start: Instant,
    method: &'static str,
    route: Option<Arc<str>>,
    context: TraceContext,
    /// Whether there is an access line.
    recorded: bool,
    span: Span,
    active: Gauge,
    handles: HistogramCache<Key>,
    status: Option<StatusCode>,
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let elapsed = self.start.elapsed();
        self.active.decrement(1.0);
        let status = self.status.map_or(0, |status| status.as_u16());
        if let Some(error) = error_type(status) {
            self.span.record("error.type", error);
        }
        if status >= 500 {
            self.span.record("otel.status_code", "ERROR");
        }
        if status != 0 {
            self.span.record("http.response.status_code", i64::from(status));
        }
        let key = Key { method: self.method, route: self.route.clone(), status };
        self.handles.record(&key, elapsed.as_secs_f64(), || {
            let key = Key { method: self.method, route: self.route.clone(), status };
            let handle = key.register();
            (key, handle)
        });
        if !self.recorded {
            return;
        }
        let route = self.route.as_deref().unwrap_or_default();
        let milliseconds = millis(elapsed);
        self.context.scope(|| {
            self.span.in_scope(|| {
                tracing::info!(
                    target: "access",
                    {
                    http.request.method = self.method,
                    http.route = route,
                    http.response.status_code = status,
                    duration_ms = milliseconds
                    },
                    "request served"
                );
            });
        });
    }
}

fn error_type(status: u16) -> Option<&'static str> {
    match status {
        0 => Some("cancelled"),
        500.. => Some(status_text(status)),
        _ => None,
    }
}

fn server_span<B>(request: &Request<B>, method: &'static str, route: Option<&str>) -> Span {
    let shown = if method == "_OTHER" { "HTTP" } else { method };
    let name = route.map_or_else(|| shown.to_owned(), |route| format!("{shown} {route}"));
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).or_else(|| request.uri().host());
    let (address, port) = host.map_or((None, None), |host| match host.rsplit_once(':') {
        Some((address, port)) => (Some(address), port.parse::<i64>().ok()),
        None => (Some(host), None),
    });
    tracing::info_span!(
        "http.server",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = method,
        http.request.method_original = (method == "_OTHER").then(|| request.method().as_str()),
        http.route = route,
        http.response.status_code = tracing::field::Empty,
        url.scheme = "http",
        url.path = request.uri().path(),
        url.query = request.uri().query(),
        server.address = address,
        server.port = port,
        client.address = tracing::field::Empty,
        network.protocol.version = crate::semconv::protocol_version(request.version()),
        user_agent.original = text(header::USER_AGENT),
        error.type = tracing::field::Empty,
    )
}
