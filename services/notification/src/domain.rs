//! What mails there are, whom they go to and what becomes of them, free of transport, storage and templates.

mod address;
mod effect;
mod kind;
mod mail;
mod retry_policy;

pub use self::address::{Address, InvalidAddress, SingleLine};
pub use self::effect::{Applied, Draft, Effect, Event, Variables, variables};
pub use self::kind::Kind;
pub use self::mail::{Backlog, Claim, Letter, Recipient};
pub use self::retry_policy::{RetryPolicy, Verdict};

/// The technical cause of a failure, for the log only.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why an event could not have its effect, or a mail not be looked after.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A mail to a user of whom nothing is known: the event that introduces the user may still be on its way.
    #[error("the recipient is not known (yet)")]
    UnknownRecipient,
    /// The store is out of reach: nothing else fares better until it is back.
    #[error("the store is away: {0}")]
    Unavailable(#[source] Cause),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[source] Cause),
}
