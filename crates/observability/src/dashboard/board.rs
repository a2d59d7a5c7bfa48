//! A whole dashboard as Grafana's JSON: head, variables, annotations, rows.

use serde_json::{Value, json};

use super::definition::{Dashboard, Source};
use super::{layout, links, panel};
use crate::sources::SourceError;
use crate::thresholds::AlertThresholds;

/// Version of the classic dashboard model that Grafana 13 reads without converting.
pub const SCHEMA_VERSION: u32 = 42;

/// The dashboard.
pub(super) fn json(dashboard: &Dashboard, alerts: &AlertThresholds) -> Result<Value, SourceError> {
    let mut panels = Vec::new();
    for (place, row, inside) in layout::place(dashboard)? {
        panels.push(json!({
            "id": layout::panel_id(&format!("row: {}", row.title)), "type": "row", "title": row.title, "collapsed": false,
            "gridPos": {"x": place.x, "y": place.y, "w": place.w, "h": place.h}, "panels": [],
        }));
        for (place, panel) in inside {
            panels.push(panel::json(dashboard, place, panel, alerts)?);
        }
    }
    let mut tags = vec!["signalbox".to_owned(), dashboard.folder.clone()];
    tags.extend(dashboard.tags.iter().cloned());
    Ok(json!({
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description.trim(),
        "tags": tags,
        "schemaVersion": SCHEMA_VERSION,
        "editable": false,
        "graphTooltip": 1,
        "refresh": "30s",
        "timezone": "utc",
        "time": {"from": "now-1h", "to": "now"},
        "timepicker": {"refresh_intervals": ["5s", "10s", "30s", "1m", "5m", "15m"]},
        "fiscalYearStartMonth": 0,
        "liveNow": false,
        "annotations": {"list": annotations(dashboard)},
        "links": links::of_dashboard(),
        "templating": {"list": variables(dashboard)},
        "panels": panels,
    }))
}

fn variables(dashboard: &Dashboard) -> Vec<Value> {
    let sources = dashboard.sources();
    let mut variables: Vec<Value> =
        sources.iter().map(|source| data_source(dashboard, *source, sources.len() == 1)).collect();
    let jobs = dashboard.jobs.join("|");
    if !dashboard.jobs.is_empty() {
        let query = format!(r#"label_values(up{{job=~"{jobs}"}}, job)"#);
        let only = dashboard.jobs.first().filter(|_| dashboard.jobs.len() == 1);
        let first = dashboard.first_job.as_ref().or(only).map(String::as_str);
        variables.push(labels(dashboard, ("job", "Job", &query), dashboard.jobs.len() > 1, first));
        let query = r#"label_values(up{job=~"$job"}, instance)"#;
        variables.push(labels(dashboard, ("instance", "Instance", query), true, None));
    }
    variables.extend(
        dashboard.variables.iter().map(|own| labels(dashboard, (&own.name, &own.label, &own.query), true, None)),
    );
    variables
}

fn data_source(dashboard: &Dashboard, source: Source, only: bool) -> Value {
    let label = match (only, source) {
        (true, _) => "Data source",
        (false, Source::Prometheus) => "Prometheus data source",
        (false, Source::Loki) => "Loki data source",
        (false, Source::Jaeger) => "Jaeger data source",
    };
    json!({
        "type": "datasource", "name": panel::variable(dashboard, source), "label": label, "query": source.name(),
        "current": {"text": source.name(), "value": source.name(), "selected": true},
        "includeAll": false, "multi": false, "options": [], "refresh": 1, "regex": "", "hide": 0, "skipUrlSync": false,
    })
}

fn labels(dashboard: &Dashboard, (name, label, query): (&str, &str, &str), all: bool, first: Option<&str>) -> Value {
    let (text, value) = first.map_or(("All", "$__all"), |first| (first, first));
    json!({
        "type": "query", "name": name, "label": label, "definition": query,
        "query": {"query": query, "refId": name, "qryType": 1},
        "datasource": panel::reference(dashboard, Source::Prometheus),
        "current": {"text": [text], "value": [value], "selected": true},
        "allValue": ".+", "includeAll": all, "multi": true, "options": [], "refresh": 2, "regex": "", "sort": 1, "hide": 0,
        "skipUrlSync": false,
    })
}

/// Marks over every panel: what was deployed, what fires, what was broken on purpose.
fn annotations(dashboard: &Dashboard) -> Vec<Value> {
    let source = panel::reference(dashboard, Source::Prometheus);
    let query = |name: &str, colour: &str, expr: &str, title: &str, tags: &str| {
        json!({
            "name": name, "enable": true, "hide": false, "iconColor": colour, "datasource": source, "expr": expr, "step": "15s",
            "titleFormat": title, "tagKeys": tags, "useValueForTime": false,
            "target": {"expr": expr, "refId": "Anno", "legendFormat": ""},
        })
    };
    let grafana = json!({"type": "grafana", "uid": "-- Grafana --"});
    let mut marks = vec![json!({
        "builtIn": 1, "name": "Annotations & Alerts", "type": "dashboard", "enable": true, "hide": true,
        "iconColor": "rgba(0, 211, 255, 1)", "datasource": grafana,
    })];
    if !dashboard.jobs.is_empty() {
        let version = r#"build_info{job=~"$job", instance=~"$instance"}"#;
        let starts = r#"changes(process_start_time_seconds{job=~"$job", instance=~"$instance"}[$__rate_interval]) > 0"#;
        let versions = format!("{version} unless {version} offset 5m");
        marks.push(query("Starts", "yellow", starts, "{{job}} started", "job,instance"));
        marks.push(query(
            "Deployments",
            "blue",
            &versions,
            "{{job}} runs {{version}} {{revision}}",
            "job,version,revision",
        ));
    }
    let firing = r#"ALERTS{alertstate="firing", severity!="none"}"#;
    marks.push(query("Firing alerts", "red", firing, "{{alertname}}", "severity,service"));
    marks.push(json!({
        "name": "Game day", "enable": true, "hide": false, "iconColor": "purple", "datasource": grafana,
        "target": {"type": "tags", "tags": ["game-day"], "matchAny": true, "limit": 100},
    }));
    marks
}
