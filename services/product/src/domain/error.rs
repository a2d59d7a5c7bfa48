//! What can go wrong with the catalogue, and what its clients are told about it.

use std::sync::Arc;
use std::time::Duration;

use chassis::{AppError, FieldError, Kind};

/// The error behind an error, for the log. Shared, because callers that wait for one read share its failure.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// See the module.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The input breaks the rules given per field.
    #[error("Some fields are not valid.")]
    Invalid(Vec<FieldError>),
    /// The cursor is damaged or of another search.
    #[error("The cursor is not valid for this list: use the one of its previous page with the same filters.")]
    InvalidCursor,
    /// No product has that id.
    #[error("There is no such product.")]
    NotFound,
    /// Another product has that SKU.
    #[error("Another product has this SKU.")]
    SkuTaken,
    /// Somebody has changed the product meanwhile.
    #[error("The product has been changed meanwhile: its current version is {current}.")]
    VersionConflict {
        /// The version it has now.
        current: i64,
    },
    /// The store is out of reach or too busy.
    #[error("The catalogue is not available right now. Try again shortly.")]
    Unavailable(#[source] Cause),
    /// The store has failed in a way that trying again does not mend.
    #[error("Something went wrong on our side.")]
    Storage(#[source] Cause),
}

impl AppError for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) | Self::InvalidCursor => Kind::InvalidArgument,
            Self::NotFound => Kind::NotFound,
            Self::SkuTaken => Kind::AlreadyExists,
            Self::VersionConflict { .. } => Kind::Conflict,
            Self::Unavailable(_) => Kind::Unavailable,
            Self::Storage(_) => Kind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "validation_failed",
            Self::InvalidCursor => "invalid_cursor",
            Self::NotFound => "product_not_found",
            Self::SkuTaken => "sku_taken",
            Self::VersionConflict { .. } => "version_conflict",
            Self::Unavailable(_) | Self::Storage(_) => self.kind().name(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_out_of_reach_is_worth_another_try_and_keeps_its_cause_to_itself() {
        let cause: Cause = Arc::new(std::io::Error::other("connection refused"));
        let error = Error::Unavailable(Arc::clone(&cause));
        assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "unavailable"));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
        assert_eq!(Error::Storage(cause).retry_after(), None);
        assert!(!error.to_string().contains("refused"));
        assert_eq!(std::error::Error::source(&error).map(ToString::to_string).as_deref(), Some("connection refused"));
    }
}
