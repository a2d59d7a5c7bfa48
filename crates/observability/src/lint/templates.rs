//! Rules about variables and about the dashboard as a whole.

use serde_json::{Value, json};

use super::board::{Board, substituted, text};
use super::finding::{Finding, Report};
use crate::promql::Query;

/// Findings about `board`.
pub(super) fn check(board: &Board) -> Vec<Finding> {
    let mut report = Report::new(board, None);
    report.unless(board.json["editable"] == json!(false), "uneditable-dashboard", "editable has to be false");
    data_sources(board, &mut report);
    target_variable(board, "job", "Job", "template-job-rule", &mut report);
    target_variable(board, "instance", "Instance", "template-instance-rule", &mut report);
    for variable in board.variables().iter().filter(|variable| text(variable, "type") == "query") {
        let name = text(variable, "name");
        report.unless(
            variable["refresh"] == json!(2),
            "template-on-time-change-reload-rule",
            format!("the variable `{name}` has to be read again when the time range changes (refresh 2)"),
        );
        if let Err(problem) = label_query(text(&variable["query"], "query")) {
            report.add("template-label-promql-rule", format!("the variable `{name}`: {problem}"));
        }
    }
    report.findings
}

fn data_sources(board: &Board, report: &mut Report<'_>) {
    const RULE: &str = "template-datasource-rule";
    let sources: Vec<&Value> =
        board.variables().iter().filter(|variable| text(variable, "type") == "datasource").collect();
    report.unless(!sources.is_empty(), RULE, "there has to be a variable for the data source");
    for source in &sources {
        let kind = text(source, "query");
        let (name, label) = (text(source, "name"), text(source, "label"));
        let mut capital = kind.to_owned();
        capital[..kind.len().min(1)].make_ascii_uppercase();
        let specific = (format!("{kind}_datasource"), format!("{capital} data source"));
        let only = sources.len() == 1 && (name, label) == ("datasource", "Data source");
        report.unless(
            only || (name, label) == (&specific.0, &specific.1),
            RULE,
            format!("the variable `{name}` (\"{label}\") has to be `{}` (\"{}\")", specific.0, specific.1),
        );
    }
}

fn target_variable(board: &Board, name: &str, label: &str, rule: &'static str, report: &mut Report<'_>) {
    let Some(variable) = board.variable(name) else {
        return report.add(rule, format!("there has to be a variable `{name}`"));
    };
    for (key, wanted) in
        [("type", json!("query")), ("label", json!(label)), ("multi", json!(true)), ("allValue", json!(".+"))]
    {
        report.unless(variable[key] == wanted, rule, format!("{key} of the variable `{name}` has to be {wanted}"));
    }
    let source = text(&variable["datasource"], "uid");
    let good = ["${datasource}", "${prometheus_datasource}"].contains(&source);
    report.unless(good, rule, format!("the variable `{name}` has to take its data source from the variable"));
}

/// Whether a query of a variable is `label_values(selector, label)` with a selector that parses.
fn label_query(query: &str) -> Result<(), String> {
    let inside = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
    let parts = inside.and_then(|inside| inside.rsplit_once(','));
    let (selector, _) = parts.ok_or_else(|| format!("`{query}` is not label_values(selector, label)"))?;
    Query::parse(&substituted(selector)).map(|_| ()).map_err(|error| error.to_string())
}
