//! Why Redis did not do what it was asked.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "redis")]
use ::redis::{ErrorKind, ServerErrorKind};

/// See the module.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RedisError {
    /// There is no connection: the command was not sent.
    #[error("not connected to redis (key `redis.url`): {0}")]
    NotConnected(Arc<str>),
    /// No answer in time: the command may have been carried out, or may be yet.
    #[error("redis did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The connection broke: the command may have been carried out.
    #[error("the connection to redis broke: {0}")]
    Broken(Arc<str>),
    /// Redis took the command and refused it.
    #[error("redis refused: {reason}")]
    Refused {
        /// Class of the refusal; one of a few.
        class: &'static str,
        /// What it says.
        reason: Arc<str>,
    },
    /// The answer is not what the command is known to answer.
    #[error("redis answered something unexpected: {0}")]
    Answer(Arc<str>),
}

impl RedisError {
    /// The class of the error, bounded.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::NotConnected(_) => "not_connected",
            Self::TimedOut(_) => "timeout",
            Self::Broken(_) => "connection",
            Self::Refused { class, .. } => class,
            Self::Answer(_) => "unexpected_answer",
        }
    }

    /// Whether the command may have been carried out, or may be later, for all we know.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::TimedOut(_) | Self::Broken(_) | Self::Answer(_))
    }

    /// Whether another connection may do better.
    #[cfg(feature = "redis")]
    pub(super) fn ends_the_connection(&self) -> bool {
        match self {
            Self::TimedOut(_) | Self::Broken(_) => true,
            Self::Refused { class, .. } => {
                ["authentication", "loading", "read_only", "master_down", "no_permission"].contains(class)
            }
            Self::NotConnected(_) | Self::Answer(_) => false,
        }
    }
}

#[cfg(feature = "redis")]
impl From<::redis::RedisError> for RedisError {
    fn from(error: ::redis::RedisError) -> Self {
        let text: Arc<str> = error.to_string().into();
        let class = match error.kind() {
            ErrorKind::Io => return Self::Broken(text),
            ErrorKind::AuthenticationFailed => "authentication",
            ErrorKind::Server(ServerErrorKind::BusyLoading) => "loading",
            ErrorKind::Server(ServerErrorKind::ReadOnly) => "read_only",
            ErrorKind::Server(ServerErrorKind::MasterDown) => "master_down",
            ErrorKind::Server(ServerErrorKind::NoPerm) => "no_permission",
            ErrorKind::Server(_) => "refused",
            ErrorKind::Extension => match error.code() {
                Some("NOAUTH" | "WRONGPASS") => "authentication",
                Some("OOM") => "out_of_memory",
                _ => "refused",
            },
            _ => return Self::Answer(text),
        };
        Self::Refused { class, reason: text }
    }
}
