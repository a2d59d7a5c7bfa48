//! Parked messages: what could not be handled, why, and what to do with it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::errors::{BrokerError, PublishError};
use crate::headers::{self, Headers};

/// A parked message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadLetter {
    /// `<message id>@<queue>`; a message without an id is named by a hash of its body.
    pub id: String,
    /// The queue it was to be handled from.
    pub queue: String,
    /// Why it was parked.
    pub reason: String,
    /// Type of the event, as far as known.
    pub kind: String,
    /// Attempts to handle it.
    pub attempts: u32,
    /// When it was parked, RFC 3339; empty if the broker parked it, which does not say.
    pub parked_at: String,
    /// All its headers.
    pub headers: Headers,
    /// The body: the event if it is JSON, else its text.
    pub body: Value,
}

/// A dead letter could not be dealt with.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// There is none of that id.
    #[error("no dead letter has the id `{0}`; `list` shows the ids")]
    Unknown(String),
    /// It could not be put back; it is still parked.
    #[error("could not replay `{id}`, it stays parked: {source}")]
    Replay {
        /// Which.
        id: String,
        /// Why.
        source: PublishError,
    },
    /// One looks at them at a time, and somebody else did so all that while.
    #[error("somebody else has been looking at the dead letters for {0:?}; try again when they are done")]
    Busy(Duration),
    /// The broker does not do as asked.
    #[error("{0}")]
    Broker(String),
}

impl From<BrokerError> for DeadLetterError {
    fn from(error: BrokerError) -> Self {
        Self::Broker(error.to_string())
    }
}

impl DeadLetter {
    /// What lies in the dead-letter queue.
    pub(crate) fn new(message_id: Option<&str>, headers: Headers, body: &[u8]) -> Self {
        let body = serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into());
        let text = |names: [&str; 2]| names.iter().find_map(|name| headers.get(*name)).cloned();
        let queue = text([headers::DEAD_QUEUE, headers::BROKER_DEAD_QUEUE]).unwrap_or_default();
        let reason = text([headers::DEAD_REASON, headers::BROKER_DEAD_REASON]).unwrap_or_else(|| "unknown".to_owned());
        let message = message_id.map_or_else(|| anonymous(&body), str::to_owned);
        Self {
            id: format!("{message}@{queue}"),
            reason,
            kind: body.get("type").and_then(Value::as_str).unwrap_or_default().to_owned(),
            attempts: headers::failures(&headers),
            parked_at: headers.get(headers::DEAD_AT).cloned().unwrap_or_default(),
            queue,
            headers,
            body,
        }
    }
}

fn anonymous(body: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    body.to_string().hash(&mut hasher);
    format!("body-{:016x}", hasher.finish())
}
