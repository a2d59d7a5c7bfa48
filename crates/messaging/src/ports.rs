//! What a broker has to do for us, and what we do for it. RabbitMQ and the in-process broker keep the same contract.

use std::sync::Arc;

use async_trait::async_trait;

use crate::consumer::Consumer;
use crate::dead_letter::{DeadLetter, DeadLetterError};
use crate::envelope::Envelope;
use crate::errors::{BrokerError, PublishError};
use crate::failure::Failure;
use crate::subscription::{BadSubscription, Subscription};

/// A broker.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Connects, if that is not done, to find out whether it works.
    ///
    /// # Errors
    /// Why it does not.
    async fn check(&self) -> Result<(), BrokerError>;

    /// A publisher of the events of `context`.
    ///
    /// # Errors
    /// If `context` is no name.
    fn publisher(&self, context: &str) -> Result<Arc<dyn Publisher>, BadSubscription>;

    /// Starts to consume on the current runtime. If the broker is out of reach, that goes on in the background.
    fn subscribe(&self, subscription: Subscription, handler: Arc<dyn Handler>) -> Consumer;

    /// The parked messages.
    fn dead_letters(&self) -> Arc<dyn DeadLetters>;
}

/// Hands events to the broker.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Publishes them in this order without waiting in between, and answers, in the same order, which of them the
    /// broker has taken responsibility for. What failed may nevertheless have arrived; publish it again.
    async fn publish(&self, events: &[Envelope]) -> Vec<Result<(), PublishError>>;
}

/// Has the effect of an event. It is called at least once for each, so its effect and [`crate::Inbox::once`]
/// belong into one transaction.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Handles `event`.
    ///
    /// # Errors
    /// If it could not; the [kind](crate::FailureKind) of the failure decides what becomes of the event.
    async fn handle(&self, event: &Envelope) -> Result<(), Failure>;
}

/// The parked messages of all consumers. Any number of people may look at them; with RabbitMQ one after the other.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// At most `limit` of them, the oldest first. RabbitMQ loses that order when more than a thousand are parked, or when
    /// somebody who looks at them dies.
    ///
    /// # Errors
    /// If the broker is not available or somebody else looks at them for too long.
    async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, DeadLetterError>;

    /// One of them.
    ///
    /// # Errors
    /// If there is none of that id, or as [`DeadLetters::list`].
    async fn show(&self, id: &str) -> Result<DeadLetter, DeadLetterError>;

    /// Puts it back into the queue it came from, as if it had never been tried.
    ///
    /// # Errors
    /// If there is none of that id, its queue does not take it, or as [`DeadLetters::list`]; it stays parked then.
    async fn replay(&self, id: &str) -> Result<DeadLetter, DeadLetterError>;

    /// Deletes it.
    ///
    /// # Errors
    /// As [`DeadLetters::show`].
    async fn discard(&self, id: &str) -> Result<DeadLetter, DeadLetterError>;
}
