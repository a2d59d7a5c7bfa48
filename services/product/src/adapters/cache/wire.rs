//! Products and pages as they stand in Redis: JSON of private structs. Whoever changes these counts `v1` in
//! [`key`] up, so that replicas of two versions do not read each other's entries.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::details::{Details, Draft};
use crate::domain::product::Product;
use crate::domain::search::Page;

/// A key of ours, or the begin of one.
macro_rules! key {
    ($rest:literal) => {
        concat!("signalbox:product:v1:", $rest)
    };
}
pub(super) use key;

#[derive(Serialize, Deserialize)]
struct ProductRow {
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

#[derive(Serialize, Deserialize)]
struct PageRow {
    products: Vec<ProductRow>,
    next_cursor: String,
}

/// What can be kept in Redis.
pub(super) trait Entry: Sized {
    /// The text to store.
    fn encode(&self) -> String;

    /// What a text stands for; `None` if it is none of ours.
    fn decode(text: &str) -> Option<Self>;
}

impl Entry for Arc<Product> {
    fn encode(&self) -> String {
        text(&ProductRow::from(&**self))
    }

    fn decode(text: &str) -> Option<Self> {
        serde_json::from_str::<ProductRow>(text).ok()?.product().map(Arc::new)
    }
}

impl Entry for Arc<Page> {
    fn encode(&self) -> String {
        let products = self.products().iter().map(ProductRow::from).collect();
        text(&PageRow { products, next_cursor: self.next_cursor().to_owned() })
    }

    fn decode(text: &str) -> Option<Self> {
        let PageRow { products, next_cursor } = serde_json::from_str(text).ok()?;
        let products = products.into_iter().map(ProductRow::product).collect::<Option<_>>()?;
        Some(Arc::new(Page::stored(products, next_cursor)))
    }
}

/// These structs have nothing that JSON cannot hold; an empty text would be read as no entry.
fn text(row: &impl Serialize) -> String {
    serde_json::to_string(row).unwrap_or_default()
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

impl ProductRow {
    fn product(self) -> Option<Product> {
        let Self { id, sku, name, description, category, amount_minor, currency, stock, version, .. } = self;
        let details = Details::stored(Draft { sku, name, description, category, amount_minor, currency, stock })?;
        Some(Product::stored(id.into(), details, version, (self.created_at, self.updated_at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_pages_come_back_as_they_were() {
        let draft = Draft {
            sku: "KIT-1".into(),
            name: "Kettle \"Ω\"".into(),
            description: "line\nbreak".into(),
            category: "kitchen".into(),
            amount_minor: 4999,
            currency: "GBP".into(),
            stock: 3,
        };
        let product = Product::create(Details::new(draft).expect("valid"));
        assert_eq!(Arc::<Product>::decode(&Arc::new(product.clone()).encode()), Some(Arc::new(product.clone())));
        let page = Arc::new(Page::stored(vec![product], "next".into()));
        assert_eq!(Arc::<Page>::decode(&page.encode()), Some(page));
    }

    #[test]
    fn what_is_not_ours_is_no_entry() {
        for text in ["", "null", "{}", "[1]", "{\"products\":[{}],\"next_cursor\":\"\"}"] {
            assert!(Arc::<Product>::decode(text).is_none() && Arc::<Page>::decode(text).is_none(), "{text}");
        }
    }
}
