//! Failure: what cannot be handled is tried again, then parked with its reason, and can be put back.

use std::sync::Arc;
use std::time::Duration;

use messaging::{DeadLetterError, Envelope, Failure, Ladder, PublishError};
use serde_json::json;

use crate::world::{HangingHandler, RecordingHandler, TIMEOUT, World, event, number, subscription};

pub async fn failures_climb_the_ladder_and_are_parked_with_their_reason(world: &World) {
    let handler = RecordingHandler::new(|_, _| Err(Failure::transient("the printer is on fire")));
    let consumer = world.broker.subscribe(subscription("ladder", "mail", &["ladder.climbed"]), handler.clone());
    consumer.ready().await;
    let event = event("ladder.climbed", "1", 1);
    world.publish("ladder", std::slice::from_ref(&event)).await;
    let letter = world.dead_letter("mail.ladder").await;
    assert_eq!(letter.id, format!("{}@mail.ladder", event.id()));
    assert_eq!(letter.reason, "attempts exhausted: the printer is on fire");
    assert_eq!((letter.attempts, letter.kind.as_str()), (3, "ladder.climbed"));
    assert_eq!(letter.body["payload"], json!({ "number": 1 }));
    assert!(!letter.parked_at.is_empty() && letter.headers.contains_key("traceparent"));
    let times = handler.times();
    assert_eq!(times.len(), 3);
    assert!(times[1] - times[0] >= Duration::from_millis(55), "{:?}", times[1] - times[0]);
    assert!(times[2] - times[1] >= Duration::from_millis(175), "{:?}", times[2] - times[1]);
    world.broker.dead_letters().discard(&letter.id).await.unwrap();
}

pub async fn what_recovers_is_not_parked(world: &World) {
    let handler = RecordingHandler::new(|_, times| if times < 3 { Err(Failure::transient("not yet")) } else { Ok(()) });
    let consumer = world.broker.subscribe(subscription("phoenix", "mail", &["phoenix.rose"]), handler.clone());
    consumer.ready().await;
    world.publish("phoenix", &[event("phoenix.rose", "1", 1)]).await;
    assert_eq!(handler.at_least(3).await.len(), 3);
    assert!(consumer.stop(TIMEOUT).await);
    let letters = world.broker.dead_letters().list(1_000).await.unwrap();
    assert!(letters.iter().all(|letter| letter.queue != "mail.phoenix"), "{letters:?}");
}

/// More attempts than the ladder has steps: it is not climbed. Whoever comes after it waits, too.
pub async fn what_misses_something_is_held_until_that_is_back(world: &World) {
    let handler = RecordingHandler::new(|event, times| {
        if number(event) == 0 && times < 9 { Err(Failure::dependency_down("no database")) } else { Ok(()) }
    });
    let consumer = world.broker.subscribe(held("hold"), handler.clone());
    consumer.ready().await;
    world.publish("hold", &[event("hold.on", "same", 0), event("hold.on", "same", 1)]).await;
    let seen: Vec<_> = handler.at_least(10).await.iter().map(number).collect();
    assert_eq!(seen, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert!(consumer.stop(TIMEOUT).await);
    let metrics = telemetry::Identity::current().unwrap().render_metrics();
    for line in [
        "messaging_settled_messages_total{messaging_destination_name=\"mail.hold\",outcome=\"done\"} 2",
        "messaging_settled_messages_total{messaging_destination_name=\"mail.hold\",outcome=\"retried\"} 0",
        "messaging_held_messages{messaging_destination_name=\"mail.hold\"} 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "no {line} in {metrics}");
    }
}

pub async fn what_is_held_goes_back_when_its_consumer_stops(world: &World) {
    let away = RecordingHandler::new(|_, _| Err(Failure::dependency_down("no database")));
    let consumer = world.broker.subscribe(held("release"), away.clone());
    consumer.ready().await;
    let events: Vec<_> = (0..20).map(|n| event("release.me", "same", n)).collect();
    world.publish("release", &events).await;
    away.at_least(2).await;
    assert!(consumer.stop(TIMEOUT).await);
    let tried = away.all().len();
    assert!(away.all().iter().all(|event| number(event) == 0), "{tried} attempts, all of the first");
    let well = RecordingHandler::accepting();
    let consumer = world.broker.subscribe(held("release"), well.clone());
    let seen: Vec<_> = well.at_least(20).await.iter().map(number).collect();
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
    assert!(consumer.stop(TIMEOUT).await);
}

fn held(context: &str) -> messaging::Subscription {
    let types = [if context == "hold" { "hold.on" } else { "release.me" }];
    let mut subscription = subscription(context, "mail", &types);
    subscription.dependency_retry_interval = Duration::from_millis(20);
    subscription
}

pub async fn the_others_do_not_wait_for_a_failing_one(world: &World) {
    let handler =
        RecordingHandler::new(|event, _| if number(event) == 0 { Err(Failure::transient("no")) } else { Ok(()) });
    let mut wanted = subscription("overtake", "mail", &["overtake.drove"]);
    wanted.ladder = Ladder::new(vec![Duration::from_hours(1)]).unwrap();
    let consumer = world.broker.subscribe(wanted, handler.clone());
    consumer.ready().await;
    let events: Vec<_> = (0..20).map(|n| event("overtake.drove", "same", n)).collect();
    world.publish("overtake", &events).await;
    assert_eq!(handler.at_least(20).await.iter().map(number).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
}

pub async fn poison_is_parked_at_once_and_harms_nobody(world: &World) {
    let handler = RecordingHandler::accepting();
    let consumer = world.broker.subscribe(subscription("poison", "mail", &["poison.drunk"]), handler.clone());
    consumer.ready().await;
    let known = event("poison.drunk", "1", 1);
    let broken = String::from_utf8(known.encode()).unwrap().replace("\"version\":1", "\"version\":\"one\"");
    (world.inject)("mail.poison".to_owned(), None, b"rubbish".to_vec()).await;
    let letter = world.dead_letter("mail.poison").await;
    assert!(letter.reason.starts_with("malformed: event without a readable id: no JSON"), "{}", letter.reason);
    assert!(letter.id.starts_with("body-") && letter.body == "rubbish" && letter.attempts == 1, "{letter:?}");
    world.broker.dead_letters().discard(&letter.id).await.unwrap();
    (world.inject)("mail.poison".to_owned(), Some("message-7"), broken.into_bytes()).await;
    let letter = world.dead_letter("mail.poison").await;
    assert!(letter.reason.contains(&format!("event {}: `version`", known.id())), "{}", letter.reason);
    assert_eq!(letter.id, "message-7@mail.poison");
    world.broker.dead_letters().discard(&letter.id).await.unwrap();
    world.publish("poison", &[known]).await;
    assert_eq!(handler.at_least(1).await.len(), 1);
}

pub async fn what_cannot_get_better_is_parked_at_once(world: &World) {
    let handler = RecordingHandler::new(|_, _| Err(Failure::permanent("no such customer")));
    let consumer = world.broker.subscribe(subscription("hopeless", "mail", &["hopeless.tried"]), handler.clone());
    consumer.ready().await;
    world.publish("hopeless", &[event("hopeless.tried", "1", 1)]).await;
    let letter = world.dead_letter("mail.hopeless").await;
    assert_eq!((letter.reason.as_str(), letter.attempts), ("no such customer", 1));
    world.broker.dead_letters().discard(&letter.id).await.unwrap();
    let newer = Envelope::new("hopeless.tried", 2, "1", json!({})).unwrap();
    world.publish("hopeless", &[newer]).await;
    let letter = world.dead_letter("mail.hopeless").await;
    assert_eq!(letter.reason, "unsupported version: version 2 is newer than 1");
    assert_eq!(handler.all().len(), 1, "the handler never saw the newer version");
    world.broker.dead_letters().discard(&letter.id).await.unwrap();
}

pub async fn handlers_may_panic_or_hang(world: &World) {
    let panicking = RecordingHandler::new(|_, times| if times == 1 { panic!("a bug") } else { Ok(()) });
    let consumer = world.broker.subscribe(subscription("panic", "mail", &["panic.spread"]), panicking.clone());
    consumer.ready().await;
    world.publish("panic", &[event("panic.spread", "1", 1)]).await;
    assert_eq!(panicking.at_least(2).await.len(), 2);
    let mut slow = subscription("slow", "mail", &["slow.crept"]);
    slow.timeout = Duration::from_millis(50);
    slow.ladder = Ladder::new(Vec::new()).unwrap();
    let hanging = world.broker.subscribe(slow, Arc::new(HangingHandler::default()));
    hanging.ready().await;
    world.publish("slow", &[event("slow.crept", "1", 1)]).await;
    let letter = world.dead_letter("mail.slow").await;
    assert_eq!(letter.reason, "attempts exhausted: the handler took longer than 50ms");
    world.broker.dead_letters().discard(&letter.id).await.unwrap();
}

pub async fn types_that_are_no_longer_wanted_are_ignored(world: &World) {
    let before = subscription("fashion", "mail", &["fashion.new", "fashion.old"]);
    let consumer = world.broker.subscribe(before, RecordingHandler::accepting());
    consumer.ready().await;
    assert!(consumer.stop(TIMEOUT).await);
    let handler = RecordingHandler::accepting();
    let consumer = world.broker.subscribe(subscription("fashion", "mail", &["fashion.new"]), handler.clone());
    consumer.ready().await;
    world.publish("fashion", &[event("fashion.old", "1", 1), event("fashion.new", "1", 2)]).await;
    assert_eq!(handler.at_least(1).await.iter().map(number).collect::<Vec<_>>(), [2]);
}

pub async fn a_message_that_kills_its_consumers_is_parked(world: &World) {
    let wanted = subscription("killer", "mail", &["killer.struck"]);
    let stuck = Arc::new(HangingHandler::default());
    let consumer = world.broker.subscribe(wanted.clone(), stuck.clone());
    consumer.ready().await;
    world.publish("killer", &[event("killer.struck", "1", 1)]).await;
    stuck.0.notified().await;
    drop(consumer);
    let mut deliveries = 1;
    let mut parked = std::pin::pin!(world.dead_letter("mail.killer"));
    let letter = loop {
        let consumer = world.broker.subscribe(wanted.clone(), stuck.clone());
        tokio::select! {
            () = stuck.0.notified() => deliveries += 1,
            letter = &mut parked => break letter,
        }
        drop(consumer);
        assert!(deliveries < 40, "the limit of 20 was reached well before");
    };
    assert_eq!((letter.reason.as_str(), letter.kind.as_str()), ("delivery_limit", "killer.struck"));
    world.broker.dead_letters().discard(&letter.id).await.unwrap();
}

pub async fn dead_letters_are_shown_replayed_and_dropped(world: &World) {
    let letters = world.broker.dead_letters();
    let handler = RecordingHandler::new(|_, times| if times == 1 { Err(Failure::permanent("once")) } else { Ok(()) });
    let consumer = world.broker.subscribe(subscription("lazarus", "mail", &["lazarus.rose"]), handler.clone());
    consumer.ready().await;
    world.publish("lazarus", &[event("lazarus.rose", "1", 1)]).await;
    let letter = world.dead_letter("mail.lazarus").await;
    assert_eq!(letters.show(&letter.id).await.unwrap(), letter);
    assert_eq!(letters.list(0).await.unwrap(), []);
    assert_eq!(letters.list(1).await.unwrap().len(), 1);
    assert_eq!(letters.replay(&letter.id).await.unwrap(), letter);
    let seen = handler.at_least(2).await;
    assert_eq!(seen[0], seen[1]);
    for outcome in [letters.show(&letter.id).await, letters.replay(&letter.id).await, letters.discard(&letter.id).await]
    {
        assert!(matches!(&outcome, Err(DeadLetterError::Unknown(id)) if *id == letter.id), "{outcome:?}");
    }
    let error = letters.show("nonsense").await.unwrap_err().to_string();
    assert_eq!(error, "no dead letter has the id `nonsense`; `list` shows the ids");
}

pub async fn events_without_any_queue_are_returned(world: &World) {
    let outcomes = world.broker.publisher("desert").unwrap().publish(&[event("desert.called", "1", 1)]).await;
    assert!(matches!(&outcomes[..], [Err(PublishError::Returned(_))]), "{outcomes:?}");
    assert!(world.broker.publisher("No Name").is_err());
}
