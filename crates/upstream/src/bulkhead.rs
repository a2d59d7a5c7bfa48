//! How much of us one callee may tie up: at most so many attempts at a time; more wait a moment for a place, then fail.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chassis::ports::Clock;
use http::{Request, Response};
use telemetry::{Counter, Gauge};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service, ServiceExt};

use crate::attempt::{Attempt, Call, refuse};
use chassis::{Kind, Problem};

/// How long a call may wait for a place: long enough for a burst that the callee swallows at its usual pace, too short
/// for a queue to build up in front of one that hangs.
const WAIT: Duration = Duration::from_millis(50);

/// When a refused caller may come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Limits the attempts on one callee.
#[derive(Clone)]
pub(crate) struct BulkheadLayer(Arc<Places>);

struct Places {
    free: Arc<Semaphore>,
    active: Gauge,
    rejections: Counter,
    clock: Arc<dyn Clock>,
}

impl BulkheadLayer {
    pub(crate) fn new(callee: &'static str, limit: usize, clock: Arc<dyn Clock>) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        let active = telemetry::gauge!("rpc_client_active_calls", "callee" => callee);
        active.set(0.0);
        telemetry::gauge!("rpc_client_max_calls", "callee" => callee).set(limit as f64);
        let rejections = crate::attempt::rejections(callee, "too_many");
        Self(Arc::new(Places { free: Arc::new(Semaphore::new(limit)), active, rejections, clock }))
    }
}

impl<S> Layer<S> for BulkheadLayer {
    type Service = Bulkhead<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Bulkhead { inner, places: Arc::clone(&self.0) }
    }
}

/// See [`BulkheadLayer`].
#[derive(Clone)]
pub(crate) struct Bulkhead<S> {
    inner: S,
    places: Arc<Places>,
}

impl<S: Attempt + Send + 'static> Service<Request<Bytes>> for Bulkhead<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Call;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (places, inner) = (Arc::clone(&self.places), self.inner.clone());
        Box::pin(async move {
            let Some(_place) = places.take().await else {
                places.rejections.increment(1);
                let problem = Problem::new(Kind::Overloaded, "overloaded", "Too many requests need the same service.");
                return Ok(refuse(Status::from(problem.retry_after(RETRY_AFTER))));
            };
            inner.oneshot(request).await
        })
    }
}

impl Places {
    async fn take(&self) -> Option<Place> {
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => tokio::select! {
                permit = Arc::clone(&self.free).acquire_owned() => permit.ok()?,
                () = self.clock.sleep(WAIT) => return None,
            },
        };
        self.active.increment(1.0);
        Some(Place { _permit: permit, active: self.active.clone() })
    }
}

/// A place taken, until it is dropped.
struct Place {
    _permit: OwnedSemaphorePermit,
    active: Gauge,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.active.decrement(1.0);
    }
}

#[cfg(test)]
#[path = "bulkhead_tests.rs"]
mod tests;
