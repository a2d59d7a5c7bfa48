//! Why a delivered message was not handled, and whether another attempt may help.

use std::time::Duration;

use crate::failure::{Failure, FailureKind};

/// Why a message was not handled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessError {
    #[error("malformed: {0}")]
    Malformed(String),
    #[error("unsupported version: {0}")]
    UnsupportedVersion(String),
    #[error("{0}")]
    Failed(Failure),
    #[error("the handler panicked")]
    Panicked,
    #[error("the handler took longer than {0:?}")]
    TimedOut(Duration),
}

impl ProcessError {
    /// Whether another attempt may help.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Malformed(_) | Self::UnsupportedVersion(_) => false,
            Self::Failed(failure) => failure.kind() != FailureKind::Permanent,
            Self::Panicked | Self::TimedOut(_) => true,
        }
    }

    /// Whether no other event would fare better now.
    pub(crate) fn is_dependency_down(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.kind() == FailureKind::DependencyDown)
    }

    /// Bounded name for metrics.
    pub(crate) fn error_type(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::UnsupportedVersion(_) => "unsupported_version",
            Self::Failed(failure) => match failure.kind() {
                FailureKind::DependencyDown => "unavailable",
                FailureKind::Transient => "failed",
                FailureKind::Permanent => "rejected",
            },
            Self::Panicked => "panic",
            Self::TimedOut(_) => "timeout",
        }
    }
}
