//! One panel as Grafana's JSON.

use serde_json::{Map, Value, json};

use super::definition::{Dashboard, Kind, Panel, Source, Target};
use super::layout::{GridPos, panel_id};
use super::{colour, links, selectors};
use crate::sources::SourceError;
use crate::thresholds::{AlertThresholds, JUST_ABOVE_ZERO};

/// Labels whose value is the name of a service.
const SERVICE_LABELS: [&str; 2] = ["job", "service_name"];

/// The panel at its place.
pub(super) fn json(
    dashboard: &Dashboard,
    place: GridPos,
    panel: &Panel,
    alerts: &AlertThresholds,
) -> Result<Value, SourceError> {
    let (steps, has_steps) = colour::steps(dashboard, panel, alerts)?;
    let mut defaults = Map::new();
    if let Some(unit) = &panel.unit {
        defaults.insert("unit".into(), json!(unit));
    }
    for (name, bound) in [("min", panel.min), ("max", panel.max)] {
        if let Some(bound) = bound {
            defaults.insert(name.into(), json!(bound));
        }
    }
    let lines_shown = has_steps && steps[1]["value"] != json!(JUST_ABOVE_ZERO);
    defaults.insert("color".into(), json!({"mode": colour::mode(panel, has_steps)}));
    defaults.insert("mappings".into(), colour::mappings(panel.colours));
    defaults.insert("thresholds".into(), json!({"mode": "absolute", "steps": steps}));
    defaults.insert("custom".into(), custom(panel, lines_shown));
    defaults.insert("links".into(), json!(series_links(panel)));
    let mut overrides = colour::overrides(panel.colours);
    overrides.extend(column_units(panel));
    let source = panel.targets.first().map_or(Source::Prometheus, |target| target.datasource);
    let mut out = json!({
        "id": panel_id(&panel.title),
        "title": panel.title,
        "type": type_name(panel.kind),
        "description": panel.description.trim(),
        "gridPos": {"x": place.x, "y": place.y, "w": place.w, "h": place.h},
        "datasource": reference(dashboard, source),
        "fieldConfig": {"defaults": defaults, "overrides": overrides},
        "options": options(panel),
        "targets": panel.targets.iter().enumerate().map(|(index, target)| query(dashboard, panel, index, target)).collect::<Vec<_>>(),
        "transformations": transformations(panel),
        "links": panel.more.iter().map(|uid| links::to_dashboard(uid)).collect::<Vec<_>>(),
    });
    if matches!(panel.kind, Kind::Text | Kind::Alertlist)
        && let Some(fields) = out.as_object_mut()
    {
        fields.remove("targets");
        fields.remove("datasource");
    }
    Ok(out)
}

/// A reference to the data source that the variable names.
pub(super) fn reference(dashboard: &Dashboard, source: Source) -> Value {
    json!({"type": source.name(), "uid": format!("${{{}}}", variable(dashboard, source))})
}

/// Name of the variable of a data source.
pub(super) fn variable(dashboard: &Dashboard, source: Source) -> String {
    if dashboard.sources().len() == 1 { "datasource".to_owned() } else { format!("{}_datasource", source.name()) }
}

const fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Timeseries => "timeseries",
        Kind::Stat => "stat",
        Kind::Gauge => "gauge",
        Kind::Bargauge => "bargauge",
        Kind::Table => "table",
        Kind::Heatmap => "heatmap",
        Kind::Logs => "logs",
        Kind::Alertlist => "alertlist",
        Kind::Text => "text",
        Kind::NodeGraph => "nodeGraph",
    }
}

/// Letters that name queries: A, B, C.
fn letter(index: usize) -> String {
    let letter = u8::try_from(index).ok().and_then(|index| b'A'.checked_add(index)).unwrap_or(b'Z');
    char::from(letter).to_string()
}

fn query(dashboard: &Dashboard, panel: &Panel, index: usize, target: &Target) -> Value {
    let source = reference(dashboard, target.datasource);
    let expr = target.expr.trim();
    match target.datasource {
        Source::Loki => {
            let kind = if panel.kind == Kind::Table { "instant" } else { "range" };
            json!({"refId": letter(index), "datasource": source, "expr": expr, "queryType": kind, "legendFormat": target.legend, "maxLines": 200})
        }
        Source::Jaeger if expr.is_empty() => {
            json!({"refId": letter(index), "datasource": source, "queryType": "dependencyGraph"})
        }
        Source::Jaeger => {
            let shortest = target.slower_than.clone().unwrap_or_default();
            json!({"refId": letter(index), "datasource": source, "queryType": "search", "service": expr, "minDuration": shortest, "limit": 20})
        }
        Source::Prometheus => {
            let instant = matches!(panel.kind, Kind::Stat | Kind::Gauge | Kind::Bargauge | Kind::Table);
            let format = match panel.kind {
                Kind::Table => "table",
                Kind::Heatmap => "heatmap",
                _ => "time_series",
            };
            json!({
                "refId": letter(index), "datasource": source, "expr": selectors::scoped(expr), "format": format,
                "legendFormat": if panel.kind == Kind::Table { "" } else { target.legend.as_str() },
                "instant": instant, "range": !instant, "exemplar": target.exemplar,
            })
        }
    }
}

fn custom(panel: &Panel, lines_shown: bool) -> Value {
    match panel.kind {
        Kind::Timeseries => json!({
            "drawStyle": "line", "lineWidth": 1, "fillOpacity": if panel.stacked { 40 } else { 8 }, "showPoints": "auto",
            "spanNulls": false, "axisLabel": "", "axisSoftMin": 0,
            "stacking": {"mode": if panel.stacked { "normal" } else { "none" }, "group": "A"},
            "thresholdsStyle": {"mode": if lines_shown { "line" } else { "off" }},
        }),
        Kind::Table => json!({"align": "auto", "filterable": true, "cellOptions": {"type": "auto"}}),
        _ => json!({}),
    }
}

fn options(panel: &Panel) -> Value {
    let last = json!({"calcs": ["lastNotNull"], "fields": "", "values": false});
    match panel.kind {
        Kind::Timeseries => json!({
            "legend": {"displayMode": "table", "placement": "bottom", "showLegend": true, "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }),
        Kind::Stat => json!({
            "reduceOptions": last, "colorMode": "background", "graphMode": "none", "justifyMode": "auto",
            "orientation": "auto", "textMode": "auto", "wideLayout": true,
        }),
        Kind::Gauge => json!({"reduceOptions": last, "showThresholdLabels": false, "showThresholdMarkers": true}),
        Kind::Bargauge => {
            json!({"reduceOptions": last, "displayMode": "basic", "orientation": "horizontal", "valueMode": "color", "minVizHeight": 12, "minVizWidth": 8})
        }
        Kind::Table => json!({"showHeader": true, "cellHeight": "sm", "sortBy": []}),
        Kind::Heatmap => json!({
            "calculate": false, "cellGap": 1, "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5},
            "exemplars": {"color": "rgba(31,120,193,0.9)"}, "filterValues": {"le": 1e-9}, "legend": {"show": true},
            "rowsFrame": {"layout": "auto"}, "tooltip": {"mode": "single", "yHistogram": true, "showColorScale": false},
            "yAxis": {"axisPlacement": "left", "reverse": false, "unit": panel.unit},
        }),
        Kind::Logs => json!({
            "showTime": true, "showLabels": false, "showCommonLabels": false, "wrapLogMessage": true, "prettifyLogMessage": false,
            "enableLogDetails": true, "dedupStrategy": "none", "sortOrder": "Descending",
        }),
        Kind::Alertlist => json!({
            "viewMode": "list", "groupMode": "default", "groupBy": [], "maxItems": 20, "sortOrder": 1, "dashboardAlerts": false,
            "alertName": "", "alertInstanceLabelFilter": "", "folder": "",
            "stateFilter": {"firing": true, "pending": true, "noData": false, "normal": false, "error": true, "recovering": true},
        }),
        Kind::Text => json!({"mode": "markdown", "content": panel.text.as_deref().unwrap_or_default().trim()}),
        Kind::NodeGraph => json!({}),
    }
}

/// Several queries of a table become its columns, named as their legends say.
fn transformations(panel: &Panel) -> Value {
    if panel.kind != Kind::Table || panel.targets.iter().any(|target| target.datasource != Source::Prometheus) {
        return json!([]);
    }
    let single = panel.targets.len() == 1;
    let value = |index: usize| if single { "Value".to_owned() } else { format!("Value #{}", letter(index)) };
    let names: Map<String, Value> =
        panel.targets.iter().enumerate().map(|(index, target)| (value(index), json!(target.legend))).collect();
    json!([
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": true, "__name__": true}, "indexByName": {}, "renameByName": names}},
    ])
}

/// Units of columns that differ from the panel's.
fn column_units(panel: &Panel) -> Vec<Value> {
    let units = panel.targets.iter().filter_map(|target| Some((&target.legend, target.unit.as_ref()?)));
    units
        .map(|(column, unit)| json!({"matcher": {"id": "byName", "options": column}, "properties": [{"id": "unit", "value": unit}]}))
        .collect()
}

/// Links to logs and traces, where every series belongs to a service.
fn series_links(panel: &Panel) -> Vec<Value> {
    let label = SERVICE_LABELS.iter().find(|label| {
        let placeholder = format!("{{{{{label}}}}}");
        !panel.targets.is_empty() && panel.targets.iter().all(|target| target.legend.contains(&placeholder))
    });
    label.map(|label| links::of_service(label)).unwrap_or_default()
}
