//! The contract of a broker, asked of both: the one inside the process and a private RabbitMQ.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code, reason = "tests")]

#[path = "contract/delivery.rs"]
mod delivery;
#[path = "contract/failure.rs"]
mod failure;
#[path = "contract/metrics.rs"]
mod metrics;
#[path = "contract/trace.rs"]
mod trace;
#[path = "support/world.rs"]
mod world;

use std::sync::Arc;

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use messaging::{InProcess, RabbitMq, RabbitSettings};
use world::{World, in_service};

#[test]
fn the_broker_in_the_process_keeps_the_contract() {
    in_service("in-process", |collector| async move {
        let broker = InProcess::new(10_000);
        let target = broker.clone();
        let inject: world::Inject = Box::new(move |queue, id, body| {
            target.inject(&queue, id, &body).unwrap();
            Box::pin(std::future::ready(()))
        });
        contract(&World { broker: Arc::new(broker), inject, collector }).await;
    });
}

#[test]
fn rabbitmq_keeps_the_contract() {
    let url = backends::rabbitmq().url();
    in_service("rabbitmq", |collector| async move {
        let broker = RabbitMq::new(RabbitSettings::new(&url, "contract")).unwrap();
        let inject: world::Inject = Box::new(move |queue, id, body| {
            let url = url.clone();
            Box::pin(async move { inject(&url, &queue, id, &body).await })
        });
        contract(&World { broker: Arc::new(broker), inject, collector }).await;
    });
}

async fn inject(url: &str, queue: &str, id: Option<&str>, body: &[u8]) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(lapin::options::ConfirmSelectOptions::default()).await.unwrap();
    let properties = BasicProperties::default();
    let properties = id.map_or(properties.clone(), |id| properties.with_message_id(id.into()));
    let published = channel.basic_publish("".into(), queue.into(), BasicPublishOptions::default(), body, properties);
    assert!(published.await.unwrap().await.unwrap().is_ack());
}

async fn contract(world: &World) {
    delivery::events_reach_every_consumer_that_wants_them(world).await;
    delivery::instances_of_a_consumer_share_the_work(world).await;
    delivery::what_a_consumer_does_not_want_does_not_stop_what_it_wants(world).await;
    delivery::repeated_events_have_their_effect_once(world).await;
    delivery::what_nobody_wants_stays_in_the_outbox_until_somebody_does(world).await;
    delivery::each_aggregate_keeps_its_order(world).await;
    delivery::a_commit_wakes_the_relay(world).await;
    delivery::a_consumer_that_dies_loses_nothing(world).await;
    delivery::an_ordered_consumer_has_one_instance_at_work(world).await;
    delivery::stopping_finishes_what_is_in_hand(world).await;
    failure::failures_climb_the_ladder_and_are_parked_with_their_reason(world).await;
    failure::what_recovers_is_not_parked(world).await;
    failure::what_misses_something_is_held_until_that_is_back(world).await;
    failure::what_is_held_goes_back_when_its_consumer_stops(world).await;
    failure::the_others_do_not_wait_for_a_failing_one(world).await;
    failure::poison_is_parked_at_once_and_harms_nobody(world).await;
    failure::what_cannot_get_better_is_parked_at_once(world).await;
    failure::handlers_may_panic_or_hang(world).await;
    failure::types_that_are_no_longer_wanted_are_ignored(world).await;
    failure::a_message_that_kills_its_consumers_is_parked(world).await;
    failure::dead_letters_are_shown_replayed_and_dropped(world).await;
    failure::events_without_any_queue_are_returned(world).await;
    trace::consumer_spans_link_to_producer_spans(world).await;
    metrics::what_happened_was_measured();
}
