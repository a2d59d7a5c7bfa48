//! Products and pages as they stand in Redis: JSON of [`ProductRow`] and of a page of them. Whoever changes what a field
//! means, takes one away or adds an `Option` counts `v1` in [`key`] up, so that replicas of two versions do not read each
//! other's entries. Any other new field needs no count: older replicas pass over it, and to newer ones a text without it is
//! no entry.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::adapters::row::ProductRow;
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
        Product::try_from(serde_json::from_str::<ProductRow>(text).ok()?).ok().map(Arc::new)
    }
}

impl Entry for Arc<Page> {
    fn encode(&self) -> String {
        let products = self.products().iter().map(ProductRow::from).collect();
        text(&PageRow { products, next_cursor: self.next_cursor().to_owned() })
    }

    fn decode(text: &str) -> Option<Self> {
        let PageRow { products, next_cursor } = serde_json::from_str(text).ok()?;
        let products = products.into_iter().map(Product::try_from).collect::<Result<_, _>>().ok()?;
        Some(Arc::new(Page::stored(products, next_cursor)))
    }
}

/// These structs have nothing that JSON cannot hold; an empty text would be read as no entry.
fn text(row: &impl Serialize) -> String {
    serde_json::to_string(row).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::details::{Details, Draft};
    use crate::fixtures;

    #[test]
    fn products_and_pages_come_back_as_they_were() {
        let (description, currency) = ("line\nbreak".into(), "GBP".into());
        let draft = Draft { description, currency, ..fixtures::draft("Kettle \"Ω\"") };
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
