//! What the use cases need from outside. Each method is one business operation and happens wholly or not at all.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::domain::{Creation, Error, Name, Position, Role, User, UserId};

/// Where users are kept, and from where others are told what became of them: that a user was created, got another role
/// or was deleted is announced if and only if it happened. All methods fail with [`Error::Unavailable`] or [`Error::Internal`] if the store fails.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Stores `user`, unless its id is known: then it changes nothing and answers what is stored.
    ///
    /// # Errors
    /// [`Error::EmailTaken`] if another id has the e-mail address.
    async fn create(&self, user: User) -> Result<Creation, Error>;

    /// The user of that id.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    async fn find(&self, id: UserId) -> Result<User, Error>;

    /// At most `limit` users after that position, by creation time and id.
    ///
    /// # Errors
    /// Only those of the store.
    async fn page(&self, after: Option<Position>, limit: u16) -> Result<Vec<User>, Error>;

    /// Gives the user a name. `at` is the time of the change, if it is one.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    async fn rename(&self, id: UserId, name: &Name, at: DateTime<Utc>) -> Result<User, Error>;

    /// Gives the user a role. `by` is who wants it, if that is known, and `at` the time of the change, if it is one.
    ///
    /// # Errors
    /// [`Error::NotFound`], or [`Error::LastAdmin`] if nobody would be an admin then, however many ask at once.
    async fn set_role(&self, id: UserId, role: Role, by: Option<UserId>, at: DateTime<Utc>) -> Result<User, Error>;

    /// Removes the user; `at` is the time of that.
    ///
    /// # Errors
    /// As [`UserStore::set_role`].
    async fn delete(&self, id: UserId, at: DateTime<Utc>) -> Result<(), Error>;
}
