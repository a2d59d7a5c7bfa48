//! Repeats calls that failed, where that helps and does no harm: the contract declares the call idempotent, the callee
//! was unavailable or asked to be called again, there is time, and the budget has room.
//!
//! A call is repeated only while nothing of its answer has arrived; a status alone is not an answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chassis::backoff::{Backoff, Jitter};
use chassis::ports::Ports;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use telemetry::Counter;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower::{Layer, Service, ServiceExt};

use crate::attempt::{Attempt, Call, Refused, code_of, refuse};
use crate::budget::Budget;
use crate::limit::Due;

/// Pauses between attempts.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1), Jitter::Full);

/// Bytes of a request that is kept in memory: what gRPC peers receive by default. Ours accept less.
const MAX_REQUEST: usize = 4 * 1024 * 1024;

/// Tells the callee how many attempts there were before, as gRPC proposal A6 names it.
const PREVIOUS_ATTEMPTS: &str = "grpc-previous-rpc-attempts";

/// Milliseconds to wait before the next attempt, set by the callee (A6); negative for "do not".
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Repeats calls to one callee.
#[derive(Clone)]
pub(crate) struct RetryLayer(Arc<Policy>);

struct Policy {
    attempts: u32,
    budget: Budget,
    ports: Ports,
    repeated: Counter,
    used_up: Counter,
    over_budget: Counter,
    too_late: Counter,
}

impl RetryLayer {
    /// At most `attempts`, the first included.
    pub(crate) fn new(callee: &'static str, attempts: u32, ports: Ports) -> Self {
        let counter = |outcome: &'static str| {
            let counter = telemetry::counter!("rpc_client_retries_total", "callee" => callee, "outcome" => outcome);
            counter.absolute(0);
            counter
        };
        Self(Arc::new(Policy {
            attempts,
            budget: Budget::new(),
            ports,
            repeated: counter("repeated"),
            used_up: counter("used_up"),
            over_budget: counter("over_budget"),
            too_late: counter("too_late"),
        }))
    }
}

impl<S> Layer<S> for RetryLayer {
    type Service = Retry<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Retry { inner, policy: Arc::clone(&self.0) }
    }
}

/// See [`RetryLayer`].
#[derive(Clone)]
pub(crate) struct Retry<S> {
    inner: S,
    policy: Arc<Policy>,
}

impl<S: Attempt + Send + 'static> Service<Request<Body>> for Retry<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Call;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (policy, inner) = (Arc::clone(&self.policy), self.inner.clone());
        Box::pin(async move {
            match in_memory(request).await {
                Ok(request) => policy.run(inner, request).await,
                Err(status) => Ok(refuse(status)),
            }
        })
    }
}

/// Reads the whole request, so that it can be sent again.
async fn in_memory(request: Request<Body>) -> Result<Request<Bytes>, Status> {
    let (parts, body) = request.into_parts();
    match Limited::new(body, MAX_REQUEST).collect().await {
        Ok(body) => Ok(Request::from_parts(parts, body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Status::out_of_range(format!("a request may have {MAX_REQUEST} bytes")))
        }
        Err(error) => Err(Status::from_error(error)),
    }
}

impl Policy {
    async fn run(&self, inner: impl Attempt, mut request: Request<Bytes>) -> Result<Response<Body>, Infallible> {
        let attempts = if contracts::is_idempotent(request.uri().path()) { self.attempts } else { 1 };
        let due = Due::of(&request);
        self.budget.deposit();
        for attempt in 1..attempts {
            let response = inner.clone().oneshot(request.clone()).await?;
            let Some(pause) = self.pause(&response, attempt) else { return Ok(response) };
            if due.is_some_and(|due| self.ports.clock.now() + pause >= due) {
                self.too_late.increment(1);
                return Ok(response);
            }
            if !self.budget.withdraw() {
                self.over_budget.increment(1);
                return Ok(response);
            }
            self.ports.clock.sleep(pause).await;
            self.repeated.increment(1);
            request.headers_mut().insert(PREVIOUS_ATTEMPTS, HeaderValue::from(attempt));
        }
        let response = inner.oneshot(request).await?;
        if attempts > 1 && self.pause(&response, attempts).is_some() {
            self.used_up.increment(1);
        }
        Ok(response)
    }

    /// How long to wait before the attempt after this one; nothing if this answer stands.
    fn pause(&self, response: &Response<Body>, attempt: u32) -> Option<Duration> {
        // Only a status in the head: what has begun to answer is not asked again.
        let code = code_of(response)?;
        let refused_here = response.extensions().get::<Refused>().is_some();
        if refused_here || !matches!(code, Code::Unavailable | Code::ResourceExhausted) {
            return None;
        }
        if let Some(asked) = response.headers().get(PUSHBACK) {
            // Malformed counts as negative, as A6 has it.
            return asked.to_str().ok()?.parse().ok().map(Duration::from_millis);
        }
        let status = Status::from_header_map(response.headers())?;
        let asked = status.get_details_retry_info().and_then(|info| info.retry_delay);
        match code {
            Code::ResourceExhausted => asked,
            _ => Some(asked.unwrap_or_else(|| PAUSES.wait(attempt, &*self.ports.random))),
        }
    }
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
