//! Load shedding: a server has at most so many requests at work; more are refused at once, which is cheap, instead of
//! all of them becoming slow. The limit is the whole server's. Health checks pass.

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
use crate::grpc_server::is_health_check;

/// When a refused client may come back. What is at work now is done by then.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Refuses requests beyond a limit. Put it inside of telemetry, so that refusals are seen.
pub struct ShedLayer<R> {
    gate: Arc<Gate>,
    refuse: fn(Problem) -> Response<R>,
}

struct Gate {
    free: Arc<Semaphore>,
    active: Gauge,
    shed: Counter,
}

impl ShedLayer<axum::body::Body> {
    /// For an HTTP server: the problem `overloaded`, 503 with `Retry-After`. Build it on a thread of the service.
    #[must_use]
    pub fn http(limit: usize) -> Self {
        Self { gate: Gate::new("http", limit), refuse: IntoResponse::into_response }
    }
}

impl<R: Default> ShedLayer<R> {
    /// For a gRPC server: `RESOURCE_EXHAUSTED` with retry information. Build it on a thread of the service.
    pub(crate) fn grpc(limit: usize) -> Self {
        Self { gate: Gate::new("grpc", limit), refuse: |problem| Status::from(problem).into_http() }
    }
}

impl Gate {
    fn new(protocol: &'static str, limit: usize) -> Arc<Self> {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        let active = telemetry::gauge!("server_active_requests", "protocol" => protocol);
        active.set(0.0);
        telemetry::gauge!("server_max_requests", "protocol" => protocol).set(limit as f64);
        let shed = telemetry::counter!("server_shed_requests_total", "protocol" => protocol);
        shed.absolute(0);
        Arc::new(Self { free: Arc::new(Semaphore::new(limit)), active, shed })
    }

    fn enter(&self) -> Option<Place> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        self.active.increment(1.0);
        Some(Place { _permit: permit, active: self.active.clone() })
    }
}

/// A place among the requests at work, until it is dropped.
struct Place {
    _permit: OwnedSemaphorePermit,
    active: Gauge,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.active.decrement(1.0);
    }
}

impl<R> Clone for ShedLayer<R> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate), refuse: self.refuse }
    }
}

impl<S, R> Layer<S> for ShedLayer<R> {
    type Service = Shed<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Shed { inner, layer: self.clone() }
    }
}

/// See [`ShedLayer`].
pub struct Shed<S, R> {
    inner: S,
    layer: ShedLayer<R>,
}

impl<S: Clone, R> Clone for Shed<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, B, R> Service<Request<B>> for Shed<S, R>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<AtWork<S::Future>, std::future::Ready<Result<Response<R>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if is_health_check(request.uri().path()) {
            return Either::Left(AtWork { inner: self.inner.call(request), _place: None });
        }
        match self.layer.gate.enter() {
            Some(place) => Either::Left(AtWork { inner: self.inner.call(request), _place: Some(place) }),
            None => {
                self.layer.gate.shed.increment(1);
                let problem =
                    Problem::new(Kind::Overloaded, "overloaded", "Too much to do right now. Try again shortly.");
                Either::Right(std::future::ready(Ok((self.layer.refuse)(problem.retry_after(RETRY_AFTER)))))
            }
        }
    }
}

pin_project! {
    /// A request at work, until its answer begins.
    pub struct AtWork<F> {
        #[pin]
        inner: F,
        _place: Option<Place>,
    }
}

impl<F: Future> Future for AtWork<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().inner.poll(cx)
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
        let layer = ShedLayer::grpc(2);
        let (mut one, mut other) = (layer.layer(held(Arc::clone(&release))), layer.layer(held(Arc::clone(&release))));
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
        let mut service = ShedLayer::grpc(1).layer(held(Arc::clone(&release)));
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
        let mut service = ShedLayer::http(1).layer(idle);
        let _work = service.call(request("/a"));
        let Ok(refused) = service.call(request("/b")).await;
        assert_eq!(refused.status(), http::StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()["retry-after"], "1");
        assert_eq!(refused.headers()["content-type"], crate::PROBLEM_JSON);
    }
}
