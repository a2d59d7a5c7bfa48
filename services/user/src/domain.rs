//! What users are and what can be done with them, free of transport and storage. Who may do it is decided
//! at the boundary, where the caller is known.

mod page;
mod user;

use std::sync::Arc;
use std::time::Duration;

use chassis::cursor::BadCursor;
use chassis::{AppError, FieldError, Kind};
use chrono::Utc;
use tracing::instrument;

pub use self::page::{Page, PageRequest, Position};
pub use self::user::{Draft, Email, Name, Role, StoredUser, User, UserId};
use crate::domain::user::whole_millis;
use crate::ports::UserStore;

/// The technical cause of a failure, for the log only.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a use case failed. The texts are for clients.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Input that breaks a rule.
    #[error("Some fields are not valid.")]
    Invalid(Vec<FieldError>),
    /// A page cursor that we did not make.
    #[error(transparent)]
    BadCursor(#[from] BadCursor),
    /// Nobody has this id.
    #[error("There is no such user.")]
    NotFound,
    /// Somebody else has this e-mail address.
    #[error("Another user has this e-mail address.")]
    EmailTaken,
    /// Without this admin nobody could manage users any more.
    #[error("The last admin can be neither demoted nor deleted. Make somebody else an admin first.")]
    LastAdmin,
    /// The store is out of reach or too busy.
    #[error("Users cannot be reached at the moment. Try again shortly.")]
    Unavailable(#[source] Cause),
    /// The store failed in a way that trying again will not mend.
    #[error("Something went wrong on our side.")]
    Internal(#[source] Cause),
}

impl AppError for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) | Self::BadCursor(_) => Kind::InvalidArgument,
            Self::NotFound => Kind::NotFound,
            Self::EmailTaken => Kind::AlreadyExists,
            Self::LastAdmin => Kind::FailedPrecondition,
            Self::Unavailable(_) => Kind::Unavailable,
            Self::Internal(_) => Kind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "validation_failed",
            Self::BadCursor(_) => "invalid_cursor",
            Self::NotFound => "user_not_found",
            Self::EmailTaken => "email_taken",
            Self::LastAdmin => "last_admin",
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

/// What is stored under an id after [`Users::create`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// The user.
    pub user: User,
    /// Whether this call stored it.
    pub created: bool,
}

/// The use cases.
#[derive(Clone)]
pub struct Users {
    store: Arc<dyn UserStore>,
}

impl Users {
    /// Works on that store.
    #[must_use]
    pub fn new(store: Arc<dyn UserStore>) -> Self {
        Self { store }
    }

    /// Stores a user under an id chosen by the caller; repeating it is harmless.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::EmailTaken`], or those of the store.
    pub async fn create(&self, draft: &Draft<'_>) -> Result<Creation, Error> {
        let user = User::new(draft, Utc::now()).map_err(Error::Invalid)?;
        self.store.create(user).await
    }

    /// One user.
    ///
    /// # Errors
    /// [`Error::NotFound`], or those of the store.
    pub async fn get(&self, id: UserId) -> Result<User, Error> {
        self.store.find(id).await
    }

    /// One page of all users, oldest first. `size` is 1 to 100, 0 for 20; an empty cursor asks for the first page.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::BadCursor`], or those of the store.
    pub async fn list(&self, size: i32, cursor: &str) -> Result<Page, Error> {
        let request = PageRequest::new(size, cursor)?;
        // One more than asked for tells whether there is a next page.
        let found = self.store.page(request.after(), request.size() + 1).await?;
        Ok(Page::new(found, request.size()))
    }

    /// Gives a user another name.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`], or those of the store.
    pub async fn rename(&self, id: UserId, name: &str) -> Result<User, Error> {
        let name = Name::parse(name)?;
        self.store.rename(id, &name, whole_millis(Utc::now())).await
    }

    /// Gives a user a role; `by` is who wants it, if that is known.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::LastAdmin`], or those of the store.
    #[instrument(skip_all)]
    pub async fn set_role(&self, id: UserId, role: Role, by: Option<UserId>) -> Result<User, Error> {
        self.store.set_role(id, role, by, whole_millis(Utc::now())).await
    }

    /// Removes a user.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::LastAdmin`], or those of the store.
    #[instrument(skip_all)]
    pub async fn delete(&self, id: UserId) -> Result<(), Error> {
        self.store.delete(id, whole_millis(Utc::now())).await
    }
}
