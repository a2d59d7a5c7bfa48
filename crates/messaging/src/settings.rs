//! Configuration sections of messaging. Each service's `config.toml` holds and explains their keys, and the ranges of the
//! numbers.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use chassis::settings::{NOT_BUILT, millis, parsed, parsed_or_none, seconds};
use serde::Deserialize;

/// The key that says which broker it is.
#[cfg(feature = "rabbitmq")]
pub(crate) const BROKER_URL: &str = "broker.url";

/// `[broker]`
#[derive(Clone, Debug, Deserialize)]
pub struct Broker {
    /// Which, and where.
    #[serde(deserialize_with = "parsed")]
    pub url: BrokerUrl,
    /// File with the PEM certificates of the authorities that sign the server's; none for those of the system.
    #[serde(deserialize_with = "parsed_or_none")]
    pub ca_file: Option<PathBuf>,
    /// Time to connect, and to declare queues.
    #[serde(rename = "connect_timeout_ms", deserialize_with = "millis")]
    pub connect_timeout: Duration,
    /// Time the broker may take to confirm a batch of messages.
    #[serde(rename = "confirm_timeout_ms", deserialize_with = "millis")]
    pub confirm_timeout: Duration,
}

/// Which broker, and where. What stands in a URL besides the place, such as a password, is not shown.
#[derive(Clone)]
pub enum BrokerUrl {
    /// `in-process:<name>`, or `in-process:` for one without a name.
    InProcess(String),
    /// `amqp://user:password@host:5672/%2f`, `amqps:` for TLS.
    #[cfg(feature = "rabbitmq")]
    RabbitMq(String),
}

/// A URL is of no broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBrokerUrl {
    /// We know none like that.
    #[error("it is neither in-process:, in-process:<name> nor amqp://user:password@host:5672/%2f")]
    Unknown,
    /// A feature is missing.
    #[error("it is of RabbitMQ, which {NOT_BUILT}")]
    NotBuilt,
}

/// `[outbox]`
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Outbox {
    /// Time that published events are kept.
    #[serde(rename = "retention_s", deserialize_with = "seconds")]
    pub retention: Duration,
}

impl Broker {
    /// A broker for tests and tools.
    ///
    /// # Errors
    /// If `url` is of no broker.
    pub fn new(url: &str) -> Result<Self, BadBrokerUrl> {
        let timeout = Duration::from_secs(5);
        Ok(Self { url: url.parse()?, ca_file: None, connect_timeout: timeout, confirm_timeout: timeout })
    }
}

impl FromStr for BrokerUrl {
    type Err = BadBrokerUrl;

    fn from_str(url: &str) -> Result<Self, BadBrokerUrl> {
        if let Some(name) = url.strip_prefix("in-process:") {
            return Ok(Self::InProcess(name.to_owned()));
        }
        let amqp = ["amqp://", "amqps://"].iter().any(|scheme| url.starts_with(scheme));
        if !amqp {
            return Err(BadBrokerUrl::Unknown);
        }
        #[cfg(feature = "rabbitmq")]
        return Ok(Self::RabbitMq(url.to_owned()));
        #[cfg(not(feature = "rabbitmq"))]
        Err(BadBrokerUrl::NotBuilt)
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InProcess(name) => write!(f, "in-process:{name}"),
            #[cfg(feature = "rabbitmq")]
            Self::RabbitMq(url) => f.write_str(url.rsplit('@').next().unwrap_or_default()),
        }
    }
}
