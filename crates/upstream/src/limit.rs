//! The deadline of a call: the callee is told the shorter of our time-out and what the running work has left, less a
//! margin; we wait one margin longer than that, for the callee's own answer to arrive.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::Either;
use http::{Request, Response};
use pin_project_lite::pin_project;
use telemetry::Counter;
use tokio::time::Instant;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::attempt::refuse;
use chassis::deadline::{self, Bounded, MARGIN, TimedBody, exceeded, parse_grpc_timeout};
use chassis::ports::Clock;

/// When the callee has to have answered, as a request extension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due(pub(crate) Instant);

impl Due {
    /// That of a request; every request has passed this layer.
    pub(crate) fn of<B>(request: &Request<B>) -> Option<Instant> {
        request.extensions().get::<Self>().map(|due| due.0)
    }
}

/// Bounds the calls to one callee.
#[derive(Clone)]
pub(crate) struct LimitLayer {
    timeout: Duration,
    no_time: Counter,
    clock: Arc<dyn Clock>,
}

impl LimitLayer {
    pub(crate) fn new(callee: &'static str, timeout: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { timeout, clock, no_time: crate::attempt::rejections(callee, "no_time") }
    }
}

impl<S> Layer<S> for LimitLayer {
    type Service = Limit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Limit { inner, layer: self.clone() }
    }
}

/// See [`LimitLayer`].
#[derive(Clone)]
pub(crate) struct Limit<S> {
    inner: S,
    layer: LimitLayer,
}

impl<S> Service<Request<Body>> for Limit<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<TimedBody<Body>>;
    type Error = Infallible;
    type Future = Either<Limited<S::Future>, std::future::Ready<Result<Self::Response, Infallible>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let now = self.layer.clock.now();
        let own =
            parse_grpc_timeout(request.headers()).map_or(self.layer.timeout, |wanted| wanted.min(self.layer.timeout));
        let left = deadline::remaining().map(|left| left.saturating_sub(MARGIN));
        let due = now + left.map_or(own, |left| left.min(own));
        if due <= now {
            self.layer.no_time.increment(1);
            let response = refuse(exceeded()).map(|body| TimedBody::new(body, None));
            return Either::Right(std::future::ready(Ok(response)));
        }
        request.extensions_mut().insert(Due(due));
        let end = due + MARGIN;
        Either::Left(Limited { call: Bounded::new(end, self.inner.call(request)), end })
    }
}

pin_project! {
    /// A call in the making.
    pub(crate) struct Limited<F> {
        #[pin]
        call: Bounded<F>,
        end: Instant,
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Limited<F> {
    type Output = Result<Response<TimedBody<Body>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(match ready!(this.call.poll(cx)) {
            Ok(result) => result.map(|response| response.map(|body| TimedBody::new(body, Some(*this.end)))),
            Err(_) => Ok(exceeded().into_http()),
        })
    }
}
