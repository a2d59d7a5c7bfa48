//! What only a real broker can do: die and come back, refuse us, hold back publishers, disagree about its queues.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code, reason = "tests")]

#[path = "support/world.rs"]
mod world;

use std::collections::HashSet;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use lapin::options::{BasicGetOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use messaging::{
    Broker, BrokerError, DeadLetter, DeadLetterError, DeadLetters, Failure, PublishError, Publisher, RabbitMq,
    RabbitSettings, Relay, RelaySettings,
};
use world::{RecordingHandler, Store, World, event, eventually, in_service, number, subscription};

#[test]
fn a_real_broker_may_die_refuse_and_disagree() {
    let server = backends::RabbitMq::start().unwrap();
    in_service("rabbit", |collector| async move {
        let broker: Arc<dyn Broker> = Arc::new(RabbitMq::new(settings(&server.url())).unwrap());
        let inject: world::Inject = Box::new(|_, _, _| Box::pin(std::future::ready(())));
        let world = World { broker, inject, collector };
        wrong_addresses_are_told_apart(&server).await;
        other_arguments_are_a_clear_error(&server).await;
        a_missing_retry_queue_loses_nothing(&world, &server).await;
        dead_letters_are_seen_whole_whoever_else_looks(&world, &server).await;
        the_tool_for_dead_letters_works(&world, &server).await;
        a_blocked_broker_is_waited_for(&world, &server).await;
        a_restart_in_the_middle_loses_nothing(&world, &server).await;
    });
}

fn settings(url: &str) -> RabbitSettings {
    RabbitSettings { confirm_timeout: Duration::from_secs(2), ..RabbitSettings::new(url, "test") }
}

async fn check(url: &str) -> BrokerError {
    RabbitMq::new(settings(url)).unwrap().check().await.expect_err("it must not work")
}

async fn wrong_addresses_are_told_apart(server: &backends::RabbitMq) {
    let error = check(&server.url_of("guest:wrong", "%2f")).await;
    assert!(matches!(&error, BrokerError::Credentials { user, .. } if user == "guest"), "{error:?}");
    assert!(!error.to_string().contains("wrong@"), "{error}");
    let error = check(&server.url_of("guest:guest", "elsewhere")).await;
    assert!(matches!(&error, BrokerError::VirtualHost { vhost, .. } if vhost == "elsewhere"), "{error:?}");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    // It listens but does not answer; then nobody listens.
    let silent =
        RabbitSettings { connect_timeout: Duration::from_millis(200), ..settings(&format!("amqp://127.0.0.1:{port}")) };
    let broker = RabbitMq::new(silent).unwrap();
    let error = broker.check().await.unwrap_err().to_string();
    assert_eq!(error, format!("the broker at 127.0.0.1:{port} is not reachable: no answer in time"));
    drop(nobody);
    let error = check(&format!("amqp://127.0.0.1:{port}")).await;
    assert!(matches!(&error, BrokerError::Unreachable { .. }), "{error:?}");
    let broker = RabbitMq::new(settings(&format!("amqp://127.0.0.1:{port}"))).unwrap();
    let outcomes = broker.publisher("shop").unwrap().publish(&[event("shop.opened", "1", 1)]).await;
    assert!(matches!(&outcomes[..], [Err(PublishError::Unavailable(_))]), "{outcomes:?}");
    assert!(broker.dead_letters().list(1).await.is_err());
    broker.check().await.unwrap_err();
    assert!(matches!(broker.check().await, Err(BrokerError::Waiting(_))), "the next attempt is not due");
}

async fn channel(server: &backends::RabbitMq) -> (Connection, Channel) {
    let connection = Connection::connect(&server.url(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

async fn other_arguments_are_a_clear_error(server: &backends::RabbitMq) {
    let (_connection, channel) = channel(server).await;
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("odd".into(), options, FieldTable::default()).await.unwrap();
    let odd = RabbitSettings { dead_letters: "odd".to_owned(), ..settings(&server.url()) };
    let error = RabbitMq::new(odd).unwrap().dead_letters().list(1).await.unwrap_err().to_string();
    assert!(error.starts_with("a queue or exchange exists with other arguments, delete it"), "{error}");
    assert!(error.contains("odd"), "{error}");
}

async fn a_missing_retry_queue_loses_nothing(world: &World, server: &backends::RabbitMq) {
    let handler = RecordingHandler::new(|_, times| if times == 1 { Err(Failure::transient("once")) } else { Ok(()) });
    let consumer = world.broker.subscribe(subscription("hole", "mail", &["hole.dug"]), handler.clone());
    consumer.ready().await;
    let (_connection, channel) = channel(server).await;
    channel.queue_delete("mail.hole.retry.60".into(), QueueDeleteOptions::default()).await.unwrap();
    world.publish("hole", &[event("hole.dug", "1", 1)]).await;
    assert_eq!(handler.at_least(2).await.len(), 2, "it came back at once instead of after a while");
}

fn ids(letters: Vec<DeadLetter>) -> Vec<String> {
    letters.into_iter().map(|letter| letter.id).collect()
}

async fn dead_letters_are_seen_whole_whoever_else_looks(world: &World, server: &backends::RabbitMq) {
    let consumer = world.broker.subscribe(
        subscription("crypt", "mail", &["crypt.opened"]),
        RecordingHandler::new(|_, _| Err(Failure::permanent("no"))),
    );
    consumer.ready().await;
    let events: Vec<_> = (0..40).map(|n| event("crypt.opened", "same", n)).collect();
    world.publish("crypt", &events).await;
    let mine = world.broker.dead_letters();
    let all = eventually("forty dead letters", || async {
        Some(ids(mine.list(100).await.unwrap())).filter(|ids| ids.len() == 40)
    });
    let all = all.await;
    // With a connection of its own, as another process has.
    let theirs = RabbitMq::new(settings(&server.url())).unwrap().dead_letters();
    for _ in 0..5 {
        let (one, two, three) = tokio::join!(mine.list(100), theirs.list(100), theirs.list(7));
        assert_eq!((ids(one.unwrap()), ids(two.unwrap())), (all.clone(), all.clone()));
        assert_eq!(ids(three.unwrap()), all[..7]);
        let (one, two) = tokio::join!(mine.show(&all[39]), theirs.show(&all[0]));
        assert_eq!(ids(vec![one.unwrap(), two.unwrap()]), [all[39].clone(), all[0].clone()]);
    }
    let both = tokio::join!(mine.discard(&all[5]), theirs.discard(&all[5]));
    assert!(matches!(both, (Ok(_), Err(DeadLetterError::Unknown(_))) | (Err(DeadLetterError::Unknown(_)), Ok(_))));
    what_a_dead_looker_held_is_waited_for(server, &theirs, &all[20]).await;
    // A look that is given up half way keeps neither letters nor its turn.
    let given_up = tokio::time::timeout(Duration::from_millis(30), theirs.show("nonsense")).await;
    assert!(given_up.is_err(), "{given_up:?}");
    assert_eq!(mine.show(&all[20]).await.unwrap().id, all[20]);
    let (_connection, channel) = channel(server).await;
    eventually("no dead letters", || async {
        channel.queue_purge("dead-letters".into(), QueuePurgeOptions::default()).await.unwrap();
        mine.list(1).await.unwrap().is_empty().then_some(())
    })
    .await;
}

async fn what_a_dead_looker_held_is_waited_for(server: &backends::RabbitMq, letters: &Arc<dyn DeadLetters>, id: &str) {
    let (dying, channel) = channel(server).await;
    while channel.basic_get("dead-letters".into(), BasicGetOptions::default()).await.unwrap().is_some() {}
    let (letters, wanted) = (Arc::clone(letters), id.to_owned());
    let looking = tokio::spawn(async move { letters.show(&wanted).await });
    eventually("a look at the empty queue", || async {
        let channel = dying.create_channel().await.unwrap();
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let lock = channel.queue_declare("dead-letters.lock".into(), options, FieldTable::default()).await;
        lock.is_err_and(|error| error.to_string().contains("RESOURCE_LOCKED")).then_some(())
    })
    .await;
    dying.close(200, "gone".into()).await.unwrap();
    assert_eq!(looking.await.unwrap().unwrap().id, id);
}

fn tool(url: &str, arguments: &[&str]) -> (bool, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_signalbox-dlq")).args(["--url", url]).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

async fn the_tool_for_dead_letters_works(world: &World, server: &backends::RabbitMq) {
    let handler =
        RecordingHandler::new(|_, times| if times == 1 { Err(Failure::permanent("bad\nluck")) } else { Ok(()) });
    let consumer = world.broker.subscribe(subscription("tool", "mail", &["tool.fell"]), handler.clone());
    consumer.ready().await;
    let url = server.url();
    assert_eq!(tool(&url, &["list"]), (true, "0 dead letters\n".to_owned()));
    world.publish("tool", &[event("tool.fell", "1", 1), event("tool.fell", "1", 2)]).await;
    let letters = world.broker.dead_letters();
    let parked = eventually("two dead letters", || async {
        Some(letters.list(10).await.unwrap()).filter(|letters| letters.len() == 2)
    });
    let ids: Vec<_> = parked.await.into_iter().map(|letter| letter.id).collect();
    let (fine, text) = tool(&url, &["list"]);
    assert!(
        fine && text.contains(r"bad\nluck") && text.contains(&ids[0]) && text.ends_with("2 dead letters\n"),
        "{text}"
    );
    let (fine, text) = tool(&url, &["show", &ids[0]]);
    let shown: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(fine && shown["id"] == ids[0] && shown["body"]["payload"]["number"] == 1, "{text}");
    let (fine, text) = tool(&url, &["replay", &ids[0]]);
    assert!(fine && text.ends_with("is back in mail.tool\n"), "{text}");
    assert_eq!(number(handler.at_least(3).await.last().unwrap()), 1);
    let (fine, text) = tool(&url, &["drop", &ids[1]]);
    assert!(fine && text.ends_with("is deleted\n"), "{text}");
    for command in ["show", "replay", "drop"] {
        let (fine, text) = tool(&url, &[command, &ids[1]]);
        assert!(!fine && text.contains("no dead letter has the id"), "{text}");
    }
    let (fine, text) = tool(&server.url_of("guest:wrong", "%2f"), &["list"]);
    assert!(!fine && text.contains("refused the user `guest`"), "{text}");
    let (fine, text) = tool("amqp://127.0.0.1:1", &["list"]);
    assert!(!fine && text.contains("the broker at 127.0.0.1:1 is not reachable"), "{text}");
    let (fine, text) = tool("http://127.0.0.1", &["list"]);
    assert!(!fine && text.contains("write it as amqp://"), "{text}");
}

async fn a_blocked_broker_is_waited_for(world: &World, server: &backends::RabbitMq) {
    let handler = RecordingHandler::accepting();
    let consumer = world.broker.subscribe(subscription("full", "mail", &["full.up"]), handler.clone());
    consumer.ready().await;
    let publisher = world.broker.publisher("full").unwrap();
    server.ctl(&["set_vm_memory_high_watermark", "absolute", "1"]).unwrap();
    let first = publish(&publisher, 1).await;
    assert!(matches!(first, Err(PublishError::Blocked(_) | PublishError::Timeout)), "{first:?}");
    let second = publish(&publisher, 2).await;
    assert!(matches!(second, Err(PublishError::Blocked(_))), "{second:?}");
    server.ctl(&["set_vm_memory_high_watermark", "0.4"]).unwrap();
    eventually("the broker to take messages", || async { publish(&publisher, 3).await.ok() }).await;
    eventually("the last event", || async { handler.all().iter().any(|event| number(event) == 3).then_some(()) }).await;
}

async fn publish(publisher: &Arc<dyn Publisher>, n: u64) -> Result<(), PublishError> {
    publisher.publish(&[event("full.up", "1", n)]).await.remove(0)
}

async fn a_restart_in_the_middle_loses_nothing(world: &World, server: &backends::RabbitMq) {
    const EVENTS: u64 = 600;
    let store = Arc::new(Store::sqlite().await);
    let handler = RecordingHandler::accepting();
    let mut wanted = subscription("storm", "mail", &["storm.came"]);
    wanted.ordered = true;
    let consumer = world.broker.subscribe(wanted, handler.clone());
    consumer.ready().await;
    eventually("the queue on disk", || async { server.remembers("mail.storm").then_some(()) }).await;
    let publisher = world.broker.publisher("storm").unwrap();
    let settings = RelaySettings { lease: Duration::from_secs(4), ..RelaySettings::default() };
    let relay = tokio::spawn(Relay::new(store.outbox.clone(), publisher, settings).run());
    let writing = Arc::clone(&store);
    // Whatever the pace of this machine: each restart is in the middle, and the last events come after the last one.
    let (allow, mut allowed) = tokio::sync::watch::channel(300);
    let writer = tokio::spawn(async move {
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        for n in 0..EVENTS {
            allowed.wait_for(|limit| n < *limit).await.unwrap();
            pace.tick().await;
            writing.append(&event("storm.came", &(n % 20).to_string(), n)).await;
        }
    });
    for (after, limit) in [(100, 550), (350, EVENTS)] {
        handler.at_least(after).await;
        tokio::task::block_in_place(|| {
            server.kill().unwrap();
            server.launch().unwrap();
        });
        allow.send_replace(limit);
    }
    writer.await.unwrap();
    let seen = eventually("all events", || async {
        let seen = handler.all();
        let numbers: HashSet<_> = seen.iter().map(number).collect();
        (numbers.len() as u64 == EVENTS).then_some(seen)
    });
    let seen = seen.await;
    for key in 0..20 {
        let mut first = Vec::new();
        for n in seen.iter().map(number).filter(|n| n % 20 == key) {
            if !first.contains(&n) {
                first.push(n);
            }
        }
        assert!(first.is_sorted(), "first deliveries of one aggregate are in order: {first:?}");
    }
    eventually("an empty outbox", || async { (store.outbox.backlog().await.unwrap().count == 0).then_some(()) }).await;
    relay.abort();
    assert!(consumer.is_ready());
}
