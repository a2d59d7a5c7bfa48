//! Each template with values as they are, with hostile ones, and with one missing.

use chrono::DateTime;
use uuid::Uuid;

use super::*;
use crate::domain::{Address, variables};

/// What each kind is given, as `events.rs` does.
fn facts(kind: Kind, of: impl Fn(&'static str) -> SingleLine) -> Variables {
    match kind {
        Kind::Welcome => Variables::new(),
        Kind::RoleChanged => {
            variables([("old_role", of("user")), ("new_role", of("admin")), ("changed_at", of("2 January 2026"))])
        }
        Kind::SessionRevoked => variables([("detected_at", of("2 January 2026, 03:04 UTC"))]),
        Kind::ProductCreated | Kind::ProductUpdated | Kind::ProductDeleted => {
            let mut facts = variables([
                ("product_id", of("00000000-0000-7000-8000-000000000001")),
                ("product", of("Steel bottle 0.5 l")),
                ("sku", of("SB-05")),
                ("at", of("2 January 2026, 03:04 UTC")),
            ]);
            if kind != Kind::ProductDeleted {
                facts.insert("price".to_owned(), of("12.50 EUR").as_str().to_owned());
            }
            facts
        }
    }
}

fn claim(kind: Kind, variables: Variables) -> Claim {
    Claim {
        id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001),
        kind,
        variables,
        recipient: None,
        attempts: 1,
        occurred_at: DateTime::UNIX_EPOCH,
        queued_at: DateTime::UNIX_EPOCH,
        traceparent: None,
    }
}

fn to(name: &str) -> Recipient {
    Recipient { address: Address::parse("ada@example.com").expect("valid"), name: SingleLine::of(name) }
}

fn templates(shop: &str) -> Templates {
    Templates::new(SingleLine::of(shop)).expect("well-formed")
}

/// Compares with the file of that name; with `UPDATE_GOLDEN` set it writes the file instead.
fn golden(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    #[allow(clippy::disallowed_methods, reason = "whether to write the files again is no configuration")]
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("writable");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name} differs; look at it, and run with UPDATE_GOLDEN=1 if it is right");
}

#[test]
fn every_kind_reads_as_it_should() {
    for kind in Kind::ALL {
        let letter = templates("Signalbox").compose(&claim(kind, facts(kind, SingleLine::of)), &to("Ada Lovelace"));
        let letter = letter.expect("a letter");
        golden(&format!("{}.txt", kind.as_str()), &format!("Subject: {}\n\n{}\n", letter.subject, letter.text));
        golden(&format!("{}.html", kind.as_str()), &letter.html);
    }
}

#[test]
fn hostile_values_stay_values() {
    let hostile = "<script>alert(1)</script>\r\nBcc: eve@example.com \"q\" 'a' & 名 {{ shop }}";
    for kind in Kind::ALL {
        let letter = templates(hostile).compose(&claim(kind, facts(kind, |_| SingleLine::of(hostile))), &to(hostile));
        let letter = letter.expect("a letter");
        assert!(!letter.subject.contains(['\r', '\n']), "{kind:?}: {}", letter.subject);
        assert!(!letter.html.contains("<script") && letter.html.contains("&lt;script&gt;"), "{kind:?}");
        assert!(!letter.html.contains("\"q\""), "{kind:?}: quotes are escaped");
        assert!(letter.html.contains("名") && letter.text.contains("名"), "{kind:?}");
        assert!(letter.text.contains("<script>alert(1)") && letter.text.contains("{{ shop }}"), "{kind:?}: as it is");
    }
}

#[test]
fn a_missing_value_is_an_error_that_names_no_values() {
    for kind in Kind::ALL {
        for missing in facts(kind, SingleLine::of).into_keys() {
            let mut variables = facts(kind, |_| SingleLine::of("secret"));
            variables.remove(&missing);
            let error = templates("Signalbox").compose(&claim(kind, variables), &to("Ada")).expect_err(&missing);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}

#[test]
fn every_template_speaks_its_language_and_says_why_it_was_sent() {
    for kind in Kind::ALL {
        let letter =
            templates("Signalbox").compose(&claim(kind, facts(kind, SingleLine::of)), &to("Ada")).expect("letter");
        assert!(letter.html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"), "{kind:?}");
        assert!(letter.html.contains(&format!("<title>{}</title>", letter.subject)), "{kind:?}");
        assert_eq!(letter.html.matches("<h1").count(), 1, "{kind:?}");
        for text in [&letter.html, &letter.text] {
            assert!(text.contains("You get this mail because"), "{kind:?}");
        }
        assert!(letter.text.lines().all(|line| line.chars().count() <= 79), "{kind:?}");
    }
}
