//! Outbox and inbox, asked of SQLite and of Postgres.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code, reason = "tests")]

#[path = "support/world.rs"]
mod world;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use messaging::{Envelope, PublishError, Publisher, Relay, RelaySettings, Round};
use stores::db::{Db, Migrations};
use stores::on;
use uuid::Uuid;
use world::{Store, event, eventually, number};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract(|name| format!("sqlite:{}", folder.path().join(name).display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_keeps_the_contract() {
    contract(|_| backends::postgres().database().unwrap()).await;
}

async fn contract(url: impl Fn(&str) -> String) {
    what_is_rolled_back_was_never_said(&Store::open(&url("rollback")).await).await;
    one_event_of_each_aggregate_is_in_flight(&Store::open(&url("heads")).await).await;
    of_a_type_that_nobody_wants_one_is_tried(&Store::open(&url("unwanted")).await).await;
    the_claims_of_the_dead_expire(&Store::open(&url("lease")).await).await;
    rivals_publish_each_event_once(Store::open(&url("rivals")).await, Store::open(&url("rivals")).await).await;
    what_was_sent_is_purged(&Store::open(&url("purge")).await).await;
    the_inbox_lets_each_event_in_once(Store::open(&url("inbox")).await).await;
}

#[tokio::test]
async fn without_its_tables_every_call_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("empty").display());
    let settings =
        stores::settings::Database { migrate: false, ..stores::settings::Database::new(&url).expect("a URL") };
    let db = Db::open("empty", &settings, Migrations { sqlite: &[], postgres: &[] }).await.unwrap();
    let (outbox, inbox) = (messaging::Outbox::new(db.clone()), messaging::Inbox::new(db.clone()));
    let publisher = Arc::new(Press::default());
    assert!(Relay::new(outbox.clone(), publisher, RelaySettings::default()).round().await.is_err());
    assert!(outbox.backlog().await.is_err() && outbox.purge(Utc::now()).await.is_err());
    assert!(inbox.purge(Utc::now()).await.is_err());
    let mut tx = db.begin().await.unwrap();
    assert!(inbox.once(&mut tx, "mail", Uuid::now_v7()).await.is_err());
    assert!(outbox.append(&mut tx, &event("shop.opened", "1", 1)).await.is_err());
}

/// Takes notes and answers as told; without an answer it publishes.
#[derive(Default)]
struct Press {
    printed: Mutex<Vec<Envelope>>,
    answers: Mutex<HashMap<u64, PublishError>>,
    hangs: bool,
}

#[async_trait]
impl Publisher for Press {
    async fn publish(&self, events: &[Envelope]) -> Vec<Result<(), PublishError>> {
        self.printed.lock().unwrap().extend_from_slice(events);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        let answers = self.answers.lock().unwrap();
        events.iter().map(|event| answers.get(&number(event)).cloned().map_or(Ok(()), Err)).collect()
    }
}

impl Press {
    fn numbers(&self) -> Vec<u64> {
        self.printed.lock().unwrap().iter().map(number).collect()
    }
}

fn relay(store: &Store, press: &Arc<Press>, settings: RelaySettings) -> Relay {
    Relay::new(store.outbox.clone(), Arc::clone(press) as Arc<dyn Publisher>, settings)
}

async fn what_is_rolled_back_was_never_said(store: &Store) {
    let press = Arc::new(Press::default());
    let relay = relay(store, &press, RelaySettings::default());
    let mut tx = store.db.begin().await.unwrap();
    store.outbox.append(&mut tx, &event("shop.opened", "1", 1)).await.unwrap();
    drop(tx);
    assert_eq!(relay.round().await.unwrap(), Round::default());
    let kept = event("shop.opened", "1", 2);
    store.append(&kept).await;
    assert_eq!(store.outbox.backlog().await.unwrap().count, 1);
    assert_eq!(relay.round().await.unwrap(), Round { sent: 1, ..Round::default() });
    assert_eq!(press.printed.lock().unwrap()[0].encode(), kept.encode(), "stored and read without a change");
    let backlog = store.outbox.backlog().await.unwrap();
    assert_eq!((backlog.count, backlog.oldest), (0, Duration::ZERO));
    let mut tx = store.db.begin().await.unwrap();
    assert!(store.outbox.append(&mut tx, &kept).await.is_err(), "the same event twice is a bug");
}

async fn one_event_of_each_aggregate_is_in_flight(store: &Store) {
    let press = Arc::new(Press::default());
    let returned = PublishError::Returned("nobody".to_owned());
    press.answers.lock().unwrap().extend([(10, returned), (20, PublishError::Timeout)]);
    let relay = relay(store, &press, RelaySettings { max_wait: Duration::from_millis(1), ..RelaySettings::default() });
    for (key, number) in [("a", 10), ("a", 11), ("b", 20), ("b", 21), ("c", 30), ("c", 31)] {
        store.append(&event("shop.opened", key, number)).await;
    }
    assert_eq!(relay.round().await.unwrap(), Round { sent: 1, returned: 1, failed: 1 });
    assert_eq!(press.numbers(), [10, 20, 30]);
    press.answers.lock().unwrap().clear();
    eventually("all to be sent", || async {
        relay.round().await.unwrap();
        (store.outbox.backlog().await.unwrap().count == 0).then_some(())
    })
    .await;
    for key in 1..=3 {
        let numbers: Vec<_> = press.numbers().into_iter().filter(|number| number / 10 == key).collect();
        assert!(numbers.is_sorted() && numbers.last() == Some(&(key * 10 + 1)), "{numbers:?}");
    }
}

async fn of_a_type_that_nobody_wants_one_is_tried(store: &Store) {
    let press = Arc::new(Press::default());
    let nobody = |number| (number, PublishError::Returned("nobody".to_owned()));
    press.answers.lock().unwrap().extend((0..50).map(nobody));
    let relay = relay(store, &press, RelaySettings::default());
    for number in 0..50 {
        store.append(&event("shop.opened", &number.to_string(), number)).await;
    }
    assert_eq!(relay.round().await.unwrap(), Round { returned: 50, ..Round::default() });
    store.append(&event("shop.closed", "50", 50)).await;
    assert_eq!(relay.round().await.unwrap().sent, 1, "other types go through");
    let tried = eventually("another attempt", || async {
        Some(relay.round().await.unwrap()).filter(|round| round.returned > 0)
    });
    assert_eq!(tried.await, Round { returned: 1, ..Round::default() }, "one of fifty, to see");
    press.answers.lock().unwrap().clear();
    let sent = eventually("the type to be wanted", || async {
        Some(relay.round().await.unwrap()).filter(|round| round.sent > 0)
    });
    assert!(sent.await.sent > 1, "those that were held go with the one that was taken");
    eventually("all to be sent", || async {
        relay.round().await.unwrap();
        (store.outbox.backlog().await.unwrap().count == 0).then_some(())
    })
    .await;
}

async fn the_claims_of_the_dead_expire(store: &Store) {
    let settings = RelaySettings { lease: Duration::from_millis(400), ..RelaySettings::default() };
    let hanging = Arc::new(Press { hangs: true, ..Press::default() });
    store.append(&event("shop.opened", "1", 1)).await;
    let dying = tokio::spawn(relay(store, &hanging, settings).run());
    eventually("a claim", || async { (!hanging.numbers().is_empty()).then_some(()) }).await;
    dying.abort();
    let press = Arc::new(Press::default());
    let heir = relay(store, &press, settings);
    assert_eq!(heir.round().await.unwrap(), Round::default(), "the claim holds");
    let sent =
        eventually("the lease to end", || async { Some(heir.round().await.unwrap()).filter(|round| round.sent > 0) });
    assert_eq!(sent.await.sent, 1);
}

async fn rivals_publish_each_event_once(store: Store, replica: Store) {
    for n in 0..300 {
        store.append(&event("shop.opened", &(n % 25).to_string(), n)).await;
    }
    let press = Arc::new(Press::default());
    let settings = RelaySettings { batch: 7, ..RelaySettings::default() };
    let relays = [&store, &replica, &store, &replica].map(|store| tokio::spawn(relay(store, &press, settings).run()));
    eventually("all to be sent", || async { (store.outbox.backlog().await.unwrap().count == 0).then_some(()) }).await;
    for relay in relays {
        relay.abort();
    }
    let mut numbers = press.numbers();
    for key in 0..25 {
        let of_key: Vec<_> = numbers.iter().filter(|number| *number % 25 == key).collect();
        assert!(of_key.is_sorted(), "{of_key:?}");
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..300).collect::<Vec<_>>());
}

async fn what_was_sent_is_purged(store: &Store) {
    let press = Arc::new(Press::default());
    let relay = relay(store, &press, RelaySettings::default());
    store.append(&event("shop.opened", "1", 1)).await;
    assert_eq!(relay.round().await.unwrap().sent, 1);
    store.append(&event("shop.opened", "1", 2)).await;
    assert_eq!(store.outbox.purge(Utc::now() - TimeDelta::hours(1)).await.unwrap(), 0);
    assert_eq!(store.outbox.purge(Utc::now() + TimeDelta::hours(1)).await.unwrap(), 1);
    assert_eq!(store.outbox.backlog().await.unwrap().count, 1, "what was not sent stays");
}

async fn the_inbox_lets_each_event_in_once(store: Store) {
    let store = Arc::new(store);
    let id = Uuid::now_v7();
    let mut tx = store.db.begin().await.unwrap();
    assert!(store.inbox.once(&mut tx, "mail", id).await.unwrap());
    assert!(!store.inbox.once(&mut tx, "mail", id).await.unwrap());
    drop(tx);
    let racers = [(); 8].map(|()| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut tx = store.db.begin().await.unwrap();
            let new = store.inbox.once(&mut tx, "mail", id).await.unwrap();
            if new {
                let insert = on!(tx, |c| sqlx::query("INSERT INTO effects (event) VALUES ($1)").bind(id).execute(c));
                let _: u64 = insert.await.unwrap();
            }
            tx.commit().await.unwrap();
            u32::from(new)
        })
    });
    let mut new = 0;
    for racer in racers {
        new += racer.await.unwrap();
    }
    assert_eq!(new, 1, "after the rollback it is new again, but only once");
    let mut tx = store.db.begin().await.unwrap();
    assert!(store.inbox.once(&mut tx, "audit", id).await.unwrap(), "each consumer has a list of its own");
    tx.commit().await.unwrap();
    assert_eq!(store.inbox.purge(Utc::now() - TimeDelta::hours(1)).await.unwrap(), 0);
    assert_eq!(store.inbox.purge(Utc::now() + TimeDelta::hours(1)).await.unwrap(), 2);
}
