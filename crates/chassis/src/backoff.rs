//! How long to wait after a failure: doubled with each failure in a row up to a longest wait, and jittered, so that those
//! who failed together do not come back together. Owns the arithmetic; counting failures is left to the users.

use std::time::Duration;

use crate::ports::Random;

/// Which part of a wait is drawn by lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// None: the wait is the bound itself.
    None,
    /// The upper half: from half the bound to the bound.
    Half,
    /// All of it: from nothing to the bound.
    Full,
}

/// A rule for waits that grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    jitter: Jitter,
}

impl Backoff {
    /// Waits bounded by `first`, then twice that, and so on, up to `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration, jitter: Jitter) -> Self {
        Self { first, longest, jitter }
    }

    /// The longest wait after so many failures in a row, the first being 1.
    #[must_use]
    pub fn bound(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }

    /// The wait after so many failures in a row, the first being 1.
    #[must_use]
    pub fn wait(&self, failures: u32, random: &dyn Random) -> Duration {
        let bound = self.bound(failures);
        match self.jitter {
            Jitter::None => bound,
            Jitter::Half => bound.mul_f64(0.5 + random.fraction() / 2.0),
            Jitter::Full => bound.mul_f64(random.fraction()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SeededRandom;

    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(5);

    #[test]
    fn waits_double_up_to_the_longest() {
        let backoff = Backoff::new(FIRST, LONGEST, Jitter::None);
        let random = SeededRandom::new(1);
        for (failures, millis) in [(0, 100), (1, 100), (2, 200), (3, 400), (6, 3200), (7, 5000), (u32::MAX, 5000)] {
            assert_eq!(backoff.wait(failures, &random), Duration::from_millis(millis), "{failures}");
        }
    }

    #[test]
    fn jitter_spreads_over_its_part_and_no_further() {
        let random = SeededRandom::new(1);
        for (jitter, least) in [(Jitter::Half, LONGEST / 2), (Jitter::Full, Duration::ZERO)] {
            let backoff = Backoff::new(FIRST, LONGEST, jitter);
            let waits: Vec<_> = (0..1000).map(|_| backoff.wait(30, &random)).collect();
            assert!(waits.iter().all(|wait| (least..=LONGEST).contains(wait)), "{jitter:?}");
            let span = LONGEST - least;
            for part in [least + span / 10, LONGEST - span / 10] {
                assert!(waits.iter().any(|wait| *wait < part) && waits.iter().any(|wait| *wait > part), "{jitter:?}");
            }
        }
    }
}
