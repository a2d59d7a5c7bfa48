//! Rules about one panel.

use serde_json::Value;

use super::board::{Board, list, text};
use super::finding::{Finding, Report};
use super::units;

/// Types that are drawn from queries.
const WITH_QUERIES: [&str; 8] = ["stat", "timeseries", "table", "gauge", "bargauge", "heatmap", "logs", "nodeGraph"];

/// Types that show numbers.
const WITH_NUMBERS: [&str; 6] = ["stat", "timeseries", "table", "gauge", "bargauge", "heatmap"];

/// Findings about `panel`.
pub(super) fn check(board: &Board, panel: &Value) -> Vec<Finding> {
    let mut report = Report::new(board, Some(panel));
    let kind = text(panel, "type");
    let described = !text(panel, "title").trim().is_empty() && !text(panel, "description").trim().is_empty();
    report.unless(described, "panel-title-description-rule", "title and description may not be empty");
    if WITH_QUERIES.contains(&kind) {
        report.unless(!list(panel, "targets").is_empty(), "panel-no-targets-rule", "it has no query");
        let sources = std::iter::once(panel).chain(list(panel, "targets")).map(|part| text(&part["datasource"], "uid"));
        for source in sources {
            let known = source.strip_prefix("${").and_then(|name| name.strip_suffix('}'));
            let known = known.and_then(|name| board.variable(name));
            let good = known.is_some_and(|variable| text(variable, "type") == "datasource");
            report.unless(
                good,
                "panel-datasource-rule",
                format!("the data source `{source}` has to be a variable of the dashboard"),
            );
        }
    }
    if WITH_NUMBERS.contains(&kind) {
        let unit = text(&panel["fieldConfig"]["defaults"], "unit");
        let mapped = !list(&panel["fieldConfig"]["defaults"], "mappings").is_empty();
        report.unless(mapped || units::known(unit), "panel-units-rule", format!("`{unit}` is no unit of Grafana"));
        for unit in column_units(panel).filter(|unit| !units::known(unit)) {
            report.add("panel-units-rule", format!("`{unit}` of a column is no unit of Grafana"));
        }
    }
    report.findings
}

fn column_units(panel: &Value) -> impl Iterator<Item = &str> {
    let properties = list(&panel["fieldConfig"], "overrides").iter().flat_map(|one| list(one, "properties"));
    properties.filter(|property| text(property, "id") == "unit").map(|property| text(property, "value"))
}
