//! Why a use case failed, and what clients are told about it.

use std::time::Duration;

use chassis::{AppError, FieldError, Kind};

/// The technical cause of a failure, for the log only.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a use case failed. The texts are for clients.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Input that breaks a rule.
    #[error("Some fields are not valid.")]
    Invalid(Vec<FieldError>),
    /// Nothing has this id.
    #[error("There is no such sample item.")]
    NotFound,
    /// The store is out of reach or too busy.
    #[error("This cannot be reached at the moment. Try again shortly.")]
    Unavailable(#[source] Cause),
    /// The store failed in a way that trying again will not mend.
    #[error("Something went wrong on our side.")]
    Internal(#[source] Cause),
}

impl AppError for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) => Kind::InvalidArgument,
            Self::NotFound => Kind::NotFound,
            Self::Unavailable(_) => Kind::Unavailable,
            Self::Internal(_) => Kind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "validation_failed",
            Self::NotFound => "sample_item_not_found",
            Self::Unavailable(_) | Self::Internal(_) => self.kind().name(),
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        match self {
            Self::Invalid(fields) => fields.clone(),
            _ => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::Unavailable(_)).then_some(Duration::from_secs(1))
    }
}

impl From<FieldError> for Error {
    fn from(field: FieldError) -> Self {
        Self::Invalid(vec![field])
    }
}
