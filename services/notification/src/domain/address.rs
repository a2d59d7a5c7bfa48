//! Addresses and single lines of text. Neither can end a header of a mail and begin another.

use std::fmt;

/// Bytes of an address, as RFC 5321 limits them.
const MAX_ADDRESS: usize = 254;

/// Characters of a line; what is longer is cut.
const MAX_LINE: usize = 200;

/// An e-mail address. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

/// Not an address. Says what is wrong without repeating it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no e-mail address: {0}")]
pub struct InvalidAddress(&'static str);

impl Address {
    /// Reads an address. Whether it exists only its mail server knows; this keeps out what would break a mail.
    ///
    /// # Errors
    /// If it is too long, holds blanks or control characters, or is not two parts around one `@`.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        if text.len() > MAX_ADDRESS {
            return Err(InvalidAddress("it has more than 254 bytes"));
        }
        if text.chars().any(|c| c.is_whitespace() || is_forbidden(c) || "<>,;:\"\\()[]".contains(c)) {
            return Err(InvalidAddress("it holds a character that addresses must not have"));
        }
        match text.split_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !domain.contains('@') => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidAddress("it is not a name and a domain around one @")),
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Addresses stay out of logs, also when somebody logs a whole mail.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

/// One line of text for people: no line is_forbidden, no control characters, nothing that reverses the direction of what
/// follows, at most 200 characters. It does not print, since it may be a name.
#[derive(Clone, PartialEq, Eq)]
pub struct SingleLine(String);

impl SingleLine {
    /// Makes a line of any text: what a line must not have becomes a blank, runs of blanks become one.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let clean: String = text.chars().map(|c| if is_forbidden(c) { ' ' } else { c }).collect();
        let words: Vec<&str> = clean.split_whitespace().collect();
        Self(words.join(" ").chars().take(MAX_LINE).collect())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SingleLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SingleLine(..)")
    }
}

/// Control characters, the line and paragraph separators, and the marks that turn the direction of text around.
fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_end_a_header_is_an_address() {
        for good in ["ada@example.com", "a+b@x", "jürgen@müller.example", "o'hara@example.com"] {
            assert_eq!(Address::parse(good).expect(good).as_str(), good);
        }
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a@b@c",
            "ada@example.com\r\nBcc: eve@example.com",
            "ada@example.com\n",
            "ada @example.com",
            "Ada <ada@example.com>",
            "ada@example.com,eve@example.com",
            "\"ada\"@example.com",
            "ada\u{2028}@example.com",
        ] {
            let error = Address::parse(bad).expect_err(bad).to_string();
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
        assert!(Address::parse(&format!("{}@example.com", "a".repeat(250))).is_err());
    }

    #[test]
    fn lines_are_lines() {
        assert_eq!(SingleLine::of("  Ada\r\nBcc: eve@example.com\t \0x ").as_str(), "Ada Bcc: eve@example.com x");
        assert_eq!(SingleLine::of("a\u{2028}b\u{202e}c\u{85}d").as_str(), "a b c d");
        assert_eq!(SingleLine::of("Grace 名 O'Hopper").as_str(), "Grace 名 O'Hopper");
        assert_eq!(SingleLine::of(&"ä".repeat(500)).as_str(), "ä".repeat(200));
    }

    #[test]
    fn neither_prints() {
        let printed = format!("{:?} {:?}", Address::parse("ada@example.com"), SingleLine::of("Ada"));
        assert_eq!(printed, "Ok(Address(..)) SingleLine(..)");
    }
}
