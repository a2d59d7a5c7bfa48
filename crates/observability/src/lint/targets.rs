//! Rules about one query.

use promql_parser::parser::Expr;
use serde_json::Value;

use super::board::{Board, RATE_INTERVAL_SECONDS, list, substituted, text};
use super::context::LintContext;
use super::finding::{Finding, Report};
use super::logql;
use crate::promql::{self, MetricName, Operator, Query, Selector};

/// Functions a counter has to pass through.
const OF_COUNTERS: [&str; 3] = ["rate", "irate", "increase"];

/// Labels by which Loki keeps streams; everything else is metadata of lines.
const STREAM_LABELS: [&str; 3] = ["service_name", "service_namespace", "deployment_environment_name"];

/// Findings about the queries of the marks over the panels.
pub(super) fn marks(board: &Board, context: &LintContext) -> Vec<Finding> {
    let mut report = Report::new(board, None);
    for mark in list(&board.json["annotations"], "list").iter().filter(|mark| !mark["expr"].is_null()) {
        let name = text(mark, "name");
        match Query::parse(&substituted(text(mark, "expr"))) {
            Ok(query) => {
                for problem in context.vocabulary.problems(&query) {
                    report.add("annotation-rule", format!("\"{name}\": {problem}"));
                }
            }
            Err(error) => report.add("annotation-rule", format!("\"{name}\": {error}")),
        }
    }
    report.findings
}

/// Findings about the queries of `panel`.
pub(super) fn check(board: &Board, panel: &Value, context: &LintContext) -> Vec<Finding> {
    let mut report = Report::new(board, Some(panel));
    for (index, target) in list(panel, "targets").iter().enumerate() {
        let expr = text(target, "expr");
        match text(&target["datasource"], "type") {
            "prometheus" => prometheus(expr, index, context, &mut report),
            "loki" => loki(expr, index, &mut report),
            _ => {}
        }
    }
    report.findings
}

fn prometheus(expr: &str, index: usize, context: &LintContext, report: &mut Report<'_>) {
    let mut add = |rule, problem: String| report.of_target(rule, Some(index), problem);
    let query = match Query::parse(&substituted(expr)) {
        Ok(query) => query,
        Err(error) => return add("target-promql-rule", error.to_string()),
    };
    for (rule, problem) in calls(&query) {
        add(rule, problem);
    }
    for selector in query.selectors() {
        for (rule, label) in [("target-job-rule", "job"), ("target-instance-rule", "instance")] {
            if !scoped(&selector, label) {
                add(rule, format!("{} has to have {label}=~\"${label}\"", named(&selector)));
            }
        }
    }
    for problem in context.vocabulary.problems(&query) {
        add("known-names-rule", problem);
    }
}

fn scoped(selector: &Selector, label: &str) -> bool {
    let mut matchers = selector.matchers.iter().filter(|matcher| matcher.label == label);
    matchers.any(|matcher| matcher.operator == Operator::Like && matcher.value.strip_prefix('$') == Some(label))
}

fn named(selector: &Selector) -> String {
    match &selector.metric {
        MetricName::Exact(name) | MetricName::Pattern(name) => format!("`{name}`"),
        MetricName::Any => "a selector".to_owned(),
    }
}

/// What is wrong with the functions and their ranges.
fn calls(query: &Query) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    let mut counted: Vec<String> = Vec::new();
    promql::walk(query.expression(), &mut |expression| {
        let Expr::Call(call) = expression else { return };
        let matrix = call.args.args.iter().find_map(|argument| match argument.as_ref() {
            Expr::MatrixSelector(matrix) => Some(matrix),
            _ => None,
        });
        let Some(matrix) = matrix.filter(|_| OF_COUNTERS.contains(&call.func.name)) else { return };
        counted.extend(matrix.vs.name.clone());
        if call.func.name != "increase" && matrix.range.as_secs() != RATE_INTERVAL_SECONDS {
            problems.push(("target-rate-interval-rule", format!("{} has to use $__rate_interval", call.func.name)));
        }
    });
    for selector in query.selectors() {
        let MetricName::Exact(name) = &selector.metric else { continue };
        if !name.ends_with("_total") {
            continue;
        }
        if let Some(position) = counted.iter().position(|counted| counted == name) {
            counted.remove(position);
        } else {
            problems.push((
                "target-counter-agg-rule",
                format!("the counter `{name}` has to stand in rate, irate or increase"),
            ));
        }
    }
    problems
}

fn loki(expr: &str, index: usize, report: &mut Report<'_>) {
    let mut add = |rule, problem: String| report.of_target(rule, Some(index), problem);
    let query = match logql::check(expr) {
        Ok(query) => query,
        Err(error) => return add("target-logql-rule", format!("`{expr}` is not LogQL: {error}")),
    };
    for range in query.ranges.iter().filter(|range| !["$__auto", "${__auto}"].contains(&range.as_str())) {
        add("target-logql-auto-rule", format!("the range [{range}] has to be [$__auto]"));
    }
    for label in query.stream_labels.iter().filter(|label| !STREAM_LABELS.contains(&label.as_str())) {
        add("known-names-rule", format!("`{label}` is no stream label: filter it behind the selector"));
    }
}
