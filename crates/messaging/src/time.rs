//! What this crate needs of time beyond the clock's own port: the time of day as a database stores it, and a limit for
//! work that may hang.

use std::time::Duration;

use chassis::ports::Clock;
use chrono::{DateTime, TimeDelta, Utc};

/// The work was not done in time and has been dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimedOut;

/// The time of day.
pub(crate) fn utc(clock: &dyn Clock) -> DateTime<Utc> {
    clock.utc().into()
}

/// A duration as the distance of two times of day; the longest there is if it is too long for that.
pub(crate) fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

/// Gives `work` at most `limit`.
pub(crate) async fn timeout<F: Future>(clock: &dyn Clock, limit: Duration, work: F) -> Result<F::Output, TimedOut> {
    tokio::select! {
        biased;
        outcome = work => Ok(outcome),
        () = clock.sleep(limit) => Err(TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chassis::ports::TokioClock;

    #[tokio::test(start_paused = true)]
    async fn work_that_hangs_is_given_up_and_other_work_is_not() {
        let limit = Duration::from_secs(3600);
        assert_eq!(timeout(&TokioClock, limit, std::future::ready(7)).await, Ok(7));
        let start = TokioClock.now();
        assert_eq!(timeout(&TokioClock, limit, std::future::pending::<()>()).await, Err(TimedOut));
        assert_eq!(TokioClock.now() - start, limit);
        assert_eq!(timeout(&TokioClock, Duration::ZERO, std::future::ready(7)).await, Ok(7), "what is done counts");
    }
}
