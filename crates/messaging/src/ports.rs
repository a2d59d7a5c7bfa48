//! What a broker has to do for us. RabbitMQ and the in-process broker keep the same contract.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::consumer::Consumer;
use crate::dead_letter::DeadLetters;
use crate::envelope::Envelope;
use crate::rabbit::BrokerError;
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

/// The broker did not take responsibility for a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// No queue wants it.
    #[error("no queue wants it: {0}")]
    Returned(String),
    /// A queue refused it, as a full one does.
    #[error("refused: {0}")]
    Refused(String),
    /// The broker takes nothing for want of memory or disk.
    #[error("the broker is blocked: {0}")]
    Blocked(String),
    /// The broker did not confirm in time.
    #[error("not confirmed in time")]
    Timeout,
    /// The broker is out of reach or went away before it confirmed.
    #[error("the broker is not available: {0}")]
    Unavailable(String),
}

impl PublishError {
    /// Bounded name for metrics.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Returned(_) => "returned",
            Self::Refused(_) => "refused",
            Self::Blocked(_) => "blocked",
            Self::Timeout => "timeout",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

/// Has the effect of an event. It is called at least once for each, so its effect and [`crate::Inbox::once`]
/// belong into one transaction.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Handles `event`.
    ///
    /// # Errors
    /// If it could not: [`Failure::retry`] if trying again may help, [`Failure::reject`] if not, [`Failure::unavailable`]
    /// if what it needs is away.
    async fn handle(&self, event: &Envelope) -> Result<(), Failure>;
}

/// An event could not be handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    hope: Hope,
    reason: String,
}

/// What may help an event that could not be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hope {
    /// Another attempt after a while.
    Later,
    /// The return of what is away; until then no event fares better.
    Return,
    /// Nothing.
    None,
}

impl Failure {
    /// Trying again may help: the retry ladder, then the dead letters.
    #[must_use]
    pub fn retry(reason: impl Into<String>) -> Self {
        Self { hope: Hope::Later, reason: reason.into() }
    }

    /// Something that every event needs is away, as the handler's database may be: the event is held and tried again
    /// until it is back, and the ladder is for events that fail on their own.
    #[must_use]
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self { hope: Hope::Return, reason: reason.into() }
    }

    /// Trying again does not help: the dead letters at once.
    #[must_use]
    pub fn reject(reason: impl Into<String>) -> Self {
        Self { hope: Hope::None, reason: reason.into() }
    }

    pub(crate) fn is_passing(&self) -> bool {
        self.hope != Hope::None
    }

    pub(crate) fn is_absence(&self) -> bool {
        self.hope == Hope::Return
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl From<sqlx::Error> for Failure {
    /// A database that is away comes back, and any other error may pass.
    fn from(error: sqlx::Error) -> Self {
        let failure = if stores::db::is_away(&error) { Self::unavailable } else { Self::retry };
        failure(error.to_string())
    }
}
