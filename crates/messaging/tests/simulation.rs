//! Outbox, relay, in-process broker, retry ladder, dead letters and inbox run on a clock and a seed of the test: the same
//! seed gives the same run, whose minutes take no real time.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code, reason = "tests")]

#[path = "support/simulated_clock.rs"]
mod simulated_clock;
#[path = "support/world.rs"]
mod world;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chassis::ports::{Ports, SeededRandom};
use chrono::{DateTime, Utc};
use messaging::{Broker, Envelope, Failure, Handler, InProcess, Inbox, Outbox, Relay, RelaySettings, Subscription};
use serde_json::json;
use simulated_clock::Timeline;
use stores::on;
use uuid::Uuid;
use world::{Store, number};

/// An event whose handling always fails.
const FAILING: u64 = 1;

/// An event whose handling fails once.
const FLAKY: u64 = 2;

/// An event for which the handler's dependency is down at the first two attempts. It comes when the others are done, for
/// they would wait behind it.
const HELD: u64 = 6;

/// Records when it was given what, and has its effect once.
struct Recorder {
    timeline: Arc<Timeline>,
    store: Store,
    inbox: Inbox,
    log: Mutex<Vec<String>>,
    running: AtomicUsize,
}

impl Recorder {
    async fn attempt(&self, event: &Envelope) -> Result<(), Failure> {
        let line = format!("{} {} {}", self.timeline.elapsed().as_millis(), event.id(), number(event));
        let attempts = {
            let mut log = self.log.lock().unwrap();
            log.push(line);
            log.iter().filter(|line| line.contains(&event.id().to_string())).count()
        };
        match (number(event), attempts) {
            (FAILING, _) | (FLAKY, 1) => return Err(Failure::transient("it fails")),
            (HELD, 1 | 2) => return Err(Failure::dependency_down("no printer")),
            _ => {}
        }
        let mut tx = self.store.db.begin().await?;
        assert!(self.inbox.once(&mut tx, "mail", event.id()).await?);
        Ok(tx.commit().await?)
    }
}

#[async_trait]
impl Handler for Recorder {
    async fn handle(&self, event: &Envelope) -> Result<(), Failure> {
        self.running.fetch_add(1, Ordering::SeqCst);
        let outcome = self.attempt(event).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        outcome
    }
}

/// What can be seen of a run on its simulated clock.
#[derive(Debug, PartialEq)]
struct Run {
    deliveries: Vec<String>,
    dead_letters: Vec<(String, String, u32)>,
    outbox: Vec<(Uuid, DateTime<Utc>, DateTime<Utc>, i32)>,
    inbox: Vec<(Uuid, DateTime<Utc>)>,
}

async fn append(store: &Store, outbox: &Outbox, ports: &Ports, number: u64) {
    let payload = json!({ "number": number });
    let event = Envelope::with_ports(ports, "shop.opened", 1, &number.to_string(), payload).unwrap();
    let mut tx = store.db.begin().await.unwrap();
    outbox.append(&mut tx, &event).await.unwrap();
    outbox.commit(tx).await.unwrap();
}

async fn run(seed: u64) -> Run {
    let timeline = Timeline::new();
    let random = Arc::new(SeededRandom::new(seed));
    let ports = |name| Ports { clock: Timeline::clock(&timeline, name), random: random.clone() };
    let store = Store::sqlite().await;
    let outbox = Outbox::with_ports(store.db.clone(), ports("relay"));
    let broker = InProcess::with_ports(100, ports("broker"));
    let publisher = broker.publisher("shop").unwrap();
    let relay = tokio::spawn(Relay::new(outbox.clone(), publisher, RelaySettings::default()).run());
    let inbox = Inbox::with_ports(store.db.clone(), ports("inbox"));
    let (log, running) = (Mutex::default(), AtomicUsize::new(0));
    let recorder = Arc::new(Recorder { timeline: Arc::clone(&timeline), store, inbox, log, running });
    // Whoever is at work and not asleep holds the clock.
    let idle = || timeline.sleeping("relay") > 0 && recorder.running.load(Ordering::SeqCst) == 0;
    let producer = ports("producer");
    for number in 0..HELD {
        append(&recorder.store, &outbox, &producer, number).await;
        timeline.run_for(Duration::from_millis(300), idle).await;
    }
    // So far nobody wanted them, and they wait in the outbox.
    let mut wanted = Subscription::new("shop", "mail", &[("shop.opened", 1)]).unwrap();
    wanted.concurrency = 1;
    let consumer = broker.subscribe(wanted, recorder.clone());
    timeline.run_for(Duration::from_secs(90), idle).await;
    append(&recorder.store, &outbox, &producer, HELD).await;
    timeline.run_for(Duration::from_secs(10), idle).await;
    relay.abort();
    drop(consumer);
    let letters = broker.dead_letters().list(10).await.unwrap();
    let deliveries = recorder.log.lock().unwrap().clone();
    let mut conn = recorder.store.db.reader().await.unwrap();
    let sent = "SELECT id, appended_at, sent_at, attempts FROM outbox ORDER BY seq";
    let handled = "SELECT message_id, handled_at FROM inbox ORDER BY handled_at, message_id";
    Run {
        deliveries,
        dead_letters: letters.into_iter().map(|letter| (letter.id, letter.parked_at, letter.attempts)).collect(),
        outbox: on!(conn, |c| sqlx::query_as(sent).fetch_all(c)).await.unwrap(),
        inbox: on!(conn, |c| sqlx::query_as(handled).fetch_all(c)).await.unwrap(),
    }
}

impl Run {
    fn all_times(&self) -> Vec<Vec<u128>> {
        (0..=HELD).map(|number| self.times(number)).collect()
    }

    /// When the event of that number was delivered, in milliseconds of the simulation.
    fn times(&self, number: u64) -> Vec<u128> {
        let of_number = self.deliveries.iter().filter(|line| line.ends_with(&format!(" {number}")));
        of_number.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect()
    }
}

#[tokio::test]
async fn a_run_is_the_same_each_time_and_takes_no_real_time() {
    let start = std::time::Instant::now();
    let first = run(7).await;
    assert!(start.elapsed() < Duration::from_secs(60), "it waited for real");
    assert_eq!(run(7).await, first);
    let other = run(8).await;
    assert_ne!(other.outbox, first.outbox, "another seed, other ids");
    assert_eq!(other.all_times(), first.all_times());
}

#[tokio::test]
async fn a_run_has_the_waits_that_were_asked_for() {
    let run = run(7).await;
    let waits = |number| run.times(number).windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>();
    assert_eq!(waits(FAILING), [1_000, 10_000, 60_000], "the retry ladder");
    assert_eq!(waits(FLAKY), [1_000]);
    assert_eq!(waits(HELD), [1_000, 1_000], "until the dependency is back");
    assert!([0, 3, 4, 5].into_iter().all(|number| waits(number).is_empty()));
    let [(id, parked_at, attempts)] = &run.dead_letters[..] else { panic!("{run:?}") };
    let (failing, ..) = run.outbox[1];
    assert_eq!((id, *attempts), (&format!("{failing}@mail.shop"), 4));
    let last = simulated_clock::utc(run.times(FAILING)[3]);
    assert_eq!(parked_at.parse::<DateTime<Utc>>().unwrap(), last);
    assert_eq!(run.inbox.len(), 6, "all but the failing one had their effect");
    let (earlier, held) = run.outbox.split_at(6);
    assert!(earlier.iter().all(|(_, appended, sent, _)| sent > appended), "nobody wanted them at first");
    assert!(held.iter().all(|(_, appended, sent, attempts)| sent == appended && *attempts == 1));
}
