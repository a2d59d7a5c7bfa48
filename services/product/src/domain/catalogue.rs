//! What can be done with products. Who may do it is decided before.

use std::sync::Arc;

use super::details::{Details, Draft};
use super::error::Error;
use super::product::{Product, ProductId};
use super::search::{Page, Search, SearchDraft};
use crate::ports::ProductStore;

/// The use cases.
#[derive(Clone)]
pub struct Catalogue {
    store: Arc<dyn ProductStore>,
}

impl Catalogue {
    /// The catalogue kept in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn ProductStore>) -> Self {
        Self { store }
    }

    /// The product of that id.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for what is no id at all.
    pub async fn get(&self, id: &str) -> Result<Arc<Product>, Error> {
        self.store.find(ProductId::parse(id)?).await
    }

    /// One page of a search.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong with the search, or [`Error::InvalidCursor`].
    pub async fn list(&self, search: SearchDraft) -> Result<Arc<Page>, Error> {
        self.store.search(&Search::new(search)?).await
    }

    /// Puts a new product into the catalogue.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong with it, or [`Error::SkuTaken`].
    pub async fn create(&self, draft: Draft) -> Result<Product, Error> {
        let product = Product::create(Details::new(draft).map_err(Error::Invalid)?);
        self.store.add(&product).await?;
        Ok(product)
    }

    /// Replaces the details of a product, if nobody has changed it since the caller read `expected_version`.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`], [`Error::VersionConflict`] or [`Error::SkuTaken`].
    pub async fn update(&self, id: &str, draft: Draft, expected_version: i64) -> Result<Product, Error> {
        let id = ProductId::parse(id)?;
        let details = Details::for_version(draft, expected_version).map_err(Error::Invalid)?;
        self.store.replace(id, expected_version, &details).await
    }

    /// Takes a product out of the catalogue.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.store.remove(ProductId::parse(id)?).await
    }
}
