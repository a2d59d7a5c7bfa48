//! What gRPC servers and clients share: codes, label sets, and a body that tells when a call is over.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tonic::Code;
use tracing::instrument::Instrumented;

use crate::context::Attached;

/// Turns a request path into a known `package.Service/Method`, or nothing.
pub type MethodOf = fn(&str) -> Option<&'static str>;

/// Value of `rpc.method` for calls nobody declared.
pub(crate) const OTHER: &str = "_OTHER";

/// Whether a path calls the standard health service. Health checks are neither traced nor measured, which would drown what
/// users do, and no limit holds them up.
#[must_use]
pub fn is_health_check(path: &str) -> bool {
    path.starts_with("/grpc.health.v1.Health/")
}

/// The status code as the semantic conventions spell it.
pub(crate) fn code_text(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// The six codes that count against a server; every code but OK counts for a client.
pub(crate) fn is_server_error(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// The `grpc-status` of headers or trailers.
pub(crate) fn code_of(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}

/// Reports the outcome of a call once; dropping it unreported reports a cancellation.
pub(crate) struct CallGuard<F: FnOnce(Code)>(Option<F>);

impl<F: FnOnce(Code)> CallGuard<F> {
    pub(crate) fn new(report: F) -> Self {
        Self(Some(report))
    }

    pub(crate) fn report(&mut self, code: Code) {
        if let Some(report) = self.0.take() {
            report(code);
        }
    }
}

impl<F: FnOnce(Code)> Drop for CallGuard<F> {
    fn drop(&mut self) {
        self.report(Code::Cancelled);
    }
}

/// Reporter whose type can be named in a body.
pub(crate) type BoxedCallGuard = CallGuard<Box<dyn FnOnce(Code) + Send>>;

pin_project! {
    /// A call on either side until its answer's head is there; the body reports the rest.
    pub struct ObservedCall<F> {
        #[pin]
        inner: Attached<Instrumented<F>>,
        guard: Option<BoxedCallGuard>,
        code_without_response: Code,
    }
}

impl<F> ObservedCall<F> {
    /// `code_without_response` is reported if there is no answer at all.
    pub(crate) fn new(
        inner: Attached<Instrumented<F>>,
        guard: Option<BoxedCallGuard>,
        code_without_response: Code,
    ) -> Self {
        Self { inner, guard, code_without_response }
    }
}

impl<F, R, E> Future for ObservedCall<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<ObservedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        let mut guard = this.guard.take();
        Poll::Ready(match result {
            Ok(response) => {
                // A refusal without a body carries its status in the headers, a success in the trailers.
                if let (Some(code), Some(guard)) = (code_of(response.headers()), guard.as_mut()) {
                    guard.report(code);
                }
                Ok(response.map(|body| ObservedBody::new(body, guard)))
            }
            Err(error) => {
                if let Some(guard) = guard.as_mut() {
                    guard.report(*this.code_without_response);
                }
                Err(error)
            }
        })
    }
}

pin_project! {
    /// A body that reports the call's status when its trailers pass, or when it ends.
    pub struct ObservedBody<B> {
        #[pin]
        inner: B,
        guard: Option<BoxedCallGuard>,
    }
}

impl<B> ObservedBody<B> {
    pub(crate) fn new(inner: B, guard: Option<BoxedCallGuard>) -> Self {
        Self { inner, guard }
    }
}

impl<B: Default> Default for ObservedBody<B> {
    fn default() -> Self {
        Self::new(B::default(), None)
    }
}

impl<B: Body> Body for ObservedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(cx));
        let code = match &frame {
            Some(Ok(frame)) => frame.trailers_ref().map(|trailers| code_of(trailers).unwrap_or(Code::Unknown)),
            Some(Err(_)) => Some(Code::Unavailable),
            // A gRPC body always ends with trailers; without them the peer broke the protocol.
            None => Some(Code::Unknown),
        };
        if let (Some(code), Some(mut guard)) = (code, code.and_then(|_| this.guard.take())) {
            guard.report(code);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
