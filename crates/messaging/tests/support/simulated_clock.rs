//! A clock that stands still until everybody who works is asleep, and then jumps to the next sleeper.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use chassis::ports::{Clock, Sleep};
use chrono::{DateTime, Utc};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The time of day at which every simulation starts: the first moment of 2026.
const EPOCH: Duration = Duration::from_secs(1_767_225_600);

/// How often the other tasks get a turn before the clock moves; messages take far fewer hops.
const TURNS: usize = 100;

/// How long a stretch of simulated time may really take.
const REAL_LIMIT: Duration = Duration::from_secs(60);

/// The time that several clocks share.
pub struct Timeline {
    start: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    elapsed: Duration,
    sleepers: BTreeMap<(Duration, u64), Sleeper>,
    count: u64,
}

struct Sleeper {
    name: &'static str,
    wake: oneshot::Sender<()>,
}

struct NamedClock {
    timeline: Arc<Timeline>,
    name: &'static str,
}

/// The time of day so many milliseconds after the start.
pub fn utc(millis: u128) -> DateTime<Utc> {
    (SystemTime::UNIX_EPOCH + EPOCH + Duration::from_millis(u64::try_from(millis).unwrap())).into()
}

impl Timeline {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), state: Mutex::default() })
    }

    /// The clock of one participant.
    pub fn clock(timeline: &Arc<Self>, name: &'static str) -> Arc<dyn Clock> {
        Arc::new(NamedClock { timeline: Arc::clone(timeline), name })
    }

    /// Simulated time since the start.
    pub fn elapsed(&self) -> Duration {
        self.state.lock().unwrap().elapsed
    }

    /// How many sleeps of that participant are in progress.
    pub fn sleeping(&self, name: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.sleepers.values().filter(|sleeper| sleeper.name == name && !sleeper.wake.is_closed()).count()
    }

    /// Lets that much simulated time pass, each sleeper waking at its time and one after the other.
    pub async fn run_for(&self, duration: Duration, idle: impl Fn() -> bool) {
        let (end, real_end) = (self.elapsed() + duration, Instant::now() + REAL_LIMIT);
        loop {
            let mut turns = 0;
            while turns < TURNS {
                assert!(Instant::now() < real_end, "somebody never goes to sleep");
                tokio::task::yield_now().await;
                turns = if idle() { turns + 1 } else { 0 };
            }
            let mut state = self.state.lock().unwrap();
            state.sleepers.retain(|_, sleeper| !sleeper.wake.is_closed());
            let next = state.sleepers.keys().next().copied().filter(|(deadline, _)| *deadline <= end);
            let Some(next) = next else {
                state.elapsed = end;
                return;
            };
            state.elapsed = next.0;
            state.sleepers.remove(&next).unwrap().wake.send(()).unwrap();
        }
    }
}

impl Clock for NamedClock {
    fn now(&self) -> Instant {
        self.timeline.start + self.timeline.elapsed()
    }

    fn utc(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + EPOCH + self.timeline.elapsed()
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        let mut state = self.timeline.state.lock().unwrap();
        let deadline = deadline.saturating_duration_since(self.timeline.start).max(state.elapsed);
        let (wake, woken) = oneshot::channel();
        state.count += 1;
        let key = (deadline, state.count);
        state.sleepers.insert(key, Sleeper { name: self.name, wake });
        Box::pin(async move {
            // The timeline outlives its sleepers.
            let _ = woken.await;
        })
    }
}
