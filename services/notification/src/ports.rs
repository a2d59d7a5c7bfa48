//! What the service needs from outside.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::{Applied, Backlog, Claim, Effect, Error, Event, Letter, Verdict};

/// Where recipients and mails are kept. Each method happens wholly or not at all, and fails with [`Error::Store`] if
/// the store does, or with [`Error::Unavailable`] if it is out of reach.
#[async_trait]
pub trait Store: Send + Sync {
    /// Has the effect of an event, once for each event however often it is asked.
    ///
    /// # Errors
    /// [`Error::UnknownRecipient`] for a mail to a user who was neither registered nor forgotten; nothing has
    /// happened then, and asking again later is right.
    async fn apply(&self, event: &Event, effect: &Effect) -> Result<Applied, Error>;

    /// Claims at most `limit` due mails for `lease`, the one that is due longest first. Nobody else gets them before
    /// the lease is over.
    ///
    /// # Errors
    /// Only those of the store.
    async fn claim(&self, limit: usize, lease: Duration) -> Result<Vec<Claim>, Error>;

    /// Notes what became of a claimed mail. A claim whose lease is over and was followed by another changes nothing,
    /// but that a mail was sent is always noted.
    ///
    /// # Errors
    /// Only those of the store.
    async fn settle(&self, claim: &Claim, verdict: &Verdict) -> Result<(), Error>;

    /// What waits to be sent.
    ///
    /// # Errors
    /// Only those of the store.
    async fn backlog(&self) -> Result<Backlog, Error>;

    /// Removes mails that were settled before `time`, and the memory of events handled before it.
    ///
    /// # Errors
    /// Only those of the store.
    async fn purge(&self, time: DateTime<Utc>) -> Result<u64, Error>;
}

/// Hands mails over to whoever delivers them.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Its name in metrics: `file` or `smtp`.
    fn name(&self) -> &'static str;

    /// Sends one mail. Sending the same again must do no harm: it happens after a crash. The future may be dropped at
    /// any moment.
    ///
    /// # Errors
    /// If it was not, or possibly not, handed over.
    async fn send(&self, letter: &Letter) -> Result<(), SendError>;
}

/// A mail was not handed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{class}: {detail}")]
pub struct SendError {
    /// Bounded name for metrics.
    pub class: &'static str,
    /// What happened, without anything personal.
    pub detail: String,
    /// Whether trying again cannot help.
    pub is_final: bool,
}

impl SendError {
    /// It may work later.
    #[must_use]
    pub fn passing(class: &'static str, detail: impl Into<String>) -> Self {
        Self { class, detail: detail.into(), is_final: false }
    }

    /// It will never work.
    #[must_use]
    pub fn lasting(class: &'static str, detail: impl Into<String>) -> Self {
        Self { class, detail: detail.into(), is_final: true }
    }
}
