//! The dashboards: generated as defined, clean by every rule, and every rule finds what is planted for it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use backends::print_uncaptured;
use observability::dashboard;
use observability::lint::exceptions::Exceptions;
use observability::lint::{self, Board, Finding, LintContext};
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn boards() -> Vec<Board> {
    Board::read_all(&root()).unwrap()
}

/// What is found in `boards` and not excused.
fn found(boards: &[Board], context: &LintContext) -> Vec<Finding> {
    Exceptions::read(&root()).unwrap().applied(lint::check(boards, context))
}

fn written(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_dashboard_is_clean() {
    let boards = boards();
    let left = found(&boards, &LintContext::read(&root()).unwrap());
    assert!(left.is_empty(), "{} findings:\n{}", left.len(), written(&left));
    let panels = boards.iter().map(|board| board.panels().count()).sum::<usize>();
    let queries = boards.iter().flat_map(Board::panels).filter_map(|panel| panel["targets"].as_array());
    let queries = queries.map(Vec::len).sum::<usize>();
    print_uncaptured(&format!("dashboards: {}, panels: {panels}, queries: {queries}, all clean", boards.len()));
}

#[test]
fn what_is_checked_in_is_what_is_generated() {
    let outputs = dashboard::outputs(&root()).unwrap();
    for output in &outputs {
        let written = std::fs::read_to_string(root().join(&output.path)).unwrap_or_default();
        assert!(written == output.content, "{} differs from its definition: run `make rules`", output.path);
    }
    let generated: BTreeSet<&str> = outputs.iter().map(|output| output.path.as_str()).collect();
    for board in boards() {
        assert!(generated.contains(board.path.as_str()), "{} has no definition: remove it", board.path);
    }
}

#[test]
fn the_fifteen_dashboards_are_there() {
    let wanted = [
        "auth",
        "benchmarks",
        "game-day",
        "gateway",
        "messaging",
        "notification",
        "overview",
        "postgres",
        "product",
        "rabbitmq",
        "redis",
        "service",
        "slo",
        "telemetry",
        "user",
    ];
    let boards = boards();
    let uids: BTreeSet<&str> = boards.iter().map(Board::uid).collect();
    assert_eq!(uids, BTreeSet::from(wanted));
}

/// Panels that show a service lead to its logs and its traces, and a latency panel of each service has exemplars.
#[test]
fn metrics_logs_and_traces_lead_to_each_other() {
    for board in boards() {
        let uid = board.uid();
        let targets = || board.panels().filter_map(|panel| panel["targets"].as_array()).flatten();
        if board.path.contains("/services/") {
            let exemplars = targets().filter(|target| target["exemplar"] == json!(true));
            let of_spans = exemplars.filter(|target| target["expr"].as_str().unwrap().contains("traces_span_metrics_"));
            assert!(of_spans.count() > 0, "{uid}: no panel shows exemplars");
            let logs = board.panels().filter(|panel| panel["type"] == json!("logs"));
            assert!(logs.count() > 0, "{uid}: no panel shows logs");
        }
        for panel in board.panels() {
            let links = panel["fieldConfig"]["defaults"]["links"].as_array().unwrap();
            let by_service = panel["targets"].as_array().is_some_and(|targets| {
                !targets.is_empty()
                    && targets.iter().all(|target| {
                        let legend = target["legendFormat"].as_str().unwrap_or_default();
                        legend.contains("{{job}}")
                    })
            });
            if by_service {
                let urls: Vec<&str> = links.iter().map(|link| link["url"].as_str().unwrap()).collect();
                assert!(
                    urls.iter().any(|url| url.contains("%22loki%22") && url.contains("${__field.labels.job}"))
                        && urls.iter().any(|url| url.contains("%22jaeger%22")),
                    "{uid}: \"{}\" has no links to logs and traces: {urls:?}",
                    panel["title"]
                );
            }
        }
    }
}

/// What a definition gets wrong is named with its file, panel and field.
#[test]
fn a_wrong_definition_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "observability/alerts/a.yml",
        "groups: [{name: g, rules: [{alert: High, expr: a > 2}, {alert: Odd, expr: a > b}]}]",
    );
    let definition = |uid: &str, panel: &str| {
        format!(
            "{{uid: {uid}, title: T, folder: f, description: d, jobs: [x], rows: [{{title: r, panels: [{{title: P, description: d, {panel}}}]}}]}}"
        )
    };
    for (uid, panel, parts) in [
        ("other", "unit: s", vec!["x.yml", "uid", "other.yml"]),
        ("x", "threshold_of: Absent", vec!["x.yml", "panel \"P\"", "threshold_of", "Absent"]),
        ("x", "threshold_of: Odd", vec!["threshold_of", "Odd"]),
        ("x", "width: 25", vec!["x.yml", "panel \"P\"", "width", "25"]),
        ("x", "colour: red", vec!["x.yml", "colour"]),
    ] {
        write("observability/dashboards/x.yml", &definition(uid, panel));
        let error = dashboard::outputs(folder.path()).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{panel}: {error}");
    }
    write("observability/dashboards/x.yml", &definition("x", "threshold_of: High, targets: [{expr: a}]"));
    let outputs = dashboard::outputs(folder.path()).unwrap();
    assert_eq!(outputs[0].path, "grafana/dashboards/f/x.json");
    let json: Value = serde_json::from_str(&outputs[0].content).unwrap();
    let panel = &json["panels"][1];
    assert_eq!(panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1], json!({"color": "red", "value": 2.0}));
    assert_eq!(panel["id"], json!(dashboard::panel_id("P")));
    assert_eq!(panel["targets"][0]["expr"], json!(r#"a{job=~"$job", instance=~"$instance"}"#));
}

/// What the proof on a running Prometheus excuses: each entry names a query there is, once.
#[test]
fn what_may_be_empty_exists() {
    let file = std::fs::read_to_string(root().join("observability/expected-empty.toml")).unwrap();
    let file: toml::Table = file.parse().unwrap();
    let boards = boards();
    let mut seen = BTreeSet::new();
    for entry in file["empty"].as_array().unwrap() {
        let text = |key: &str| entry.get(key).and_then(toml::Value::as_str).unwrap_or_default();
        if entry.get("rule").is_some() {
            continue;
        }
        let (uid, title, query) = (text("uid"), text("panel"), text("query"));
        let mut panels = boards.iter().filter(|board| board.uid() == uid).flat_map(Board::panels);
        let panel = panels.find(|panel| panel["title"] == json!(title));
        let panel = panel.unwrap_or_else(|| panic!("there is no panel \"{title}\" on {uid}"));
        let mut letters = panel["targets"].as_array().unwrap().iter().map(|target| target["refId"].as_str().unwrap());
        assert!(query.is_empty() || letters.any(|letter| letter == query), "{uid}: \"{title}\" has no query {query}");
        assert!(seen.insert((uid.to_owned(), title.to_owned(), query.to_owned())), "{uid}: \"{title}\" stands twice");
        assert!(!text("reason").is_empty(), "{uid}: \"{title}\" has no reason");
    }
}

/// A change to a dashboard that the rule has to find, and what its finding says.
type Plant = (&'static str, &'static str, fn(&mut Value), &'static str);

fn panel<'a>(board: &'a mut Value, title: &str) -> &'a mut Value {
    let panels = board["panels"].as_array_mut().unwrap();
    panels.iter_mut().find(|panel| panel["title"] == json!(title)).unwrap()
}

fn variable<'a>(board: &'a mut Value, name: &str) -> &'a mut Value {
    let variables = board["templating"]["list"].as_array_mut().unwrap();
    variables.iter_mut().find(|variable| variable["name"] == json!(name)).unwrap()
}

/// Replaces a part of the first query of a panel.
fn edit(board: &mut Value, title: &str, old: &str, new: &str) {
    let expr = &mut panel(board, title)["targets"][0]["expr"];
    let text = expr.as_str().unwrap();
    assert!(text.contains(old), "{text}");
    *expr = json!(text.replacen(old, new, 1));
}

const OF_TEMPLATES: &[Plant] = &[
    (
        "template-datasource-rule",
        "auth",
        |b| variable(b, "loki_datasource")["label"] = json!("Logs"),
        "loki_datasource",
    ),
    ("template-job-rule", "auth", |b| variable(b, "job")["allValue"] = json!(".*"), "allValue"),
    ("template-instance-rule", "auth", |b| variable(b, "instance")["multi"] = json!(false), "multi"),
    (
        "template-label-promql-rule",
        "auth",
        |b| variable(b, "job")["query"]["query"] = json!("label_values(up{, job)"),
        "`job`",
    ),
    ("template-on-time-change-reload-rule", "auth", |b| variable(b, "job")["refresh"] = json!(1), "refresh 2"),
    ("uneditable-dashboard", "auth", |b| b["editable"] = json!(true), "editable"),
    ("head-rule", "auth", |b| b["schemaVersion"] = json!(16), "schemaVersion"),
    ("uid-rule", "auth", |b| b["uid"] = json!("user"), "`user`"),
    ("title-rule", "auth", |b| b["title"] = json!("User"), "two dashboards"),
    ("annotation-rule", "auth", |b| b["annotations"]["list"].as_array_mut().unwrap().clear(), "Game day"),
    (
        "annotation-rule",
        "auth",
        |b| b["annotations"]["list"][1]["expr"] = json!("changes(process_start[5m])"),
        "`process_start`",
    ),
    ("variable-rule", "slo", |b| variable(b, "slo")["name"] = json!("objective"), "`objective` is not used"),
];

const OF_PANELS: &[Plant] = &[
    (
        "panel-datasource-rule",
        "auth",
        |b| panel(b, "Logins by outcome")["datasource"]["uid"] = json!("prometheus"),
        "`prometheus`",
    ),
    ("panel-title-description-rule", "auth", |b| panel(b, "Logins by outcome")["description"] = json!(" "), "empty"),
    (
        "panel-units-rule",
        "auth",
        |b| panel(b, "Logins by outcome")["fieldConfig"]["defaults"]["unit"] = json!("logins"),
        "`logins`",
    ),
    ("panel-no-targets-rule", "auth", |b| panel(b, "Logins by outcome")["targets"] = json!([]), "no query"),
    (
        "panel-title-rule",
        "auth",
        |b| panel(b, "Token refreshes")["title"] = json!("Logins by outcome"),
        "Logins by outcome",
    ),
    (
        "panel-id-rule",
        "auth",
        |b| panel(b, "Token refreshes")["id"] = panel(b, "Logins by outcome")["id"].clone(),
        "stands twice",
    ),
    ("grid-rule", "auth", |b| panel(b, "Token refreshes")["gridPos"]["x"] = json!(15), "overlap"),
    ("grid-rule", "auth", |b| panel(b, "Token refreshes")["gridPos"]["w"] = json!(25), "does not stand in the grid"),
    ("link-rule", "overview", |b| panel(b, "Time to answer")["links"][0]["url"] = json!("/d/nowhere?x=1"), "`nowhere`"),
    (
        "alert-panel-rule",
        "auth",
        |b| panel(b, "Refresh tokens reused")["title"] = json!("Reused"),
        "RefreshTokenReused",
    ),
    (
        "alert-panel-rule",
        "auth",
        |b| {
            panel(b, "Share of logins refused")["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"] =
                json!(0.4)
        },
        "LoginFailuresHigh",
    ),
    (
        "alert-panel-rule",
        "slo",
        |b| panel(b, "Burn rate by window")["fieldConfig"]["defaults"]["thresholds"]["steps"][4]["value"] = json!(14.0),
        "14.4",
    ),
    (
        "alert-panel-rule",
        "auth",
        |b| edit(b, "Refresh tokens reused", "auth_refreshes_total", "auth_logins_total"),
        "`auth_refreshes_total`",
    ),
];

const OF_TARGETS: &[Plant] = &[
    ("target-promql-rule", "auth", |b| edit(b, "Logins by outcome", "(outcome)", "(outcome"), "is not PromQL"),
    ("target-logql-rule", "auth", |b| edit(b, "What auth complains about", "| severity", "severity"), "is not LogQL"),
    (
        "target-rate-interval-rule",
        "auth",
        |b| edit(b, "Logins by outcome", "$__rate_interval", "5m"),
        "$__rate_interval",
    ),
    ("target-logql-auto-rule", "service", |b| edit(b, "Log lines by level", "$__auto", "5m"), "[$__auto]"),
    ("target-job-rule", "auth", |b| edit(b, "Logins by outcome", r#"job=~"$job", "#, ""), "auth_logins_total"),
    ("target-instance-rule", "auth", |b| edit(b, "Logins by outcome", "instance=~", "instance="), "auth_logins_total"),
    (
        "target-counter-agg-rule",
        "auth",
        |b| edit(b, "Logins by outcome", "rate(", "max_over_time("),
        "auth_logins_total",
    ),
    (
        "known-names-rule",
        "auth",
        |b| edit(b, "Logins by outcome", "auth_logins_total", "auth_sign_ins_total"),
        "`auth_sign_ins_total`",
    ),
    ("known-names-rule", "auth", |b| edit(b, "Logins by outcome", "(outcome)", "(result)"), "`result`"),
    ("known-names-rule", "auth", |b| edit(b, "What auth complains about", "service_name", "service"), "`service`"),
    (
        "stale-exception",
        "gateway",
        |b| panel(b, "Latency budget left")["targets"][0]["expr"] = json!(r#"up{job=~"$job", instance=~"$instance"}"#),
        "nothing has to be excused",
    ),
];

/// Plants each defect by itself; the rule has to name the dashboard (by its uid, where an alert asks for it).
fn prove(plants: &[Plant]) {
    let context = LintContext::read(&root()).unwrap();
    let clean = boards();
    for (rule, uid, plant, part) in plants {
        let mut planted = clean.clone();
        let board = planted.iter_mut().find(|board| board.uid() == *uid).unwrap();
        let title = board.title().to_owned();
        plant(&mut board.json);
        let findings = found(&planted, &context);
        let hit = findings.iter().any(|finding| {
            finding.rule == *rule
                && [title.as_str(), board_title(&planted, uid), uid].contains(&finding.dashboard.as_str())
                && finding.to_string().contains(part)
        });
        assert!(hit, "{rule}: what was planted in {uid} was not found; found:\n{}", written(&findings));
    }
}

fn board_title<'a>(boards: &'a [Board], uid: &str) -> &'a str {
    boards.iter().find(|board| board.uid() == uid).map(Board::title).unwrap_or_default()
}

#[test]
fn rules_about_dashboards_find_what_is_planted() {
    prove(OF_TEMPLATES);
}

#[test]
fn rules_about_panels_find_what_is_planted() {
    prove(OF_PANELS);
}

#[test]
fn rules_about_queries_find_what_is_planted() {
    prove(OF_TARGETS);
}

#[test]
fn every_rule_of_the_linter_has_a_planted_defect() {
    let linter = [
        "template-datasource-rule",
        "template-job-rule",
        "template-instance-rule",
        "template-label-promql-rule",
        "template-on-time-change-reload-rule",
        "panel-datasource-rule",
        "panel-title-description-rule",
        "panel-units-rule",
        "panel-no-targets-rule",
        "target-promql-rule",
        "target-logql-rule",
        "target-rate-interval-rule",
        "target-logql-auto-rule",
        "target-job-rule",
        "target-instance-rule",
        "target-counter-agg-rule",
        "uneditable-dashboard",
    ];
    let planted: BTreeSet<&str> =
        [OF_TEMPLATES, OF_PANELS, OF_TARGETS].concat().iter().map(|(rule, ..)| *rule).collect();
    for rule in linter {
        assert!(planted.contains(rule), "{rule} is not proven by a planted defect");
    }
    print_uncaptured(&format!(
        "rules proven by planted defects: {}, of them {} of Grafana's linter",
        planted.len(),
        linter.len()
    ));
}
