//! A look at the queue of dead letters. RabbitMQ shows a message only by handing it out, so a look takes messages and
//! gives back those it does not settle. What is taken is missing for everybody else, and what is given back is missing
//! until the queue has written that down; therefore one look at a time, in all processes, and each ends only when the
//! queue is whole again.
//!
//! Whose turn it is says a queue that belongs to one connection and lives as long as its consumer, the look's channel.
//! A look that dies, with its task, its process or its connection, gives back its messages and its turn.

use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer, ErrorKind};
use tokio::sync::MutexGuard;
use tokio::time::{Instant, sleep, timeout};

use super::wire::{self, short};
use super::{BrokerError, Shared, topology};
use crate::dead_letter::{DeadLetter, DeadLetterError};

/// How often something is looked at that is about to change.
const PACE: Duration = Duration::from_millis(20);

/// Longest wait for the looks of others: by then the broker has noticed one whose connection is dead.
const TURN: Duration = Duration::from_secs(30);

/// How long a message is waited for that is not there: those of a look that died come back soon after its turn.
const STRAGGLERS: Duration = Duration::from_secs(2);

/// As many letters keep their order however often they are looked at; it takes a look at all of them.
const ORDERED: usize = 1_000;

/// Letters given back at once. Quorum queues keep the order of those they take up at once, which are no more than 32.
const BATCH: usize = 16;

/// Longest wait for a batch to be back in the queue.
const RETURN: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct Look<'a> {
    channel: Channel,
    queue: ShortString,
    /// Letters that are there and were not taken; those parked meanwhile are not counted.
    left: u32,
    /// Delivery tags of the letters taken and not settled.
    held: Vec<u64>,
    _lock: Consumer,
    _turn: MutexGuard<'a, ()>,
}

impl<'a> Look<'a> {
    /// Waits for its turn.
    pub(super) async fn begin(shared: &'a Shared) -> Result<Self, DeadLetterError> {
        let name = &shared.settings.dead_letters;
        let begin = async {
            // The queue tells connections apart, and this one may have several looks.
            let turn = shared.looking.lock().await;
            let (channel, lock) = lock(shared, &format!("{name}.lock")).await?;
            Ok::<_, BrokerError>((turn, channel, lock))
        };
        let (turn, channel, lock) = timeout(TURN, begin).await.map_err(|_| DeadLetterError::Busy(TURN))??;
        topology::declare_dead_letters(&channel, &shared.settings).await?;
        let queue = short(name);
        let mut look = Self { channel, queue, left: 0, held: Vec::new(), _lock: lock, _turn: turn };
        look.left = look.count().await?;
        Ok(look)
    }

    /// The next letter.
    pub(super) async fn next(&mut self) -> Result<Option<(Delivery, DeadLetter)>, BrokerError> {
        let message = self.channel.basic_get(self.queue.clone(), BasicGetOptions::default()).await?;
        let Some(message) = message else { return Ok(None) };
        self.left = self.left.saturating_sub(1);
        self.held.push(message.delivery.delivery_tag);
        let letter = letter(&message.delivery);
        Ok(Some((message.delivery, letter)))
    }

    /// Takes letters until one has that id.
    pub(super) async fn find(&mut self, id: &str) -> Result<(Delivery, DeadLetter), DeadLetterError> {
        let start = Instant::now();
        loop {
            match self.next().await? {
                Some(found) if found.1.id == id => return Ok(found),
                Some(_) => {}
                None if start.elapsed() >= STRAGGLERS => return Err(DeadLetterError::Unknown(id.to_owned())),
                None => sleep(PACE).await,
            }
        }
    }

    /// Deletes a letter it took.
    pub(super) async fn settle(&mut self, delivery: &Delivery) -> Result<(), BrokerError> {
        delivery.acker.ack(BasicAckOptions::default()).await?;
        self.held.retain(|tag| *tag != delivery.delivery_tag);
        Ok(())
    }

    /// Gives back what was taken and not settled, and waits until it is there for the next look.
    pub(super) async fn end(mut self) -> Result<(), BrokerError> {
        // What comes back goes behind what came back before: the order is kept if all of them come back.
        if !self.held.is_empty() && self.held.len() + self.left as usize <= ORDERED {
            while self.held.len() < ORDERED && self.next().await?.is_some() {}
        }
        let mut whole = self.left;
        for batch in self.held.chunks(BATCH) {
            let Some(last) = batch.last() else { break };
            let options = BasicNackOptions { multiple: true, requeue: true };
            self.channel.basic_nack(*last, options).await?;
            whole = whole.saturating_add(u32::try_from(batch.len()).unwrap_or(u32::MAX));
            let Ok(outcome) = timeout(RETURN, self.reach(whole)).await else {
                // Somebody without a turn, such as the broker's console, has taken letters. The channel returns the rest.
                break;
            };
            outcome?;
        }
        Ok(self.channel.close(200, short("done")).await?)
    }

    async fn reach(&self, letters: u32) -> Result<(), BrokerError> {
        while self.count().await? < letters {
            sleep(PACE).await;
        }
        Ok(())
    }

    /// Letters in the queue, without those in anybody's hands.
    async fn count(&self) -> Result<u32, BrokerError> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        Ok(self.channel.queue_declare(self.queue.clone(), options, FieldTable::default()).await?.message_count())
    }
}

/// Waits until no other connection has the lock. It is let go with the channel.
async fn lock(shared: &Shared, name: &str) -> Result<(Channel, Consumer), BrokerError> {
    loop {
        let channel = shared.consuming.channel().await?;
        match hold(&channel, name).await {
            Ok(consumer) => return Ok((channel, consumer)),
            Err(error) if is_taken(&error) => sleep(PACE).await,
            Err(error) => return Err(error.into()),
        }
    }
}

async fn hold(channel: &Channel, name: &str) -> Result<Consumer, lapin::Error> {
    let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(short(name), options, FieldTable::default()).await?;
    channel.basic_consume(short(name), short(""), BasicConsumeOptions::default(), FieldTable::default()).await
}

/// Whether another connection holds the lock, or an earlier look of this one let go of it just now.
fn is_taken(error: &lapin::Error) -> bool {
    let ErrorKind::ProtocolError(error) = error.kind() else { return false };
    let passing = [AMQPSoftError::RESOURCELOCKED, AMQPSoftError::NOTFOUND];
    matches!(error.kind(), AMQPErrorKind::Soft(kind) if passing.contains(kind))
}

fn letter(delivery: &Delivery) -> DeadLetter {
    let id = delivery.properties.message_id().as_ref().map(ShortString::as_str);
    DeadLetter::new(id, wire::read(&delivery.properties), &delivery.data)
}
