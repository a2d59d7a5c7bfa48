//! Which labels the result of a query can have, and with it the series that a recording rule writes.

use std::collections::BTreeSet;

use promql_parser::label::MatchOp;
use promql_parser::parser::{BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality};

use crate::promql::{self, Query};
use crate::rules::Rule;
use crate::vocabulary::Vocabulary;

/// Labels that the series in the result of `query` can have, by what is known of those it starts from.
#[must_use]
pub fn of(query: &Query, known: &Vocabulary) -> BTreeSet<String> {
    of_expression(query.expression(), known)
}

impl Vocabulary {
    /// Adds the series that recording rules write. A rule may build on an earlier one.
    pub fn record<'a>(&mut self, rules: impl IntoIterator<Item = &'a Rule>) {
        for rule in rules {
            if let (Some(name), Ok(query)) = (&rule.record, Query::parse(&rule.expr)) {
                let mut labels = of(&query, self);
                labels.extend(rule.labels.keys().cloned());
                self.insert(name.clone(), labels);
            }
        }
    }
}

fn of_expression(expression: &Expr, known: &Vocabulary) -> BTreeSet<String> {
    match expression {
        Expr::VectorSelector(selector) => of_selector(&promql::selected(selector), known),
        Expr::MatrixSelector(matrix) => of_selector(&promql::selected(&matrix.vs), known),
        Expr::Paren(paren) => of_expression(&paren.expr, known),
        Expr::Unary(unary) => of_expression(&unary.expr, known),
        Expr::Subquery(subquery) => of_expression(&subquery.expr, known),
        Expr::Aggregate(aggregate) => {
            let inner = of_expression(&aggregate.expr, known);
            if matches!(aggregate.op.to_string().as_str(), "topk" | "bottomk") {
                return inner;
            }
            match &aggregate.modifier {
                None => BTreeSet::new(),
                Some(LabelModifier::Include(by)) => {
                    inner.into_iter().filter(|label| by.labels.contains(label)).collect()
                }
                Some(LabelModifier::Exclude(without)) => {
                    inner.into_iter().filter(|label| !without.labels.contains(label)).collect()
                }
            }
        }
        Expr::Binary(binary) => of_binary(binary, known),
        Expr::Call(call) => of_call(call, known),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => BTreeSet::new(),
    }
}

fn of_selector(selector: &promql::Selector, known: &Vocabulary) -> BTreeSet<String> {
    let meant = known.matching(&selector.metric);
    meant.into_iter().filter_map(|series| known.labels(series)).flatten().cloned().collect()
}

fn of_binary(binary: &BinaryExpr, known: &Vocabulary) -> BTreeSet<String> {
    let (left, right) = (of_expression(&binary.lhs, known), of_expression(&binary.rhs, known));
    match binary.op.to_string().as_str() {
        "and" | "unless" => return left,
        "or" => return left.union(&right).cloned().collect(),
        _ => {}
    }
    if promql::is_scalar(&binary.lhs) {
        return right;
    }
    if promql::is_scalar(&binary.rhs) {
        return left;
    }
    let Some(modifier) = &binary.modifier else { return left };
    let carried = |labels: &[String]| labels.iter().cloned().collect::<BTreeSet<_>>();
    match (&modifier.card, &modifier.matching) {
        (VectorMatchCardinality::ManyToOne(labels), _) => left.union(&carried(&labels.labels)).cloned().collect(),
        (VectorMatchCardinality::OneToMany(labels), _) => right.union(&carried(&labels.labels)).cloned().collect(),
        (_, Some(LabelModifier::Include(on))) => left.into_iter().filter(|label| on.labels.contains(label)).collect(),
        (_, Some(LabelModifier::Exclude(ignoring))) => {
            left.into_iter().filter(|label| !ignoring.labels.contains(label)).collect()
        }
        (_, None) => left,
    }
}

fn of_call(call: &Call, known: &Vocabulary) -> BTreeSet<String> {
    let arguments: Vec<&Expr> = call.args.args.iter().map(Box::as_ref).collect();
    let text = |index: usize| match arguments.get(index) {
        Some(Expr::StringLiteral(text)) => Some(text.val.clone()),
        _ => None,
    };
    let inner = |index: usize| arguments.get(index).map(|one| of_expression(one, known)).unwrap_or_default();
    match call.func.name {
        "label_replace" | "label_join" => {
            let mut labels = inner(0);
            labels.extend(text(1));
            labels
        }
        "histogram_quantile" => inner(1).into_iter().filter(|label| label != "le").collect(),
        "quantile_over_time" => inner(1),
        // What is absent has the labels it was asked for by `=`.
        "absent" | "absent_over_time" => match arguments.first() {
            Some(Expr::VectorSelector(selector)) => asked(&selector.matchers.matchers),
            Some(Expr::MatrixSelector(matrix)) => asked(&matrix.vs.matchers.matchers),
            _ => BTreeSet::new(),
        },
        "scalar" | "vector" | "time" => BTreeSet::new(),
        _ => inner(0),
    }
}

fn asked(matchers: &[promql_parser::label::Matcher]) -> BTreeSet<String> {
    let equal = matchers.iter().filter(|matcher| matcher.op == MatchOp::Equal && matcher.name != "__name__");
    equal.map(|matcher| matcher.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::External;

    #[test]
    fn they_follow_aggregations_and_matches() {
        let known = Vocabulary::new(&External::new());
        for (text, labels) in [
            ("sum(mails_total)", vec![]),
            ("sum by (kind, job) (rate(mails_total[5m])) > 3", vec!["job", "kind"]),
            ("sum without (instance, service_namespace, job) (mails_total)", vec!["kind", "outcome"]),
            ("1 - cache_entries / 3", vec!["cache", "instance", "job", "service_namespace"]),
            ("sum by (job) (mails_total) or sum by (kind) (mails_total)", vec!["job", "kind"]),
            ("sum by (job) (mails_total) and on () mails_pending", vec!["job"]),
            ("sum by (job) (mails_total) * on (job) group_left (version) build_info", vec!["job", "version"]),
            ("mails_pending / on (job) mails_pending", vec!["job"]),
            (r#"label_replace(absent(up{job="x"}), "row", "y", "", "")"#, vec!["job", "row"]),
            ("histogram_quantile(0.9, sum by (le, job) (rate(mail_send_duration_seconds_bucket[5m])))", vec!["job"]),
            ("vector(1)", vec![]),
        ] {
            let found = of(&Query::parse(text).unwrap(), &known);
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), labels, "{text}");
        }
    }
}
