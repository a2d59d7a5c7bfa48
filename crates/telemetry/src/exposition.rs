//! Reads metrics in the Prometheus text format, version 0.0.4, as `/metrics` shows them. Writing it is left to the
//! recorder.

use std::collections::BTreeMap;

/// The labels of a sample by name.
pub type Labels = BTreeMap<String, String>;

/// One sample. Of a histogram each bucket, the sum and the count are samples of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Name of the series, such as `mail_send_duration_seconds_bucket`.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
}

/// Everything that one scrape shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposition {
    /// The samples in the order in which they stand.
    pub samples: Vec<Sample>,
    /// The type of each metric that names one: `counter`, `gauge`, `histogram`, `summary` or `untyped`.
    pub types: BTreeMap<String, String>,
    /// The help text of each metric that has one.
    pub help: BTreeMap<String, String>,
}

/// A line that is not in the text format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, `{text}`: {problem}")]
pub struct InvalidExposition {
    /// Number of the line, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl Exposition {
    /// Reads all of `text`. Timestamps are checked and left out.
    ///
    /// # Errors
    /// On the first line that is neither empty, nor a comment, nor a sample.
    pub fn parse(text: &str) -> Result<Self, InvalidExposition> {
        let mut exposition = Self::default();
        for (index, line) in text.lines().enumerate() {
            let invalid = |problem| InvalidExposition { line: index + 1, text: line.to_owned(), problem };
            match line.trim().strip_prefix('#') {
                Some(comment) => exposition.comment(comment),
                None if line.trim().is_empty() => {}
                None => exposition.samples.push(sample(line.trim()).map_err(invalid)?),
            }
        }
        Ok(exposition)
    }

    fn comment(&mut self, comment: &str) {
        let mut words = comment.trim_start().splitn(3, [' ', '\t']);
        let (Some(keyword), Some(name)) = (words.next(), words.next()) else { return };
        let text = words.next().unwrap_or_default().trim();
        match keyword {
            "TYPE" => drop(self.types.insert(name.to_owned(), text.to_owned())),
            "HELP" => drop(self.help.insert(name.to_owned(), unescaped(text))),
            _ => {}
        }
    }

    /// The samples of that name.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| sample.name == name)
    }

    /// Sum of the samples of that name whose labels include all of `labels`; 0 if there is none.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.named(name).filter(|sample| sample.has(labels)).map(|sample| sample.value).sum()
    }

    /// The value of one series written as in the text, such as `mails_total{kind="welcome"}`: with these labels and no
    /// others, in any order.
    ///
    /// # Errors
    /// If `series` is not written so.
    pub fn value(&self, series: &str) -> Result<Option<f64>, InvalidExposition> {
        let invalid = |problem| InvalidExposition { line: 1, text: series.to_owned(), problem };
        let (name, labels, rest) = head(series).map_err(invalid)?;
        if !rest.trim().is_empty() {
            return Err(invalid("something follows the labels"));
        }
        Ok(self.named(name).find(|sample| sample.labels == labels).map(|sample| sample.value))
    }
}

impl Sample {
    /// Whether its labels include all of `labels`.
    #[must_use]
    pub fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(name, value)| self.labels.get(*name).is_some_and(|found| found == value))
    }
}

fn sample(line: &str) -> Result<Sample, &'static str> {
    let (name, labels, rest) = head(line)?;
    let mut words = rest.split_whitespace();
    let value = words.next().ok_or("there is no value")?.parse().map_err(|_| "the value is not a number")?;
    if words.next().is_some_and(|timestamp| timestamp.parse::<i64>().is_err()) {
        return Err("the timestamp is not a whole number");
    }
    match words.next() {
        Some(_) => Err("something follows the timestamp"),
        None => Ok(Sample { name: name.to_owned(), labels, value }),
    }
}

/// Name and labels of a series, and what follows them.
fn head(text: &str) -> Result<(&str, Labels, &str), &'static str> {
    let (name, rest) = identifier(text, ":").ok_or("there is no name")?;
    let Some(mut rest) = rest.trim_start().strip_prefix('{') else { return Ok((name, Labels::new(), rest)) };
    let mut labels = Labels::new();
    loop {
        rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix('}') {
            return Ok((name, labels, rest));
        }
        let (label, after) = identifier(rest, "").ok_or("a label has no name")?;
        let after = after.trim_start().strip_prefix('=').ok_or("a label has no value")?;
        let after = after.trim_start().strip_prefix('"').ok_or("the value of a label is not in quotes")?;
        let end = closing_quote(after).ok_or("the value of a label does not end")?;
        if labels.insert(label.to_owned(), unescaped(&after[..end])).is_some() {
            return Err("a label stands twice");
        }
        rest = after[end + 1..].trim_start();
        rest = match rest.strip_prefix(',') {
            Some(next) => next,
            None if rest.starts_with('}') => rest,
            None => return Err("the labels do not end"),
        };
    }
}

/// The name at the beginning of `text`, which may hold the characters `more` too, and the rest.
fn identifier<'a>(text: &'a str, more: &str) -> Option<(&'a str, &'a str)> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && !more.contains(c)).unwrap_or(text.len());
    let valid = text[..end].starts_with(|c: char| !c.is_ascii_digit());
    valid.then(|| text.split_at(end))
}

/// Where the quote is that ends a value: the first without a backslash that belongs to it.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })
}

/// `\\`, `\"` and `\n` as what they stand for; any other backslash stands for itself.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let mut ahead = rest.clone();
        let meant = match (c, ahead.next()) {
            ('\\', Some('n')) => Some('\n'),
            ('\\', Some(quoted @ ('\\' | '"'))) => Some(quoted),
            _ => None,
        };
        if meant.is_some() {
            rest = ahead;
        }
        out.push(meant.unwrap_or(c));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder;

    fn one(line: &str) -> Sample {
        let mut samples = Exposition::parse(line).expect(line).samples;
        assert_eq!(samples.len(), 1, "{line}");
        samples.remove(0)
    }

    #[test]
    fn a_sample_has_name_labels_and_value() {
        let sample = one(r#"mails_total{kind="welcome",outcome="sent"} 7"#);
        assert_eq!(sample.name, "mails_total");
        assert_eq!(sample.labels, Labels::from([("kind", "welcome"), ("outcome", "sent")].map(owned)));
        assert_eq!(sample.value, 7.0);
        assert!(sample.has(&[("outcome", "sent")]) && sample.has(&[]));
        assert!(!sample.has(&[("outcome", "s")]) && !sample.has(&[("come", "sent")]));
        for bare in ["up 1", "up{} 1", "  up\t1 ", "job:up:sum 1", "up {} 1"] {
            assert_eq!((one(bare).labels, one(bare).value), (Labels::new(), 1.0), "{bare}");
        }
        assert_eq!(one(r#"a{ b = "c" , } 1"#).labels, Labels::from([owned(("b", "c"))]));
    }

    fn owned((name, value): (&str, &str)) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn values_of_labels_are_unescaped_and_may_hold_anything() {
        for (written, meant) in [
            (r"C:\\temp\\new", r"C:\temp\new"),
            (r#"say \"hi\""#, r#"say "hi""#),
            (r"two\nlines", "two\nlines"),
            (r"\d is left", r"\d is left"),
            (r"ends with \\", r"ends with \"),
            ("/v1/{id}, a=\"b".replace('"', "\\\"").as_str(), "/v1/{id}, a=\"b"),
            ("} 1 # x", "} 1 # x"),
            ("ä€", "ä€"),
            ("", ""),
        ] {
            assert_eq!(one(&format!("a{{l=\"{written}\",m=\"x\"}} 2")).labels["l"], meant, "{written}");
        }
    }

    #[test]
    fn numbers_may_be_infinite_missing_and_have_exponents_and_timestamps() {
        for (written, meant) in [
            ("+Inf", f64::INFINITY),
            ("-Inf", f64::NEG_INFINITY),
            ("1.5e-3", 0.0015),
            ("1E+06", 1_000_000.0),
            ("-2", -2.0),
            ("0 1395066363000", 0.0),
            ("3 -1", 3.0),
        ] {
            assert_eq!(one(&format!("a {written}")).value, meant, "{written}");
        }
        assert!(one("a NaN").value.is_nan());
    }

    #[test]
    fn help_and_types_are_read_and_other_comments_passed_over() {
        let text = "# HELP a Two\\nlines, a \\\\ and \"quotes\".\n# TYPE a histogram\n# just saying\n#\n\na_count 1\n";
        let exposition = Exposition::parse(text).expect("valid");
        assert_eq!(exposition.help["a"], "Two\nlines, a \\ and \"quotes\".");
        assert_eq!(exposition.types, BTreeMap::from([owned(("a", "histogram"))]));
        assert_eq!(exposition.samples.len(), 1);
    }

    #[test]
    fn sums_take_more_labels_and_values_only_the_same() {
        let text = "a{x=\"1\",y=\"2\"} 3\na{x=\"1\"} 4\na{x=\"2\"} 5\nab{x=\"1\"} 6\n";
        let exposition = Exposition::parse(text).expect("valid");
        assert_eq!(exposition.sum("a", &[("x", "1")]), 7.0);
        assert_eq!(exposition.sum("a", &[]), 12.0);
        assert_eq!(exposition.sum("b", &[]), 0.0);
        assert_eq!(exposition.value(r#"a{y="2",x="1"}"#), Ok(Some(3.0)));
        assert_eq!(exposition.value(r#"a{x="1"}"#), Ok(Some(4.0)));
        assert_eq!(exposition.value("a"), Ok(None));
        assert!(exposition.value("a 1").is_err() && exposition.value("a{x=").is_err());
    }

    #[test]
    fn what_is_not_the_format_is_refused_with_its_line() {
        for (line, problem) in [
            ("a", "no value"),
            ("a one", "not a number"),
            ("a 1 now", "whole number"),
            ("a 1 2 3", "follows"),
            ("1a 1", "no name"),
            ("{a=\"b\"} 1", "no name"),
            ("a{1=\"b\"} 1", "no name"),
            ("a{b} 1", "no value"),
            ("a{b=c} 1", "quotes"),
            ("a{b=\"c} 1", "does not end"),
            ("a{b=\"c\\\"} 1", "does not end"),
            ("a{b=\"c\" d=\"e\"} 1", "do not end"),
            ("a{b=\"c\",b=\"d\"} 1", "twice"),
        ] {
            let error = Exposition::parse(&format!("up 1\n{line}\n")).expect_err(line);
            assert_eq!((error.line, error.text.as_str()), (2, line));
            assert!(error.problem.contains(problem), "{error}");
        }
    }

    #[test]
    fn what_the_recorder_writes_is_read_back() {
        let recorder = recorder::build().expect("a recorder");
        let odd = "a \"b\" \\ c\nd, {e}=\"f\"";
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("mails_total", "kind" => odd, "outcome" => "sent").increment(3);
            metrics::histogram!("mail_send_duration_seconds", "transport" => "file").record(0.2);
        });
        let exposition = Exposition::parse(&recorder.handle().render()).expect("valid");
        assert_eq!(exposition.sum("mails_total", &[("kind", odd)]), 3.0);
        assert_eq!(exposition.value(r#"mail_send_duration_seconds_bucket{transport="file",le="+Inf"}"#), Ok(Some(1.0)));
        assert_eq!(exposition.types["mail_send_duration_seconds"], "histogram");
        let help = crate::catalogue::find("mails_total").map(|metric| metric.help);
        assert_eq!(exposition.help.get("mails_total").map(String::as_str), help);
    }
}
