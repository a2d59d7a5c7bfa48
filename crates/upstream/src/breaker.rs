//! Circuit breaker of one callee: the tower layer, what counts as a failure, and the metrics. When it opens and closes
//! is decided in [`circuit`].
//!
//! A failure is an `UNAVAILABLE` (a broken or refused connection is one), a `DEADLINE_EXCEEDED`, or no answer until the
//! time was over; the last two only if the callee had at least half of its usual time. `RESOURCE_EXHAUSTED` is none: the
//! callee lives and says what it can take, and shutting it off would turn a bad minute into an outage. Nor is any other
//! code: a bug in one method must not take the others along. A call that its own caller gave up says nothing.

mod circuit;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chassis::ports::Ports;
use http::{Request, Response};
use telemetry::{Counter, Gauge};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service, ServiceExt};

use self::circuit::{Circuit, Outcome, Phase, Trip};
use crate::attempt::{Attempt, Call, Refused, code_of, refuse};
use crate::limit::Due;
use crate::settings::Settings;
use chassis::{Kind, Problem};

/// Names of the states in metrics and logs, in the order of [`Phase::index`].
const STATES: [&str; 3] = ["closed", "open", "half_open"];

/// Protects, and is protected from, one callee.
#[derive(Clone)]
pub(crate) struct BreakerLayer(Arc<Breaker>);

struct Breaker {
    callee: &'static str,
    /// A time-out counts if the callee had at least this long.
    fair: Duration,
    circuit: Mutex<Circuit>,
    ports: Ports,
    states: [Gauge; 3],
    transitions: [Counter; 3],
    rejections: Counter,
}

impl BreakerLayer {
    pub(crate) fn new(callee: &'static str, settings: &Settings, ports: Ports) -> Self {
        let trip = Trip { ratio: settings.breaker_failure_ratio, open: settings.breaker_open };
        let state =
            |name: &'static str| telemetry::gauge!("rpc_client_breaker_state", "callee" => callee, "state" => name);
        let transition = |name: &'static str| {
            let counter =
                telemetry::counter!("rpc_client_breaker_transitions_total", "callee" => callee, "state" => name);
            counter.absolute(0);
            counter
        };
        let breaker = Breaker {
            callee,
            fair: settings.timeout / 2,
            circuit: Mutex::new(Circuit::new(trip, ports.clock.now())),
            ports,
            states: STATES.map(state),
            transitions: STATES.map(transition),
            rejections: crate::attempt::rejections(callee, "breaker_open"),
        };
        breaker.show(Phase::Closed);
        Self(Arc::new(breaker))
    }
}

impl<S> Layer<S> for BreakerLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded { inner, breaker: Arc::clone(&self.0) }
    }
}

/// See [`BreakerLayer`].
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    inner: S,
    breaker: Arc<Breaker>,
}

impl<S: Attempt + Send + 'static> Service<Request<Bytes>> for Guarded<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Call;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let mut admitted = match AdmittedCall::admit(&self.breaker, Due::of(&request)) {
            Ok(admitted) => admitted,
            Err(wait) => {
                self.breaker.rejections.increment(1);
                let problem =
                    Problem::new(Kind::Unavailable, "unavailable", "A service this request needs is not reachable.")
                        .retry_after(wait);
                return Box::pin(std::future::ready(Ok(refuse(Status::from(problem)))));
            }
        };
        let inner = self.inner.clone();
        Box::pin(async move {
            let response = inner.oneshot(request).await?;
            admitted.settle(&response);
            Ok(response)
        })
    }
}

/// An admitted call. Dropping it unsettled means that nobody waits for it any more.
struct AdmittedCall {
    breaker: Arc<Breaker>,
    ticket: u64,
    /// Until when the callee may take its time, if that is a fair time.
    due: Option<Instant>,
    settled: bool,
}

impl AdmittedCall {
    fn admit(breaker: &Arc<Breaker>, due: Option<Instant>) -> Result<Self, Duration> {
        let now = breaker.ports.clock.now();
        let ticket = breaker.change(|circuit| circuit.admit(now))?;
        let due = due.filter(|due| due.saturating_duration_since(now) >= breaker.fair);
        Ok(Self { breaker: Arc::clone(breaker), ticket, due, settled: false })
    }

    fn settle(&mut self, response: &Response<Body>) {
        let outcome = match code_of(response) {
            _ if response.extensions().get::<Refused>().is_some() => Outcome::Unknown,
            Some(Code::Unavailable) => Outcome::Failure,
            Some(Code::DeadlineExceeded) if self.due.is_some() => Outcome::Failure,
            Some(Code::DeadlineExceeded) => Outcome::Unknown,
            _ => Outcome::Success,
        };
        self.report(outcome);
    }

    fn report(&mut self, outcome: Outcome) {
        self.settled = true;
        let (ticket, breaker) = (self.ticket, &self.breaker);
        let (now, random) = (breaker.ports.clock.now(), &*breaker.ports.random);
        if breaker.change(|circuit| circuit.settle(ticket, outcome, now, random)) {
            breaker.wake_when_due();
        }
    }
}

impl Drop for AdmittedCall {
    fn drop(&mut self) {
        if !self.settled {
            // The deadline layer drops us when the time is over; anybody else who does has lost interest.
            let over = self.due.is_some_and(|due| self.breaker.ports.clock.now() >= due);
            self.report(if over { Outcome::Failure } else { Outcome::Unknown });
        }
    }
}

impl Breaker {
    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the circuit, and counts and logs it if that has changed the state.
    fn change<T>(&self, act: impl FnOnce(&mut Circuit) -> T) -> T {
        let (before, result, after) = {
            let mut circuit = self.circuit();
            let before = circuit.phase();
            (before, act(&mut circuit), circuit.phase())
        };
        if before.index() != after.index() {
            self.show(after);
            self.transitions[after.index()].increment(1);
            match after {
                Phase::Open { .. } => tracing::warn!(callee = self.callee, "circuit breaker opened"),
                Phase::HalfOpen { .. } => tracing::info!(callee = self.callee, "circuit breaker lets probes through"),
                Phase::Closed => tracing::info!(callee = self.callee, "circuit breaker closed"),
            }
        }
        result
    }

    fn show(&self, phase: Phase) {
        for (index, gauge) in self.states.iter().enumerate() {
            gauge.set(f64::from(u8::from(index == phase.index())));
        }
    }

    /// Turns half open on time also without a call, so that the gauge tells the truth about an idle callee.
    fn wake_when_due(self: &Arc<Self>) {
        let Phase::Open { until } = self.circuit().phase() else { return };
        // Without a runtime nobody calls, and the next call looks at the clock itself.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (breaker, clock) = (Arc::downgrade(self), Arc::clone(&self.ports.clock));
        runtime.spawn(async move {
            clock.sleep_until(until).await;
            if let Some(breaker) = breaker.upgrade() {
                breaker.change(|circuit| circuit.refresh(clock.now()));
            }
        });
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
