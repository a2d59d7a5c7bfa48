//! The dead letters in RabbitMQ, each time by browsing their queue ([`super::browser`]).

use std::sync::Arc;

use async_trait::async_trait;
use lapin::message::Delivery;

use super::browser::QueueBrowser;
use super::connections::Connections;
use super::message::{Outgoing, message_id};
use crate::dead_letter::{DeadLetter, DeadLetterError};
use crate::headers;
use crate::ports::DeadLetters;

/// See the module.
pub(super) struct RabbitDeadLetters {
    pub(super) connections: Arc<Connections>,
}

impl RabbitDeadLetters {
    /// Sends a copy to the queue it came from; only when that has arrived may the dead letter go.
    async fn send_back(&self, delivery: &Delivery, letter: &DeadLetter) -> Result<(), DeadLetterError> {
        let copy = Outgoing {
            exchange: String::new(),
            routing_key: letter.queue.clone(),
            message_id: message_id(delivery),
            headers: headers::for_replay(&letter.headers),
            body: delivery.data.clone(),
        };
        let sent = self.connections.mover.send_one(copy).await;
        sent.map_err(|source| DeadLetterError::Replay { id: letter.id.clone(), source })
    }

    async fn replay_in(&self, browser: &mut QueueBrowser<'_>, id: &str) -> Result<DeadLetter, DeadLetterError> {
        let (delivery, letter) = browser.find(id).await?;
        self.send_back(&delivery, &letter).await?;
        browser.acknowledge(&delivery).await?;
        Ok(letter)
    }
}

async fn discard_in(browser: &mut QueueBrowser<'_>, id: &str) -> Result<DeadLetter, DeadLetterError> {
    let (delivery, letter) = browser.find(id).await?;
    browser.acknowledge(&delivery).await?;
    Ok(letter)
}

#[async_trait]
impl DeadLetters for RabbitDeadLetters {
    async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let mut browser = QueueBrowser::open(&self.connections).await?;
        let mut letters = Vec::new();
        while letters.len() < limit
            && let Some((_, letter)) = browser.next().await?
        {
            letters.push(letter);
        }
        browser.close().await?;
        Ok(letters)
    }

    async fn show(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        let mut browser = QueueBrowser::open(&self.connections).await?;
        let found = browser.find(id).await;
        browser.close().await?;
        found.map(|(_, letter)| letter)
    }

    async fn replay(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        let mut browser = QueueBrowser::open(&self.connections).await?;
        let outcome = self.replay_in(&mut browser, id).await;
        browser.close().await?;
        outcome
    }

    async fn discard(&self, id: &str) -> Result<DeadLetter, DeadLetterError> {
        let mut browser = QueueBrowser::open(&self.connections).await?;
        let outcome = discard_in(&mut browser, id).await;
        browser.close().await?;
        outcome
    }
}
