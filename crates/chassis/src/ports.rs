//! Time, sleep and randomness as ports: code that retries, waits or draws lots asks these and never the machine, so that
//! a test can run it on a clock and a seed of its own. Owns the two traits, their real implementations and a seeded
//! source of randomness; who needs what is left to the users.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rand::RngExt;
use tokio::time::Instant;

/// A sleep in progress.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Time and sleep.
pub trait Clock: Send + Sync {
    /// The monotonic time, for durations and deadlines.
    fn now(&self) -> Instant;

    /// The time of day, for what is stored or sent.
    fn utc(&self) -> SystemTime;

    /// Ends at `deadline`.
    fn sleep_until(&self, deadline: Instant) -> Sleep;

    /// Ends after `duration`.
    fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }
}

/// Randomness that decides about waits, spread and ids, and never about secrets.
pub trait Random: Send + Sync {
    /// 64 random bits.
    fn bits(&self) -> u64;

    /// A number from 0 inclusive to 1 exclusive.
    fn fraction(&self) -> f64 {
        // A double has 53 bits of precision.
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
        let bits = (self.bits() >> 11) as f64;
        bits / (1_u64 << 53) as f64
    }

    /// A whole number below `bound`; 0 for a bound of 0.
    fn below(&self, bound: usize) -> usize {
        // Multiplying keeps the high bits, which a remainder would throw away.
        usize::try_from((u128::from(self.bits()) * bound as u128) >> 64).unwrap_or(0)
    }
}

/// Both ports, handed through together. Cloning it shares them.
#[derive(Clone)]
pub struct Ports {
    /// Time and sleep.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

/// The real ones: tokio's clock, which a test may pause, and the operating system's randomness.
impl Default for Ports {
    fn default() -> Self {
        Self { clock: Arc::new(TokioClock), random: Arc::new(ThreadRandom) }
    }
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// The clock of the tokio runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioClock;

impl Clock for TokioClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn utc(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        Box::pin(tokio::time::sleep_until(deadline))
    }
}

/// The generator of the running thread, seeded by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadRandom;

impl Random for ThreadRandom {
    fn bits(&self) -> u64 {
        rand::rng().random()
    }
}

/// The same sequence for the same seed, whoever asks (SplitMix64, whose constants these are).
#[derive(Debug)]
pub struct SeededRandom(AtomicU64);

impl SeededRandom {
    /// The sequence of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Random for SeededRandom {
    fn bits(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_sequence_and_every_number_is_in_its_range() {
        let draw = |seed| {
            let random = SeededRandom::new(seed);
            (0..1000).map(|_| random.bits()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        // The first number of the published reference for seed 0.
        assert_eq!(draw(0)[0], 0xe220_a839_7b1d_cdaf);
        let random = SeededRandom::new(1);
        assert!((0..1000).all(|_| (0.0..1.0).contains(&random.fraction())));
        let lots: Vec<_> = (0..1000).map(|_| random.below(3)).collect();
        assert!((0..3).all(|lot| lots.contains(&lot)) && lots.iter().all(|lot| *lot < 3));
        assert_eq!(random.below(0), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_real_clock_is_the_one_that_tests_pause() {
        let ports = Ports::default();
        let start = ports.clock.now();
        ports.clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(ports.clock.now() - start, Duration::from_secs(3600));
    }
}
