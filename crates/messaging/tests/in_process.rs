//! The bounds of the broker in the process: full queues refuse, full dead letters lose the oldest.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code, reason = "tests")]

#[path = "support/world.rs"]
mod world;

use std::sync::Arc;

use messaging::{Broker, DeadLetterError, Failure, InProcess, PublishError};
use world::{HangingHandler, RecordingHandler, TIMEOUT, event, eventually, subscription};

#[tokio::test]
async fn a_full_queue_refuses_and_no_other_queue_gets_the_event() {
    let broker = InProcess::new(2);
    let (stuck, handler) = (Arc::new(HangingHandler::default()), RecordingHandler::accepting());
    let full = broker.subscribe(subscription("shop", "full", &["shop.opened"]), stuck.clone());
    let free = broker.subscribe(subscription("shop", "free", &["shop.opened"]), handler.clone());
    full.ready().await;
    free.ready().await;
    let events = [1, 2, 3].map(|n| event("shop.opened", "1", n));
    let publisher = broker.publisher("shop").unwrap();
    assert_eq!(publisher.publish(&events[..2]).await, [Ok(()), Ok(())]);
    handler.at_least(2).await;
    let outcomes = publisher.publish(&events[2..]).await;
    let refused = PublishError::Refused("queue `full.shop` is full with 2 messages".to_owned());
    assert_eq!(outcomes, [Err(refused.clone())]);
    assert_eq!(broker.inject("full.shop", None, b"more"), Err(refused));
    let nowhere = broker.inject("nowhere", None, b"more");
    assert_eq!(nowhere, Err(PublishError::Returned("there is no queue `nowhere`".to_owned())));
    assert!(free.stop(TIMEOUT).await);
    assert_eq!(handler.all().len(), 2);
}

#[tokio::test]
async fn full_dead_letters_lose_the_oldest_and_a_full_queue_takes_none_back() {
    let broker = InProcess::new(2);
    let handler = RecordingHandler::new(|_, _| Err(Failure::permanent("no")));
    let wanted = subscription("shop", "mail", &["shop.opened"]);
    let consumer = broker.subscribe(wanted.clone(), handler.clone());
    consumer.ready().await;
    let publisher = broker.publisher("shop").unwrap();
    for n in 1..=3 {
        assert_eq!(publisher.publish(&[event("shop.opened", "1", n)]).await, [Ok(())]);
        handler.at_least(usize::try_from(n).unwrap()).await;
    }
    let letters = broker.dead_letters();
    let parked = eventually("the newest two", || async {
        let parked = letters.list(10).await.unwrap();
        let numbers: Vec<_> = parked.iter().map(|letter| letter.body["payload"]["number"].as_u64()).collect();
        (numbers == [Some(2), Some(3)]).then_some(parked)
    })
    .await;
    assert!(consumer.stop(TIMEOUT).await);
    let _holding = broker.subscribe(wanted, Arc::new(HangingHandler::default()));
    let more = [4, 5].map(|n| event("shop.opened", "1", n));
    assert_eq!(publisher.publish(&more).await, [Ok(()), Ok(())]);
    let refused = letters.replay(&parked[0].id).await;
    assert!(matches!(&refused, Err(DeadLetterError::Replay { id, .. }) if *id == parked[0].id), "{refused:?}");
    assert_eq!(letters.list(10).await.unwrap(), parked, "it stays parked, at its place");
}
