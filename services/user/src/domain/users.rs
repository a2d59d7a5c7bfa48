//! What can be done with users. Who may do it is decided at the boundary, where the caller is known.

use std::sync::Arc;

use chrono::Utc;
use tracing::instrument;

use super::error::Error;
use super::page::{Page, PageRequest};
use super::user::{Creation, Draft, Name, Role, User, UserId, whole_millis};
use crate::ports::UserStore;

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
