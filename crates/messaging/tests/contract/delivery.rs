//! Delivery: what is published arrives, in order, whatever becomes of consumers; what nobody wants is told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use messaging::{Envelope, Failure, Handler, Relay, RelaySettings, Round};
use stores::on;
use uuid::Uuid;

use crate::world::{HangingHandler, RecordingHandler, Store, TIMEOUT, World, event, eventually, number, subscription};

pub async fn events_reach_every_consumer_that_wants_them(world: &World) {
    let (mail, audit) = (RecordingHandler::accepting(), RecordingHandler::accepting());
    let types = ["shop.opened", "shop.closed"];
    let first = world.broker.subscribe(subscription("shop", "mail", &types[..1]), mail.clone());
    let second = world.broker.subscribe(subscription("shop", "audit", &types), audit.clone());
    first.ready().await;
    second.ready().await;
    let events = [event("shop.opened", "1", 1), event("shop.closed", "1", 2), event("shop.opened", "2", 3)];
    world.publish("shop", &events).await;
    let mut seen = audit.at_least(3).await;
    seen.sort_by_key(number);
    assert_eq!(seen.iter().map(Envelope::id).collect::<Vec<_>>(), events.iter().map(Envelope::id).collect::<Vec<_>>());
    assert_eq!((seen[1].kind(), seen[1].key(), seen[1].payload()), ("shop.closed", "1", events[1].payload()));
    let wanted = mail.at_least(2).await;
    assert!(wanted.len() == 2 && wanted.iter().all(|event| event.kind() == "shop.opened"), "{wanted:?}");
    assert!(first.stop(TIMEOUT).await && second.stop(TIMEOUT).await);
}

pub async fn instances_of_a_consumer_share_the_work(world: &World) {
    let handler = RecordingHandler::accepting();
    let consumers = [(); 3].map(|()| {
        let mut subscription = subscription("crowd", "mail", &["crowd.grew"]);
        subscription.prefetch = 5;
        world.broker.subscribe(subscription, handler.clone())
    });
    for consumer in &consumers {
        consumer.ready().await;
    }
    let events: Vec<_> = (0..100).map(|n| event("crowd.grew", &n.to_string(), n)).collect();
    world.publish("crowd", &events).await;
    let mut numbers: Vec<_> = handler.at_least(100).await.iter().map(number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
}

pub async fn what_a_consumer_does_not_want_does_not_stop_what_it_wants(world: &World) {
    let handler = RecordingHandler::accepting();
    let consumer = world.broker.subscribe(subscription("mixed", "mail", &["mixed.wanted"]), handler.clone());
    consumer.ready().await;
    let kind = |n: u64| if n % 7 == 3 { "mixed.unwanted" } else { "mixed.wanted" };
    let events: Vec<_> = (0..500).map(|n| event(kind(n), "1", n)).collect();
    let publisher = world.broker.publisher("mixed").unwrap();
    for _ in 0..3 {
        let outcomes = publisher.publish(&events).await;
        assert!(outcomes.len() == 500 && outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    }
    let wanted = events.iter().filter(|event| event.kind() == "mixed.wanted").count();
    assert_eq!(handler.at_least(3 * wanted).await.len(), 3 * wanted);
    assert!(publisher.publish(&[]).await.is_empty());
}

/// Has its effect together with a note in the inbox.
struct Effect(Store);

#[async_trait]
impl Handler for Effect {
    async fn handle(&self, event: &Envelope) -> Result<(), Failure> {
        let mut tx = self.0.db.begin().await?;
        if self.0.inbox.once(&mut tx, "mail", event.id()).await? {
            let insert =
                on!(tx, |c| sqlx::query("INSERT INTO effects (event) VALUES ($1)").bind(event.id()).execute(c));
            let _: u64 = insert.await?;
        }
        Ok(tx.commit().await?)
    }
}

pub async fn repeated_events_have_their_effect_once(world: &World) {
    let effect = Arc::new(Effect(Store::sqlite().await));
    let consumer = world.broker.subscribe(subscription("double", "mail", &["double.sent"]), effect.clone());
    consumer.ready().await;
    let events: Vec<_> = (0..50).map(|n| event("double.sent", &(n % 7).to_string(), n)).collect();
    for _ in 0..3 {
        world.publish("double", &events).await;
    }
    let last = event("double.sent", "last", 99);
    world.publish("double", &[last]).await;
    let rows = eventually("all effects", || async {
        let mut conn = effect.0.db.reader().await.unwrap();
        let all: Vec<(Uuid,)> = on!(conn, |c| sqlx::query_as("SELECT event FROM effects").fetch_all(c)).await.unwrap();
        Some(all).filter(|all| all.len() >= 51)
    });
    assert_eq!(rows.await.len(), 51);
    assert!(consumer.stop(TIMEOUT).await);
    let mut conn = effect.0.db.reader().await.unwrap();
    let all: Vec<(Uuid,)> = on!(conn, |c| sqlx::query_as("SELECT event FROM effects").fetch_all(c)).await.unwrap();
    let distinct: std::collections::HashSet<_> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (51, 51));
}

pub async fn what_nobody_wants_stays_in_the_outbox_until_somebody_does(world: &World) {
    let store = Store::sqlite().await;
    let relay = Relay::new(store.outbox.clone(), world.broker.publisher("early").unwrap(), RelaySettings::default());
    store.append(&event("early.born", "1", 1)).await;
    store.append(&event("early.born", "1", 2)).await;
    assert_eq!(relay.round().await.unwrap(), Round { returned: 1, ..Round::default() });
    assert_eq!(store.outbox.backlog().await.unwrap().count, 2);
    let handler = RecordingHandler::accepting();
    let consumer = world.broker.subscribe(subscription("early", "mail", &["early.born"]), handler.clone());
    consumer.ready().await;
    let relay = tokio::spawn(relay.run());
    assert_eq!(handler.at_least(2).await.iter().map(number).collect::<Vec<_>>(), [1, 2]);
    eventually("an empty outbox", || async { (store.outbox.backlog().await.unwrap().count == 0).then_some(()) }).await;
    relay.abort();
}

pub async fn each_aggregate_keeps_its_order(world: &World) {
    let store = Store::sqlite().await;
    let handler = RecordingHandler::accepting();
    let consumer = world.broker.subscribe(subscription("order", "mail", &["order.moved"]), handler.clone());
    consumer.ready().await;
    for n in 0..200 {
        store.append(&event("order.moved", &format!("aggregate-{}", n % 10), n)).await;
    }
    let relays = [(); 2].map(|()| {
        let publisher = world.broker.publisher("order").unwrap();
        tokio::spawn(Relay::new(store.outbox.clone(), publisher, RelaySettings::default()).run())
    });
    let seen = handler.at_least(200).await;
    for key in 0..10 {
        let numbers: Vec<_> = seen.iter().map(number).filter(|n| n % 10 == key).collect();
        assert_eq!(numbers, (0..20).map(|n| n * 10 + key).collect::<Vec<_>>());
    }
    for relay in relays {
        relay.abort();
    }
}

pub async fn a_commit_wakes_the_relay(world: &World) {
    let store = Store::sqlite().await;
    let handler = RecordingHandler::accepting();
    let consumer = world.broker.subscribe(subscription("quick", "mail", &["quick.run"]), handler.clone());
    consumer.ready().await;
    let publisher = world.broker.publisher("quick").unwrap();
    // Whoever waits for the next look at the outbox waits in vain.
    let settings = RelaySettings { poll: Duration::from_hours(1), ..RelaySettings::default() };
    let relay = tokio::spawn(Relay::new(store.outbox.clone(), publisher, settings).run());
    for n in 0..60_u64 {
        store.append(&event("quick.run", &n.to_string(), n)).await;
        let _ = handler.at_least(usize::try_from(n).unwrap() + 1).await;
    }
    relay.abort();
}

pub async fn a_consumer_that_dies_loses_nothing(world: &World) {
    let stuck = Arc::new(HangingHandler::default());
    let wanted = subscription("mortal", "mail", &["mortal.born"]);
    let dying = world.broker.subscribe(wanted.clone(), stuck.clone());
    dying.ready().await;
    let events: Vec<_> = (0..5).map(|n| event("mortal.born", "same", n)).collect();
    world.publish("mortal", &events).await;
    stuck.0.notified().await;
    drop(dying);
    let handler = RecordingHandler::accepting();
    let heir = world.broker.subscribe(wanted, handler.clone());
    heir.ready().await;
    // In any order: only an ordered consumer waits until those that the dead one had in hand are back.
    eventually("all five", || async {
        let numbers: BTreeSet<_> = handler.all().iter().map(number).collect();
        (numbers == BTreeSet::from_iter(0..5)).then_some(())
    })
    .await;
}

pub async fn an_ordered_consumer_has_one_instance_at_work(world: &World) {
    let mut wanted = subscription("queueing", "mail", &["queueing.up"]);
    wanted.ordered = true;
    let stuck = Arc::new(HangingHandler::default());
    let working = world.broker.subscribe(wanted.clone(), stuck.clone());
    working.ready().await;
    world.publish("queueing", &[event("queueing.up", "same", 0)]).await;
    stuck.0.notified().await;
    let handler = RecordingHandler::accepting();
    let standby = world.broker.subscribe(wanted, handler.clone());
    standby.ready().await;
    let events: Vec<_> = (1..30).map(|n| event("queueing.up", "same", n)).collect();
    world.publish("queueing", &events).await;
    drop(working);
    assert_eq!(handler.at_least(30).await.iter().map(number).collect::<Vec<_>>(), (0..30).collect::<Vec<_>>());
}

/// Handles when it is let.
#[derive(Default)]
struct Gate {
    come: tokio::sync::Notify,
    go: tokio::sync::Notify,
}

#[async_trait]
impl Handler for Gate {
    async fn handle(&self, _: &Envelope) -> Result<(), Failure> {
        self.come.notify_one();
        self.go.notified().await;
        Ok(())
    }
}

pub async fn stopping_finishes_what_is_in_hand(world: &World) {
    let gate = Arc::new(Gate::default());
    let wanted = subscription("polite", "mail", &["polite.asked"]);
    let consumer = world.broker.subscribe(wanted.clone(), gate.clone());
    consumer.ready().await;
    world.publish("polite", &[event("polite.asked", "1", 1)]).await;
    gate.come.notified().await;
    let stopping = tokio::spawn(consumer.stop(TIMEOUT));
    gate.go.notify_one();
    assert!(stopping.await.unwrap());
    let handler = RecordingHandler::accepting();
    let next = world.broker.subscribe(wanted, handler.clone());
    next.ready().await;
    world.publish("polite", &[event("polite.asked", "1", 2)]).await;
    assert_eq!(handler.at_least(1).await.iter().map(number).collect::<Vec<_>>(), [2], "the first one was settled");
}
