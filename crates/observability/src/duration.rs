//! Durations as Prometheus writes them (`5m`, `1h30m`), and how the demo profile divides them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Units from long to short, with their milliseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 31_536_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// A span of time, in whole milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    milliseconds: u64,
}

/// Why a text is no duration, or a duration cannot be divided.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DurationError {
    /// Not in the notation of Prometheus.
    #[error("`{0}` is not a duration: write a number and a unit, such as 5m, 1h30m or 3d")]
    Malformed(String),
    /// Not a multiple of the divisor in whole seconds.
    #[error("{span} divided by {divisor} is not a whole number of seconds: choose a duration of whole minutes")]
    Indivisible {
        /// What was to be divided.
        span: Span,
        /// By what.
        divisor: u64,
    },
}

impl Span {
    /// A span of so many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self { milliseconds: seconds * 1000 }
    }

    /// Its length in seconds.
    #[must_use]
    pub fn as_seconds(self) -> f64 {
        std::time::Duration::from_millis(self.milliseconds).as_secs_f64()
    }

    /// The span divided by `divisor`.
    ///
    /// # Errors
    ///
    /// If the result is not a whole number of seconds, or is zero though the span is not.
    pub fn divided(self, divisor: u64) -> Result<Self, DurationError> {
        if divisor == 1 {
            return Ok(self);
        }
        if divisor == 0 || !self.milliseconds.is_multiple_of(divisor * 1000) {
            return Err(DurationError::Indivisible { span: self, divisor });
        }
        Ok(Self { milliseconds: self.milliseconds / divisor })
    }

    /// Words for a person: `5 minutes`, `1 hour`.
    #[must_use]
    pub fn in_words(self) -> String {
        let text = self.to_string();
        let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
        let unit = match unit {
            "y" => "year",
            "w" => "week",
            "d" => "day",
            "h" => "hour",
            "m" => "minute",
            "s" => "second",
            _ => "millisecond",
        };
        format!("{number} {unit}{}", if number == "1" { "" } else { "s" })
    }
}

impl FromStr for Span {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || DurationError::Malformed(text.to_owned());
        let mut rest = text;
        let mut milliseconds = 0_u64;
        let mut smallest = u64::MAX;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, tail) = rest.split_at(digits);
            let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
            let (unit, tail) = tail.split_at(letters);
            let (_, length) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
            let number: u64 = number.parse().map_err(|_| malformed())?;
            if *length >= smallest {
                return Err(malformed());
            }
            smallest = *length;
            let part = number.checked_mul(*length).ok_or_else(malformed)?;
            milliseconds = milliseconds.checked_add(part).ok_or_else(malformed)?;
            rest = tail;
        }
        if smallest == u64::MAX { Err(malformed()) } else { Ok(Self { milliseconds }) }
    }
}

/// In the longest unit that fits exactly, weeks and years excepted: names of windows read `1d` and `30d`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.milliseconds == 0 {
            return f.write_str("0s");
        }
        let fits = UNITS.iter().skip(2).find(|(_, length)| self.milliseconds.is_multiple_of(*length));
        let (unit, length) = fits.unwrap_or(&("ms", 1));
        write!(f, "{}{unit}", self.milliseconds / length)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: &str) -> Span {
        text.parse().unwrap()
    }

    #[test]
    fn they_are_read_and_written_as_prometheus_does() {
        for (text, seconds) in
            [("5m", 300.0), ("1h30m", 5400.0), ("3d", 259_200.0), ("500ms", 0.5), ("0s", 0.0), ("1w", 604_800.0)]
        {
            assert!((span(text).as_seconds() - seconds).abs() < 1e-9, "{text}");
        }
        for (text, written) in [("60s", "1m"), ("24h", "1d"), ("90m", "90m"), ("30d", "30d"), ("1500ms", "1500ms")] {
            assert_eq!(span(text).to_string(), written);
        }
        for text in ["", "0", "5", "m", "5 m", "1m1h", "5mm", "-5m", "1.5h", "99999999999999999999d"] {
            assert_eq!(text.parse::<Span>(), Err(DurationError::Malformed(text.to_owned())));
        }
    }

    #[test]
    fn the_demo_profile_divides_without_rest() {
        for (long, short) in [("1h", "1m"), ("5m", "5s"), ("30d", "12h"), ("3d", "72m"), ("6h", "6m"), ("0s", "0s")] {
            assert_eq!(span(long).divided(60).unwrap().to_string(), short);
        }
        assert!(matches!(span("90s").divided(60), Err(DurationError::Indivisible { .. })));
        assert_eq!(span("90s").divided(1).unwrap(), span("90s"));
    }

    #[test]
    fn words_have_the_right_number() {
        assert_eq!((span("1h").in_words(), span("30m").in_words()), ("1 hour".to_owned(), "30 minutes".to_owned()));
    }
}
