//! Waiting for a condition instead of for a time: the one helper of all tests.

use std::fmt::Debug;
use std::time::Duration;

/// Longest time a condition may take to come true; a loaded machine is slow, and success never waits.
const LIMIT: Duration = Duration::from_secs(60);

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(5);

/// What asking for a condition yields.
pub trait Condition {
    /// What the caller gets when the condition holds.
    type Found;

    /// What was found, or what was seen instead, for whoever reads that the wait was in vain.
    fn outcome(self) -> Result<Self::Found, String>;
}

impl Condition for bool {
    type Found = ();

    fn outcome(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("false".to_owned()) }
    }
}

impl<T> Condition for Option<T> {
    type Found = T;

    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing".to_owned())
    }
}

impl<T, E: Debug> Condition for Result<T, E> {
    type Found = T;

    fn outcome(self) -> Result<T, String> {
        self.map_err(|seen| format!("{seen:?}"))
    }
}

/// Asks `condition` until it answers `true`, `Some` or `Ok`. An `Err` holds what was seen instead.
///
/// # Panics
/// If that does not happen within 60 s; says what was waited for and what was seen last.
pub async fn eventually<C: Condition, F: Future<Output = C>>(what: &str, condition: impl FnMut() -> F) -> C::Found {
    eventually_within(LIMIT, what, condition).await
}

/// As [`eventually`], with another limit.
///
/// # Panics
/// If it takes longer than `limit`.
pub async fn eventually_within<C: Condition, F: Future<Output = C>>(
    limit: Duration,
    what: &str,
    mut condition: impl FnMut() -> F,
) -> C::Found {
    let mut last = "no answer yet".to_owned();
    let poll = async {
        loop {
            match condition().await.outcome() {
                Ok(found) => return found,
                Err(seen) => last = seen,
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let outcome = tokio::time::timeout(limit, poll).await;
    outcome.unwrap_or_else(|_| panic!("waited {limit:?} in vain for {what}; last seen: {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_true_is_found() {
        let mut attempts = 0;
        let found = eventually("the third attempt", || {
            attempts += 1;
            std::future::ready(if attempts == 3 { Ok(attempts) } else { Err(attempts) })
        });
        assert_eq!(found.await, 3);
        eventually("the truth", async || true).await;
        assert_eq!(eventually("something", || async { Some(7) }).await, 7);
    }

    #[tokio::test]
    async fn a_wait_in_vain_says_for_what_and_what_was_seen_last() {
        let waiting = tokio::spawn(eventually_within(Duration::from_millis(20), "rain", async || Err::<(), _>("sun")));
        let panic = waiting.await.expect_err("it never rains").into_panic();
        let text = panic.downcast_ref::<String>().expect("a text");
        assert_eq!(text, "waited 20ms in vain for rain; last seen: \"sun\"");
    }

    #[tokio::test]
    async fn a_condition_that_hangs_is_given_up() {
        let condition = async || std::future::pending::<bool>().await;
        let waiting = tokio::spawn(eventually_within(Duration::from_millis(20), "an answer", condition));
        let panic = waiting.await.expect_err("it hangs").into_panic();
        assert!(panic.downcast_ref::<String>().expect("a text").ends_with("last seen: no answer yet"));
    }
}
