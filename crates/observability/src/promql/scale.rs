//! Durations of a query, divided for the demo profile.

use crate::duration::Span;
use crate::promql::PromqlError;

/// `text` with every duration in it divided by `divisor`; strings and comments stay as they are.
///
/// # Errors
///
/// If a duration does not divide into whole seconds.
pub fn scale(text: &str, divisor: u64) -> Result<String, PromqlError> {
    let mut scaled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = token_length(rest, first);
        let (token, tail) = rest.split_at(length);
        match token.parse::<Span>() {
            Ok(span) if first.is_ascii_digit() => {
                let divided = span.divided(divisor);
                let divided = divided.map_err(|source| PromqlError::Duration { text: text.to_owned(), source })?;
                scaled.push_str(&divided.to_string());
            }
            _ => scaled.push_str(token),
        }
        rest = tail;
    }
    Ok(scaled)
}

/// Length of the string, comment, word or single character that `text` begins with.
fn token_length(text: &str, first: char) -> usize {
    if first == '#' {
        return text.find('\n').unwrap_or(text.len());
    }
    if matches!(first, '"' | '\'' | '`') {
        let mut escaped = false;
        let end = text.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == first && !escaped;
            escaped = *c == '\\' && !escaped && first != '`';
            ends
        });
        return end.map_or(text.len(), |(index, c)| index + c.len_utf8());
    }
    let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.');
    if in_word(first) && first != ':' {
        // `5m:1m` of a subquery is two durations, `job:requests:rate5m` is one name.
        let ends = |c: char| !in_word(c) || (c == ':' && first.is_ascii_digit());
        return text.find(ends).unwrap_or(text.len());
    }
    first.len_utf8()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_scaled_and_nothing_else() {
        let text = r#"job:x:rate5m + rate(a{b="5m", c='1h\'2h', d=`3h`}[5m] offset 1h) > 300 and e[30m:2m] # 5m
            or f5m > 1e5 and 0x1f < 2.5"#;
        let scaled = r#"job:x:rate5m + rate(a{b="5m", c='1h\'2h', d=`3h`}[5s] offset 1m) > 300 and e[30s:2s] # 5m
            or f5m > 1e5 and 0x1f < 2.5"#;
        assert_eq!(scale(text, 60).unwrap(), scaled);
        assert_eq!(scale(text, 1).unwrap(), text);
        let error = scale("rate(a[90s])", 60).unwrap_err().to_string();
        assert!(error.contains("rate(a[90s])") && error.contains("90s divided by 60"), "{error}");
    }
}
