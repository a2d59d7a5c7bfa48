//! Waiting for a condition instead of for a time: the one helper of all tests.

use std::fmt::Debug;
use std::time::Duration;

/// Longest time a condition may take to come true; a loaded machine is slow, and success never waits.
const LIMIT: Duration = Duration::from_secs(60);

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// What a look at a condition yields.
pub trait Look {
    /// What the caller gets when the condition holds.
    type Found;

    /// What was found, or what was seen instead, for whoever reads that the wait was in vain.
    fn outcome(self) -> Result<Self::Found, String>;
}

impl Look for bool {
    type Found = ();

    fn outcome(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("false".to_owned()) }
    }
}

impl<T> Look for Option<T> {
    type Found = T;

    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing".to_owned())
    }
}

impl<T, E: Debug> Look for Result<T, E> {
    type Found = T;

    fn outcome(self) -> Result<T, String> {
        self.map_err(|seen| format!("{seen:?}"))
    }
}

/// Looks until `look` answers `true`, `Some` or `Ok`. An `Err` holds what was seen instead.
///
/// # Panics
/// If that does not happen within 60 s; says what was waited for and what was seen last.
pub async fn eventually<L: Look, F: Future<Output = L>>(what: &str, look: impl FnMut() -> F) -> L::Found {
    eventually_within(LIMIT, what, look).await
}

/// As [`eventually`], with another limit.
///
/// # Panics
/// If it takes longer than `limit`.
pub async fn eventually_within<L: Look, F: Future<Output = L>>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> L::Found {
    let mut last = "no answer to the first look".to_owned();
    let poll = async {
        loop {
            match look().await.outcome() {
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
        let mut looks = 0;
        let found = eventually("the third look", || {
            looks += 1;
            std::future::ready(if looks == 3 { Ok(looks) } else { Err(looks) })
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
    async fn a_look_that_hangs_is_given_up() {
        let look = async || std::future::pending::<bool>().await;
        let waiting = tokio::spawn(eventually_within(Duration::from_millis(20), "an answer", look));
        let panic = waiting.await.expect_err("it hangs").into_panic();
        assert!(panic.downcast_ref::<String>().expect("a text").ends_with("last seen: no answer to the first look"));
    }
}
