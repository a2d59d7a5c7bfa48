//! The ranges of a service's numbers. They stand where the defaults stand, as a comment behind the value:
//! `timeout_ms = 10000 # 1 to 3600000`. The range of a list is that of each of its numbers.

use std::collections::BTreeMap;
use std::fmt;

use toml::Value;

/// From the first number to the last, both included.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    first: Value,
    last: Value,
}

impl Range {
    /// Whether the range has that value, or every number of that list. What is no number has no range.
    #[must_use]
    pub fn contains(&self, value: &Value) -> bool {
        match (value, &self.first, &self.last) {
            (Value::Array(numbers), _, _) => numbers.iter().all(|number| self.contains(number)),
            (Value::Integer(number), Value::Integer(first), Value::Integer(last)) => (first..=last).contains(&number),
            (Value::Float(number), Value::Float(first), Value::Float(last)) => (first..=last).contains(&number),
            _ => true,
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: &Value| match number {
            // As people write it: without the fraction that a float has always in TOML.
            Value::Float(number) => number.to_string(),
            other => other.to_string(),
        };
        write!(f, "{} to {}", number(&self.first), number(&self.last))
    }
}

/// The ranges in the text of a `config.toml`, by dotted key.
#[must_use]
pub fn ranges(text: &str) -> BTreeMap<String, Range> {
    let mut section = "";
    let mut ranges = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((key, range)) = key_and_range(line) {
            let key = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
            ranges.insert(key, range);
        }
    }
    ranges
}

/// A text value may hold a `#` of its own, so what stands behind the last one has to be a range to be taken for one.
fn key_and_range(line: &str) -> Option<(&str, Range)> {
    let (setting, comment) = line.rsplit_once('#').filter(|_| !line.starts_with('#'))?;
    let (first, last) = comment.trim().split_once(" to ")?;
    let (key, value) = setting.split_once('=')?;
    let float = value.contains('.');
    let number = |text: &str| match float {
        true => text.parse().ok().map(Value::Float),
        false => text.parse().ok().map(Value::Integer),
    };
    Some((key.trim(), Range { first: number(first)?, last: number(last)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
# 1 to 2 is no range here
top = 1 # 1 to 9
[http]
# Milliseconds.
timeout_ms = 10000 # 1 to 3600000
ratio = 0.5 # 0 to 1
steps = [1000, 2000] # 1 to 5000
name = \"a # 1 to 2 #\"
free = 7 # any number
";

    #[test]
    fn ranges_stand_behind_the_defaults() {
        let ranges = ranges(TEXT);
        let keys: Vec<_> = ranges.keys().map(String::as_str).collect();
        assert_eq!(keys, ["http.ratio", "http.steps", "http.timeout_ms", "top"]);
        assert_eq!(ranges["http.timeout_ms"].to_string(), "1 to 3600000");
        assert_eq!(ranges["http.ratio"].to_string(), "0 to 1");
    }

    #[test]
    fn both_ends_belong_to_a_range() {
        let ranges = ranges(TEXT);
        for (key, inside, outside) in [
            (
                "http.timeout_ms",
                [Value::Integer(1), Value::Integer(3_600_000)],
                [Value::Integer(0), Value::Integer(i64::MAX)],
            ),
            ("http.ratio", [Value::Float(0.0), Value::Float(1.0)], [Value::Float(-0.1), Value::Float(f64::NAN)]),
            (
                "http.steps",
                [Value::from(vec![1, 5000]), Value::from(vec![1])],
                [Value::from(vec![1, 0]), Value::from(vec![5001])],
            ),
        ] {
            assert!(inside.iter().all(|value| ranges[key].contains(value)), "{key}");
            assert!(!outside.iter().any(|value| ranges[key].contains(value)), "{key}");
        }
    }
}
