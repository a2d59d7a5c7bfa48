//! How far a run has come, for one short line every now and then.
//!
//! Goose can print its tables while it runs, but during the start it prints all of them for each new user.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Requests answered or given up, in this process.
static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// Those of them that failed.
static FAILED: AtomicU64 = AtomicU64::new(0);

/// Count a request.
pub(crate) fn count_request() {
    REQUESTS.fetch_add(1, Ordering::Relaxed);
}

/// Count a request as failed, after [`count_request`].
pub(crate) fn count_failure() {
    FAILED.fetch_add(1, Ordering::Relaxed);
}

/// What has happened up to now.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    elapsed: Duration,
    requests: u64,
    failed: u64,
}

impl Progress {
    /// The counts now, `elapsed` into the run.
    pub(crate) fn after(elapsed: Duration) -> Self {
        Self { elapsed, requests: REQUESTS.load(Ordering::Relaxed), failed: FAILED.load(Ordering::Relaxed) }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>5} s: {} requests, {} failed", self.elapsed.as_secs(), self.requests, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_how_many_and_how_many_failed() {
        let progress = Progress { elapsed: Duration::from_millis(20_400), requests: 310, failed: 2 };
        assert_eq!(progress.to_string(), "   20 s: 310 requests, 2 failed");
    }
}
