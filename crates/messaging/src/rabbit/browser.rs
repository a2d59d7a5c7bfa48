//! Browses the queue of dead letters. RabbitMQ shows a message only by delivering it, so a browser takes messages and
//! requeues those it does not acknowledge. What is taken is missing for everybody else, and what is requeued is missing
//! until the queue has written that down; therefore there is one browser at a time, in all processes, and each closes
//! only when the queue is complete again.
//!
//! The lock is a queue that belongs to one connection and lives as long as its consumer, which is on the browser's
//! channel. A browser that dies, with its task, its process or its connection, gives back its messages and the lock.

use std::time::Duration;

use chassis::ports::Ports;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer, ErrorKind};
use tokio::sync::MutexGuard;

use super::connections::Connections;
use super::message::{decode_headers, message_id, short_string};
use super::topology;
use crate::dead_letter::{DeadLetter, DeadLetterError};
use crate::errors::BrokerError;
use crate::time::timeout;

/// How often something is checked that is about to change.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Longest wait for the browsers of others: by then the broker has noticed one whose connection is dead.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a message is waited for that is not there: those of a browser that died come back soon after its lock.
const REQUEUE_DELAY: Duration = Duration::from_secs(2);

/// As many letters keep their order however often they are browsed; it takes browsing all of them.
const MAX_ORDERED: usize = 1_000;

/// Letters requeued at once. Quorum queues keep the order of those they take up at once, which are no more than 32.
const NACK_BATCH: usize = 16;

/// Longest wait for a batch to be back in the queue.
const REQUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct QueueBrowser<'a> {
    channel: Channel,
    queue: ShortString,
    /// Letters that are there and were not taken; those parked meanwhile are not counted.
    remaining: u32,
    /// Delivery tags of the letters taken and not acknowledged.
    unacknowledged: Vec<u64>,
    ports: &'a Ports,
    _lock: Consumer,
    _local_lock: MutexGuard<'a, ()>,
}

impl<'a> QueueBrowser<'a> {
    /// Waits for the lock.
    pub(super) async fn open(connections: &'a Connections) -> Result<Self, DeadLetterError> {
        let (name, ports) = (&connections.settings.dead_letters, &connections.ports);
        let locking = async {
            // The queue tells connections apart, and this one may have several browsers.
            let local_lock = connections.browsing.lock().await;
            let (channel, lock) = lock(connections, &format!("{name}.lock")).await?;
            Ok::<_, BrokerError>((local_lock, channel, lock))
        };
        let locked = timeout(&*ports.clock, LOCK_TIMEOUT, locking).await;
        let (local_lock, channel, lock) = locked.map_err(|_| DeadLetterError::Busy(LOCK_TIMEOUT))??;
        topology::declare_dead_letters(&channel, &connections.settings).await?;
        let (queue, unacknowledged) = (short_string(name), Vec::new());
        let mut browser =
            Self { channel, queue, remaining: 0, unacknowledged, ports, _lock: lock, _local_lock: local_lock };
        browser.remaining = browser.count().await?;
        Ok(browser)
    }

    /// The next letter.
    pub(super) async fn next(&mut self) -> Result<Option<(Delivery, DeadLetter)>, BrokerError> {
        let message = self.channel.basic_get(self.queue.clone(), BasicGetOptions::default()).await?;
        let Some(message) = message else { return Ok(None) };
        self.remaining = self.remaining.saturating_sub(1);
        self.unacknowledged.push(message.delivery.delivery_tag);
        let letter = letter(&message.delivery);
        Ok(Some((message.delivery, letter)))
    }

    /// Takes letters until one has that id.
    pub(super) async fn find(&mut self, id: &str) -> Result<(Delivery, DeadLetter), DeadLetterError> {
        let clock = &self.ports.clock;
        let give_up_at = clock.now() + REQUEUE_DELAY;
        loop {
            match self.next().await? {
                Some(found) if found.1.id == id => return Ok(found),
                Some(_) => {}
                None if clock.now() >= give_up_at => return Err(DeadLetterError::Unknown(id.to_owned())),
                None => clock.sleep(POLL_INTERVAL).await,
            }
        }
    }

    /// Deletes a letter it took.
    pub(super) async fn acknowledge(&mut self, delivery: &Delivery) -> Result<(), BrokerError> {
        delivery.acker.ack(BasicAckOptions::default()).await?;
        self.unacknowledged.retain(|tag| *tag != delivery.delivery_tag);
        Ok(())
    }

    /// Requeues what was taken and not acknowledged, and waits until it is there for the next browser.
    pub(super) async fn close(mut self) -> Result<(), BrokerError> {
        // What comes back goes behind what came back before: the order is kept if all of them come back.
        if !self.unacknowledged.is_empty() && self.unacknowledged.len() + self.remaining as usize <= MAX_ORDERED {
            while self.unacknowledged.len() < MAX_ORDERED && self.next().await?.is_some() {}
        }
        let mut expected = self.remaining;
        for batch in self.unacknowledged.chunks(NACK_BATCH) {
            let Some(last) = batch.last() else { break };
            let options = BasicNackOptions { multiple: true, requeue: true };
            self.channel.basic_nack(*last, options).await?;
            expected = expected.saturating_add(u32::try_from(batch.len()).unwrap_or(u32::MAX));
            let Ok(outcome) = timeout(&*self.ports.clock, REQUEUE_TIMEOUT, self.wait_for(expected)).await else {
                // Somebody without the lock, such as the broker's console, has taken letters. The channel returns the rest.
                break;
            };
            outcome?;
        }
        Ok(self.channel.close(200, short_string("done")).await?)
    }

    async fn wait_for(&self, letters: u32) -> Result<(), BrokerError> {
        while self.count().await? < letters {
            self.ports.clock.sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Letters in the queue, without those that are delivered and not acknowledged.
    async fn count(&self) -> Result<u32, BrokerError> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        Ok(self.channel.queue_declare(self.queue.clone(), options, FieldTable::default()).await?.message_count())
    }
}

/// Waits until no other connection has the lock. It is let go with the channel.
async fn lock(connections: &Connections, name: &str) -> Result<(Channel, Consumer), BrokerError> {
    loop {
        let channel = connections.consuming.channel().await?;
        match try_lock(&channel, name).await {
            Ok(consumer) => return Ok((channel, consumer)),
            Err(error) if is_locked(&error) => connections.ports.clock.sleep(POLL_INTERVAL).await,
            Err(error) => return Err(error.into()),
        }
    }
}

async fn try_lock(channel: &Channel, name: &str) -> Result<Consumer, lapin::Error> {
    let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(short_string(name), options, FieldTable::default()).await?;
    let (queue, tag) = (short_string(name), short_string(""));
    channel.basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default()).await
}

/// Whether another connection holds the lock, or an earlier browser of this one let go of it just now.
fn is_locked(error: &lapin::Error) -> bool {
    let ErrorKind::ProtocolError(error) = error.kind() else { return false };
    let passing = [AMQPSoftError::RESOURCELOCKED, AMQPSoftError::NOTFOUND];
    matches!(error.kind(), AMQPErrorKind::Soft(kind) if passing.contains(kind))
}

fn letter(delivery: &Delivery) -> DeadLetter {
    DeadLetter::new(message_id(delivery).as_deref(), decode_headers(&delivery.properties), &delivery.data)
}
