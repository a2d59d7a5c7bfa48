//! The trace context of the running request: decided before any span exists, carried by a thread-local
//! while the request's future is polled, written to and read from the W3C `traceparent` header.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderValue};
use pin_project_lite::pin_project;
use rand::RngExt;

use crate::identity::Identity;

thread_local! {
    static CURRENT: Cell<Option<TraceContext>> = const { Cell::new(None) };
}

/// Header of the W3C Trace Context recommendation.
pub const TRACEPARENT: &str = "traceparent";

/// Mark on a request to a server, as a request extension: it is counted, but makes neither span nor log line, whatever
/// its caller has decided. For refusals, of which there may be far more than of all else.
#[derive(Clone, Copy, Debug)]
pub struct Unrecorded;

/// Ids of the running span and whether it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// 16 bytes, not zero.
    pub trace_id: u128,
    /// 8 bytes, not zero.
    pub span_id: u64,
    /// Whether spans of this trace are recorded; travels in the flags of `traceparent`.
    pub sampled: bool,
}

impl TraceContext {
    /// The context of the request whose future is being polled on this thread.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.get()
    }

    /// A new trace; the running thread's service decides whether it is recorded.
    pub(crate) fn root() -> Self {
        let mut random = rand::rng();
        Self {
            trace_id: random.random_range(1..=u128::MAX),
            span_id: random.random_range(1..=u64::MAX),
            sampled: Identity::current().is_some_and(Identity::samples_root),
        }
    }

    /// The same trace one hop further, for a span that is not recorded.
    pub(crate) fn child(self) -> Self {
        Self { span_id: rand::rng().random_range(1..=u64::MAX), ..self }
    }

    /// The context of a request that a server has received, and whether anything but its count is recorded.
    pub(crate) fn from_request<B>(request: &http::Request<B>, parent: Option<Self>) -> (Self, bool) {
        let context = parent.map_or_else(Self::root, Self::child);
        let recorded = request.extensions().get::<Unrecorded>().is_none();
        (Self { sampled: context.sampled && recorded, ..context }, recorded)
    }

    /// Reads `traceparent` (version 00, or the known part of a later version).
    /// Anything malformed is treated as absent, as the recommendation demands.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let mut parts = value.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |s: &str, len: usize| s.len() == len && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let extra = parts.next().is_some();
        let well_formed = hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
        if !well_formed || version == "ff" || (version == "00" && extra) {
            return None;
        }
        let context = Self {
            trace_id: u128::from_str_radix(trace, 16).ok()?,
            span_id: u64::from_str_radix(span, 16).ok()?,
            sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1,
        };
        (context.trace_id != 0 && context.span_id != 0).then_some(context)
    }

    /// Reads the context from HTTP headers or gRPC metadata.
    #[must_use]
    pub fn extract(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(TRACEPARENT)?.to_str().ok()?)
    }

    /// Writes the context into HTTP headers or gRPC metadata.
    pub fn inject(self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(&self.to_string()) {
            headers.insert(TRACEPARENT, value);
        }
    }

    /// The trace id as 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id_hex(self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// Runs `f` with this context as the current one.
    pub(crate) fn scope<T>(self, f: impl FnOnce() -> T) -> T {
        let _restore = Restore(CURRENT.replace(Some(self)));
        f()
    }

    /// Makes this context the current one whenever `future` is polled.
    pub(crate) fn attach<F: Future>(self, future: F) -> Attached<F> {
        Attached { context: Some(self), future }
    }
}

impl std::fmt::Display for TraceContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// Carries the current trace and span into a future that will be polled elsewhere, as by `tokio::spawn`.
pub fn in_current_trace<F: Future>(future: F) -> impl Future<Output = F::Output> {
    use tracing::Instrument;
    Attached { context: CURRENT.get(), future: future.in_current_span() }
}

/// Calls `f` with the current trace and span, for work handed to another thread.
pub fn carry_current_trace<T>(f: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let (context, span) = (CURRENT.get(), tracing::Span::current());
    move || {
        let _restore = Restore(CURRENT.replace(context));
        span.in_scope(f)
    }
}

pin_project! {
    /// A future with a trace context of its own.
    pub struct Attached<F> {
        context: Option<TraceContext>,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Attached<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _restore = Restore(CURRENT.replace(*this.context));
        this.future.poll(cx)
    }
}

struct Restore(Option<TraceContext>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn traceparent_survives_a_round_trip() {
        let context = TraceContext::parse(VALID).expect("valid");
        assert!(context.sampled);
        assert_eq!(context.to_string(), VALID);
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = VALID.replacen("00", "cc", 1) + "-what-comes-later";
        assert_eq!(TraceContext::parse(&later), TraceContext::parse(VALID));
    }

    #[test]
    fn malformed_traceparents_are_ignored() {
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn scopes_nest_and_restore() {
        let outer = TraceContext::parse(VALID).expect("valid");
        outer.scope(|| {
            let inner = outer.child();
            inner.scope(|| assert_eq!(TraceContext::current(), Some(inner)));
            assert_eq!(TraceContext::current(), Some(outer));
        });
        assert_eq!(TraceContext::current(), None);
    }
}
