//! A circuit breaker for each type of events. Of a type that the broker did not take, one event is tried after growing
//! waits; the others of that type wait until that one was taken. So neither the broker nor the traces are flooded with
//! attempts that cannot succeed, however many events there are, and each change is logged once.

use std::collections::HashMap;
use std::time::Duration;

use chassis::backoff::{Backoff, Jitter};
use tokio::time::Instant;

use crate::errors::PublishError;

/// The wait after the first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Longest wait of an event that no queue wants: there may be very many of them, and nobody is waiting for any.
const UNWANTED_WAIT: Duration = Duration::from_secs(60);

/// A type that goes back and forth is logged this often at most.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The breakers of all types that failed at least once.
pub(crate) struct TypeBreakers {
    longest_wait: Duration,
    by_type: HashMap<String, Breaker>,
}

struct Breaker {
    /// Since an event of the type was last taken; 0 while the breaker is closed.
    failures: u32,
    /// When the next event may be tried.
    open_until: Instant,
    /// Bounded name of the last failure.
    error_type: &'static str,
    /// When a failure of that name was last logged.
    logged_at: Option<Instant>,
    /// Whether the log still says that the type fails.
    logged_as_failing: bool,
}

/// Whether events of a type may be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// All of them.
    Closed,
    /// One of them, to see whether it is taken.
    HalfOpen,
    /// None.
    Open,
}

impl TypeBreakers {
    /// No type waits longer than `longest_wait` for its next attempt.
    pub(crate) fn new(longest_wait: Duration) -> Self {
        Self { longest_wait, by_type: HashMap::new() }
    }

    /// What may be done with events of that type.
    pub(crate) fn state(&self, kind: &str, now: Instant) -> State {
        match self.by_type.get(kind).filter(|breaker| breaker.failures > 0) {
            None => State::Closed,
            Some(breaker) if breaker.open_until <= now => State::HalfOpen,
            Some(_) => State::Open,
        }
    }

    /// An event of that type was taken. Answers whether to log that.
    pub(crate) fn record_success(&mut self, kind: &str) -> bool {
        let Some(breaker) = self.by_type.get_mut(kind) else { return false };
        breaker.failures = 0;
        std::mem::take(&mut breaker.logged_as_failing)
    }

    /// An event of that type was not taken. Answers whether to log that.
    pub(crate) fn record_failure(&mut self, kind: &str, error: &PublishError, now: Instant) -> bool {
        let error_type = error.error_type();
        let new = Breaker { failures: 0, open_until: now, error_type, logged_at: None, logged_as_failing: false };
        let breaker = self.by_type.entry(kind.to_owned()).or_insert(new);
        let changed = breaker.failures == 0 || breaker.error_type != error_type;
        let logged_lately =
            breaker.error_type == error_type && breaker.logged_at.is_some_and(|at| now < at + LOG_INTERVAL);
        breaker.error_type = error_type;
        // Those that were published together with the one that failed first are no further attempts.
        if breaker.failures == 0 || breaker.open_until <= now {
            breaker.failures = breaker.failures.saturating_add(1);
            breaker.open_until = now + wait(breaker.failures, self.longest_wait);
        }
        let log = changed && !logged_lately;
        if log {
            (breaker.logged_at, breaker.logged_as_failing) = (Some(now), true);
        }
        log
    }

    /// How long an event of that type waits until it is claimed again, having been claimed `attempts` times.
    pub(crate) fn retry_delay(&self, kind: &str, attempts: u32) -> Duration {
        let unwanted = self.by_type.get(kind).is_some_and(|breaker| breaker.error_type == "returned");
        wait(attempts, if unwanted { UNWANTED_WAIT.max(self.longest_wait) } else { self.longest_wait })
    }
}

fn wait(failures: u32, longest: Duration) -> Duration {
    Backoff::new(FIRST_WAIT, longest, Jitter::None).bound(failures)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(5);

    fn returned() -> PublishError {
        PublishError::Returned("nobody".to_owned())
    }

    #[test]
    fn a_type_that_is_not_taken_is_probed_after_growing_waits() {
        let (mut breakers, start) = (TypeBreakers::new(LONGEST), Instant::now());
        let mut now = start;
        for wait in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000].map(Duration::from_millis) {
            assert_ne!(breakers.state("user.registered", now), State::Open);
            for _of_one_batch in 0..100 {
                breakers.record_failure("user.registered", &returned(), now);
            }
            assert_eq!(breakers.state("user.registered", now + wait - Duration::from_millis(1)), State::Open);
            now += wait;
            assert_eq!(breakers.state("user.registered", now), State::HalfOpen);
        }
        assert_eq!(breakers.state("user.deleted", now), State::Closed, "other types are taken");
        breakers.record_success("user.registered");
        assert_eq!(breakers.state("user.registered", now), State::Closed);
        breakers.record_failure("user.registered", &returned(), now);
        assert_eq!(breakers.state("user.registered", now + FIRST_WAIT), State::HalfOpen, "waits begin anew");
    }

    #[test]
    fn only_changes_are_logged() {
        let (mut breakers, now) = (TypeBreakers::new(LONGEST), Instant::now());
        assert!(!breakers.record_success("user.registered"), "that it works is not logged");
        assert!(breakers.record_failure("user.registered", &returned(), now));
        for _ in 0..100 {
            assert!(!breakers.record_failure("user.registered", &returned(), now + 2 * LOG_INTERVAL), "it is known");
        }
        assert!(breakers.record_failure("user.deleted", &returned(), now), "another type");
        assert!(breakers.record_failure("user.registered", &PublishError::Timeout, now), "another reason");
        assert!(breakers.record_success("user.registered"), "it is over");
        assert!(!breakers.record_success("user.registered"), "and that is known");
    }

    #[test]
    fn a_type_that_goes_back_and_forth_is_logged_now_and_then() {
        let (mut breakers, start) = (TypeBreakers::new(LONGEST), Instant::now());
        let mut lines = 0;
        for second in 0..180 {
            let now = start + Duration::from_secs(second);
            lines += u32::from(breakers.record_failure("user.registered", &returned(), now));
            lines += u32::from(breakers.record_success("user.registered"));
        }
        assert_eq!(lines, 6, "twice a minute");
    }

    #[test]
    fn events_that_nobody_wants_are_tried_more_and_more_rarely() {
        let (mut breakers, now) = (TypeBreakers::new(LONGEST), Instant::now());
        breakers.record_failure("user.registered", &returned(), now);
        breakers.record_failure("user.deleted", &PublishError::Timeout, now);
        for (attempts, unwanted, others) in [(1, 100, 100), (7, 6_400, 5_000), (u32::MAX, 60_000, 5_000)] {
            assert_eq!(breakers.retry_delay("user.registered", attempts), Duration::from_millis(unwanted));
            assert_eq!(breakers.retry_delay("user.deleted", attempts), Duration::from_millis(others));
        }
    }
}
