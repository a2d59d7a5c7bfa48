//! Tower layer for gRPC servers: span, call duration and access line of every call.

use std::task::{Context, Poll};
use std::time::Instant;

use http::{Request, Response};
use metrics::{Histogram, Label};
use tonic::Code;
use tower::{Layer, Service};
use tracing::Instrument;
use tracing::Span;

use crate::context::TraceContext;
use crate::grpc::{self, BoxedCallGuard, CallGuard, MethodOf, OTHER, ObservedBody, ObservedCall};
use crate::histogram_cache::HistogramCache;
use crate::semconv::{RPC_STATUS_LABEL, millis};

/// Observes a gRPC server. Put it outside of everything but admission.
#[derive(Clone)]
pub struct GrpcServerLayer {
    method_of: MethodOf,
    handles: HistogramCache<Key>,
}

type Key = (&'static str, &'static str);

/// What a call of ours fails with: a bug, something missing or too much to do, and no time left.
const FAILURES: [Code; 3] = [Code::Internal, Code::Unavailable, Code::DeadlineExceeded];

fn series(method: &'static str, code: Code) -> Histogram {
    let status = grpc::code_text(code);
    let mut labels = vec![
        Label::from_static_parts("rpc_system_name", "grpc"),
        Label::from_static_parts("rpc_method", method),
        Label::from_static_parts(RPC_STATUS_LABEL, status),
    ];
    if grpc::is_server_error(code) {
        labels.push(Label::from_static_parts("error_type", status));
    }
    metrics::histogram!("rpc_server_call_duration_seconds", labels)
}

impl GrpcServerLayer {
    /// Build it on a thread of the service it observes; `method_of` bounds the `rpc_method` label.
    #[must_use]
    pub fn new(method_of: MethodOf) -> Self {
        Self { method_of, handles: HistogramCache::new() }
    }

    /// Lets the failures of these calls, as `package.Service/Method`, exist with zero, so that the first one is seen.
    #[must_use]
    pub fn init_failures_to_zero(self, methods: impl IntoIterator<Item = &'static str>) -> Self {
        for method in methods {
            for code in FAILURES {
                self.handles.insert((method, grpc::code_text(code)), series(method, code));
            }
        }
        self
    }
}

impl<S> Layer<S> for GrpcServerLayer {
    type Service = GrpcServer<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GrpcServer { inner, layer: self.clone() }
    }
}

/// See [`GrpcServerLayer`].
#[derive(Clone)]
pub struct GrpcServer<S> {
    inner: S,
    layer: GrpcServerLayer,
}

impl<S, B, R> Service<Request<B>> for GrpcServer<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<ObservedBody<R>>;
    type Error = S::Error;
    type Future = ObservedCall<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        let parent = TraceContext::extract(request.headers());
        if grpc::is_health_check(path) {
            let context = TraceContext { sampled: false, ..TraceContext::root() };
            let inner = self.inner.call(request);
            return ObservedCall::new(context.attach(inner.instrument(Span::none())), None, Code::Unknown);
        }
        let method = (self.layer.method_of)(path).unwrap_or(OTHER);
        let (context, recorded) = TraceContext::from_request(&request, parent);
        let (span, context) = if context.sampled {
            let span = context.scope(|| server_span(&request, method));
            let context = crate::trace::set_parent(&span, parent).unwrap_or(context);
            (span, context)
        } else {
            (Span::none(), context)
        };
        let guard = call_guard(method, recorded.then_some(context), span.clone(), self.layer.handles.clone());
        let inner = context.scope(|| span.in_scope(|| self.inner.call(request)));
        ObservedCall::new(context.attach(inner.instrument(span)), Some(guard), Code::Unknown)
    }
}

/// Reports a call; without a context there is no access line.
fn call_guard(
    method: &'static str,
    context: Option<TraceContext>,
    span: Span,
    handles: HistogramCache<Key>,
) -> BoxedCallGuard {
    let start = Instant::now();
    CallGuard::new(Box::new(move |code| {
        let elapsed = start.elapsed();
        let status = grpc::code_text(code);
        span.record("rpc.response.status_code", status);
        if grpc::is_server_error(code) {
            span.record("error.type", status);
            span.record("otel.status_code", "ERROR");
        }
        handles.record(&(method, status), elapsed.as_secs_f64(), || ((method, status), series(method, code)));
        let Some(context) = context else { return };
        let milliseconds = millis(elapsed);
        context.scope(|| {
            span.in_scope(|| {
                tracing::info!(
                    target: "access",
                    {
                    rpc.method = method,
                    rpc.response.status_code = status,
                    duration_ms = milliseconds
                    },
                    "call served"
                );
            });
        });
    }))
}

fn server_span<B>(request: &Request<B>, method: &'static str) -> Span {
    let path = request.uri().path().trim_start_matches('/');
    let authority = request.uri().authority();
    tracing::info_span!(
        "grpc.server",
        otel.name = if method == OTHER { "grpc" } else { method },
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.method_original = (method == OTHER).then_some(path),
        rpc.response.status_code = tracing::field::Empty,
        server.address = authority.map(http::uri::Authority::host),
        server.port = authority.and_then(|authority| authority.port_u16()).map(i64::from),
        error.type = tracing::field::Empty,
    )
}
