//! What the use cases need from outside.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::Error;
use crate::domain::details::Details;
use crate::domain::product::{Product, ProductId};
use crate::domain::search::{Page, Search};

/// Keeps the products and announces what happens to them: that one was added, replaced or removed is told if and only if it
/// happened. Every method may also fail with [`Error::Unavailable`] or [`Error::Storage`].
#[async_trait]
pub trait ProductStore: Send + Sync {
    /// The product of that id, or [`Error::NotFound`].
    async fn find(&self, id: ProductId) -> Result<Arc<Product>, Error>;

    /// The page that the search asks for.
    async fn search(&self, search: &Search) -> Result<Arc<Page>, Error>;

    /// Keeps a new product, unless its SKU is another's: [`Error::SkuTaken`].
    async fn add(&self, product: &Product) -> Result<(), Error>;

    /// Replaces the details of a product that has `version` and counts the version up. Else
    /// [`Error::VersionConflict`], [`Error::NotFound`] or [`Error::SkuTaken`].
    async fn replace(&self, id: ProductId, version: i64, details: &Details) -> Result<Product, Error>;

    /// Removes the product of that id, or [`Error::NotFound`].
    async fn remove(&self, id: ProductId) -> Result<(), Error>;
}
