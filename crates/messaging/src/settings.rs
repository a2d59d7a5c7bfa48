//! Configuration sections of messaging. Each service's `config.toml` holds and explains their keys.

use std::fmt;

use serde::Deserialize;

/// The key that says which broker it is.
pub(crate) const BROKER_URL: &str = "broker.url";

/// `[broker]`
#[derive(Clone, Deserialize)]
pub struct Broker {
    /// `in-process:`, `in-process:<name>` or `amqp://user:password@host:5672/%2f`, `amqps:` for TLS.
    pub url: String,
    /// File with the PEM certificates of the authorities that sign the server's; empty for those of the system.
    pub ca_file: String,
    /// Milliseconds to connect, and to declare queues.
    pub connect_timeout_ms: u64,
    /// Milliseconds the broker may take to confirm a batch of messages.
    pub confirm_timeout_ms: u64,
}

/// `[outbox]`
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Outbox {
    /// Seconds that published events are kept.
    pub retention_s: u64,
}

/// The URL may hold a password and stays out of logs.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("confirm_timeout_ms", &self.confirm_timeout_ms)
            .finish_non_exhaustive()
    }
}
