//! Outbox and inbox: every fact of the contract is a test of its own on SQLite and on Postgres.
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
use tempfile::TempDir;
use uuid::Uuid;
use world::{Store, event, eventually, number};

/// A database of its own for each test.
struct Database {
    url: String,
    _folder: Option<TempDir>,
}

impl Database {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite:{}", folder.path().join("test.db").display()), _folder: Some(folder) }
    }

    fn postgres() -> Self {
        Self { url: backends::postgres().database().unwrap(), _folder: None }
    }

    async fn open(&self) -> Store {
        Store::open(&self.url).await
    }
}

/// Makes each fact a test on SQLite and one on Postgres.
macro_rules! contract {
    ($($fact:ident,)*) => {
        mod sqlite_keeps_the_contract {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $fact() {
                super::$fact(super::Database::sqlite()).await;
            })*
        }

        mod postgres_keeps_the_contract {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $fact() {
                super::$fact(super::Database::postgres()).await;
            })*
        }
    };
}

contract! {
    what_is_rolled_back_is_not_published,
    events_are_stored_and_read_without_a_change,
    the_backlog_counts_what_was_not_sent,
    the_same_event_cannot_be_appended_twice,
    one_event_of_each_aggregate_is_in_flight,
    an_aggregate_keeps_its_order_through_failures,
    all_events_of_a_type_fail_at_the_first_attempt,
    other_types_go_through_while_one_is_unwanted,
    of_a_type_that_nobody_wants_one_is_tried,
    those_that_were_held_go_with_the_one_that_was_taken,
    a_claim_holds_while_its_lease_lasts,
    the_claims_of_the_dead_expire,
    rivals_publish_each_event_once,
    rivals_keep_the_order_of_each_aggregate,
    what_was_sent_long_ago_is_purged,
    what_was_sent_lately_is_not_purged,
    what_was_not_sent_is_not_purged,
    an_event_is_let_in_once_in_a_transaction,
    an_event_is_new_again_after_a_rollback,
    of_concurrent_deliveries_one_is_let_in,
    each_consumer_has_an_inbox_of_its_own,
    the_inbox_forgets_what_is_old,
}

#[tokio::test]
async fn without_its_tables_every_call_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("empty").display());
    let settings =
        stores::settings::Database { migrate: false, ..stores::settings::Database::new(&url).expect("a URL") };
    let db = Db::open("empty", &settings, Migrations { sqlite: &[], postgres: &[] }).await.unwrap();
    let (outbox, inbox) = (messaging::Outbox::new(db.clone()), messaging::Inbox::new(db.clone()));
    let publisher = Arc::new(FakePublisher::default());
    assert!(Relay::new(outbox.clone(), publisher, RelaySettings::default()).round().await.is_err());
    assert!(outbox.backlog().await.is_err() && outbox.purge(Utc::now()).await.is_err());
    assert!(inbox.purge(Utc::now()).await.is_err());
    let mut tx = db.begin().await.unwrap();
    assert!(inbox.once(&mut tx, "mail", Uuid::now_v7()).await.is_err());
    assert!(outbox.append(&mut tx, &event("shop.opened", "1", 1)).await.is_err());
}

/// Records what it is given and answers as told; without an answer it publishes.
#[derive(Default)]
struct FakePublisher {
    published: Mutex<Vec<Envelope>>,
    answers: Mutex<HashMap<u64, PublishError>>,
    hangs: bool,
}

#[async_trait]
impl Publisher for FakePublisher {
    async fn publish(&self, events: &[Envelope]) -> Vec<Result<(), PublishError>> {
        self.published.lock().unwrap().extend_from_slice(events);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        let answers = self.answers.lock().unwrap();
        events.iter().map(|event| answers.get(&number(event)).cloned().map_or(Ok(()), Err)).collect()
    }
}

impl FakePublisher {
    fn numbers(&self) -> Vec<u64> {
        self.published.lock().unwrap().iter().map(number).collect()
    }
}

fn relay(store: &Store, publisher: &Arc<FakePublisher>, settings: RelaySettings) -> Relay {
    Relay::new(store.outbox.clone(), Arc::clone(publisher) as Arc<dyn Publisher>, settings)
}

fn default_relay(store: &Store) -> (Arc<FakePublisher>, Relay) {
    let publisher = Arc::new(FakePublisher::default());
    let relay = relay(store, &publisher, RelaySettings::default());
    (publisher, relay)
}

/// Relays until nothing is left.
async fn relay_all(store: &Store, relay: &Relay) {
    eventually("all to be sent", || async {
        relay.round().await.unwrap();
        (store.outbox.backlog().await.unwrap().count == 0).then_some(())
    })
    .await;
}

async fn what_is_rolled_back_is_not_published(database: Database) {
    let store = database.open().await;
    let (publisher, relay) = default_relay(&store);
    let mut tx = store.db.begin().await.unwrap();
    store.outbox.append(&mut tx, &event("shop.opened", "1", 1)).await.unwrap();
    drop(tx);
    assert_eq!(relay.round().await.unwrap(), Round::default());
    store.append(&event("shop.opened", "1", 2)).await;
    assert_eq!(relay.round().await.unwrap(), Round { sent: 1, ..Round::default() });
    assert_eq!(publisher.numbers(), [2]);
}

async fn events_are_stored_and_read_without_a_change(database: Database) {
    let store = database.open().await;
    let (publisher, relay) = default_relay(&store);
    let event = event("shop.opened", "1", 2);
    store.append(&event).await;
    relay.round().await.unwrap();
    assert_eq!(publisher.published.lock().unwrap()[0].encode(), event.encode());
}

async fn the_backlog_counts_what_was_not_sent(database: Database) {
    let store = database.open().await;
    let (_publisher, relay) = default_relay(&store);
    store.append(&event("shop.opened", "1", 2)).await;
    assert_eq!(store.outbox.backlog().await.unwrap().count, 1);
    relay.round().await.unwrap();
    let backlog = store.outbox.backlog().await.unwrap();
    assert_eq!((backlog.count, backlog.oldest), (0, Duration::ZERO));
}

async fn the_same_event_cannot_be_appended_twice(database: Database) {
    let store = database.open().await;
    let (_publisher, relay) = default_relay(&store);
    let event = event("shop.opened", "1", 2);
    store.append(&event).await;
    relay.round().await.unwrap();
    let mut tx = store.db.begin().await.unwrap();
    assert!(store.outbox.append(&mut tx, &event).await.is_err(), "the same event twice is a bug");
}

/// Two events each of three aggregates; the first of `a` is returned and the first of `b` not confirmed.
async fn three_aggregates(store: &Store) -> (Arc<FakePublisher>, Relay) {
    let publisher = Arc::new(FakePublisher::default());
    let returned = PublishError::Returned("nobody".to_owned());
    publisher.answers.lock().unwrap().extend([(10, returned), (20, PublishError::Timeout)]);
    let settings = RelaySettings { max_wait: Duration::from_millis(1), ..RelaySettings::default() };
    let relay = relay(store, &publisher, settings);
    for (key, number) in [("a", 10), ("a", 11), ("b", 20), ("b", 21), ("c", 30), ("c", 31)] {
        store.append(&event("shop.opened", key, number)).await;
    }
    (publisher, relay)
}

async fn one_event_of_each_aggregate_is_in_flight(database: Database) {
    let store = database.open().await;
    let (publisher, relay) = three_aggregates(&store).await;
    assert_eq!(relay.round().await.unwrap(), Round { sent: 1, returned: 1, failed: 1 });
    assert_eq!(publisher.numbers(), [10, 20, 30]);
}

async fn an_aggregate_keeps_its_order_through_failures(database: Database) {
    let store = database.open().await;
    let (publisher, relay) = three_aggregates(&store).await;
    relay.round().await.unwrap();
    publisher.answers.lock().unwrap().clear();
    relay_all(&store, &relay).await;
    for key in 1..=3 {
        let numbers: Vec<_> = publisher.numbers().into_iter().filter(|number| number / 10 == key).collect();
        assert!(numbers.is_sorted() && numbers.last() == Some(&(key * 10 + 1)), "{numbers:?}");
    }
}

/// Fifty events of a type that nobody wants, one of each aggregate.
async fn unwanted(store: &Store) -> (Arc<FakePublisher>, Relay) {
    let (publisher, relay) = default_relay(store);
    let nobody = |number| (number, PublishError::Returned("nobody".to_owned()));
    publisher.answers.lock().unwrap().extend((0..50).map(nobody));
    for number in 0..50 {
        store.append(&event("shop.opened", &number.to_string(), number)).await;
    }
    (publisher, relay)
}

async fn all_events_of_a_type_fail_at_the_first_attempt(database: Database) {
    let store = database.open().await;
    let (_publisher, relay) = unwanted(&store).await;
    assert_eq!(relay.round().await.unwrap(), Round { returned: 50, ..Round::default() });
}

async fn other_types_go_through_while_one_is_unwanted(database: Database) {
    let store = database.open().await;
    let (_publisher, relay) = unwanted(&store).await;
    relay.round().await.unwrap();
    store.append(&event("shop.closed", "50", 50)).await;
    assert_eq!(relay.round().await.unwrap().sent, 1);
}

async fn of_a_type_that_nobody_wants_one_is_tried(database: Database) {
    let store = database.open().await;
    let (_publisher, relay) = unwanted(&store).await;
    relay.round().await.unwrap();
    let tried = eventually("another attempt", || async {
        Some(relay.round().await.unwrap()).filter(|round| round.returned > 0)
    });
    assert_eq!(tried.await, Round { returned: 1, ..Round::default() }, "one of fifty, to see");
}

async fn those_that_were_held_go_with_the_one_that_was_taken(database: Database) {
    let store = database.open().await;
    let (publisher, relay) = unwanted(&store).await;
    relay.round().await.unwrap();
    eventually("another attempt", || async { (relay.round().await.unwrap().returned > 0).then_some(()) }).await;
    publisher.answers.lock().unwrap().clear();
    let sent = eventually("the type to be wanted", || async {
        Some(relay.round().await.unwrap()).filter(|round| round.sent > 0)
    });
    assert!(sent.await.sent > 1);
    relay_all(&store, &relay).await;
}

/// One event, claimed by a relay that dies before the broker confirmed it; and another relay.
async fn claimed_by_the_dead(store: &Store, lease: Duration) -> Relay {
    let settings = RelaySettings { lease, ..RelaySettings::default() };
    let hanging = Arc::new(FakePublisher { hangs: true, ..FakePublisher::default() });
    store.append(&event("shop.opened", "1", 1)).await;
    let dying = tokio::spawn(relay(store, &hanging, settings).run());
    eventually("a claim", || async { (!hanging.numbers().is_empty()).then_some(()) }).await;
    dying.abort();
    relay(store, &Arc::new(FakePublisher::default()), settings)
}

async fn a_claim_holds_while_its_lease_lasts(database: Database) {
    let store = database.open().await;
    let heir = claimed_by_the_dead(&store, Duration::from_hours(1)).await;
    assert_eq!(heir.round().await.unwrap(), Round::default());
}

async fn the_claims_of_the_dead_expire(database: Database) {
    let store = database.open().await;
    let heir = claimed_by_the_dead(&store, Duration::from_millis(400)).await;
    let sent =
        eventually("the lease to end", || async { Some(heir.round().await.unwrap()).filter(|round| round.sent > 0) });
    assert_eq!(sent.await.sent, 1);
}

/// Numbers of 300 events of 25 aggregates as four relays of two replicas published them.
async fn published_by_rivals(database: &Database) -> Vec<u64> {
    let (store, replica) = (database.open().await, database.open().await);
    for n in 0..300 {
        store.append(&event("shop.opened", &(n % 25).to_string(), n)).await;
    }
    let publisher = Arc::new(FakePublisher::default());
    let settings = RelaySettings { batch: 7, ..RelaySettings::default() };
    let relays =
        [&store, &replica, &store, &replica].map(|store| tokio::spawn(relay(store, &publisher, settings).run()));
    eventually("all to be sent", || async { (store.outbox.backlog().await.unwrap().count == 0).then_some(()) }).await;
    for relay in relays {
        relay.abort();
    }
    publisher.numbers()
}

async fn rivals_publish_each_event_once(database: Database) {
    let mut numbers = published_by_rivals(&database).await;
    numbers.sort_unstable();
    assert_eq!(numbers, (0..300).collect::<Vec<_>>());
}

async fn rivals_keep_the_order_of_each_aggregate(database: Database) {
    let numbers = published_by_rivals(&database).await;
    for key in 0..25 {
        let of_key: Vec<_> = numbers.iter().filter(|number| *number % 25 == key).collect();
        assert!(of_key.len() >= 12 && of_key.is_sorted(), "{of_key:?}");
    }
}

/// One event that was sent and a later one of the same aggregate that was not.
async fn one_sent_and_one_not(store: &Store) {
    let (_publisher, relay) = default_relay(store);
    store.append(&event("shop.opened", "1", 1)).await;
    assert_eq!(relay.round().await.unwrap().sent, 1);
    store.append(&event("shop.opened", "1", 2)).await;
}

async fn what_was_sent_long_ago_is_purged(database: Database) {
    let store = database.open().await;
    one_sent_and_one_not(&store).await;
    assert_eq!(store.outbox.purge(Utc::now() + TimeDelta::hours(1)).await.unwrap(), 1);
}

async fn what_was_sent_lately_is_not_purged(database: Database) {
    let store = database.open().await;
    one_sent_and_one_not(&store).await;
    assert_eq!(store.outbox.purge(Utc::now() - TimeDelta::hours(1)).await.unwrap(), 0);
}

async fn what_was_not_sent_is_not_purged(database: Database) {
    let store = database.open().await;
    one_sent_and_one_not(&store).await;
    store.outbox.purge(Utc::now() + TimeDelta::hours(1)).await.unwrap();
    assert_eq!(store.outbox.backlog().await.unwrap().count, 1);
}

/// Whether the event is new to `consumer`; commits.
async fn once(store: &Store, consumer: &str, id: Uuid) -> bool {
    let mut tx = store.db.begin().await.unwrap();
    let new = store.inbox.once(&mut tx, consumer, id).await.unwrap();
    tx.commit().await.unwrap();
    new
}

async fn an_event_is_let_in_once_in_a_transaction(database: Database) {
    let (store, id) = (database.open().await, Uuid::now_v7());
    let mut tx = store.db.begin().await.unwrap();
    assert!(store.inbox.once(&mut tx, "mail", id).await.unwrap());
    assert!(!store.inbox.once(&mut tx, "mail", id).await.unwrap());
}

async fn an_event_is_new_again_after_a_rollback(database: Database) {
    let (store, id) = (database.open().await, Uuid::now_v7());
    let mut tx = store.db.begin().await.unwrap();
    assert!(store.inbox.once(&mut tx, "mail", id).await.unwrap());
    drop(tx);
    assert!(once(&store, "mail", id).await);
    assert!(!once(&store, "mail", id).await, "but only once");
}

async fn of_concurrent_deliveries_one_is_let_in(database: Database) {
    let (store, id) = (Arc::new(database.open().await), Uuid::now_v7());
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
    assert_eq!(new, 1);
}

async fn each_consumer_has_an_inbox_of_its_own(database: Database) {
    let (store, id) = (database.open().await, Uuid::now_v7());
    assert!(once(&store, "mail", id).await && once(&store, "audit", id).await);
}

async fn the_inbox_forgets_what_is_old(database: Database) {
    let (store, id) = (database.open().await, Uuid::now_v7());
    assert!(once(&store, "mail", id).await && once(&store, "audit", id).await);
    assert_eq!(store.inbox.purge(Utc::now() - TimeDelta::hours(1)).await.unwrap(), 0);
    assert_eq!(store.inbox.purge(Utc::now() + TimeDelta::hours(1)).await.unwrap(), 2);
    assert!(once(&store, "mail", id).await, "what is forgotten is new");
}
