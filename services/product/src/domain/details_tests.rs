//! Tests of which values a product may hold.

use super::*;
use crate::fixtures;

fn draft() -> Draft {
    Draft { sku: "KIT-0042".into(), description: "Boils water.".into(), ..fixtures::draft("Kettle") }
}

fn refused(change: impl FnOnce(&mut Draft)) -> Vec<String> {
    let mut draft = draft();
    change(&mut draft);
    Details::new(draft).err().unwrap_or_default().into_iter().map(|error| error.field).collect()
}

#[test]
fn a_good_draft_is_kept_as_it_is() {
    let details = Details::new(draft()).expect("valid");
    assert_eq!(details.sku(), "KIT-0042");
    assert_eq!(details.price(), Money { amount_minor: 2990, currency: Currency::Eur });
    assert_eq!(Details::stored(draft()), Some(details));
}

#[test]
fn values_at_the_limits_are_accepted() {
    let none = Vec::<String>::new();
    assert_eq!(refused(|d| d.sku = "A".repeat(32)), none);
    assert_eq!(refused(|d| d.name = "ä".repeat(120)), none);
    assert_eq!(refused(|d| d.description = "日".repeat(2000)), none);
    assert_eq!(refused(|d| d.description = String::new()), none);
    assert_eq!(refused(|d| d.description = "two\r\n\tlines".into()), none);
    assert_eq!(refused(|d| d.category = "a".repeat(40)), none);
    assert_eq!(refused(|d| d.amount_minor = 0), none);
    assert_eq!(refused(|d| d.amount_minor = 99_999_999), none);
    assert_eq!(refused(|d| d.stock = 1_000_000), none);
    assert_eq!(refused(|d| d.currency = "GBP".into()), none);
}

#[test]
fn values_beyond_the_limits_are_refused() {
    for sku in ["", "kit-1", "KIT 1", "KÜ-1", &"A".repeat(33)] {
        assert_eq!(refused(|d| d.sku = sku.into()), ["sku"], "{sku}");
    }
    for name in ["", "  ", "a\nb", "a\0b", &"a".repeat(121)] {
        assert_eq!(refused(|d| d.name = name.into()), ["name"], "{name}");
    }
    for description in ["a\0b", &"a".repeat(2001)] {
        assert_eq!(refused(|d| d.description = description.into()), ["description"]);
    }
    for category in ["", "Kitchen", "a b", &"a".repeat(41)] {
        assert_eq!(refused(|d| d.category = category.into()), ["category"], "{category}");
    }
    for amount in [-1, 100_000_000] {
        assert_eq!(refused(|d| d.amount_minor = amount), ["price.amount_minor"], "{amount}");
    }
    for currency in ["", "eur", "CHF"] {
        assert_eq!(refused(|d| d.currency = currency.into()), ["price.currency"], "{currency}");
    }
    for stock in [-1, 1_000_001] {
        assert_eq!(refused(|d| d.stock = stock), ["stock"], "{stock}");
    }
}

#[test]
fn everything_wrong_is_reported_at_once() {
    let draft = Draft { amount_minor: -1, stock: -1, description: "\0".into(), ..Draft::default() };
    let errors = Details::for_version(draft, 0).expect_err("nothing is right");
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    let all = ["sku", "name", "description", "category", "price.amount_minor", "price.currency", "stock"];
    assert_eq!(fields, [&all[..], &["expected_version"]].concat());
    assert_eq!(Details::for_version(self::draft(), 0).expect_err("version").len(), 1);
}

#[test]
fn blanks_around_texts_are_dropped() {
    let details = Details::new(Draft { name: " Kettle ".into(), description: "Hot.\n".into(), ..draft() });
    let details = details.expect("valid");
    assert_eq!((details.name(), details.description()), ("Kettle", "Hot."));
}

#[test]
fn search_text_is_lower_case_beyond_ascii() {
    let details = Details::new(Draft { name: "Crème ÉCLAIR".into(), description: "Süß".into(), ..draft() });
    let details = details.expect("valid");
    assert_eq!(details.search_text(), "crème éclair\nsüß");
    assert_eq!(details.name_key(), "crème éclair");
}
