//! The rules of [`super`], one by one.

use super::*;

fn fields(email: &str, password: &str, name: &str) -> Vec<String> {
    match NewAccount::new(email, password.into(), name) {
        Ok(_) => Vec::new(),
        Err(Error::Invalid(fields)) => fields.into_iter().map(|field| field.field).collect(),
        Err(other) => panic!("unexpected: {other}"),
    }
}

#[test]
fn addresses_are_trimmed_and_lowered() {
    let email = Email::parse("  Ada.Lovelace+shop@Example.COM ").expect("valid");
    assert_eq!(email.as_str(), "ada.lovelace+shop@example.com");
    assert_eq!(format!("{email:?}"), "Email(..)");
}

#[test]
fn addresses_that_cannot_be_are_refused() {
    let long_local = format!("{}@example.com", "a".repeat(65));
    let long = format!("a@{}.com", "b.".repeat(130));
    for bad in [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example",
        "ada@@example.com",
        "a da@example.com",
        ".ada@example.com",
        "ada.@example.com",
        "a..da@example.com",
        "ada@-example.com",
        "ada@example-.com",
        "ada@example..com",
        "ada@exam_ple.com",
        "ada@example.com\r\nBcc: all@example.com",
        "ädä@example.com",
        &long_local,
        &long,
    ] {
        assert!(Email::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn all_errors_come_at_once() {
    assert_eq!(fields("nobody", "short", "\t"), ["email", "password", "name"]);
    assert_eq!(fields("ada@example.com", "correct horse", "Ada"), [""; 0]);
}

#[test]
fn passwords_have_a_length_and_no_composition_rules() {
    assert_eq!(fields("ada@example.com", &"é".repeat(7), "Ada"), ["password"]);
    assert_eq!(fields("ada@example.com", &"é".repeat(8), "Ada"), [""; 0]);
    assert_eq!(fields("ada@example.com", &"x".repeat(128), "Ada"), [""; 0]);
    assert_eq!(fields("ada@example.com", &"x".repeat(129), "Ada"), ["password"]);
}

#[test]
fn guessable_passwords_are_refused() {
    assert_eq!(fields("ada@example.com", "Password123", "Ada"), ["password"]);
    assert_eq!(fields("lovelace@example.com", "my-LoveLace-1815", "Ada"), ["password"]);
    // A short local part is part of many good passwords.
    assert_eq!(fields("ada@example.com", "armada-of-boats", "Ada"), [""; 0]);
}

#[test]
fn names_are_trimmed_and_bounded() {
    let account = NewAccount::new("ada@example.com", "correct horse".into(), "  Ada ").expect("valid");
    assert_eq!(account.name(), "Ada");
    assert_eq!(fields("ada@example.com", "correct horse", &"n".repeat(100)), [""; 0]);
    assert_eq!(fields("ada@example.com", "correct horse", &"n".repeat(101)), ["name"]);
    assert_eq!(fields("ada@example.com", "correct horse", "A\u{7}da"), ["name"]);
}

#[test]
fn a_new_account_does_not_print_its_password() {
    let account = NewAccount::new("ada@example.com", "correct horse".into(), "Ada").expect("valid");
    assert!(!format!("{account:?}").contains("correct horse"));
}

#[test]
fn spellings_are_read_back() {
    for role in [Role::User, Role::Admin] {
        assert_eq!(Role::from_name(role.as_str()), Some(role));
    }
    for state in [State::Pending, State::Active, State::Abandoned] {
        assert_eq!(State::from_name(state.as_str()), Some(state));
    }
}

#[test]
fn the_list_of_common_passwords_is_lower_case_and_long_enough_to_matter() {
    assert!(COMMON_PASSWORDS.len() >= 100);
    for password in COMMON_PASSWORDS {
        assert_eq!(*password, password.to_lowercase());
        assert!(password.len() >= MIN_PASSWORD, "{password} is refused for its length anyway");
    }
}
