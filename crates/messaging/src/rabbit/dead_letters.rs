//! The dead letters in RabbitMQ. To look at a queue is to take its messages and give them back, so two people who
//! look at the same moment see different halves.

use std::sync::Arc;

use async_trait::async_trait;
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions};

use super::wire::{self, Outgoing, short};
use super::{BrokerError, Shared, topology};
use crate::dead_letter::{DeadLetter, DeadLetterError, DeadLetters};
use crate::headers;

/// See the module.
pub(super) struct RabbitDeadLetters {
    pub(super) shared: Arc<Shared>,
}

impl RabbitDeadLetters {
    async fn open(&self) -> Result<Channel, BrokerError> {
        let channel = self.shared.consuming.channel().await?;
        topology::declare_dead_letters(&channel, &self.shared.settings).await?;
        Ok(channel)
    }

    async fn next(&self, channel: &Channel) -> Result<Option<Delivery>, BrokerError> {
        let queue = short(&self.shared.settings.dead_letters);
        Ok(channel.basic_get(queue, BasicGetOptions::default()).await?.map(|message| message.delivery))
    }

    /// Takes messages until one has that id.
    async fn find(&self, channel: &Channel, id: &str) -> Result<(Delivery, DeadLetter), DeadLetterError> {
        while let Some(delivery) = self.next(channel).await? {
            let letter = letter(&delivery);
            if letter.id == id {
                return Ok((delivery, letter));
            }
        }
        Err(DeadLetterError::Unknown(id.to_owned()))
    }
}

/// Gives back what was taken and not acknowledged.
async fn give_back(channel: &Channel) -> Result<(), BrokerError> {
    Ok(channel.close(200, "done".into()).await?)
}

fn letter(delivery: &Delivery) -> DeadLetter {
    let id = delivery.properties.message_id().as_ref().map(lapin::types::ShortString::as_str);
    DeadLetter::new(id, wire::read(&delivery.properties), &delivery.data)
}

async fn acknowledge(delivery: &Delivery) -> Result<(), DeadLetterError> {
    let acknowledged = delivery.acker.ack(BasicAckOptions::default()).await;
    acknowledged.map(|_| ()).map_err(|error| BrokerError::from(error).into())
}

#[async_trait]
impl DeadLetters for RabbitDeadLetters {
    async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let channel = self.open().await?;
        let mut letters = Vec::new();
        while letters.len() < limit
            && let Some(delivery) = self.next(&channel).await?
        {
            letters.push(letter(&delivery));
        }
        give_back(&channel).await?;
        Ok(letters)
    }

    async fn show(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        let channel = self.open().await?;
        let found = self.find(&channel, id).await;
        give_back(&channel).await?;
        found.map(|(_, letter)| letter)
    }

    async fn replay(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        let channel = self.open().await?;
        let found = self.find(&channel, id).await;
        let outcome = match found {
            Ok((delivery, letter)) => self.put_back(&delivery, &letter).await.map(|()| letter),
            Err(error) => Err(error),
        };
        give_back(&channel).await?;
        outcome
    }

    async fn discard(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        let channel = self.open().await?;
        let found = self.find(&channel, id).await;
        let outcome = match found {
            Ok((delivery, letter)) => acknowledge(&delivery).await.map(|()| letter),
            Err(error) => Err(error),
        };
        give_back(&channel).await?;
        outcome
    }
}

impl RabbitDeadLetters {
    /// Sends a copy to the queue it came from; only when that has arrived the dead letter goes.
    async fn put_back(&self, delivery: &Delivery, letter: &DeadLetter) -> Result<(), DeadLetterError> {
        let copy = Outgoing {
            exchange: String::new(),
            routing_key: letter.queue.clone(),
            message_id: delivery.properties.message_id().as_ref().map(|id| id.as_str().to_owned()),
            headers: headers::replayed(&letter.headers),
            body: delivery.data.clone(),
        };
        let sent = self.shared.mover.send_one(copy).await;
        sent.map_err(|source| DeadLetterError::Replay { id: letter.id.clone(), source })?;
        acknowledge(delivery).await
    }
}

impl From<BrokerError> for DeadLetterError {
    fn from(error: BrokerError) -> Self {
        Self::Broker(error.to_string())
    }
}
