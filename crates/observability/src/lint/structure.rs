//! Rules about the structure of dashboards, beyond those of Grafana's linter: layout, identity, links, variables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use super::board::{Board, list, text};
use super::finding::{Finding, Report};
use crate::dashboard::SCHEMA_VERSION;

/// Findings about one dashboard.
pub(super) fn check(board: &Board) -> Vec<Finding> {
    let mut report = Report::new(board, None);
    let path = Path::new(&board.path);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    report.unless(stem == board.uid(), "uid-rule", format!("the uid is `{}`, the file is {}", board.uid(), board.path));
    report.unless(!text(&board.json, "description").is_empty(), "head-rule", "the dashboard has no description");
    for (key, wanted) in [
        ("schemaVersion", json!(SCHEMA_VERSION)),
        ("graphTooltip", json!(1)),
        ("refresh", json!("30s")),
        ("timezone", json!("utc")),
    ] {
        report.unless(board.json[key] == wanted, "head-rule", format!("{key} has to be {wanted}"));
    }
    report.unless(board.json["id"].is_null(), "head-rule", "id may not be set");
    marks_and_links(board, &mut report);
    unique_panels(board, &mut report);
    overlaps(board, &mut report);
    unused_variables(board, &mut report);
    report.findings
}

fn marks_and_links(board: &Board, report: &mut Report<'_>) {
    let annotations: BTreeSet<&str> =
        list(&board.json["annotations"], "list").iter().map(|mark| text(mark, "name")).collect();
    for name in ["Starts", "Deployments", "Firing alerts", "Game day"] {
        report.unless(annotations.contains(name), "annotation-rule", format!("the annotation \"{name}\" is missing"));
    }
    let kept = list(&board.json, "links").iter().any(|link| {
        text(link, "type") == "dashboards" && link["keepTime"] == json!(true) && link["includeVars"] == json!(true)
    });
    report.unless(kept, "link-rule", "the links to the other dashboards, with time and variables, are missing");
}

fn unique_panels(board: &Board, report: &mut Report<'_>) {
    let mut titles = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in list(&board.json, "panels") {
        let title = text(panel, "title");
        let is_row = text(panel, "type") == "row";
        report.unless(is_row || titles.insert(title), "panel-title-rule", format!("two panels are called \"{title}\""));
        report.unless(ids.insert(panel["id"].as_u64()), "panel-id-rule", format!("the id of \"{title}\" stands twice"));
    }
}

fn overlaps(board: &Board, report: &mut Report<'_>) {
    let edges = |panel: &Value| {
        let edge = |key| panel["gridPos"][key].as_u64().unwrap_or_default();
        (edge("x"), edge("y"), edge("x") + edge("w"), edge("y") + edge("h"))
    };
    let panels = list(&board.json, "panels");
    for (index, one) in panels.iter().enumerate() {
        let (left, top, right, bottom) = edges(one);
        let inside = right <= 24 && right > left && bottom > top;
        report.unless(inside, "grid-rule", format!("\"{}\" does not stand in the grid", text(one, "title")));
        for other in &panels[index + 1..] {
            let (other_left, other_top, other_right, other_bottom) = edges(other);
            let apart = right <= other_left || other_right <= left || bottom <= other_top || other_bottom <= top;
            let titles = (text(one, "title"), text(other, "title"));
            report.unless(apart, "grid-rule", format!("\"{}\" and \"{}\" overlap", titles.0, titles.1));
        }
    }
}

fn unused_variables(board: &Board, report: &mut Report<'_>) {
    for variable in board.variables() {
        let name = text(variable, "name");
        let mut elsewhere = board.json.clone();
        if let Some(variables) = elsewhere["templating"]["list"].as_array_mut() {
            variables.retain(|other| text(other, "name") != name);
        }
        let mut used = false;
        texts(&elsewhere, &mut |text| used |= text.contains(&format!("${{{name}}}")) || mentions(text, name));
        report.unless(used, "variable-rule", format!("the variable `{name}` is not used"));
    }
}

/// Whether `$name` stands in `text` and no longer name begins with it.
fn mentions(text: &str, name: &str) -> bool {
    text.split('$').skip(1).any(|rest| {
        let tail = rest.strip_prefix(name);
        tail.is_some_and(|tail| !tail.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    })
}

/// Every text in `value`.
fn texts(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, visit)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Findings that need all dashboards: the same uid or title twice, and links that lead nowhere.
pub(super) fn between(boards: &[Board]) -> Vec<Finding> {
    let mut uids: BTreeMap<&str, &str> = BTreeMap::new();
    let mut titles = BTreeSet::new();
    let mut findings = Vec::new();
    for board in boards {
        let mut report = Report::new(board, None);
        if let Some(other) = uids.insert(board.uid(), &board.path) {
            report.add("uid-rule", format!("{} and {other} have the uid `{}`", board.path, board.uid()));
        }
        report.unless(titles.insert(board.title()), "title-rule", "two dashboards have this title");
        findings.append(&mut report.findings);
    }
    for board in boards {
        let mut report = Report::new(board, None);
        texts(&board.json, &mut |text| {
            for rest in text.split("/d/").skip(1) {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
                let uid = &rest[..end];
                report.unless(
                    uids.contains_key(uid),
                    "link-rule",
                    format!("a link leads to `{uid}`, which is no dashboard"),
                );
            }
        });
        findings.append(&mut report.findings);
    }
    findings
}
