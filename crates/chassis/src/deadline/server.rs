//! The deadline of a received call: the shorter of `grpc-timeout` and the server's own limit, known to the handler,
//! answered with `DEADLINE_EXCEEDED`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::Either;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::{Bounded, END, TimedBody, exceeded, parse_grpc_timeout, scope};
use telemetry::is_health_check;

/// Bounds every call but those to the health service, whose streams are meant to stay open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerDeadlineLayer {
    limit: Duration,
}

impl ServerDeadlineLayer {
    /// No call takes longer than `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl<S> Layer<S> for ServerDeadlineLayer {
    type Service = ServerDeadline<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ServerDeadline { inner, limit: self.limit }
    }
}

/// See [`ServerDeadlineLayer`].
#[derive(Clone, Debug)]
pub(crate) struct ServerDeadline<S> {
    inner: S,
    limit: Duration,
}

impl<S, B, R> Service<Request<B>> for ServerDeadline<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<TimedBody<R>>;
    type Error = S::Error;
    type Future = Either<Timed<S::Future>, Untimed<S::Future>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if is_health_check(request.uri().path()) {
            return Either::Right(Untimed { call: self.inner.call(request) });
        }
        let limit = parse_grpc_timeout(request.headers()).map_or(self.limit, |allowed| allowed.min(self.limit));
        let end = Instant::now() + limit;
        let call = END.sync_scope(end, || self.inner.call(request));
        Either::Left(Timed { call: Bounded::new(end, scope(end, call)), end })
    }
}

pin_project! {
    /// A call with a deadline.
    pub(crate) struct Timed<F> {
        #[pin]
        call: Bounded<TaskLocalFuture<Instant, F>>,
        end: Instant,
    }
}

impl<F, R, E> Future for Timed<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Default,
{
    type Output = Result<Response<TimedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(match ready!(this.call.poll(cx)) {
            Ok(result) => result.map(|response| response.map(|body| TimedBody::new(body, Some(*this.end)))),
            Err(_) => Ok(exceeded().into_http()),
        })
    }
}

pin_project! {
    /// A call without a deadline.
    pub(crate) struct Untimed<F> {
        #[pin]
        call: F,
    }
}

impl<F, R, E> Future for Untimed<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<TimedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(self.project().call.poll(cx));
        Poll::Ready(result.map(|response| response.map(|body| TimedBody::new(body, None))))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::deadline;

    async fn status(limit_ms: u64, path: &'static str, header: Option<&'static str>) -> Option<String> {
        let hang = tower::service_fn(|_: Request<()>| std::future::pending::<Result<Response<String>, Infallible>>());
        let mut service = ServerDeadlineLayer::new(Duration::from_millis(limit_ms)).layer(hang);
        let mut request = Request::builder().uri(path);
        if let Some(value) = header {
            request = request.header("grpc-timeout", value);
        }
        let call = service.call(request.body(()).expect("a request"));
        let response = tokio::time::timeout(Duration::from_secs(3600), call).await.ok()?;
        let Ok(response) = response;
        Some(response.headers()["grpc-status"].to_str().expect("ascii").to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn the_shorter_of_header_and_own_limit_ends_a_call_that_hangs() {
        for (limit_ms, header, expected) in [(60_000, Some("10m"), 10), (50, Some("8S"), 50), (70, None, 70)] {
            let start = Instant::now();
            assert_eq!(status(limit_ms, "/any", header).await.as_deref(), Some("4"));
            assert_eq!(start.elapsed(), Duration::from_millis(expected));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn watching_the_health_has_no_end() {
        assert_eq!(status(50, "/grpc.health.v1.Health/Watch", None).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_handler_knows_what_remains() {
        let handler = tower::service_fn(|_: Request<()>| {
            let at_call = deadline::remaining();
            async move {
                assert_eq!(deadline::remaining(), at_call);
                Ok::<_, Infallible>(Response::new(format!("{at_call:?}")))
            }
        });
        let mut service = ServerDeadlineLayer::new(Duration::from_millis(70)).layer(handler);
        let Ok(response) = service.call(Request::new(())).await;
        let Ok(body) = http_body_util::BodyExt::collect(response.into_body()).await;
        assert_eq!(body.to_bytes(), "Some(70ms)");
    }
}
