//! When a breaker opens, probes and closes. No clock, no metrics, no I/O: time and randomness come in with each call.

use std::time::Duration;

use chassis::ports::Random;
use tokio::time::Instant;

use crate::window::Window;

/// Calls the window must hold before their ratio means anything: two failures out of three are no outage.
const MIN_CALLS: u32 = 20;

/// Probes let through when the time of rest is over, and how many have to succeed. One success may be luck.
const PROBES: u32 = 3;

/// What callers are told to wait while the probes are on their way.
const PROBE_WAIT: Duration = Duration::from_secs(1);

/// How much longer than configured a breaker may stay open, at random, so that the callers of a service that comes
/// back do not all probe it at once.
const JITTER: f64 = 0.2;

/// When to open, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trip {
    /// Share of failures in the window.
    pub(super) ratio: f64,
    /// Shortest time of rest.
    pub(super) open: Duration,
}

/// What came of an admitted call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failure,
    /// It says nothing about the callee.
    Unknown,
}

/// The three states.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Phase {
    Closed,
    Open { until: Instant },
    HalfOpen { admitted: u32, passed: u32 },
}

impl Phase {
    pub(super) fn index(self) -> usize {
        match self {
            Self::Closed => 0,
            Self::Open { .. } => 1,
            Self::HalfOpen { .. } => 2,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Circuit {
    trip: Trip,
    phase: Phase,
    window: Window,
    /// Grows with each change of phase: what was admitted before says nothing about now.
    epoch: u64,
}

impl Circuit {
    pub(super) fn new(trip: Trip, now: Instant) -> Self {
        Self { trip, phase: Phase::Closed, window: Window::new(now), epoch: 0 }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Lets a call through and answers the ticket to settle it with, or refuses it and answers when to ask again.
    pub(super) fn admit(&mut self, now: Instant) -> Result<u64, Duration> {
        self.refresh(now);
        match &mut self.phase {
            Phase::Closed => Ok(self.epoch),
            Phase::Open { until } => Err(until.saturating_duration_since(now)),
            Phase::HalfOpen { admitted, .. } if *admitted < PROBES => {
                *admitted += 1;
                Ok(self.epoch)
            }
            Phase::HalfOpen { .. } => Err(PROBE_WAIT),
        }
    }

    /// Counts what came of an admitted call; answers whether that has opened the breaker.
    pub(super) fn settle(&mut self, ticket: u64, outcome: Outcome, now: Instant, random: &dyn Random) -> bool {
        if ticket != self.epoch {
            return false;
        }
        match (&mut self.phase, outcome) {
            (Phase::Closed, Outcome::Unknown) | (Phase::Open { .. }, _) => {}
            (Phase::Closed, outcome) => {
                self.window.record(now, outcome == Outcome::Failure);
                let (calls, failures) = self.window.totals(now);
                if calls >= MIN_CALLS && f64::from(failures) >= self.trip.ratio * f64::from(calls) {
                    self.open(now, random);
                    return true;
                }
            }
            (Phase::HalfOpen { .. }, Outcome::Failure) => {
                self.open(now, random);
                return true;
            }
            (Phase::HalfOpen { admitted, .. }, Outcome::Unknown) => *admitted -= 1,
            (Phase::HalfOpen { passed, .. }, Outcome::Success) => {
                *passed += 1;
                if *passed == PROBES {
                    self.window = Window::new(now);
                    self.enter(Phase::Closed);
                }
            }
        }
        false
    }

    /// Ends the time of rest if it is over.
    pub(super) fn refresh(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Open { until } if now >= until) {
            self.enter(Phase::HalfOpen { admitted: 0, passed: 0 });
        }
    }

    fn open(&mut self, now: Instant, random: &dyn Random) {
        let stretch = 1.0 + JITTER * random.fraction();
        self.enter(Phase::Open { until: now + self.trip.open.mul_f64(stretch) });
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.epoch += 1;
    }
}

#[cfg(test)]
#[path = "circuit_tests.rs"]
mod tests;
