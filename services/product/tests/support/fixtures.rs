//! Products as tests need them; the unit tests of the crate use them, too.

use product::domain::details::{Details, Draft};
use product::domain::product::Product;
use uuid::Uuid;

/// A draft that is valid, with a SKU of its own.
pub(crate) fn draft(name: &str) -> Draft {
    Draft {
        sku: Uuid::new_v4().simple().to_string().to_uppercase(),
        name: name.to_owned(),
        description: String::new(),
        category: "kitchen".to_owned(),
        amount_minor: 2990,
        currency: "EUR".to_owned(),
        stock: 5,
    }
}

/// A valid draft that differs from [`draft`] in every value, so that a change from one to the other shows each column.
pub(crate) fn other(name: &str) -> Draft {
    Draft {
        sku: Uuid::new_v4().simple().to_string().to_uppercase(),
        name: name.to_owned(),
        description: "Another one.".to_owned(),
        category: "garden".to_owned(),
        amount_minor: 1,
        currency: "USD".to_owned(),
        stock: 9,
    }
}

/// Details of a [`draft`].
pub(crate) fn details(name: &str) -> Details {
    Details::new(draft(name)).expect("valid")
}

/// A product of a [`draft`].
pub(crate) fn product(name: &str) -> Product {
    Product::create(details(name))
}
