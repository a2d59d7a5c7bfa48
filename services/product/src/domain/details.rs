//! Details: what an admin may set of a product, and which values are allowed.

use chassis::FieldError;

const MAX_SKU: usize = 32;
const MAX_NAME: usize = 120;
const MAX_DESCRIPTION: usize = 2000;
const MAX_CATEGORY: usize = 40;
const MAX_AMOUNT: i64 = 99_999_999;
const MAX_STOCK: i32 = 1_000_000;

/// What products are paid with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Currency {
    /// Euro
    Eur,
    /// US dollar
    Usd,
    /// Pound sterling
    Gbp,
}

/// An amount in the smallest unit of a currency, such as cents; never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    amount_minor: i64,
    currency: Currency,
}

/// What somebody would like a product to be; nothing of it is checked.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Stock keeping unit.
    pub sku: String,
    /// Name for shoppers.
    pub name: String,
    /// Description for shoppers.
    pub description: String,
    /// Category slug.
    pub category: String,
    /// Price in minor units.
    pub amount_minor: i64,
    /// ISO 4217 code of the price.
    pub currency: String,
    /// Pieces in stock.
    pub stock: i32,
}

/// What an admin may set of a product; every value is within its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    sku: String,
    name: String,
    description: String,
    category: String,
    price: Money,
    stock: i32,
}

impl Currency {
    const ALL: [(Self, &'static str); 3] = [(Self::Eur, "EUR"), (Self::Usd, "USD"), (Self::Gbp, "GBP")];

    /// The ISO 4217 code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Eur => "EUR",
            Self::Usd => "USD",
            Self::Gbp => "GBP",
        }
    }

    fn of(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == code).map(|(currency, _)| *currency)
    }
}

impl Money {
    /// The amount in minor units.
    #[must_use]
    pub fn amount_minor(self) -> i64 {
        self.amount_minor
    }

    /// What it is paid in.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }
}

impl Details {
    /// Checks a draft. Blanks around name and description are dropped.
    ///
    /// # Errors
    /// Everything that is wrong with it, per field as the contract names them.
    pub fn new(draft: Draft) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut require = |holds: bool, field: &str, message: String| {
            if !holds {
                errors.push(FieldError::new(field, message));
            }
        };
        let name = draft.name.trim();
        let description = draft.description.trim();
        let currency = Currency::of(&draft.currency);
        require(is_sku(&draft.sku), "sku", format!("must be 1 to {MAX_SKU} of A-Z, 0-9 and dash"));
        require(is_text(name, 1..=MAX_NAME, &[]), "name", format!("must be 1 to {MAX_NAME} printable characters"));
        require(
            is_text(description, 0..=MAX_DESCRIPTION, &['\n', '\r', '\t']),
            "description",
            format!("must be at most {MAX_DESCRIPTION} characters, without control characters other than line breaks"),
        );
        require(is_category(&draft.category), "category", category_rule());
        let price_rule = format!("must be 0 to {MAX_AMOUNT}");
        require((0..=MAX_AMOUNT).contains(&draft.amount_minor), "price.amount_minor", price_rule);
        require(currency.is_some(), "price.currency", "must be EUR, USD or GBP".to_owned());
        require((0..=MAX_STOCK).contains(&draft.stock), "stock", format!("must be 0 to {MAX_STOCK}"));
        match currency {
            Some(currency) if errors.is_empty() => Ok(Self {
                name: name.to_owned(),
                description: description.to_owned(),
                sku: draft.sku,
                category: draft.category,
                price: Money { amount_minor: draft.amount_minor, currency },
                stock: draft.stock,
            }),
            _ => Err(errors),
        }
    }

    /// As [`Details::new`], and checks that a version the caller says to have read can exist.
    ///
    /// # Errors
    /// As [`Details::new`].
    pub fn for_version(draft: Draft, version: i64) -> Result<Self, Vec<FieldError>> {
        let details = Self::new(draft);
        if version >= 1 {
            return details;
        }
        let mut errors = details.err().unwrap_or_default();
        errors.push(FieldError::new("expected_version", "must be the version that was read, at least 1"));
        Err(errors)
    }

    /// Details as they have been stored. Limits may have changed since, so they are not checked again.
    #[must_use]
    pub fn stored(draft: Draft) -> Option<Self> {
        let price = Money { amount_minor: draft.amount_minor, currency: Currency::of(&draft.currency)? };
        let Draft { sku, name, description, category, stock, .. } = draft;
        Some(Self { sku, name, description, category, price, stock })
    }

    /// Stock keeping unit.
    #[must_use]
    pub fn sku(&self) -> &str {
        &self.sku
    }

    /// Name for shoppers.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Description for shoppers.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Category slug.
    #[must_use]
    pub fn category(&self) -> &str {
        &self.category
    }

    /// Price.
    #[must_use]
    pub fn price(&self) -> Money {
        self.price
    }

    /// Pieces in stock.
    #[must_use]
    pub fn stock(&self) -> i32 {
        self.stock
    }

    /// What a list by name is sorted by.
    #[must_use]
    pub fn name_key(&self) -> String {
        lower(&self.name)
    }

    /// The text that words are looked for in.
    #[must_use]
    pub fn search_text(&self) -> String {
        lower(&format!("{}\n{}", self.name, self.description))
    }
}

/// Lower case letter by letter, so that a part of a text becomes a part of the lower-cased text.
pub(super) fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

pub(super) fn is_category(text: &str) -> bool {
    let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=MAX_CATEGORY).contains(&text.len()) && text.bytes().all(allowed)
}

pub(super) fn category_rule() -> String {
    format!("must be 1 to {MAX_CATEGORY} of a-z, 0-9 and dash")
}

fn is_sku(text: &str) -> bool {
    let allowed = |byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'-');
    (1..=MAX_SKU).contains(&text.len()) && text.bytes().all(allowed)
}

/// Postgres stores no NUL, and no client shows other control characters well.
fn is_text(text: &str, length: std::ops::RangeInclusive<usize>, controls: &[char]) -> bool {
    length.contains(&text.chars().count()) && text.chars().all(|c| !c.is_control() || controls.contains(&c))
}

#[cfg(test)]
#[path = "details_tests.rs"]
mod tests;
