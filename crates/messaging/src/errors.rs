//! What a broker can answer instead of doing what it was asked: it cannot be used, or it did not take a message. Names
//! no client library; each adapter translates its own errors into these.

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
