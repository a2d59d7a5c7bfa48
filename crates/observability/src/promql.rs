//! What a PromQL query uses: selectors, labels, functions, ranges, and the threshold of an alert.

use std::collections::BTreeSet;
use std::time::Duration;

use promql_parser::label::{MatchOp, Matcher as ParsedMatcher, Matchers};
use promql_parser::parser::{self, Expr, LabelModifier, Offset, VectorSelector};

use crate::duration::DurationError;

mod scale;
mod threshold;

pub use scale::scale;
pub use threshold::Threshold;
pub(crate) use threshold::is_scalar;

/// Why a query cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PromqlError {
    /// Not PromQL.
    #[error("`{text}` is not PromQL: {problem}")]
    Syntax {
        /// The query.
        text: String,
        /// What the parser says.
        problem: String,
    },
    /// A duration in it cannot be scaled.
    #[error("`{text}`: {source}")]
    Duration {
        /// The query.
        text: String,
        /// Which and why.
        source: DurationError,
    },
}

/// How a label is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Is,
    /// `!=`
    IsNot,
    /// `=~`
    Like,
    /// `!~`
    Unlike,
}

/// One `label = "value"` of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelMatcher {
    /// Name of the label; never `__name__`.
    pub label: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what; for `=~` and `!~` a regular expression.
    pub value: String,
}

impl LabelMatcher {
    /// A pattern of PromQL, which always means the whole text.
    pub(crate) fn pattern(text: &str) -> Option<regex::Regex> {
        regex::Regex::new(&format!("^(?:{text})$")).ok()
    }
}

/// Which metrics a selector means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricName {
    /// The one of this name.
    Exact(String),
    /// Those whose whole name fits this regular expression.
    Pattern(String),
    /// All that have the labels.
    Any,
}

/// One vector selector of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// Which metrics.
    pub metric: MetricName,
    /// With which labels.
    pub matchers: Vec<LabelMatcher>,
}

/// Labels named in `by`, `without`, `on`, `ignoring` or `group_left`, and what they are taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouping {
    /// The labels.
    pub labels: Vec<String>,
    /// The selectors inside the aggregation, or on both sides of the operator.
    pub selectors: Vec<Selector>,
}

/// A parsed query.
#[derive(Clone, Debug)]
pub struct Query {
    expression: Expr,
}

impl Query {
    /// Parses `text`.
    ///
    /// # Errors
    ///
    /// If it is not PromQL; the text and the parser's complaint are named.
    pub fn parse(text: &str) -> Result<Self, PromqlError> {
        let syntax = |problem| PromqlError::Syntax { text: text.to_owned(), problem };
        parser::parse(text).map(|expression| Self { expression }).map_err(syntax)
    }

    pub(crate) fn expression(&self) -> &Expr {
        &self.expression
    }

    /// Every vector selector, from left to right.
    #[must_use]
    pub fn selectors(&self) -> Vec<Selector> {
        selectors(&self.expression)
    }

    /// Every list of labels outside of a selector.
    #[must_use]
    pub fn groupings(&self) -> Vec<Grouping> {
        let mut groupings = Vec::new();
        walk(&self.expression, &mut |expression| {
            let lists: Vec<&LabelModifier> = match expression {
                Expr::Aggregate(aggregate) => aggregate.modifier.iter().collect(),
                Expr::Binary(binary) => {
                    binary.modifier.iter().filter_map(|modifier| modifier.matching.as_ref()).collect()
                }
                _ => Vec::new(),
            };
            let carried = match expression {
                Expr::Binary(binary) => binary.modifier.as_ref().and_then(|modifier| modifier.card.labels()),
                _ => None,
            };
            let labels: Vec<String> = lists
                .into_iter()
                .map(LabelModifier::labels)
                .chain(carried)
                .flat_map(|list| list.labels.clone())
                .collect();
            if !labels.is_empty() {
                groupings.push(Grouping { labels, selectors: selectors(expression) });
            }
        });
        groupings
    }

    /// Labels that `label_replace` and `label_join` write.
    #[must_use]
    pub fn made_labels(&self) -> BTreeSet<String> {
        let mut labels = BTreeSet::new();
        walk(&self.expression, &mut |expression| {
            if let Expr::Call(call) = expression
                && call.func.name.starts_with("label_")
                && let Some(Expr::StringLiteral(label)) = call.args.args.get(1).map(Box::as_ref)
            {
                labels.insert(label.val.clone());
            }
        });
        labels
    }

    /// Names of the functions and aggregations used.
    #[must_use]
    pub fn functions(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        walk(&self.expression, &mut |expression| match expression {
            Expr::Call(call) => {
                names.insert(call.func.name.to_owned());
            }
            Expr::Aggregate(aggregate) => {
                names.insert(aggregate.op.to_string());
            }
            _ => {}
        });
        names
    }

    /// Ranges in brackets, those of subqueries included.
    #[must_use]
    pub fn ranges(&self) -> Vec<Duration> {
        let mut ranges = Vec::new();
        walk(&self.expression, &mut |expression| match expression {
            Expr::MatrixSelector(matrix) => ranges.push(matrix.range),
            Expr::Subquery(subquery) => ranges.push(subquery.range),
            _ => {}
        });
        ranges
    }

    /// Whether anything in it has an `offset`.
    #[must_use]
    pub fn has_offset(&self) -> bool {
        let mut found = false;
        walk(&self.expression, &mut |expression| {
            let offset: Option<&Offset> = match expression {
                Expr::VectorSelector(selector) => selector.offset.as_ref(),
                Expr::MatrixSelector(matrix) => matrix.vs.offset.as_ref(),
                Expr::Subquery(subquery) => subquery.offset.as_ref(),
                _ => None,
            };
            found |= offset.is_some();
        });
        found
    }

    /// The first comparison with a constant on the way down the left side: of `a > 2 and b > 3` it is `> 2`.
    /// None if the query compares nothing, or only with something measured.
    #[must_use]
    pub fn threshold(&self) -> Option<Threshold> {
        threshold::of(&self.expression)
    }
}

pub(crate) fn walk(expression: &Expr, visit: &mut impl FnMut(&Expr)) {
    visit(expression);
    match expression {
        Expr::Aggregate(aggregate) => {
            if let Some(parameter) = &aggregate.param {
                walk(parameter, visit);
            }
            walk(&aggregate.expr, visit);
        }
        Expr::Unary(unary) => walk(&unary.expr, visit),
        Expr::Binary(binary) => {
            walk(&binary.lhs, visit);
            walk(&binary.rhs, visit);
        }
        Expr::Paren(paren) => walk(&paren.expr, visit),
        Expr::Subquery(subquery) => walk(&subquery.expr, visit),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| walk(argument, visit)),
        Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::Extension(_) => {}
    }
}

fn selectors(expression: &Expr) -> Vec<Selector> {
    let mut found = Vec::new();
    walk(expression, &mut |expression| match expression {
        Expr::VectorSelector(selector) => found.push(selected(selector)),
        Expr::MatrixSelector(matrix) => found.push(selected(&matrix.vs)),
        _ => {}
    });
    found
}

pub(crate) fn selected(selector: &VectorSelector) -> Selector {
    let Matchers { matchers, or_matchers } = &selector.matchers;
    let all: Vec<&ParsedMatcher> = matchers.iter().chain(or_matchers.iter().flatten()).collect();
    let named = all.iter().find(|matcher| matcher.name == "__name__");
    let metric = match (&selector.name, named.map(|matcher| (&matcher.op, &matcher.value))) {
        (Some(name), _) => MetricName::Exact(name.clone()),
        (None, Some((MatchOp::Equal, value))) => MetricName::Exact(value.clone()),
        (None, Some((MatchOp::Re(_), value))) => MetricName::Pattern(value.clone()),
        (None, _) => MetricName::Any,
    };
    let labels = all.into_iter().filter(|matcher| matcher.name != "__name__").map(|matcher| LabelMatcher {
        label: matcher.name.clone(),
        operator: match matcher.op {
            MatchOp::Equal => Operator::Is,
            MatchOp::NotEqual => Operator::IsNot,
            MatchOp::Re(_) => Operator::Like,
            MatchOp::NotRe(_) => Operator::Unlike,
        },
        value: matcher.value.clone(),
    });
    Selector { metric, matchers: labels.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(text).unwrap()
    }

    #[test]
    fn selectors_are_found_wherever_they_stand() {
        let query = query(
            r#"sum by (job) (rate(a_total{x="1", y!~"2|3"}[5m])) / on (job) group_left (zone) max_over_time(b[10m:1m])
               and {__name__=~"c_.*", job="d"} or absent({__name__="e"}) unless {job="f"}"#,
        );
        let selectors = query.selectors();
        let names: Vec<_> = selectors.iter().map(|selector| selector.metric.clone()).collect();
        let exact = |name: &str| MetricName::Exact(name.to_owned());
        assert_eq!(
            names,
            [exact("a_total"), exact("b"), MetricName::Pattern("c_.*".into()), exact("e"), MetricName::Any]
        );
        assert_eq!(selectors[0].matchers[1].operator, Operator::Unlike);
        assert_eq!((selectors[2].matchers.len(), selectors[2].matchers[0].label.as_str()), (1, "job"));
        let groupings = query.groupings();
        assert!(groupings.iter().any(|grouping| grouping.labels == ["job", "zone"] && grouping.selectors.len() == 2));
        assert!(groupings.iter().any(|grouping| grouping.labels == ["job"] && grouping.selectors.len() == 1));
        assert_eq!(query.ranges(), [300, 600].map(Duration::from_secs));
        assert!(query.functions().contains("max_over_time") && query.functions().contains("sum"));
    }

    #[test]
    fn what_is_not_promql_is_named() {
        let error = Query::parse("sum(").unwrap_err().to_string();
        assert!(error.starts_with("`sum(` is not PromQL: "), "{error}");
    }
}
