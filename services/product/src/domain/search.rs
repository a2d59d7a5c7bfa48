//! Searches: which products a list shows, in which order, and where a page of it begins.

use chassis::{FieldError, cursor};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::details::{category_rule, is_category, lower};
use super::error::Error;
use super::product::Product;

/// Most words a search may look for.
pub const MAX_WORDS: usize = 8;
const MAX_QUERY: usize = 100;
const MAX_PAGE: u8 = 100;
const DEFAULT_PAGE: u8 = 20;

/// The last instant a cursor may name: the end of the year 9999.
const END_OF_TIME: DateTime<Utc> = match DateTime::from_timestamp(253_402_300_799, 0) {
    Some(end) => end,
    None => DateTime::<Utc>::MAX_UTC,
};

/// An order of the list. Ties are broken by id, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Sort {
    /// By name, regardless of case.
    Name,
    /// Cheapest first.
    PriceAsc,
    /// Dearest first.
    PriceDesc,
    /// Newest first.
    Newest,
}

/// What somebody would like to see listed; nothing of it is checked.
#[derive(Clone, Debug, Default)]
pub struct SearchDraft {
    /// Words to find.
    pub query: String,
    /// Category slug; empty for all.
    pub category: String,
    /// Lowest price in minor units.
    pub min_price: Option<i64>,
    /// Highest price in minor units.
    pub max_price: Option<i64>,
    /// Whether only products in stock are wanted.
    pub in_stock: bool,
    /// Order; `None` if it is not one we know.
    pub sort: Option<Sort>,
    /// Products a page; 0 for the default.
    pub page_size: i32,
    /// Cursor of the previous page; empty for the first page.
    pub cursor: String,
}

/// Which products are shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Filter {
    words: Vec<String>,
    category: Option<String>,
    min_price: Option<i64>,
    max_price: Option<i64>,
    in_stock: bool,
}

/// A checked search for one page. Searches that are equal have the same page.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Search {
    filter: Filter,
    sort: Sort,
    page_size: u8,
    start: Position,
}

/// A place in a list: the page holds what comes after it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    key: SortKey,
    id: Uuid,
}

/// The value a list is sorted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SortKey {
    /// Name in lower case.
    Name(String),
    /// Price in minor units.
    Price(i64),
    /// Time of creation.
    Created(#[serde(with = "chrono::serde::ts_milliseconds")] DateTime<Utc>),
}

/// One page of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    products: Vec<Product>,
    next_cursor: String,
}

impl Filter {
    fn new(draft: &SearchDraft, errors: &mut Vec<FieldError>) -> Self {
        let mut require = |holds: bool, field: &str, message: String| {
            if !holds {
                errors.push(FieldError::new(field, message));
            }
        };
        let mut words = Vec::new();
        for word in draft.query.split_whitespace().map(lower) {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        let short = draft.query.chars().count() <= MAX_QUERY;
        require(short, "query", format!("must be at most {MAX_QUERY} characters"));
        require(!short || words.len() <= MAX_WORDS, "query", format!("must be at most {MAX_WORDS} different words"));
        let printable = !words.iter().any(|word| word.contains(char::is_control));
        require(printable, "query", "must not contain control characters".to_owned());
        require(draft.category.is_empty() || is_category(&draft.category), "category", category_rule());
        let (min, max) = (draft.min_price, draft.max_price);
        for (field, price) in [("min_price_minor", min), ("max_price_minor", max)] {
            require(price.is_none_or(|price| price >= 0), field, "must not be negative".to_owned());
        }
        let ordered = min.zip(max).is_none_or(|(min, max)| min <= max || max < 0);
        require(ordered, "min_price_minor", "must not be above max_price_minor".to_owned());
        let category = Some(draft.category.clone()).filter(|category| !category.is_empty());
        Self { words, category, min_price: min, max_price: max, in_stock: draft.in_stock }
    }

    /// Words, in lower case, that must all be in name or description; at most [`MAX_WORDS`].
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The only category wanted.
    #[must_use]
    pub fn category(&self) -> Option<&str> {
        self.category.as_deref()
    }

    /// Lowest price in minor units.
    #[must_use]
    pub fn min_price(&self) -> Option<i64> {
        self.min_price
    }

    /// Highest price in minor units.
    #[must_use]
    pub fn max_price(&self) -> Option<i64> {
        self.max_price
    }

    /// Whether only products in stock are wanted.
    #[must_use]
    pub fn in_stock(&self) -> bool {
        self.in_stock
    }

    /// Ties cursors to this search. A hash, because names and queries together may outgrow a cursor.
    fn fingerprint(&self, sort: Sort) -> String {
        let text = serde_json::to_vec(&(sort, self)).unwrap_or_default();
        Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Search {
    /// Checks a draft.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong, else [`Error::InvalidCursor`].
    pub fn new(draft: SearchDraft) -> Result<Self, Error> {
        let mut errors = Vec::new();
        let filter = Filter::new(&draft, &mut errors);
        if draft.sort.is_none() {
            errors.push(FieldError::new("sort", "must be one of the orders the contract names"));
        }
        let page_size = u8::try_from(draft.page_size).ok().filter(|size| *size <= MAX_PAGE);
        if page_size.is_none() {
            errors.push(FieldError::new("page_size", format!("must be 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}")));
        }
        let (Some(sort), Some(page_size), true) = (draft.sort, page_size, errors.is_empty()) else {
            return Err(Error::Invalid(errors));
        };
        let start = match cursor::decode::<String, Position>(&filter.fingerprint(sort), &draft.cursor) {
            Ok(None) => Position::before_first(sort),
            Ok(Some(position)) if position.fits(sort) => position,
            Ok(Some(_)) | Err(cursor::BadCursor) => return Err(Error::InvalidCursor),
        };
        Ok(Self { filter, sort, page_size: if page_size == 0 { DEFAULT_PAGE } else { page_size }, start })
    }

    /// Which products are shown.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// In which order.
    #[must_use]
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// After which place the page begins.
    #[must_use]
    pub fn start(&self) -> &Position {
        &self.start
    }

    /// How many products to look for: one more than the page holds tells whether there is a next page.
    #[must_use]
    pub fn fetch_limit(&self) -> i64 {
        i64::from(self.page_size) + 1
    }
}

impl Position {
    /// The place that every product comes after.
    fn before_first(sort: Sort) -> Self {
        let (key, id) = match sort {
            Sort::Name => (SortKey::Name(String::new()), Uuid::nil()),
            Sort::PriceAsc => (SortKey::Price(-1), Uuid::nil()),
            Sort::PriceDesc => (SortKey::Price(i64::MAX), Uuid::max()),
            Sort::Newest => (SortKey::Created(END_OF_TIME), Uuid::max()),
        };
        Self { key, id }
    }

    fn of(product: &Product, sort: Sort) -> Self {
        let key = match sort {
            Sort::Name => SortKey::Name(product.details().name_key()),
            Sort::PriceAsc | Sort::PriceDesc => SortKey::Price(product.details().price().amount_minor()),
            Sort::Newest => SortKey::Created(product.created_at()),
        };
        Self { key, id: product.id().uuid() }
    }

    /// Cursors are not signed: what comes back may be anything, but no store shall choke on it.
    fn fits(&self, sort: Sort) -> bool {
        match (&self.key, sort) {
            (SortKey::Name(name), Sort::Name) => !name.contains(char::is_control),
            (SortKey::Price(_), Sort::PriceAsc | Sort::PriceDesc) => true,
            (SortKey::Created(at), Sort::Newest) => (DateTime::UNIX_EPOCH..=END_OF_TIME).contains(at),
            _ => false,
        }
    }

    /// The value of the product before the page.
    #[must_use]
    pub fn key(&self) -> &SortKey {
        &self.key
    }

    /// The id of the product before the page.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }
}

impl Page {
    /// The page of `search`, made of at most [`Search::fetch_limit`] products in its order.
    #[must_use]
    pub fn of(search: &Search, mut found: Vec<Product>) -> Self {
        let size = usize::from(search.page_size);
        let more = found.len() > size;
        found.truncate(size);
        let next_cursor = match found.last().filter(|_| more) {
            Some(last) => cursor::encode(&search.filter.fingerprint(search.sort), &Position::of(last, search.sort)),
            None => String::new(),
        };
        Self { products: found, next_cursor }
    }

    /// A page as it has been made before.
    #[must_use]
    pub fn stored(products: Vec<Product>, next_cursor: String) -> Self {
        Self { products, next_cursor }
    }

    /// The products, in order.
    #[must_use]
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// Cursor of the next page; empty on the last.
    #[must_use]
    pub fn next_cursor(&self) -> &str {
        &self.next_cursor
    }
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
