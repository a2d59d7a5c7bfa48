//! How many retries a callee may be given: a share of the calls, so that an outage does not multiply its load.

use std::sync::atomic::{AtomicU32, Ordering};

/// Tokens are counted in tenths. Each call brings one tenth: at most one retry for ten calls in the long run, which
/// keeps the load of a callee that is down at 1.1 times the normal.
const DEPOSIT: u32 = 1;

/// What a retry costs.
const PRICE: u32 = 10;

/// What can be saved, and what there is at the start: ten retries. A callee that is called seldom can still be
/// retried, and a short hiccup is covered whole.
const CAPACITY: u32 = 100;

/// A token bucket filled by calls, not by time: at any rate of calls the ratio is the same.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU32);

impl Budget {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(CAPACITY))
    }

    /// A call begins.
    pub(crate) fn deposit(&self) {
        let add = |tokens: u32| (tokens < CAPACITY).then_some(tokens + DEPOSIT);
        // Full is as good as filled.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Whether a retry may be made; takes its price if so.
    pub(crate) fn withdraw(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| tokens.checked_sub(PRICE)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_retries_are_there_at_once_and_one_more_for_ten_calls() {
        let budget = Budget::new();
        assert_eq!((0..100).filter(|_| budget.withdraw()).count(), 10);
        (0..9).for_each(|_| budget.deposit());
        assert!(!budget.withdraw());
        budget.deposit();
        assert!(budget.withdraw());
    }

    #[test]
    fn quiet_times_save_up_no_more_than_the_capacity() {
        let budget = Budget::new();
        (0..10_000).for_each(|_| budget.deposit());
        assert_eq!((0..100).filter(|_| budget.withdraw()).count(), 10);
    }
}
