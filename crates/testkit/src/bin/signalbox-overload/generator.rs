//! Load: a closed loop, which finds what a server can do, and an open one, which does not care.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::tally::{Kind, Record, Tally};
use crate::wire::Target;

/// Name of the threads that make the load, so that their CPU time can be told from that of the services.
pub(crate) const THREADS: &str = "generator";

/// Pause between two looks at the clock in the open loop; what is due by then is sent at once.
const TICK: Duration = Duration::from_millis(1);

/// `clients` clients, each with its next request as soon as the last has ended.
pub(crate) async fn closed(target: &Arc<Target>, clients: usize, span: Duration, deadline: Duration) -> Tally {
    let begin = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let target = Arc::clone(target);
        running.spawn(async move {
            let mut records = Vec::new();
            while begin.elapsed() < span {
                let at = begin.elapsed();
                let kind = target.call(begin + at + deadline).await;
                records.push(Record { at, lag: Duration::ZERO, took: begin.elapsed().saturating_sub(at), kind });
            }
            records
        });
    }
    let mut records = Vec::new();
    while let Some(ended) = running.join_next().await {
        records.extend(ended.expect("a client does not panic"));
    }
    Tally { records, span }
}

/// `rate` requests a second at equal distances, whatever becomes of them. A client's time runs from when its request
/// was to be sent.
pub(crate) async fn open(target: &Arc<Target>, rate: f64, span: Duration, deadline: Duration) -> Tally {
    let records = Arc::new(Mutex::new(Vec::new()));
    let begin = Instant::now();
    let total = (rate * span.as_secs_f64()) as u32;
    let mut running = JoinSet::new();
    let mut sent = 0;
    while sent < total {
        let due = ((begin.elapsed().as_secs_f64() * rate) as u32 + 1).min(total);
        for number in sent..due {
            let at = Duration::from_secs_f64(f64::from(number) / rate);
            let (target, records) = (Arc::clone(target), Arc::clone(&records));
            running.spawn(async move {
                let lag = begin.elapsed().saturating_sub(at);
                let kind = if lag < deadline { target.call(begin + at + deadline).await } else { Kind::Unsent };
                let took = begin.elapsed().saturating_sub(at);
                // An answer may be there and be read too late.
                let kind = if kind == Kind::Good && took > deadline { Kind::Late } else { kind };
                records.lock().unwrap_or_else(PoisonError::into_inner).push(Record { at, lag, took, kind });
            });
        }
        sent = due;
        while running.try_join_next().is_some() {}
        tokio::time::sleep(TICK).await;
    }
    // What was sent last is still on its way.
    while running.join_next().await.is_some() {}
    let records = std::mem::take(&mut *records.lock().unwrap_or_else(PoisonError::into_inner));
    Tally { records, span }
}
