//! A mail on its way out.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::address::{Address, SingleLine};
use super::effect::Variables;
use super::kind::Kind;

/// Whom a mail goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Where it goes.
    pub address: Address,
    /// How they are addressed; empty for a mailbox that is no person.
    pub name: SingleLine,
}

/// A mail that a sender has claimed.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// That of its event.
    pub id: Uuid,
    /// What it is about.
    pub kind: Kind,
    /// Its facts.
    pub variables: Variables,
    /// Whom it goes to; nobody if they were forgotten meanwhile.
    pub recipient: Option<Recipient>,
    /// Attempts to send it, this one included. Also tells this claim from later ones.
    pub attempts: u32,
    /// When its event happened.
    pub occurred_at: DateTime<Utc>,
    /// When it came here.
    pub queued_at: DateTime<Utc>,
    /// `traceparent` of what caused its event.
    pub traceparent: Option<String>,
}

/// A mail as it is sent. Made from the same claim it has the same bytes each time.
#[derive(Clone, PartialEq)]
pub struct Letter {
    /// That of its event.
    pub id: Uuid,
    /// Whom it goes to.
    pub to: Recipient,
    /// One line.
    pub subject: String,
    /// For those who read text.
    pub text: String,
    /// For those who read HTML.
    pub html: String,
    /// Its date.
    pub date: DateTime<Utc>,
}

/// Contents stay out of logs.
impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What waits to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Mails.
    pub count: u64,
    /// Age of the oldest; zero if there is none.
    pub oldest: Duration,
}
