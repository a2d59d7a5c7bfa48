//! The tables of `docs/observability.md`, generated between markers.

use std::path::Path;

use serde::Deserialize;
use telemetry::catalogue::{self, Kind};

use crate::dashboard::DEFINITIONS;
use crate::generated_file::GeneratedFile;
use crate::rules::Rule;
use crate::slo::ROWS;
use crate::sources::{self, Slo, SourceError, Sources};

/// The page.
pub const FILE: &str = "docs/observability.md";

/// What the table tells of a dashboard.
#[derive(Deserialize)]
struct Dashboard {
    title: String,
    description: String,
}

/// The page with all its tables as they have to be.
///
/// # Errors
///
/// If the page, a marker in it or a definition of a dashboard is missing.
pub fn output(root: &Path, sources: &Sources) -> Result<GeneratedFile, SourceError> {
    let mut content = sources::read_text(root, FILE)?;
    let tables = [
        ("objectives", objectives(&sources.slo.slo)),
        ("alerts", alerts(sources)),
        ("recording rules", recordings(sources)),
        ("dashboards", dashboards(root)?),
        ("metrics", metrics()),
    ];
    for (name, table) in tables {
        content = replaced(&content, name, &table)?;
    }
    Ok(GeneratedFile { path: FILE.to_owned(), content })
}

fn replaced(page: &str, name: &str, table: &str) -> Result<String, SourceError> {
    let (begin, end) = (format!("<!-- {name}: written by `make rules` -->\n"), format!("<!-- end of {name} -->"));
    let missing = |marker: &str| SourceError::Malformed {
        file: FILE.to_owned(),
        problem: format!("has no line `{}`, between which and its counterpart the {name} are written", marker.trim()),
    };
    let (head, rest) = page.split_once(&begin).ok_or_else(|| missing(&begin))?;
    let (_, tail) = rest.split_once(&end).ok_or_else(|| missing(&end))?;
    Ok(format!("{head}{begin}{table}{end}{tail}"))
}

fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let names: Vec<String> = head.iter().map(|name| (*name).to_owned()).collect();
    let rule = vec!["---".to_owned(); head.len()];
    let escaped = |cell: String| cell.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let rows = rows.into_iter().map(|row| line(&row.into_iter().map(escaped).collect::<Vec<_>>()));
    [line(&names), line(&rule)].into_iter().chain(rows).collect()
}

fn objectives(slos: &[Slo]) -> String {
    let rows = slos.iter().map(|slo| {
        let bad = match (&slo.threshold, &slo.bad) {
            (Some(threshold), _) => format!("took longer than {threshold} s"),
            (None, bad) => format!("`{}`", bad.as_deref().unwrap_or_default()),
        };
        let percent = format!("{} %", slo.percent());
        let of = format!("`{}` with `{}`", slo.metric, slo.valid);
        vec![format!("`{}`", slo.id), slo.promise.clone(), percent, of, bad, runbook(&slo.alert)]
    });
    table(&["Objective", "Promise", "Share", "Events", "Bad if", "Alert"], rows)
}

fn runbook(alert: &str) -> String {
    format!("[{alert}](../runbooks/{alert}.md)")
}

fn alerts(sources: &Sources) -> String {
    let burning = sources.slo.slo.iter().flat_map(|slo| {
        ROWS.iter().map(move |row| {
            let when = format!("burn rate > {} over {} and {}", row.factor, row.long, row.short);
            let cells = [runbook(&slo.alert), row.severity.to_owned(), slo.service.clone(), when, row.hold.to_string()];
            cells.into_iter().chain([panel(&slo.dashboard, &slo.panel)]).collect()
        })
    });
    let causes = sources.cause_alerts().map(|(_, rule)| {
        let text =
            |of: &std::collections::BTreeMap<String, String>, name: &str| of.get(name).cloned().unwrap_or_default();
        vec![
            runbook(rule.name()),
            text(&rule.labels, "severity"),
            service(rule),
            format!("`{}`", rule.expr),
            rule.hold.map_or_else(|| "at once".to_owned(), |hold| hold.to_string()),
            panel(&text(&rule.annotations, "dashboard"), &text(&rule.annotations, "panel")),
        ]
    });
    table(&["Alert", "Severity", "Service", "Fires if", "For", "Panel"], burning.chain(causes))
}

fn service(rule: &Rule) -> String {
    let service = rule.labels.get("service").cloned().unwrap_or_default();
    if service.contains("{{") { "each".to_owned() } else { service }
}

fn panel(uid: &str, title: &str) -> String {
    format!("{uid}: {title}")
}

fn recordings(sources: &Sources) -> String {
    let rules = sources.recording.iter().flat_map(|file| file.content.recordings());
    table(&["Series", "Is"], rules.map(|rule| vec![format!("`{}`", rule.name()), format!("`{}`", rule.expr)]))
}

fn dashboards(root: &Path) -> Result<String, SourceError> {
    let files = if root.join(DEFINITIONS).is_dir() { sources::list(root, DEFINITIONS, ".yml")? } else { Vec::new() };
    let mut rows = Vec::new();
    for file in files {
        let dashboard: Dashboard = sources::read_yaml(root, &file)?;
        let uid = file.trim_start_matches(DEFINITIONS).trim_matches('/').trim_end_matches(".yml").to_owned();
        rows.push(vec![format!("[`{uid}`](../{file})"), dashboard.title, dashboard.description]);
    }
    Ok(table(&["Dashboard", "Title", "Answers"], rows))
}

fn metrics() -> String {
    let rows = catalogue::all().iter().map(|metric| {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "none".to_owned() } else { labels.join(", ") };
        vec![format!("`{}`", metric.name), kind.to_owned(), metric.unit.to_owned(), labels, metric.help.to_owned()]
    });
    table(&["Metric", "Type", "Unit", "Labels", "Meaning"], rows)
}
