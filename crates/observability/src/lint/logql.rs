//! A strict check of LogQL: the grammar of stream selectors, pipelines and metric queries as far as our dashboards and
//! runbooks need it. It knows no `offset`, no `@`, no `pattern`/`regexp` templates beyond their quotes, and it does not
//! check types (that a number is compared with a number).

/// Functions over a range of log lines.
const RANGE_FUNCTIONS: [&str; 12] = [
    "rate",
    "count_over_time",
    "bytes_rate",
    "bytes_over_time",
    "absent_over_time",
    "sum_over_time",
    "avg_over_time",
    "max_over_time",
    "min_over_time",
    "quantile_over_time",
    "first_over_time",
    "last_over_time",
];

/// Aggregations over series.
const AGGREGATIONS: [&str; 9] = ["sum", "avg", "min", "max", "count", "topk", "bottomk", "stddev", "sort_desc"];

/// What stands where the grammar allows something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at \"{rest}\": {wanted}")]
pub struct LogqlError {
    /// What could not be read.
    pub rest: String,
    /// What may stand there.
    pub wanted: &'static str,
}

type Checked = Result<(), LogqlError>;

/// What a query uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logql {
    /// Labels of its stream selectors.
    pub stream_labels: Vec<String>,
    /// Ranges in brackets.
    pub ranges: Vec<String>,
}

/// Checks `text`, in which Grafana's variables may stand.
///
/// # Errors
///
/// If it is not in the grammar; the place and what may stand there are named.
pub fn check(text: &str) -> Result<Logql, LogqlError> {
    let mut parser = Parser { rest: text.trim(), found: Logql::default() };
    parser.expression()?;
    if parser.rest.is_empty() { Ok(parser.found) } else { Err(parser.error("the query has to end here")) }
}

struct Parser<'a> {
    rest: &'a str,
    found: Logql,
}

impl<'a> Parser<'a> {
    fn error(&self, wanted: &'static str) -> LogqlError {
        LogqlError { rest: self.rest.chars().take(30).collect(), wanted }
    }

    fn skip(&mut self, count: usize) {
        self.rest = self.rest[count..].trim_start();
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest.starts_with(token);
        if found {
            self.skip(token.len());
        }
        found
    }

    fn expect(&mut self, token: &str, wanted: &'static str) -> Checked {
        if self.eat(token) { Ok(()) } else { Err(self.error(wanted)) }
    }

    fn word(&mut self) -> Option<&'a str> {
        let length = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let word = &self.rest[..length];
        let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        is_word.then(|| {
            self.skip(length);
            word
        })
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let before = self.rest;
        let found = self.word() == Some(keyword);
        if !found {
            self.rest = before;
        }
        found
    }

    fn string(&mut self) -> Checked {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '`'));
        let quote = quote.ok_or_else(|| self.error("a text in quotes"))?;
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == quote && !escaped;
            escaped = quote == '"' && *c == '\\' && !escaped;
            ends
        });
        let (end, _) = end.ok_or_else(|| self.error("a text that ends with its quote"))?;
        self.skip(end + 1);
        Ok(())
    }

    fn number(&mut self) -> bool {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.';
        let length = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let found = self.rest.starts_with(|c: char| c.is_ascii_digit());
        if found {
            self.skip(length);
        }
        found
    }

    /// A metric query or a log query, with operators between.
    fn expression(&mut self) -> Checked {
        self.operand()?;
        while ["+", "-", "*", "/", ">=", "<=", "==", "!=", ">", "<"].iter().any(|operator| self.eat(operator))
            || ["and", "or", "unless"].iter().any(|operator| self.keyword(operator))
        {
            self.keyword("bool");
            self.operand()?;
        }
        Ok(())
    }

    fn operand(&mut self) -> Checked {
        if self.rest.starts_with('{') {
            return self.log_query();
        }
        if self.eat("(") {
            self.expression()?;
            return self.expect(")", "a closing parenthesis");
        }
        if self.number() {
            return Ok(());
        }
        match self.word() {
            Some(name) if RANGE_FUNCTIONS.contains(&name) => self.range_function(),
            Some(name) if AGGREGATIONS.contains(&name) => self.aggregation(),
            Some("vector") => {
                self.expect("(", "a parenthesis")?;
                self.number();
                self.expect(")", "a closing parenthesis")
            }
            _ => Err(self.error("a stream selector, a number, an aggregation or a function over a range")),
        }
    }

    fn aggregation(&mut self) -> Checked {
        let grouped = self.grouping()?;
        self.expect("(", "the argument of an aggregation in parentheses")?;
        if self.number() {
            self.expect(",", "a comma after the number")?;
        }
        self.expression()?;
        self.expect(")", "a closing parenthesis")?;
        if !grouped {
            self.grouping()?;
        }
        Ok(())
    }

    fn grouping(&mut self) -> Result<bool, LogqlError> {
        if !self.keyword("by") && !self.keyword("without") {
            return Ok(false);
        }
        self.expect("(", "labels in parentheses")?;
        if !self.eat(")") {
            self.labels()?;
            self.expect(")", "a closing parenthesis after the labels")?;
        }
        Ok(true)
    }

    fn labels(&mut self) -> Checked {
        loop {
            self.word().ok_or_else(|| self.error("a label"))?;
            if !self.eat(",") {
                return Ok(());
            }
        }
    }

    fn range_function(&mut self) -> Checked {
        self.expect("(", "the argument of a function in parentheses")?;
        if self.number() {
            self.expect(",", "a comma after the number")?;
        }
        self.log_query()?;
        self.expect("[", "a range in brackets")?;
        let end = self.rest.find(']').ok_or_else(|| self.error("a closing bracket"))?;
        let range = self.rest[..end].trim();
        if range.is_empty() || !range.chars().all(|c| c.is_ascii_alphanumeric() || "$_{}".contains(c)) {
            return Err(self.error("a duration or a variable"));
        }
        self.found.ranges.push(range.to_owned());
        self.skip(end + 1);
        self.expect(")", "a closing parenthesis")?;
        self.grouping().map(|_| ())
    }

    fn log_query(&mut self) -> Checked {
        self.expect("{", "a stream selector")?;
        loop {
            let label = self.word().ok_or_else(|| self.error("a label"))?;
            self.found.stream_labels.push(label.to_owned());
            if !["=~", "!~", "!=", "="].iter().any(|operator| self.eat(operator)) {
                return Err(self.error("=, !=, =~ or !~"));
            }
            self.string()?;
            if !self.eat(",") {
                break;
            }
        }
        self.expect("}", "a closing brace")?;
        self.pipeline()
    }

    fn pipeline(&mut self) -> Checked {
        loop {
            if ["|=", "|~", "!=", "!~"].iter().any(|operator| self.eat(operator)) {
                self.string()?;
                while self.keyword("or") {
                    self.string()?;
                }
            } else if self.eat("|") {
                self.stage()?;
            } else {
                return Ok(());
            }
        }
    }

    fn stage(&mut self) -> Checked {
        if self.rest.starts_with('(') {
            return self.filter();
        }
        let before = self.rest;
        match self.word().ok_or_else(|| self.error("a parser, a filter or a format"))? {
            "json" | "logfmt" | "unpack" | "decolorize" => Ok(()),
            "pattern" | "regexp" | "line_format" => self.string(),
            "keep" | "drop" => self.labels(),
            "unwrap" => self.word().map(|_| ()).ok_or_else(|| self.error("a label")),
            "label_format" => {
                self.word().ok_or_else(|| self.error("a label"))?;
                self.expect("=", "=")?;
                if self.word().is_some() { Ok(()) } else { self.string() }
            }
            _ => {
                self.rest = before;
                self.filter()
            }
        }
    }

    /// Comparisons of labels with `and`, `or` and parentheses.
    fn filter(&mut self) -> Checked {
        loop {
            if self.eat("(") {
                self.filter()?;
                self.expect(")", "a closing parenthesis")?;
            } else {
                self.word().ok_or_else(|| self.error("a label"))?;
                let operators = ["=~", "!~", "!=", "==", ">=", "<=", "=", ">", "<"];
                if !operators.iter().any(|operator| self.eat(operator)) {
                    return Err(self.error("a comparison"));
                }
                if !self.number() {
                    self.string()?;
                }
            }
            if !self.keyword("and") && !self.keyword("or") && !self.eat(",") {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_write_is_read() {
        for text in [
            r#"{service_name="gateway"}"#,
            r#"{service_name=~"$job", service_namespace="signalbox"} | trace_id="1f" |= "a" != `b` or "c""#,
            r#"{a="b"} | json | (x>=500 and y!="z") or d < 1.5s | line_format "{{.x}}" | label_format p=q"#,
            r#"sum by (a, b) (rate({a="b"} | keep a, b [$__auto])) / sum(count_over_time({a="b"}[5m])) > 0.5"#,
            r#"topk(5, sum(rate({a="b"} !~ "x" [${__auto}])) by (a)) or vector(0)"#,
            r#"quantile_over_time(0.9, {a="b"} | unwrap duration_ms [5m]) by (a)"#,
        ] {
            assert!(check(text).is_ok(), "{text}: {:?}", check(text));
        }
        let found = check(r#"rate({a="b"}[$__auto])"#).unwrap();
        assert_eq!((found.stream_labels, found.ranges), (vec!["a".to_owned()], vec!["$__auto".to_owned()]));
    }

    #[test]
    fn what_is_not_logql_is_refused_with_its_place() {
        for (text, wanted) in [
            ("", "a stream selector"),
            ("{}", "a label"),
            (r#"{a="b""#, "a closing brace"),
            (r#"{a="b}"#, "ends with its quote"),
            (r#"{a:"b"}"#, "=, !=, =~ or !~"),
            (r#"{a="b"} |"#, "a parser, a filter"),
            (r#"{a="b"} | x"#, "a comparison"),
            (r#"{a="b"} |= x"#, "a text in quotes"),
            (r#"rate({a="b"})"#, "a range in brackets"),
            (r#"sum(rate({a="b"}[5m])"#, "a closing parenthesis"),
            (r#"rates({a="b"}[5m])"#, "a stream selector, a number"),
            (r#"{a="b"} )"#, "the query has to end here"),
            (r#"sum by a (rate({a="b"}[5m]))"#, "labels in parentheses"),
        ] {
            let error = check(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
