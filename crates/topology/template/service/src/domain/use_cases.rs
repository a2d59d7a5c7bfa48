//! What can be done with sample items. Who may do it is decided at the boundary, where the caller is known.

use std::sync::Arc;

use chrono::Utc;

use super::error::Error;
use super::sample_item::{Creation, Draft, SampleItem, SampleItemId};
use crate::ports::SampleItemStore;

/// The use cases.
#[derive(Clone)]
pub struct SampleItems {
    store: Arc<dyn SampleItemStore>,
}

impl SampleItems {
    /// Works on that store.
    #[must_use]
    pub fn new(store: Arc<dyn SampleItemStore>) -> Self {
        Self { store }
    }

    /// Stores one under an id chosen by the caller; repeating it is harmless.
    ///
    /// # Errors
    /// [`Error::Invalid`], or those of the store.
    pub async fn create(&self, draft: &Draft<'_>) -> Result<Creation, Error> {
        let sample_item = SampleItem::new(draft, Utc::now()).map_err(Error::Invalid)?;
        self.store.create(sample_item).await
    }

    /// The one of that id.
    ///
    /// # Errors
    /// [`Error::NotFound`], or those of the store.
    pub async fn get(&self, id: SampleItemId) -> Result<SampleItem, Error> {
        self.store.find(id).await
    }
}
