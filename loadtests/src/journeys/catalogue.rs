//! Requests that read the catalogue, in both versions of the API, and what their answers must look like.

use goose::prelude::GooseUser;
use rand::seq::IndexedRandom;
use serde::Deserialize;

use super::call::{Call, Finding, StepError, with_query};
use super::routes::{LIST_PRODUCTS, LIST_PRODUCTS_V2, Route, VIEW_PRODUCT};

/// How many products a page may have.
const PAGE: usize = 20;

/// Categories the seed fills.
const CATEGORIES: [&str; 10] =
    ["kitchen", "garden", "books", "electronics", "toys", "sports", "office", "home", "outdoor", "beauty"];

/// Every order a list can have.
const SORTS: [&str; 4] = ["name", "price", "-price", "newest"];

/// Words people type; a search that finds nothing is a good answer too.
const WORDS: [&str; 8] = ["lamp", "garden", "set", "steel", "kids", "paper", "small", "blue"];

/// A page of products, of either version.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<P> {
    pub(crate) items: Vec<P>,
    pub(crate) next_cursor: Option<String>,
}

/// A product as version 1 shows it.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "that a field is there is what is checked")]
pub(crate) struct Product {
    pub(crate) id: String,
    sku: String,
    name: String,
    description: String,
    category: String,
    price: String,
    currency: String,
    stock: u64,
    version: u64,
    created_at: String,
    updated_at: String,
}

/// A product as version 2 shows it.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "that a field is there is what is checked")]
struct ProductV2 {
    id: String,
    sku: String,
    name: String,
    description: String,
    category: String,
    price: Money,
    stock: u64,
    version: u64,
    created_at: String,
    updated_at: String,
}

/// Money in minor units.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "that a field is there is what is checked")]
struct Money {
    amount_minor: u64,
    currency: String,
}

/// What a list is narrowed by; a cursor goes with the filter it came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    category: Option<&'static str>,
    sort: Option<&'static str>,
    word: Option<&'static str>,
}

impl Filter {
    /// A filter as people pick them: a category, an order, a word, or a category in an order.
    pub(crate) fn random() -> Self {
        let category = pick(&CATEGORIES).copied();
        let sort = pick(&SORTS).copied();
        match rand::random_range(0..4) {
            0 => Self { category, ..Self::default() },
            1 => Self { sort, ..Self::default() },
            2 => Self { word: pick(&WORDS).copied(), ..Self::default() },
            _ => Self { category, sort, word: None },
        }
    }

    fn path(&self, route: Route, cursor: Option<&str>) -> String {
        let limit = PAGE.to_string();
        let pairs = [
            ("limit", Some(limit.as_str())),
            ("category", self.category),
            ("sort", self.sort),
            ("q", self.word),
            ("cursor", cursor),
        ];
        let given: Vec<(&str, &str)> = pairs.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        with_query(route.template, &given)
    }

    fn check(&self, page: &Page<Product>) -> Finding {
        if self.category.is_some_and(|wanted| page.items.iter().any(|product| product.category != wanted)) {
            return Err("a product of another category is listed");
        }
        if self.is_empty() && page.items.is_empty() {
            return Err("the list of all products is empty");
        }
        page.items.iter().try_for_each(check_product)
    }

    fn is_empty(&self) -> bool {
        self.category.is_none() && self.sort.is_none() && self.word.is_none()
    }
}

/// `GET /v1/products`, its first page or the one behind `cursor`.
pub(crate) async fn list(
    user: &mut GooseUser,
    filter: &Filter,
    cursor: Option<&str>,
) -> Result<Page<Product>, StepError> {
    let path = filter.path(LIST_PRODUCTS, cursor);
    let check = |page: &Page<Product>| check_size(page).and_then(|()| filter.check(page));
    Call::to(LIST_PRODUCTS).at(path).read(user, check).await
}

/// `GET /v2/products`.
pub(crate) async fn list_v2(user: &mut GooseUser) -> Result<(), StepError> {
    let path = Filter::random().path(LIST_PRODUCTS_V2, None);
    let page: Result<Page<ProductV2>, StepError> = Call::to(LIST_PRODUCTS_V2).at(path).read(user, check_size).await;
    page.map(|_| ())
}

/// `GET /v1/products/{id}` of one of the listed products, if any is listed.
pub(crate) async fn view_one_of(user: &mut GooseUser, listed: &[String]) -> Result<(), StepError> {
    let Some(id) = pick(listed) else { return Ok(()) };
    let path = VIEW_PRODUCT.template.replace("{id}", id);
    let check = |product: &Product| {
        if product.id == *id { check_product(product) } else { Err("another product than the one asked for") }
    };
    Call::to(VIEW_PRODUCT).at(path).read(user, check).await.map(|_| ())
}

fn pick<T>(from: &[T]) -> Option<&T> {
    from.choose(&mut rand::rng())
}

fn check_size<P>(page: &Page<P>) -> Finding {
    if page.items.len() > PAGE { Err("more products than asked for are listed") } else { Ok(()) }
}

fn check_product(product: &Product) -> Finding {
    if product.id.is_empty() || !product.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err("a product's id is not made of letters, digits and dashes");
    }
    if !is_decimal(&product.price) {
        return Err("a price is not a decimal with two places");
    }
    Ok(())
}

/// Whether the text is a price such as `12.90`.
fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(whole, cents)| digits(whole) && cents.len() == 2 && digits(cents))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_becomes_a_query() {
        let filter = Filter { category: Some("books"), sort: Some("-price"), word: None };
        assert_eq!(
            filter.path(LIST_PRODUCTS, Some("a+b=")),
            "/v1/products?limit=20&category=books&sort=-price&cursor=a%2Bb%3D"
        );
        assert_eq!(Filter::default().path(LIST_PRODUCTS_V2, None), "/v2/products?limit=20");
    }

    #[test]
    fn a_random_filter_always_narrows() {
        assert!((0..200).all(|_| !Filter::random().is_empty()));
    }

    #[test]
    fn a_price_has_two_places() {
        assert!(is_decimal("12.90") && is_decimal("0.00"));
        assert!(["12.9", "12", "-1.00", ".90", "12.900", "1e2.00", ""].iter().all(|text| !is_decimal(text)));
    }
}
