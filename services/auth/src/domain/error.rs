//! Why auth does not do what it was asked, and what clients are told about it.

use std::time::Duration;

use chassis::{AppError, FieldError, Kind};

/// What lies behind an error of ours; only the log sees it.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// When a client that was turned away for lack of capacity should come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input breaks rules; all of them are listed.
    #[error("Some fields are not valid.")]
    Invalid(Vec<FieldError>),
    /// No such account, not active, or another password: deliberately the same.
    #[error("The e-mail address or the password is wrong.")]
    InvalidCredentials,
    /// The refresh token is unknown, expired or revoked.
    #[error("The refresh token is not valid. Sign in again.")]
    InvalidRefreshToken,
    /// The refresh token was used before; its session is over. Clients see no difference.
    #[error("The refresh token is not valid. Sign in again.")]
    ReusedRefreshToken,
    /// No worker for a password hash in time.
    #[error("Too many passwords are being checked right now. Try again shortly.")]
    Busy,
    /// A registration stopped half-way; repeating it completes it.
    #[error("The account could not be finished. Repeat the registration shortly.")]
    RegistrationUnfinished(#[source] Cause),
    /// The database or the user service is out of reach.
    #[error("Something this request needs is not reachable. Try again shortly.")]
    Unavailable(#[source] Cause),
    /// A bug or an unexpected state.
    #[error("Something went wrong on our side.")]
    Internal(#[source] Cause),
}

impl AppError for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) => Kind::InvalidArgument,
            Self::InvalidCredentials | Self::InvalidRefreshToken | Self::ReusedRefreshToken => Kind::Unauthenticated,
            Self::Busy => Kind::Overloaded,
            Self::RegistrationUnfinished(_) | Self::Unavailable(_) => Kind::Unavailable,
            Self::Internal(_) => Kind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "validation_failed",
            Self::InvalidCredentials => "invalid_credentials",
            Self::InvalidRefreshToken | Self::ReusedRefreshToken => "invalid_refresh_token",
            Self::Busy => "password_pool_full",
            Self::RegistrationUnfinished(_) => "registration_unfinished",
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
        matches!(self, Self::Busy | Self::RegistrationUnfinished(_)).then_some(RETRY_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reused_token_looks_like_any_other_bad_token() {
        let (reused, invalid) = (Error::ReusedRefreshToken, Error::InvalidRefreshToken);
        assert_eq!(reused.to_string(), invalid.to_string());
        assert_eq!((reused.kind(), reused.code()), (invalid.kind(), invalid.code()));
    }

    #[test]
    fn clients_do_not_read_causes() {
        let error = Error::Internal("password_hash of row 7 is corrupt".into());
        assert!(!error.to_string().contains("row 7"));
        assert!(std::error::Error::source(&error).is_some());
    }
}
