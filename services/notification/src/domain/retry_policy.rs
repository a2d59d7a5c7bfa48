//! What becomes of a mail after an attempt to send it.

use std::time::Duration;

use chassis::backoff::{Backoff, Jitter};
use chrono::{DateTime, TimeDelta, Utc};

/// What becomes of a claimed mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was handed over.
    Sent,
    /// Its recipient was forgotten.
    Cancelled,
    /// It is tried again.
    Retry {
        /// Not before.
        due_at: DateTime<Utc>,
        /// Why, without anything personal.
        reason: String,
    },
    /// It will never be sent.
    Failed {
        /// Why, without anything personal.
        reason: String,
    },
    /// It was tried for as long as mails are.
    Expired {
        /// Why the last attempt failed, without anything personal.
        reason: String,
    },
}

impl Verdict {
    /// All outcomes, for metrics.
    pub const OUTCOMES: [&'static str; 5] = ["sent", "cancelled", "retried", "failed", "expired"];

    /// Its name for metrics.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Cancelled => "cancelled",
            Self::Retry { .. } => "retried",
            Self::Failed { .. } => "failed",
            Self::Expired { .. } => "expired",
        }
    }
}

/// How often and how long a mail is tried.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Wait after the first failed attempt; each further one doubles it.
    pub first: Duration,
    /// Longest wait.
    pub longest: Duration,
    /// Age at which a mail is given up.
    pub give_up: Duration,
}

impl RetryPolicy {
    /// When to try again after `attempts` failed ones; `None` if it is time to give up. `jitter`, from 0 to 1, spreads
    /// the waits between half and all of their length, so that the mails of an outage do not come back all at once.
    /// The last attempt is made at the moment of giving up.
    #[must_use]
    pub fn next_attempt(
        &self,
        attempts: u32,
        queued_at: DateTime<Utc>,
        now: DateTime<Utc>,
        jitter: f64,
    ) -> Option<DateTime<Utc>> {
        let end = queued_at + delta(self.give_up);
        let bound = Backoff::new(self.first, self.longest, Jitter::None).bound(attempts);
        let wait = bound.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0));
        (now < end).then(|| (now + delta(wait)).min(end))
    }
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn wait(attempts: u32, age: u64, jitter: f64) -> Option<i64> {
        let policy = RetryPolicy { first: seconds(2), longest: seconds(60), give_up: seconds(1000) };
        let queued_at = DateTime::UNIX_EPOCH;
        let now = queued_at + delta(seconds(age));
        policy.next_attempt(attempts, queued_at, now, jitter).map(|due_at| (due_at - now).num_milliseconds())
    }

    #[test]
    fn waits_double_up_to_the_longest_and_spread_over_their_second_half() {
        let full: Vec<_> = [1, 2, 3, 6, 7, 4_000_000].map(|attempts| wait(attempts, 0, 1.0)).to_vec();
        assert_eq!(full, [2, 4, 8, 60, 60, 60].map(|s| Some(s * 1000)));
        assert_eq!(wait(1, 0, 0.0), Some(1000));
        assert_eq!(wait(2, 0, 0.5), Some(3000));
    }

    #[test]
    fn the_last_attempt_is_made_at_the_end_and_then_it_is_over() {
        assert_eq!(wait(7, 970, 1.0), Some(30_000));
        assert_eq!(wait(7, 999, 1.0), Some(1_000));
        assert_eq!(wait(7, 1000, 1.0), None);
        assert_eq!(wait(1, 5000, 1.0), None, "also if it never came to an attempt before");
    }
}
