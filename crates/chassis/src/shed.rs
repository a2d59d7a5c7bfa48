//! Load shedding: a server has at most so many requests at work; more are refused at once, which is cheap, instead of
//! all of them becoming slow. The limit is the whole server's. Health checks pass.
//!
//! It is decided before anything else is done ([`AdmitLayer`]) and answered behind telemetry ([`RefuseLayer`]): refusals
//! are counted, but make neither spans nor log lines, since there may be far more of them than of all else.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::response::IntoResponse;
use futures_util::future::Either;
use http::{Request, Response};
use pin_project_lite::pin_project;
use telemetry::{Counter, Gauge};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tower::{Layer, Service};

use crate::error::{Kind, Problem};
use telemetry::is_health_check;

/// When a refused client may come back. What is at work now is done by then.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Mark on a request that is to be refused, as a request extension.
#[derive(Clone, Copy, Debug)]
struct Refuse;

/// Takes requests in up to a limit and marks those beyond it, so that telemetry does not record them and the
/// [`RefuseLayer`] answers them. Put it outermost.
#[derive(Clone)]
pub struct AdmitLayer(Arc<Gate>);

struct Gate {
    free: Arc<Semaphore>,
    active: Gauge,
    shed: Counter,
}

impl AdmitLayer {
    /// For an HTTP server. Build it on a thread of the service.
    #[must_use]
    pub fn http(limit: usize) -> Self {
        Self::new("http", limit)
    }

    /// For a gRPC server. Build it on a thread of the service.
    pub(crate) fn grpc(limit: usize) -> Self {
        Self::new("grpc", limit)
    }

    fn new(protocol: &'static str, limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        let active = telemetry::gauge!("server_active_requests", "protocol" => protocol);
        active.set(0.0);
        telemetry::gauge!("server_max_requests", "protocol" => protocol).set(limit as f64);
        let shed = telemetry::counter!("server_shed_requests_total", "protocol" => protocol);
        shed.absolute(0);
        Self(Arc::new(Gate { free: Arc::new(Semaphore::new(limit)), active, shed }))
    }
}

impl Gate {
    fn enter(&self) -> Option<InFlightGuard> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        self.active.increment(1.0);
        Some(InFlightGuard { _permit: permit, active: self.active.clone() })
    }
}

/// Counts a request as at work until it is dropped.
struct InFlightGuard {
    _permit: OwnedSemaphorePermit,
    active: Gauge,
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.active.decrement(1.0);
    }
}

impl<S> Layer<S> for AdmitLayer {
    type Service = Admit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Admit { inner, gate: Arc::clone(&self.0) }
    }
}

/// See [`AdmitLayer`].
#[derive(Clone)]
pub struct Admit<S> {
    inner: S,
    gate: Arc<Gate>,
}

impl<S, B> Service<Request<B>> for Admit<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Admitted<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let guard = if is_health_check(request.uri().path()) {
            None
        } else {
            let guard = self.gate.enter();
            if guard.is_none() {
                self.gate.shed.increment(1);
                request.extensions_mut().insert(Refuse);
                request.extensions_mut().insert(telemetry::Unrecorded);
            }
            guard
        };
        Admitted { inner: self.inner.call(request), _guard: guard }
    }
}

pin_project! {
    /// A request at work, until its answer begins.
    pub struct Admitted<F> {
        #[pin]
        inner: F,
        _guard: Option<InFlightGuard>,
    }
}

impl<F: Future> Future for Admitted<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(cx)
    }
}

/// Answers what the [`AdmitLayer`] has not taken in. Put it inside of telemetry, so that refusals are counted.
pub struct RefuseLayer<R>(fn(Problem) -> Response<R>);

impl RefuseLayer<axum::body::Body> {
    /// With the problem `overloaded`: 503 with `Retry-After`.
    #[must_use]
    pub fn http() -> Self {
        Self(IntoResponse::into_response)
    }
}

impl<R: Default> RefuseLayer<R> {
    /// With `RESOURCE_EXHAUSTED` and retry information.
    pub(crate) fn grpc() -> Self {
        Self(|problem| Status::from(problem).into_http())
    }
}

impl<R> Clone for RefuseLayer<R> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<S, R> Layer<S> for RefuseLayer<R> {
    type Service = Refusing<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Refusing { inner, refuse: self.0 }
    }
}

/// See [`RefuseLayer`].
pub struct Refusing<S, R> {
    inner: S,
    refuse: fn(Problem) -> Response<R>,
}

impl<S: Clone, R> Clone for Refusing<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), refuse: self.refuse }
    }
}

impl<S, B, R> Service<Request<B>> for Refusing<S, R>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<S::Future, std::future::Ready<Result<Response<R>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.extensions().get::<Refuse>().is_none() {
            return Either::Left(self.inner.call(request));
        }
        let problem = Problem::new(Kind::Overloaded, "overloaded", "Too much to do right now. Try again shortly.");
        Either::Right(std::future::ready(Ok((self.refuse)(problem.retry_after(RETRY_AFTER)))))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::sync::Notify;

    use super::*;

    /// Answers when it is told to.
    fn held(
        release: Arc<Notify>,
    ) -> impl Service<Request<()>, Response = Response<String>, Error = Infallible> + Clone {
        tower::service_fn(move |_: Request<()>| {
            let release = Arc::clone(&release);
            async move {
                release.notified().await;
                Ok(Response::new(String::new()))
            }
        })
    }

    fn request(path: &'static str) -> Request<()> {
        Request::builder().uri(path).body(()).expect("a request")
    }

    #[tokio::test]
    async fn the_limit_is_one_for_all_clones_and_a_place_is_free_again_when_its_request_ends() {
        let release = Arc::new(Notify::new());
        let layer = AdmitLayer::grpc(2);
        let service = || layer.layer(RefuseLayer::grpc().layer(held(Arc::clone(&release))));
        let (mut one, mut other) = (service(), service());
        let (first, given_up) = (one.call(request("/a")), other.call(request("/b")));
        let Ok(refused) = other.call(request("/c")).await;
        let status = Status::from_header_map(refused.headers()).expect("a status");
        let problem = Problem::from(&status);
        assert_eq!((problem.kind, problem.retry_after), (Kind::Overloaded, Some(RETRY_AFTER)));
        drop(given_up);
        let third = other.call(request("/c"));
        release.notify_one();
        let Ok(answer) = first.await;
        assert!(answer.headers().get("grpc-status").is_none());
        release.notify_one();
        let Ok(answer) = third.await;
        assert!(answer.headers().get("grpc-status").is_none());
    }

    #[tokio::test]
    async fn health_checks_pass_a_full_server() {
        let release = Arc::new(Notify::new());
        let mut service = AdmitLayer::grpc(1).layer(RefuseLayer::grpc().layer(held(Arc::clone(&release))));
        let _work = service.call(request("/a"));
        let check = service.call(request("/grpc.health.v1.Health/Check"));
        release.notify_one();
        let Ok(answer) = check.await;
        assert!(answer.headers().get("grpc-status").is_none());
    }

    #[tokio::test]
    async fn over_http_the_answer_is_a_problem_with_a_time() {
        let idle = tower::service_fn(|_: Request<()>| async {
            std::future::pending::<()>().await;
            Ok::<_, Infallible>(Response::new(axum::body::Body::empty()))
        });
        let mut service = AdmitLayer::http(1).layer(RefuseLayer::http().layer(idle));
        let _work = service.call(request("/a"));
        let Ok(refused) = service.call(request("/b")).await;
        assert_eq!(refused.status(), http::StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()["retry-after"], "1");
        assert_eq!(refused.headers()["content-type"], crate::PROBLEM_JSON);
    }
}
