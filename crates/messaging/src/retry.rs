//! The retry ladder: how long a message waits after each failed attempt, and when it is parked.

use std::time::Duration;

/// Steps a ladder may have; each is a queue of its own on a broker.
const MAX_STEPS: usize = 10;

/// The longest wait: a day.
const MAX_WAIT: Duration = Duration::from_hours(24);

/// Waits between attempts. A message is tried once more than there are steps, then parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder(Vec<Duration>);

/// A ladder that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("retry ladder: {0}")]
pub struct BadLadder(String);

impl Ladder {
    /// A ladder of rising waits of 1 ms to 24 h; none parks a message at its first failure.
    ///
    /// # Errors
    /// If there are more than ten steps, or a step is out of range or not longer than the one before.
    pub fn new(steps: Vec<Duration>) -> Result<Self, BadLadder> {
        if steps.len() > MAX_STEPS {
            return Err(BadLadder(format!("{} steps, at most {MAX_STEPS} are allowed", steps.len())));
        }
        if let Some(step) = steps.iter().find(|step| **step < Duration::from_millis(1) || **step > MAX_WAIT) {
            return Err(BadLadder(format!("a step of {step:?} is not between 1 ms and 24 h")));
        }
        if steps.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(BadLadder("each step has to be longer than the one before".to_owned()));
        }
        Ok(Self(steps))
    }

    /// The wait after `failures` failed attempts, of which there is at least one; `None` if it is time to park.
    #[must_use]
    pub fn wait(&self, failures: u32) -> Option<Duration> {
        let step = usize::try_from(failures).ok()?.checked_sub(1)?;
        self.0.get(step).copied()
    }

    /// All waits.
    #[must_use]
    pub fn steps(&self) -> &[Duration] {
        &self.0
    }
}

impl Default for Ladder {
    /// 1 s, 10 s, 60 s.
    fn default() -> Self {
        Self([1, 10, 60].map(Duration::from_secs).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_climbed_and_then_it_is_over() {
        let ladder = Ladder::default();
        let waits: Vec<_> = (0..6).map(|failures| ladder.wait(failures).map(|wait| wait.as_secs())).collect();
        assert_eq!(waits, [None, Some(1), Some(10), Some(60), None, None]);
        assert_eq!(Ladder::new(Vec::new()).expect("valid").wait(1), None);
    }

    #[test]
    fn ladders_that_make_no_sense_are_refused() {
        let seconds = |steps: &[u64]| Ladder::new(steps.iter().copied().map(Duration::from_secs).collect());
        for (steps, reason) in [
            (&[1; 11][..], "at most 10"),
            (&[0], "between 1 ms and 24 h"),
            (&[86_401], "between 1 ms and 24 h"),
            (&[2, 1], "longer than the one before"),
            (&[1, 1], "longer than the one before"),
        ] {
            assert!(seconds(steps).expect_err("refused").to_string().contains(reason), "{steps:?}");
        }
    }
}
