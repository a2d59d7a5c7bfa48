//! Publishes events to the exchange of their context.

use async_trait::async_trait;
use telemetry::{Destination, PublishGuard};

use super::connections::SYSTEM;
use super::message::Outgoing;
use super::sender::Sender;
use crate::envelope::Envelope;
use crate::errors::PublishError;
use crate::headers::Headers;
use crate::ports::Publisher;

/// See the module.
pub(super) struct RabbitPublisher {
    pub(super) sender: Sender,
    pub(super) context: String,
}

#[async_trait]
impl Publisher for RabbitPublisher {
    async fn publish(&self, events: &[Envelope]) -> Vec<Result<(), PublishError>> {
        if events.is_empty() {
            return Vec::new();
        }
        let (publications, batch): (Vec<_>, Vec<_>) = events.iter().map(|event| self.prepare(event)).unzip();
        let outcomes = self.sender.send(&batch).await;
        for (guard, outcome) in publications.into_iter().zip(&outcomes) {
            guard.finish(outcome.as_ref().err().map(PublishError::error_type));
        }
        outcomes
    }
}

impl RabbitPublisher {
    fn prepare(&self, event: &Envelope) -> (PublishGuard, Outgoing) {
        let (exchange, routing_key) = (self.context.clone(), event.kind().to_owned());
        let destination = Destination {
            system: SYSTEM,
            exchange: exchange.clone(),
            routing_key: routing_key.clone(),
            queue: String::new(),
        };
        let (id, mut headers) = (event.id().to_string(), Headers::new());
        let guard = PublishGuard::start(&destination, &id, event.cause(), &mut headers);
        let message = Outgoing { exchange, routing_key, message_id: Some(id), headers, body: event.encode() };
        (guard, message)
    }
}
