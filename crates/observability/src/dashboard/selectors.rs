//! `job` and `instance` in every selector: a definition leaves them out, and they are written in where they belong.

/// Words of PromQL that stand where a metric could.
const KEYWORDS: [&str; 20] = [
    "and",
    "or",
    "unless",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "bool",
    "offset",
    "start",
    "end",
    "inf",
    "nan",
    "atan2",
    "default",
    "fill",
    "fill_left",
    "fill_right",
];

/// Words whose parentheses hold labels.
const LABEL_LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// `expr` with the matchers of the variables `job` and `instance` in every selector that has labels for them.
pub(super) fn scoped(expr: &str) -> String {
    let mut out = String::with_capacity(expr.len() * 2);
    let mut rest = expr;
    let mut in_label_list = false;
    let mut word_before = "";
    while let Some(first) = rest.chars().next() {
        let length = token(rest, first);
        let (text, tail) = rest.split_at(length);
        rest = tail;
        match first {
            '(' => in_label_list = LABEL_LISTS.contains(&word_before),
            ')' => in_label_list = false,
            '{' => {
                // No metric before it, or it would have been taken together with it: the selector has `__name__`.
                let name = text.split('"').nth(1).unwrap_or_default();
                out.push_str(&braces(text, scope(name)));
                continue;
            }
            _ => {}
        }
        let is_word = first.is_ascii_alphabetic() || matches!(first, '_' | ':');
        if is_word && !in_label_list && is_metric(text, rest) {
            out.push_str(text);
            let labels = if rest.starts_with('{') { token(rest, '{') } else { 0 };
            let (written, tail) = rest.split_at(labels);
            rest = tail;
            out.push_str(&braces(written, scope(text)));
        } else {
            out.push_str(text);
        }
        if !first.is_whitespace() {
            word_before = text;
        }
    }
    out
}

/// Matchers that a metric of this name has labels for.
fn scope(metric: &str) -> &'static [&'static str] {
    let unscoped = ["slo:", "sloth_", "ALERTS", "(slo|slo"];
    if unscoped.iter().any(|start| metric.starts_with(start)) {
        &[]
    } else if metric.starts_with("traces_span_metrics_") {
        // Scraped from the collector: `job` and `instance` are its own.
        &[r#"service_name=~"$job""#]
    } else if metric.contains(':') {
        &[r#"job=~"$job""#]
    } else {
        &[r#"job=~"$job""#, r#"instance=~"$instance""#]
    }
}

/// `{labels}` with the matchers of `scope` that are missing in front.
fn braces(written: &str, scope: &[&str]) -> String {
    let inside = written.trim_start_matches('{').trim_end_matches('}').trim();
    let mut matchers: Vec<&str> = scope.iter().copied().filter(|matcher| !inside.contains(matcher)).collect();
    if !inside.is_empty() {
        matchers.push(inside);
    }
    if matchers.is_empty() && written.is_empty() { String::new() } else { format!("{{{}}}", matchers.join(", ")) }
}

/// Whether a word is the name of a metric and not a function, a keyword or a part of a number.
fn is_metric(word: &str, rest: &str) -> bool {
    let called = rest.trim_start().starts_with('(');
    let grouping = ["by", "without"]
        .iter()
        .any(|word| rest.trim_start().strip_prefix(word).is_some_and(|tail| tail.trim_start().starts_with('(')));
    !called && !grouping && !KEYWORDS.contains(&word.to_lowercase().as_str())
}

/// Length of the string, braces, brackets, number, word or character that `text` begins with.
fn token(text: &str, first: char) -> usize {
    let closing = match first {
        '{' => Some('}'),
        '[' => Some(']'),
        '"' | '\'' | '`' => Some(first),
        _ => None,
    };
    if let Some(closing) = closing {
        let mut quoted = false;
        let end = text.char_indices().skip(1).find(|(_, c)| {
            quoted ^= *c == '"' && first == '{';
            *c == closing && !quoted
        });
        return end.map_or(text.len(), |(index, c)| index + c.len_utf8());
    }
    let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '$');
    if in_word(first) { text.find(|c| !in_word(c)).unwrap_or(text.len()) } else { first.len_utf8() }
}

#[cfg(test)]
mod tests {
    use super::scoped;

    #[test]
    fn every_selector_and_nothing_else_gets_job_and_instance() {
        let both = r#"job=~"$job", instance=~"$instance""#;
        for (written, expected) in [
            ("up", format!("up{{{both}}}")),
            ("up{}", format!("up{{{both}}}")),
            (
                r#"sum by (job, le) (rate(a_total{x="{y}", z!=""}[$__rate_interval])) / on (job) group_left (v) b > 0"#,
                format!(
                    r#"sum by (job, le) (rate(a_total{{{both}, x="{{y}}", z!=""}}[$__rate_interval])) / on (job) group_left (v) b{{{both}}} > 0"#
                ),
            ),
            ("sum(a) by (job) or vector(0) * 1e3", format!("sum(a{{{both}}}) by (job) or vector(0) * 1e3")),
            (r#"a{job="b"} offset 5m"#, format!(r#"a{{{both}, job="b"}} offset 5m"#)),
            (r#"slo:objective:ratio{sloth_id="x"}"#, r#"slo:objective:ratio{sloth_id="x"}"#.to_owned()),
            (r#"{__name__=~"slo:.+"}"#, r#"{__name__=~"slo:.+"}"#.to_owned()),
            ("service:x:rate5m", r#"service:x:rate5m{job=~"$job"}"#.to_owned()),
            ("ALERTS", "ALERTS".to_owned()),
            (
                "traces_span_metrics_calls_total[1m]",
                r#"traces_span_metrics_calls_total{service_name=~"$job"}[1m]"#.to_owned(),
            ),
            ("topk(5, avg without (instance) (a))", format!("topk(5, avg without (instance) (a{{{both}}}))")),
            (
                r#"label_replace(a, "x", "$1", "y", "(.)")"#,
                format!(r#"label_replace(a{{{both}}}, "x", "$1", "y", "(.)")"#),
            ),
        ] {
            assert_eq!(scoped(written), expected);
            assert_eq!(scoped(&expected), expected, "again");
        }
    }
}
