//! How long work may take, shrinking hop by hop: a server takes the shorter of what its caller allows and what it
//! allows itself and makes the end known to its handler; every call the handler makes tells the callee what remains.
//!
//! The end of the running work is ambient: a task-local, set while the work is polled. Work handed to another task
//! takes it along with [`carry`]. When the end comes, the work's future is dropped.

mod body;
mod server;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::Either;
use http::HeaderMap;
use http::HeaderValue;
use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;
use tokio::time::{Instant, Sleep};
use tonic::Status;

pub use body::TimedBody;
pub(crate) use server::ServerDeadlineLayer;

/// What a hop keeps for itself of the time it has left: enough for the callee's own `DEADLINE_EXCEEDED` to travel back
/// and to be answered in turn before the time of this hop is over. A round trip inside a data centre takes 1 to 2 ms;
/// the rest is for the scheduling of a busy process.
pub const MARGIN: Duration = Duration::from_millis(10);

const HEADER: &str = "grpc-timeout";

tokio::task_local! {
    static END: Instant;
}

/// The time for some work was over before the work was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time for this was over")]
pub struct Expired;

/// When the running work has to be done, if it has a deadline.
#[must_use]
pub fn current() -> Option<Instant> {
    END.try_with(|end| *end).ok()
}

/// What is left of the time of the running work, if it has a deadline.
#[must_use]
pub fn remaining() -> Option<Duration> {
    current().map(|end| end.saturating_duration_since(Instant::now()))
}

/// Gives `work` at most `limit`, and no more than the running work has left itself; the work knows.
///
/// # Errors
/// If the time is over first. The work has been dropped then.
pub async fn within<F: Future>(limit: Duration, work: F) -> Result<F::Output, Expired> {
    let end = Instant::now() + limit;
    let end = current().map_or(end, |outer| outer.min(end));
    Bounded::new(end, scope(end, work)).await
}

/// Takes the deadline of the running work along into a future that another task polls, as with `tokio::spawn`.
/// The work is not ended by it, but its calls are.
pub fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
    match current() {
        Some(end) => Either::Left(scope(end, work)),
        None => Either::Right(work),
    }
}

fn scope<F: Future>(end: Instant, work: F) -> TaskLocalFuture<Instant, F> {
    END.scope(end, work)
}

pin_project! {
    /// A future that is dropped at `end`.
    pub struct Bounded<F> {
        #[pin]
        work: Option<F>,
        #[pin]
        sleep: Sleep,
        end: Instant,
    }
}

impl<F> Bounded<F> {
    /// Bounds `work`.
    pub fn new(end: Instant, work: F) -> Self {
        Self { work: Some(work), sleep: tokio::time::sleep_until(end), end }
    }
}

impl<F: Future> Future for Bounded<F> {
    type Output = Result<F::Output, Expired>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // The clock is asked, not the timer: tonic has timers of its own around ours that read the same header and end
        // in CANCELLED. Whichever wakes us, we answer first.
        if Instant::now() >= *this.end || this.sleep.as_mut().poll(cx).is_ready() {
            this.work.set(None);
            return Poll::Ready(Err(Expired));
        }
        match this.work.as_pin_mut() {
            Some(work) => work.poll(cx).map(Ok),
            None => Poll::Ready(Err(Expired)),
        }
    }
}

/// The answer to a call whose time is over.
#[must_use]
pub fn exceeded() -> Status {
    Status::deadline_exceeded("the call took too long")
}

/// Tells a callee how long it may take, in whole milliseconds. Answers `false` if that is less than one.
#[must_use]
pub fn set_grpc_timeout(headers: &mut HeaderMap, end: Instant) -> bool {
    // Eight digits are all the header may have.
    let left = end.saturating_duration_since(Instant::now()).as_millis().min(99_999_999);
    match HeaderValue::from_str(&format!("{left}m")) {
        Ok(value) if left > 0 => {
            headers.insert(HEADER, value);
            true
        }
        _ => false,
    }
}

/// Reads `grpc-timeout`: at most eight digits and a unit.
#[must_use]
pub fn parse_grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(HEADER)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::HeaderName::from_static(HEADER), HeaderValue::from_str(value).expect("ascii"))])
    }

    #[test]
    fn units_are_read() {
        assert_eq!(parse_grpc_timeout(&headers("2S")), Some(Duration::from_secs(2)));
        assert_eq!(parse_grpc_timeout(&headers("250m")), Some(Duration::from_millis(250)));
        assert_eq!(parse_grpc_timeout(&headers("1H")), Some(Duration::from_secs(3600)));
        for bad in ["", "S", "123456789S", "5x", "-1S"] {
            assert_eq!(parse_grpc_timeout(&headers(bad)), None, "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_told_is_what_is_read() {
        let mut headers = HeaderMap::new();
        assert!(set_grpc_timeout(&mut headers, Instant::now() + Duration::from_millis(1234)));
        assert_eq!(parse_grpc_timeout(&headers), Some(Duration::from_millis(1234)));
        assert!(
            !set_grpc_timeout(&mut HeaderMap::new(), Instant::now() + Duration::from_micros(900)),
            "nothing worth sending"
        );
        assert!(set_grpc_timeout(&mut headers, Instant::now() + Duration::from_secs(1_000_000)));
        assert_eq!(headers[HEADER], "99999999m");
    }

    #[tokio::test(start_paused = true)]
    async fn work_is_dropped_at_the_end_of_its_time() {
        let held = Arc::new(());
        let witness = Arc::downgrade(&held);
        let start = Instant::now();
        let work = async move {
            let _held = held;
            pending::<()>().await;
        };
        let mut bounded = Box::pin(Bounded::new(start + Duration::from_millis(300), work));
        assert_eq!(bounded.as_mut().await, Err(Expired));
        assert_eq!(start.elapsed(), Duration::from_millis(300));
        assert!(witness.upgrade().is_none(), "the work is gone though its bound still lives");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_seen_by_the_clock_before_any_timer_has_fired() {
        let end = Instant::now() + Duration::from_micros(10_500);
        let mut bounded = Box::pin(Bounded::new(end, pending::<()>()));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(bounded.as_mut().poll(&mut cx).is_pending());
        // Timers fire on whole milliseconds.
        tokio::time::advance(Duration::from_micros(10_600)).await;
        assert_eq!(bounded.as_mut().poll(&mut cx), Poll::Ready(Err(Expired)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_inner_limit_can_only_shorten_the_outer_one() {
        assert_eq!(remaining(), None);
        let outer = within(Duration::from_secs(2), async {
            assert_eq!(remaining(), Some(Duration::from_secs(2)));
            tokio::time::advance(Duration::from_millis(500)).await;
            let inner = within(Duration::from_secs(1), async { remaining() }).await;
            assert_eq!(inner, Ok(Some(Duration::from_secs(1))));
            let inner = within(Duration::from_secs(9), async { remaining() }).await;
            assert_eq!(inner, Ok(Some(Duration::from_millis(1500))));
        });
        outer.await.expect("in time");
        assert_eq!(remaining(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn spawned_work_takes_the_deadline_along_only_if_asked_to() {
        let outer = within(Duration::from_secs(2), async {
            let with = tokio::spawn(carry(async { remaining() })).await.expect("no panic");
            let without = tokio::spawn(async { remaining() }).await.expect("no panic");
            (with, without)
        });
        assert_eq!(outer.await, Ok((Some(Duration::from_secs(2)), None)));
    }
}
