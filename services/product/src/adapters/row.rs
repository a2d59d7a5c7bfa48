//! A product as it is stored, in SQL as a row and in Redis as JSON: the one place that knows its columns.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::details::{Details, Draft};
use crate::domain::product::Product;

/// Columns of a row, in the order in which every query names them.
macro_rules! columns {
    () => {
        "id, sku, name, description, category, price_minor, currency, stock, version, created_at, updated_at"
    };
}
pub(super) use columns;

/// The values of [`columns`].
pub(super) type Columns = (Uuid, String, String, String, String, i64, String, i32, i64, DateTime<Utc>, DateTime<Utc>);

/// See the module. Its field names are those of the JSON in Redis.
#[derive(Serialize, Deserialize)]
pub(super) struct ProductRow {
    id: Uuid,
    sku: String,
    name: String,
    description: String,
    category: String,
    amount_minor: i64,
    currency: String,
    stock: i32,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A row that this version of the service has not written.
#[derive(Debug, thiserror::Error)]
#[error("product {0} is stored with a currency that this version does not know")]
pub(super) struct UnknownCurrency(Uuid);

impl From<Columns> for ProductRow {
    fn from(columns: Columns) -> Self {
        let (id, sku, name, description, category, amount_minor, currency, stock, version, created_at, updated_at) =
            columns;
        Self { id, sku, name, description, category, amount_minor, currency, stock, version, created_at, updated_at }
    }
}

impl From<&Product> for ProductRow {
    fn from(product: &Product) -> Self {
        let details = product.details();
        Self {
            id: product.id().uuid(),
            sku: details.sku().to_owned(),
            name: details.name().to_owned(),
            description: details.description().to_owned(),
            category: details.category().to_owned(),
            amount_minor: details.price().amount_minor(),
            currency: details.price().currency().code().to_owned(),
            stock: details.stock(),
            version: product.version(),
            created_at: product.created_at(),
            updated_at: product.updated_at(),
        }
    }
}

impl TryFrom<ProductRow> for Product {
    type Error = UnknownCurrency;

    fn try_from(row: ProductRow) -> Result<Self, UnknownCurrency> {
        let ProductRow { id, sku, name, description, category, amount_minor, currency, stock, version, .. } = row;
        let draft = Draft { sku, name, description, category, amount_minor, currency, stock };
        let details = Details::stored(draft).ok_or(UnknownCurrency(id))?;
        Ok(Self::stored(id.into(), details, version, (row.created_at, row.updated_at)))
    }
}
