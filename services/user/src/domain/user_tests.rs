//! Tests of the user's values.

use super::*;

/// A pseudo-random sequence, the same in every run (xorshift64*).
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap_or(0) % limit
    }

    /// A text of characters that have tripped up somebody before, mostly around the limits of a name.
    fn text(&mut self) -> String {
        const AWKWARD: [char; 16] = [
            'a', 'Ω', 'ß', '名', '👩', '\u{301}', ' ', '\t', '\n', '\r', '\0', '\u{7f}', '\u{85}', '\u{a0}',
            '\u{2003}', '\u{200d}',
        ];
        let length = match self.below(3) {
            0 => self.below(4),
            1 => self.below(30),
            _ => 97 + self.below(8),
        };
        // Half of the texts hold only printable characters, or nearly none of the long ones would be valid.
        let choice = if self.below(2) == 0 { 7 } else { AWKWARD.len() };
        (0..length).map(|_| AWKWARD[self.below(choice)]).collect()
    }
}

fn draft<'a>(name: &'a str, email: &'a str) -> Draft<'a> {
    Draft { id: "018f3a5e-0000-7000-8000-000000000001", email, name, role: Some(Role::User) }
}

#[test]
fn no_constructor_yields_an_invalid_name_and_none_refuses_a_valid_one() {
    let mut sequence = Sequence(0x5eed);
    let (mut valid, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let text = sequence.text();
        let trimmed = text.trim();
        let allowed = (1..=100).contains(&trimmed.chars().count()) && !trimmed.chars().any(char::is_control);
        match User::new(&draft(&text, "ada@example.com"), Utc::now()) {
            Ok(user) => {
                let name = user.name().as_str();
                assert!((1..=100).contains(&name.chars().count()), "{text:?}");
                assert!(!name.starts_with(char::is_whitespace) && !name.ends_with(char::is_whitespace), "{text:?}");
                assert!(!name.chars().any(char::is_control), "{text:?}");
                assert!(allowed, "{text:?} was accepted");
                valid += 1;
            }
            Err(fields) => {
                assert!(fields.iter().all(|field| field.field == "name"), "{text:?}: {fields:?}");
                assert!(!allowed, "{text:?} was refused: {fields:?}");
                refused += 1;
            }
        }
    }
    assert!(valid > 2_000 && refused > 2_000, "lopsided sample: {valid} valid, {refused} refused");
}

#[test]
fn names_are_measured_in_characters_after_trimming() {
    let longest = "名".repeat(100);
    assert_eq!(Name::parse(&format!(" \t{longest} ")).map(|name| name.0), Ok(longest.clone()));
    assert!(Name::parse(&format!("{longest}x")).is_err());
}

#[test]
fn odd_addresses_are_refused() {
    let longest = format!("{}@example.com", "a".repeat(242));
    for good in ["ada@example.com", "a@b", "ada+shop@sub.example.com", "jürgen@example.com", &longest] {
        assert!(Email::parse(good).is_ok(), "{good}");
    }
    let too_long = format!("a{longest}");
    for bad in ["", "ada", "@example.com", "ada@", "a@b@c", "Ada@example.com", "a da@example.com", "a\0@b", &too_long] {
        assert_eq!(Email::parse(bad).map_err(|field| field.field), Err("email".to_owned()), "{bad:?}");
    }
}

#[test]
fn all_bad_fields_are_named_at_once() {
    let draft = Draft { id: "7", email: "ada", name: " ", role: None };
    let fields = User::new(&draft, Utc::now()).expect_err("invalid");
    assert_eq!(fields.iter().map(|field| field.field.as_str()).collect::<Vec<_>>(), ["id", "email", "name", "role"]);
}

#[test]
fn times_are_whole_milliseconds() {
    let now = DateTime::from_timestamp(1_700_000_000, 123_456_789).expect("in range");
    let user = User::new(&draft("Ada", "ada@example.com"), now).expect("valid");
    assert_eq!(user.created_at().timestamp_subsec_nanos(), 123_000_000);
    assert_eq!(user.created_at(), user.updated_at());
}

#[test]
fn roles_come_back_from_storage_and_unknown_ones_do_not() {
    for role in [Role::User, Role::Admin] {
        assert_eq!(Role::stored(role.as_str().to_owned()).expect("known"), role);
    }
    assert_eq!(
        Role::stored("owner".to_owned()).expect_err("unknown").to_string(),
        "the stored role `owner` is unknown"
    );
}

#[test]
fn addresses_do_not_show_in_debug_output() {
    let user = User::new(&draft("Ada", "ada@example.com"), Utc::now()).expect("valid");
    assert!(!format!("{user:?}").contains("ada@"), "{user:?}");
}
