//! What an event does here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::address::{Address, SingleLine};
use super::kind::Kind;

/// The event behind an effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its id, which is also that of its mail.
    pub id: Uuid,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// `traceparent` of what caused it.
    pub traceparent: Option<String>,
}

/// What the templates are given beside the shop and the recipient's name.
pub type Variables = BTreeMap<String, String>;

/// Variables of single lines.
#[must_use]
pub fn variables<const N: usize>(pairs: [(&str, SingleLine); N]) -> Variables {
    pairs.into_iter().map(|(name, line)| (name.to_owned(), line.as_str().to_owned())).collect()
}

/// A mail without its recipient.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What it is about.
    pub kind: Kind,
    /// Its facts.
    pub variables: Variables,
}

/// What an event does.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Remembers a user and welcomes them, unless they are known or were forgotten.
    Register {
        /// Who.
        user: Uuid,
        /// Where mails go.
        address: Address,
        /// How they are addressed.
        name: SingleLine,
    },
    /// Forgets address and name of a user for good and cancels what was not sent yet.
    Forget {
        /// Who.
        user: Uuid,
    },
    /// A mail to a user.
    MailUser {
        /// Who.
        user: Uuid,
        /// What.
        draft: Draft,
    },
    /// A mail to a configured address.
    MailAddress {
        /// Where it goes.
        to: Address,
        /// What.
        draft: Draft,
    },
}

/// What an effect came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The event had had its effect before.
    Repeated,
    /// It came too late: the user is forgotten or was welcomed already.
    Obsolete,
    /// A mail waits to be sent.
    Queued,
    /// The user is forgotten.
    Forgotten {
        /// Mails that were not sent for that.
        cancelled: Vec<Kind>,
    },
}
