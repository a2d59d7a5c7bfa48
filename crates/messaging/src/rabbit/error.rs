//! What can go wrong with RabbitMQ, in words that say what to do.

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::uri::AMQPUri;
use lapin::{Error, ErrorKind};

/// The broker cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BrokerError {
    /// The URL is wrong.
    #[error("the broker's URL cannot be used: {0}; write it as amqp://user:password@host:5672/%2f")]
    Url(String),
    /// Nobody answers there.
    #[error("the broker at {address} is not reachable: {reason}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// Why.
        reason: String,
    },
    /// The user or the password is wrong.
    #[error("the broker at {address} refused the user `{user}`: unknown user or wrong password")]
    Credentials {
        /// Host and port.
        address: String,
        /// The user.
        user: String,
    },
    /// The virtual host is wrong.
    #[error("the broker at {address} does not let the user `{user}` into the virtual host `{vhost}`")]
    VirtualHost {
        /// Host and port.
        address: String,
        /// The user.
        user: String,
        /// The virtual host.
        vhost: String,
    },
    /// A queue or exchange exists with other arguments.
    #[error("a queue or exchange exists with other arguments, delete it or use another name: {0}")]
    Topology(String),
    /// The connection broke or the broker objected.
    #[error("the broker failed: {0}")]
    Failed(String),
    /// The last attempt failed and the next one is not due.
    #[error("{0} (waiting before the next attempt)")]
    Waiting(String),
}

impl BrokerError {
    /// Whether the broker answers and does not want us, which does not pass by itself.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Credentials { .. } | Self::VirtualHost { .. } | Self::Topology(_))
    }

    /// What came of connecting to `uri`.
    pub(super) fn connecting(uri: &AMQPUri, error: &Error) -> Self {
        let address = address(uri);
        let user = uri.authority.userinfo.username.clone();
        match error.kind() {
            ErrorKind::ProtocolError(error) => match error.kind() {
                AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => Self::Credentials { address, user },
                AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
                    Self::VirtualHost { address, user, vhost: uri.vhost.clone() }
                }
                _ => Self::Unreachable { address, reason: error.to_string() },
            },
            ErrorKind::IOError(error) => Self::Unreachable { address, reason: error.to_string() },
            _ => Self::Unreachable { address, reason: error.to_string() },
        }
    }

    /// Connecting took too long.
    pub(super) fn slow(uri: &AMQPUri) -> Self {
        Self::Unreachable { address: address(uri), reason: "no answer in time".to_owned() }
    }
}

fn address(uri: &AMQPUri) -> String {
    format!("{}:{}", uri.authority.host, uri.authority.port)
}

impl From<Error> for BrokerError {
    fn from(error: Error) -> Self {
        if let ErrorKind::ProtocolError(protocol) = error.kind()
            && matches!(protocol.kind(), AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED))
        {
            return Self::Topology(protocol.get_message().to_string());
        }
        Self::Failed(error.to_string())
    }
}
