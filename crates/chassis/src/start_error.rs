//! Why a service cannot start. Every text names what was wrong and, where there is one, the key that mends it.

use std::net::SocketAddr;

use crate::config::ConfigError;

/// A service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken or not ours to take.
    #[error("cannot listen on {address} (key `{key}`): {source}; stop what uses the port or set another with that key")]
    Listen {
        /// The configuration key.
        key: String,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A value that parsed but makes no sense.
    #[error("key `{key}`: {reason}")]
    Invalid {
        /// The configuration key.
        key: String,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// Something the service needs, such as its database, cannot be used.
    #[error(transparent)]
    Dependency(Box<dyn std::error::Error + Send + Sync>),
    /// Telemetry cannot be started.
    #[error(transparent)]
    Telemetry(#[from] telemetry::StartError),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system refused something basic.
    #[error("cannot start {what}: {source}")]
    System {
        /// What was to be started.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
}
