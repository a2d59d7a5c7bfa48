//! Links from panels: to logs, to traces, to other dashboards.

use serde_json::{Value, json};

/// Uid of the Loki data source, as provisioned.
const LOKI: &str = "loki";

/// Uid of the Jaeger data source, as provisioned.
const JAEGER: &str = "jaeger";

/// Links of a series that carries the label `job`: the logs and the traces of that service in the time shown.
pub(super) fn of_service(label: &str) -> Vec<Value> {
    let service = format!("${{__field.labels.{label}}}");
    let logs = json!({
        "datasource": LOKI,
        "queries": [{"refId": "A", "expr": format!("{{service_name=\"{service}\"}}"), "datasource": {"type": "loki", "uid": LOKI}}],
        "range": {"from": "${__from}", "to": "${__to}"},
    });
    let traces = json!({
        "datasource": JAEGER,
        "queries": [{"refId": "A", "queryType": "search", "service": service, "limit": 50, "datasource": {"type": "jaeger", "uid": JAEGER}}],
        "range": {"from": "${__from}", "to": "${__to}"},
    });
    vec![
        json!({"title": format!("Logs of {service}"), "url": explore(&logs), "targetBlank": true}),
        json!({"title": format!("Traces of {service}"), "url": explore(&traces), "targetBlank": true}),
    ]
}

/// The link to another dashboard in the time shown. Only that of a service takes the job along: on the others it would
/// hide what comes from other jobs.
pub(super) fn to_dashboard(uid: &str) -> Value {
    let job = if uid == "service" { "&${job:queryparam}" } else { "" };
    json!({"title": format!("Dashboard {uid}"), "url": format!("/d/{uid}?${{__url_time_range}}{job}"), "targetBlank": false})
}

/// Links in the head of a dashboard: all others of the project, and the pages that are no dashboards.
pub(super) fn of_dashboard() -> Value {
    json!([{
        "type": "dashboards", "title": "Signalbox", "tags": ["signalbox"], "asDropdown": true, "icon": "external link",
        "includeVars": true, "keepTime": true, "targetBlank": false, "tooltip": "The other dashboards of the project", "url": "",
    }])
}

fn explore(pane: &Value) -> String {
    let panes = json!({"x": pane}).to_string();
    format!("/explore?schemaVersion=1&orgId=1&panes={}", encoded(&panes))
}

/// Percent-encoded, except for Grafana's variables, which it replaces itself.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("${")
            && let Some(end) = rest.find('}')
        {
            out.push_str(&rest[..=end]);
            rest = &rest[end + 1..];
            continue;
        }
        let (this, tail) = rest.split_at(c.len_utf8());
        if c.is_ascii_alphanumeric() || "-_.~".contains(c) {
            out.push(c);
        } else {
            this.bytes().for_each(|byte| out.push_str(&format!("%{byte:02X}")));
        }
        rest = tail;
    }
    out
}
