//! Tower layer for gRPC clients: a client span over the whole call, its duration, and `traceparent` on the wire.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use http::{Request, Response};
use metrics::Label;
use tonic::Code;
use tower::{Layer, Service};
use tracing::Instrument;
use tracing::Span;

use crate::context::TraceContext;
use crate::grpc::{self, BoxedCallGuard, CallGuard, MethodOf, OTHER, ObservedBody, ObservedCall};
use crate::histogram_cache::HistogramCache;
use crate::semconv::RPC_STATUS_LABEL;

/// Observes the calls to one callee.
#[derive(Clone)]
pub struct GrpcClientLayer {
    method_of: MethodOf,
    callee: Arc<Callee>,
    handles: HistogramCache<Key>,
}

type Key = (&'static str, &'static str);

/// The callee as configured, not as resolved: bounded and the same for every attempt.
struct Callee {
    address: String,
    port: u16,
}

impl GrpcClientLayer {
    /// Build it on a thread of the service that calls. `address` and `port` are those of the configuration.
    #[must_use]
    pub fn new(method_of: MethodOf, address: &str, port: u16) -> Self {
        let callee = Arc::new(Callee { address: address.to_owned(), port });
        Self { method_of, callee, handles: HistogramCache::new() }
    }
}

impl<S> Layer<S> for GrpcClientLayer {
    type Service = GrpcClient<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GrpcClient { inner, layer: self.clone() }
    }
}

/// See [`GrpcClientLayer`].
#[derive(Clone)]
pub struct GrpcClient<S> {
    inner: S,
    layer: GrpcClientLayer,
}

impl<S, B, R> Service<Request<B>> for GrpcClient<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<ObservedBody<R>>;
    type Error = S::Error;
    type Future = ObservedCall<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let method = (self.layer.method_of)(request.uri().path()).unwrap_or(OTHER);
        let context = TraceContext::current().map_or_else(TraceContext::root, TraceContext::child);
        let (span, context) = crate::trace::start_span(context, || client_span(method, &self.layer.callee));
        context.inject(request.headers_mut());
        let guard = call_guard(method, span.clone(), self.layer.clone());
        let inner = context.scope(|| span.in_scope(|| self.inner.call(request)));
        ObservedCall::new(context.attach(inner.instrument(span)), Some(guard), Code::Unavailable)
    }
}

fn call_guard(method: &'static str, span: Span, layer: GrpcClientLayer) -> BoxedCallGuard {
    let start = Instant::now();
    CallGuard::new(Box::new(move |code| {
        let status = grpc::code_text(code);
        span.record("rpc.response.status_code", status);
        if code != Code::Ok {
            span.record("error.type", status);
            span.record("otel.status_code", "ERROR");
        }
        layer.handles.record(&(method, status), start.elapsed().as_secs_f64(), || {
            let mut labels = vec![
                Label::from_static_parts("rpc_system_name", "grpc"),
                Label::from_static_parts("rpc_method", method),
                Label::from_static_parts(RPC_STATUS_LABEL, status),
                Label::new("server_address", layer.callee.address.clone()),
                Label::new("server_port", layer.callee.port.to_string()),
            ];
            if code != Code::Ok {
                labels.push(Label::from_static_parts("error_type", status));
            }
            ((method, status), metrics::histogram!("rpc_client_call_duration_seconds", labels))
        });
    }))
}

fn client_span(method: &'static str, callee: &Callee) -> Span {
    tracing::info_span!(
        "grpc.client",
        otel.name = if method == OTHER { "grpc" } else { method },
        otel.kind = "client",
        otel.status_code = tracing::field::Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = tracing::field::Empty,
        server.address = callee.address,
        server.port = i64::from(callee.port),
        error.type = tracing::field::Empty,
    )
}
