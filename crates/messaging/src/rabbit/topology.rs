//! Exchanges and queues. Declared on every connection with the same arguments, so that it does not matter who comes first.
//!
//! For the subscription `notification` to `user`, steps of 1 s and 10 s:
//! ```text
//! user (fanout exchange) -- every event --> notification.user --> consumer
//!                                                  ^        |
//!              after 1 s   notification.user.retry.1000  <--+ first failure
//!              after 10 s  notification.user.retry.10000 <--+ second failure
//!                          dead-letters                  <--+ third failure, or rejected
//! ```

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

use super::message::short_string;
use super::settings::RabbitSettings;
use crate::errors::BrokerError;
use crate::subscription::Subscription;

/// Deliveries of a dead letter. Looking at one counts, and from 4.0 on the broker's own limit would be 20.
const DEAD_LETTER_DELIVERIES: i64 = 2_000_000_000;

/// Name of the queue in which messages of `queue` wait.
pub(super) fn retry_queue(queue: &str, wait: Duration) -> String {
    format!("{queue}.retry.{}", wait.as_millis())
}

/// All that a subscription needs.
pub(super) async fn declare(
    channel: &Channel,
    subscription: &Subscription,
    settings: &RabbitSettings,
) -> Result<(), BrokerError> {
    let queue = subscription.queue();
    declare_dead_letters(channel, settings).await?;
    for wait in subscription.ladder.steps() {
        let ttl = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let mut arguments = dead_lettering(&queue);
        arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(ttl));
        declare_queue(channel, &retry_queue(&queue, *wait), arguments).await?;
    }
    let mut arguments = dead_lettering(&settings.dead_letters);
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(settings.delivery_limit.into()));
    if subscription.ordered {
        arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
    }
    declare_queue(channel, &queue, arguments).await?;
    declare_exchange(channel, subscription.context()).await?;
    let (queue, exchange) = (short_string(&queue), short_string(subscription.context()));
    let options = QueueBindOptions::default();
    Ok(channel.queue_bind(queue, exchange, short_string(""), options, FieldTable::default()).await?)
}

/// The exchange of a context: durable, and every queue bound to it gets every event. A type that no consumer wants any
/// more, or yet, therefore still has somewhere to go, and never stops the outbox.
pub(super) async fn declare_exchange(channel: &Channel, context: &str) -> Result<(), BrokerError> {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let declared =
        channel.exchange_declare(short_string(context), ExchangeKind::Fanout, options, FieldTable::default()).await;
    Ok(declared?)
}

/// The queue of the dead letters, from which nothing expires.
pub(super) async fn declare_dead_letters(channel: &Channel, settings: &RabbitSettings) -> Result<(), BrokerError> {
    let mut arguments = FieldTable::default();
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(DEAD_LETTER_DELIVERIES));
    declare_queue(channel, &settings.dead_letters, arguments).await
}

/// Arguments of a queue whose dead messages go to `target`, and leave the queue only once they have arrived.
fn dead_lettering(target: &str) -> FieldTable {
    let mut arguments = FieldTable::default();
    for (name, value) in [
        ("x-dead-letter-exchange", ""),
        ("x-dead-letter-routing-key", target),
        ("x-dead-letter-strategy", "at-least-once"),
        ("x-overflow", "reject-publish"),
    ] {
        arguments.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    arguments
}

async fn declare_queue(channel: &Channel, name: &str, mut arguments: FieldTable) -> Result<(), BrokerError> {
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(short_string(name), options, arguments).await?;
    Ok(())
}
