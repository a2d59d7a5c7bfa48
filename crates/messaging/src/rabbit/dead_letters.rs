//! The dead letters in RabbitMQ, each time by a look at their queue ([`super::look`]).

use std::sync::Arc;

use async_trait::async_trait;
use lapin::message::Delivery;

use super::look::Look;
use super::wire::Outgoing;
use super::{BrokerError, Shared};
use crate::dead_letter::{DeadLetter, DeadLetterError, DeadLetters};
use crate::headers;

/// See the module.
pub(super) struct RabbitDeadLetters {
    pub(super) shared: Arc<Shared>,
}

impl RabbitDeadLetters {
    /// Sends a copy to the queue it came from; only when that has arrived may the dead letter go.
    async fn send_back(&self, delivery: &Delivery, letter: &DeadLetter) -> Result<(), DeadLetterError> {
        let copy = Outgoing {
            exchange: String::new(),
            routing_key: letter.queue.clone(),
            message_id: delivery.properties.message_id().as_ref().map(|id| id.as_str().to_owned()),
            headers: headers::replayed(&letter.headers),
            body: delivery.data.clone(),
        };
        let sent = self.shared.mover.send_one(copy).await;
        sent.map_err(|source| DeadLetterError::Replay { id: letter.id.clone(), source })
    }

    async fn replay_in(&self, look: &mut Look<'_>, id: &str) -> Result<DeadLetter, DeadLetterError> {
        let (delivery, letter) = look.find(id).await?;
        self.send_back(&delivery, &letter).await?;
        look.settle(&delivery).await?;
        Ok(letter)
    }
}

async fn discard_in(look: &mut Look<'_>, id: &str) -> Result<DeadLetter, DeadLetterError> {
    let (delivery, letter) = look.find(id).await?;
    look.settle(&delivery).await?;
    Ok(letter)
}

#[async_trait]
impl DeadLetters for RabbitDeadLetters {
    async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let mut look = Look::begin(&self.shared).await?;
        let mut letters = Vec::new();
        while letters.len() < limit
            && let Some((_, letter)) = look.next().await?
        {
            letters.push(letter);
        }
        look.end().await?;
        Ok(letters)
    }

    async fn show(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        let mut look = Look::begin(&self.shared).await?;
        let found = look.find(id).await;
        look.end().await?;
        found.map(|(_, letter)| letter)
    }

    async fn replay(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        let mut look = Look::begin(&self.shared).await?;
        let outcome = self.replay_in(&mut look, id).await;
        look.end().await?;
        outcome
    }

    async fn discard(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        let mut look = Look::begin(&self.shared).await?;
        let outcome = discard_in(&mut look, id).await;
        look.end().await?;
        outcome
    }
}

impl From<BrokerError> for DeadLetterError {
    fn from(error: BrokerError) -> Self {
        Self::Broker(error.to_string())
    }
}
