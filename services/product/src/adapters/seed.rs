//! The demo products that come with the program, one a line in `seed/products.tsv`.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::details::{Details, Draft};
use crate::domain::product::Product;

/// Under this name the database remembers that it has got the products. A new name seeds again.
pub const NAME: &str = "demo-1";

const FILE: &str = include_str!("../../seed/products.tsv");

/// Ids are this one plus the number of the product in decimal digits, so that people can quote them; their layout
/// is that of UUID version 7.
const FIRST_DIGITS: &str = "00000000-0000-7000-8000";

/// A line that is no product.
#[derive(Debug, thiserror::Error)]
#[error("seed/products.tsv, line {line}: {reason}")]
pub struct BadLine {
    line: usize,
    reason: String,
}

/// The demo products.
///
/// # Errors
/// If a line is no product, which a test excludes.
pub fn products() -> Result<Vec<Product>, BadLine> {
    let lines = FILE.lines().enumerate().skip(1);
    lines.map(|(index, line)| parse(line).map_err(|reason| BadLine { line: index + 1, reason })).collect()
}

fn parse(line: &str) -> Result<Product, String> {
    let columns: Vec<_> = line.split('\t').collect();
    let [number, sku, category, price, stock, created_at, name, description] = columns[..] else {
        return Err(format!("{} columns instead of 8", columns.len()));
    };
    let id = Uuid::try_parse(&format!("{FIRST_DIGITS}-{number:0>12}")).map_err(|error| error.to_string())?;
    let created_at: DateTime<Utc> = created_at.parse().map_err(|error| format!("{created_at}: {error}"))?;
    let draft = Draft {
        sku: sku.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        category: category.to_owned(),
        amount_minor: minor(price).ok_or_else(|| format!("{price} is no price such as 12.90"))?,
        stock: stock.parse().map_err(|error| format!("{stock}: {error}"))?,
        ..in_euro()
    };
    let details = Details::new(draft).map_err(|errors| format!("{errors:?}"))?;
    Ok(Product::stored(id.into(), details, 1, (created_at, created_at)))
}

/// What all demo products have in common; fields that are no column of the file keep their default.
fn in_euro() -> Draft {
    Draft { currency: "EUR".to_owned(), ..Draft::default() }
}

/// Minor units of a price with exactly two decimals.
fn minor(price: &str) -> Option<i64> {
    let (units, cents) = price.split_once('.').filter(|(_, cents)| cents.len() == 2)?;
    format!("{units}{cents}").parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn the_catalogue_is_well_stocked() {
        let products = products().expect("every line");
        let mut sizes = BTreeMap::new();
        for product in &products {
            *sizes.entry(product.details().category()).or_insert(0) += 1;
        }
        let expected =
            ["beauty", "books", "electronics", "garden", "home", "kitchen", "office", "outdoor", "sports", "toys"];
        assert_eq!(sizes.keys().copied().collect::<Vec<_>>(), expected);
        assert!(sizes.values().all(|size| *size >= 20), "{sizes:?}");
        assert!(products.len() >= 200);
        assert!(products.iter().any(|product| product.details().stock() == 0));
    }

    #[test]
    fn no_product_comes_twice() {
        let products = products().expect("every line");
        let distinct = |of: fn(&Product) -> String| products.iter().map(of).collect::<BTreeSet<_>>().len();
        assert_eq!(distinct(|product| product.id().to_string()), products.len());
        assert_eq!(distinct(|product| product.details().sku().to_owned()), products.len());
        assert_eq!(distinct(|product| product.details().name_key()), products.len());
    }

    #[test]
    fn ids_are_fixed() {
        let first = &products().expect("every line")[0];
        assert_eq!(first.id().to_string(), "00000000-0000-7000-8000-000000000001");
        assert_eq!(first.id().uuid().get_version_num(), 7);
    }

    #[test]
    fn a_bad_line_is_refused() {
        assert!(parse("1\tA-1\ttoys\t1.00\t1\t2024-01-01T00:00:00Z\tName").is_err());
        assert!(parse("1\tA-1\ttoys\t1.0\t1\t2024-01-01T00:00:00Z\tName\tText").is_err());
        assert!(parse("1\ta 1\ttoys\t1.00\t1\t2024-01-01T00:00:00Z\tName\tText").is_err());
        assert!(parse("1\tA-1\ttoys\t1.00\t1\t2024-01-01T00:00:00Z\tName\tText").is_ok());
    }
}
