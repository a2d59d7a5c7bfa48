//! What the use cases need from outside. Each method is one business operation and happens wholly or not at all.

use async_trait::async_trait;

use crate::domain::{Creation, Error, SampleItem, SampleItemId};

/// Where sample items are kept. All methods fail with [`Error::Unavailable`] or [`Error::Internal`] if the store fails.
#[async_trait]
pub trait SampleItemStore: Send + Sync {
    /// Stores one, unless its id is known: then it changes nothing and answers what is stored.
    ///
    /// # Errors
    /// Only those of the store.
    async fn create(&self, sample_item: SampleItem) -> Result<Creation, Error>;

    /// The one of that id.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    async fn find(&self, id: SampleItemId) -> Result<SampleItem, Error>;
}
