//! Every alert has a panel that shows its signal with its threshold.

use serde_json::{Value, json};

use super::board::{Board, list, substituted, text};
use super::context::LintContext;
use super::finding::{Finding, Report};
use crate::promql::{MetricName, Query};
use crate::slo;
use crate::thresholds::{self, ShownAlert};

const RULE: &str = "alert-panel-rule";

/// Findings about the panels that alerts name.
pub(super) fn shown(boards: &[Board], context: &LintContext) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (alert, shown) in context.alerts.iter() {
        match panel(boards, &shown.dashboard, &shown.panel) {
            Some((board, panel)) => findings.extend(compare(board, panel, alert, shown)),
            None => findings.push(missing(alert, &shown.dashboard, &shown.panel)),
        }
    }
    for (alert, dashboard, title) in &context.objectives {
        match panel(boards, dashboard, title) {
            Some((board, panel)) => {
                let mut report = Report::new(board, Some(panel));
                for factor in slo::ROWS.iter().map(|row| row.factor) {
                    let drawn = steps(panel).any(|step| step["value"] == json!(factor));
                    report.unless(drawn, RULE, format!("{alert} fires at a burn rate of {factor}, which is not drawn"));
                }
                findings.append(&mut report.findings);
            }
            None => findings.push(missing(alert, dashboard, title)),
        }
    }
    findings
}

fn panel<'a>(boards: &'a [Board], uid: &str, title: &str) -> Option<(&'a Board, &'a Value)> {
    let board = boards.iter().find(|board| board.uid() == uid)?;
    board.panels().find(|panel| text(panel, "title") == title).map(|panel| (board, panel))
}

fn missing(alert: &str, dashboard: &str, panel: &str) -> Finding {
    Finding {
        rule: RULE,
        dashboard: dashboard.to_owned(),
        panel: Some(panel.to_owned()),
        target: None,
        problem: format!("{alert} names this panel, but there is none: add it or change the alert's annotation"),
    }
}

fn steps(panel: &Value) -> impl Iterator<Item = &Value> {
    list(&panel["fieldConfig"]["defaults"]["thresholds"], "steps").iter()
}

fn compare(board: &Board, panel: &Value, alert: &str, shown: &ShownAlert) -> Vec<Finding> {
    let mut report = Report::new(board, Some(panel));
    let signal = metrics(&shown.expr).into_iter().next();
    let drawn: Vec<String> =
        list(panel, "targets").iter().flat_map(|target| metrics(&substituted(text(target, "expr")))).collect();
    if let Some(signal) = signal {
        report.unless(drawn.contains(&signal), RULE, format!("{alert} looks at `{signal}`, which is not drawn"));
    }
    if let Some(threshold) = &shown.threshold {
        let (value, red_above) = thresholds::step(threshold);
        let colour = if red_above { "red" } else { "green" };
        let good = steps(panel).any(|step| step["value"] == json!(value) && text(step, "color") == colour);
        report.unless(
            good,
            RULE,
            format!("{alert} fires at {} {}, but the panel has no such threshold", threshold.operator, threshold.value),
        );
    }
    report.findings
}

/// Names of the metrics a query asks for.
fn metrics(expr: &str) -> Vec<String> {
    let selectors = Query::parse(expr).map(|query| query.selectors()).unwrap_or_default();
    let names = selectors.into_iter().filter_map(|selector| match selector.metric {
        MetricName::Exact(name) => Some(name),
        MetricName::Pattern(_) | MetricName::Any => None,
    });
    names.collect()
}
