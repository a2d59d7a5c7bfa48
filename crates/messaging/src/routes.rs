//! What the broker takes now. Of a type of events that it did not take, one event is tried after growing waits; the
//! others of that type wait until that one was taken. So neither the broker nor the traces are flooded with attempts
//! that cannot succeed, however many events there are, and the log is told of each change once.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::ports::PublishError;

/// The wait after the first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Longest wait of an event that no queue wants: there may be very many of them, and nobody is waiting for any.
const UNWANTED_WAIT: Duration = Duration::from_secs(60);

/// A type that goes back and forth is reported this often at most.
const QUIET: Duration = Duration::from_secs(60);

/// Types of events that were not taken, and how long to leave them alone.
pub(crate) struct Routes {
    longest: Duration,
    closed: HashMap<String, Route>,
}

struct Route {
    /// Since the type was last taken; 0 if it is taken now.
    failures: u32,
    /// When to try the next one.
    until: Instant,
    /// Bounded name of the failure.
    class: &'static str,
    /// When the log was last told of that class, and whether it has to be told that it is over.
    told: Option<Instant>,
    announced: bool,
}

/// Whether events of a type may be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// All of them.
    Open,
    /// One of them, to see.
    Probe,
    /// None.
    Closed,
}

impl Routes {
    /// No type waits longer than `longest` for its next attempt.
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, closed: HashMap::new() }
    }

    /// What may be done with events of that type.
    pub(crate) fn passage(&self, kind: &str, now: Instant) -> Passage {
        match self.closed.get(kind).filter(|route| route.failures > 0) {
            None => Passage::Open,
            Some(route) if route.until <= now => Passage::Probe,
            Some(_) => Passage::Closed,
        }
    }

    /// An event of that type was taken. Answers whether that is news for the log.
    pub(crate) fn sent(&mut self, kind: &str) -> bool {
        let Some(route) = self.closed.get_mut(kind) else { return false };
        route.failures = 0;
        std::mem::take(&mut route.announced)
    }

    /// An event of that type was not taken. Answers whether that is news for the log.
    pub(crate) fn failed(&mut self, kind: &str, error: &PublishError, now: Instant) -> bool {
        let class = error.error_type();
        let fresh = Route { failures: 0, until: now, class, told: None, announced: false };
        let route = self.closed.entry(kind.to_owned()).or_insert(fresh);
        let changed = route.failures == 0 || route.class != class;
        let quiet = route.class == class && route.told.is_some_and(|told| now < told + QUIET);
        route.class = class;
        // Those that were published together with the one that failed first are no further attempts.
        if route.failures == 0 || route.until <= now {
            route.failures = route.failures.saturating_add(1);
            route.until = now + doubled(route.failures, self.longest);
        }
        let news = changed && !quiet;
        if news {
            (route.told, route.announced) = (Some(now), true);
        }
        news
    }

    /// How long an event of that type waits until it is looked at again, having been looked at `attempts` times.
    pub(crate) fn wait(&self, kind: &str, attempts: u32) -> Duration {
        let unwanted = self.closed.get(kind).is_some_and(|route| route.class == "returned");
        doubled(attempts, if unwanted { UNWANTED_WAIT.max(self.longest) } else { self.longest })
    }
}

fn doubled(times: u32, longest: Duration) -> Duration {
    FIRST_WAIT.saturating_mul(1 << times.saturating_sub(1).min(16)).min(longest)
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
        let (mut routes, start) = (Routes::new(LONGEST), Instant::now());
        let mut now = start;
        for wait in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000].map(Duration::from_millis) {
            assert_ne!(routes.passage("user.registered", now), Passage::Closed);
            for _of_one_batch in 0..100 {
                routes.failed("user.registered", &returned(), now);
            }
            assert_eq!(routes.passage("user.registered", now + wait - Duration::from_millis(1)), Passage::Closed);
            now += wait;
            assert_eq!(routes.passage("user.registered", now), Passage::Probe);
        }
        assert_eq!(routes.passage("user.deleted", now), Passage::Open, "other types are taken");
        routes.sent("user.registered");
        assert_eq!(routes.passage("user.registered", now), Passage::Open);
        routes.failed("user.registered", &returned(), now);
        assert_eq!(routes.passage("user.registered", now + FIRST_WAIT), Passage::Probe, "waits begin anew");
    }

    #[test]
    fn the_log_hears_of_changes_only() {
        let (mut routes, now) = (Routes::new(LONGEST), Instant::now());
        assert!(!routes.sent("user.registered"), "that it works is no news");
        assert!(routes.failed("user.registered", &returned(), now));
        for _ in 0..100 {
            assert!(!routes.failed("user.registered", &returned(), now + 2 * QUIET), "it is known");
        }
        assert!(routes.failed("user.deleted", &returned(), now), "another type");
        assert!(routes.failed("user.registered", &PublishError::Timeout, now), "another reason");
        assert!(routes.sent("user.registered"), "it is over");
        assert!(!routes.sent("user.registered"), "and that is known");
    }

    #[test]
    fn a_type_that_goes_back_and_forth_is_reported_now_and_then() {
        let (mut routes, start) = (Routes::new(LONGEST), Instant::now());
        let mut lines = 0;
        for second in 0..180 {
            let now = start + Duration::from_secs(second);
            lines += u32::from(routes.failed("user.registered", &returned(), now));
            lines += u32::from(routes.sent("user.registered"));
        }
        assert_eq!(lines, 6, "twice a minute");
    }

    #[test]
    fn events_that_nobody_wants_are_looked_at_more_and_more_rarely() {
        let (mut routes, now) = (Routes::new(LONGEST), Instant::now());
        routes.failed("user.registered", &returned(), now);
        routes.failed("user.deleted", &PublishError::Timeout, now);
        for (attempts, unwanted, others) in [(1, 100, 100), (7, 6_400, 5_000), (u32::MAX, 60_000, 5_000)] {
            assert_eq!(routes.wait("user.registered", attempts), Duration::from_millis(unwanted));
            assert_eq!(routes.wait("user.deleted", attempts), Duration::from_millis(others));
        }
    }
}
