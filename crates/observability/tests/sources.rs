//! What people write wrong under `observability/`, and what is said about it; and what is not as it was generated.
#![allow(missing_docs, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use observability::generated_file::GeneratedFile;
use observability::outputs::{self, Drift};
use observability::profile::Profile;
use observability::sources::Sources;
use observability::{causes, slo_rules};
use tempfile::TempDir;

const ALERTS: &str = r#"
groups:
  - name: example
    rules:
      - alert: MailsLate
        expr: max by (job) (mails_oldest_pending_age_seconds) > 300 and max by (job) (max_over_time(mails_pending[10m] offset 5m)) > 0
        for: 5m
        keep_firing_for: 10m
        labels: {severity: warning, service: "{{ $labels.job }}"}
        annotations:
          summary: Mails are late.
          description: The oldest mail of {{ $labels.job }} waits for {{ $value }} s, for 10 minutes, or 1 hour.
          dashboard: notification
          panel: Oldest waiting mail
"#;

const RECORDING: &str = r#"
groups:
  - name: mails
    rules:
      - record: job:mails:rate5m
        expr: sum by (job) (rate(mails_total[5m]))
"#;

const EXTERNAL: &str = "[any]\nup = []\n";

const SLO: &str = r#"
period = "30d"
team = "platform"
[links]
runbooks = "https://runbooks.example.com"
grafana = "http://127.0.0.1:3000"
[[slo]]
id = "auth-latency"
service = "auth"
alert = "AuthLatencyBudgetBurn"
objective = 0.99
promise = "Quick."
feels = "Slow."
dashboard = "slo"
panel = "Burn"
metric = "rpc_server_call_duration_seconds"
valid = 'job="auth"'
threshold = 0.25
"#;

const PAGE: &str = "\
<!-- objectives: written by `make rules` -->\n<!-- end of objectives -->
<!-- alerts: written by `make rules` -->\n<!-- end of alerts -->
<!-- recording rules: written by `make rules` -->\n<!-- end of recording rules -->
<!-- dashboards: written by `make rules` -->\n<!-- end of dashboards -->
<!-- metrics: written by `make rules` -->\n<!-- end of metrics -->\n";

const SLO_FILE: &str = "observability/slo.toml";
const ALERTS_FILE: &str = "observability/alerts/example.yml";

fn files() -> Vec<(&'static str, &'static str)> {
    vec![
        (SLO_FILE, SLO),
        (ALERTS_FILE, ALERTS),
        ("observability/recording/mails.yml", RECORDING),
        ("observability/external-metrics.toml", EXTERNAL),
        ("docs/observability.md", PAGE),
    ]
}

fn put(root: &Path, file: &str, text: &str) -> PathBuf {
    let path = root.join(file);
    fs::create_dir_all(path.parent().expect("a folder")).expect("created");
    fs::write(&path, text).expect("written");
    path
}

/// A small project in which `from` in `file` is replaced by `to`.
fn project(file: &str, from: &str, to: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("observability/dashboards")).expect("created");
    for (path, text) in files() {
        let text = if path == file { text.replacen(from, to, 1) } else { text.to_owned() };
        put(folder.path(), path, &text);
    }
    fs::create_dir_all(folder.path().join("observability/dashboards")).expect("a folder");
    let (_, text) = files().into_iter().find(|(path, _)| *path == file).expect("a known file");
    assert!(text.contains(from), "{file} has no {from}");
    folder
}

fn generated(folder: &TempDir) -> Result<Vec<GeneratedFile>, String> {
    outputs::all(folder.path()).map_err(|error| error.to_string())
}

#[test]
fn a_wrong_objective_is_named_with_its_field() {
    for (from, to, complaint) in [
        ("threshold = 0.25", "threshold = 0.3", "slo.toml: auth-latency: threshold: 0.3 is no bucket bound"),
        ("threshold = 0.25", "threshold = 1.0", "auth-latency: threshold: 1 is a whole number"),
        ("threshold = 0.25", "", "auth-latency: bad: write either `bad` or `threshold`"),
        ("threshold = 0.25", "threshold = 0.25\nbad = 'job=\"x\"'", "write either `bad` or `threshold`"),
        ("objective = 0.99", "objective = 1.0", "auth-latency: objective: 1 is not between 0 and 1"),
        ("objective = 0.99", "objective = 0.0", "auth-latency: objective: 0 is not between 0 and 1"),
        ("objective = 0.99", "objective = 99", "auth-latency: objective: 99 is not between 0 and 1"),
        (
            "rpc_server_call_duration",
            "rpc_call_duration",
            "`rpc_call_duration_seconds` is no histogram of the catalogue",
        ),
        ("\"rpc_server_call_duration_seconds\"", "\"mails_total\"", "metric: `mails_total` is no histogram"),
        ("job=\"auth\"", "jop=\"auth\"", "valid: `rpc_server_call_duration_seconds_count` has no label `jop`"),
        ("job=\"auth\"", "job=auth", "auth-latency: valid: "),
        ("service = \"auth\"", "service = \"oauth\"", "service: `oauth` is none of gateway, auth"),
        ("AuthLatencyBudgetBurn", "AuthSlow", "alert: the name has to end in `BudgetBurn`"),
        ("\"Slow.\"", "\"Slow\"", "feels: has to be a sentence"),
        ("team =", "teem =", "slo.toml: "),
        ("period = \"30d\"", "period = \"30 days\"", "`30 days` is not a duration"),
        ("period = \"30d\"", "period = \"90s\"", "period: 90s divided by 60 is not a whole number of seconds"),
    ] {
        let error = generated(&project(SLO_FILE, from, to)).expect_err(to);
        assert!(error.contains(complaint), "{to}: {error}");
    }
}

#[test]
fn a_wrong_alert_is_named_with_its_field() {
    for (from, to, complaint) in [
        ("mails_oldest_pending_age_seconds", "mails_age", "example.yml: MailsLate: expr: `mails_age` is no series"),
        ("by (job)", "by (jop)", "MailsLate: expr: grouped by `jop`"),
        ("> 300", "> > 300", "MailsLate: expr: "),
        (
            "max by (job) (mails_oldest_pending_age_seconds)",
            "job:mails:rate5m",
            "uses `job:mails:rate5m`, whose window",
        ),
        ("[10m]", "[1m]", "MailsLate: expr: has a range below 2m"),
        ("for: 5m", "for: 30s", "MailsLate: for: is below 1m"),
        ("for: 5m", "for: 90s", "MailsLate: for: 90s divided by 60"),
        ("keep_firing_for: 10m", "keep_firing_for: 10s", "MailsLate: keep_firing_for: is below 1m"),
        ("severity: warning", "severity: info", "MailsLate: severity: `info` is none of critical, warning, none"),
        (", service: \"{{ $labels.job }}\"", "", "MailsLate: service: is missing"),
        ("severity: warning", "severity: warning, team: ours", "MailsLate: team: is added by the generator"),
        ("of {{ $labels.job }}", "of {{ $labels.queue }}", "MailsLate: annotations: name `$labels.queue`"),
        ("Mails are late.", "Mails are late", "MailsLate: summary: has to end in a full stop"),
        ("          panel: Oldest waiting mail\n", "", "MailsLate: panel: is missing"),
        ("dashboard:", "runbook_url: x\n          dashboard:", "MailsLate: annotations: `runbook_url` is none of"),
        ("alert: MailsLate", "alarm: MailsLate", "example.yml: "),
        ("alert: MailsLate", "record: mails:late", "mails:late: alert: a recording rule has no `for`"),
    ] {
        let error = generated(&project(ALERTS_FILE, from, to)).expect_err(to);
        assert!(error.contains(complaint), "{to}: {error}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for file in [SLO_FILE, "observability/external-metrics.toml", "docs/observability.md"] {
        let folder = project(SLO_FILE, "", "");
        fs::remove_file(folder.path().join(file)).expect("removed");
        let error = generated(&folder).expect_err(file);
        assert!(error.starts_with(file), "{file}: {error}");
    }
    let folder = project(SLO_FILE, "", "");
    fs::remove_dir_all(folder.path().join("observability/alerts")).expect("removed");
    let error = generated(&folder).expect_err("no alerts");
    assert!(error.starts_with("observability/alerts: "), "{error}");
    let error = generated(&project("docs/observability.md", "<!-- end of alerts -->", "")).expect_err("no marker");
    assert!(error.contains("docs/observability.md: has no line `<!-- end of alerts -->`"), "{error}");
}

#[test]
fn the_demo_profile_divides_every_duration_and_nothing_else() {
    let folder = project(SLO_FILE, "", "");
    let sources = Sources::read(folder.path()).expect("sources");
    let rule =
        |profile| causes::expand(&sources.alerts[0], &sources.slo, profile).expect("rules").groups[0].rules[0].clone();
    let (prod, demo) = (rule(Profile::Prod), rule(Profile::Demo));
    assert!(prod.expr.contains("[10m] offset 5m") && demo.expr.contains("[10s] offset 5s"), "{}", demo.expr);
    assert_eq!(prod.expr, demo.expr.replace("[10s] offset 5s", "[10m] offset 5m"));
    let times =
        |rule: &observability::rules::Rule| [rule.hold, rule.keep_firing_for].map(|time| time.unwrap().to_string());
    assert_eq!((times(&prod), times(&demo)), (["5m", "10m"].map(String::from), ["5s", "10s"].map(String::from)));
    assert!(prod.annotations["description"].ends_with("s, for 10 minutes, or 1 hour."));
    assert!(demo.annotations["description"].ends_with("s, for 10 seconds, or 1 minute."));
    assert_eq!(prod.labels["team"], "platform");
    assert_eq!(prod.annotations["runbook_url"], "https://runbooks.example.com/MailsLate.md");
    let url = "http://127.0.0.1:3000/d/notification?from=now-1h&to=now";
    assert_eq!(prod.annotations["dashboard_url"], url);
    assert!(!prod.annotations.contains_key("dashboard") && !prod.annotations.contains_key("panel"));

    let windows = |profile| {
        let file = slo_rules::file(&sources.slo, profile).expect("rules");
        let names = file.recordings().filter_map(|rule| rule.name().strip_prefix("slo:sli_error:ratio_rate"));
        names.map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(windows(Profile::Prod), "5m 30m 1h 2h 6h 1d 3d 30d");
    assert_eq!(windows(Profile::Demo), "5s 30s 1m 2m 6m 24m 72m 12h");
}

#[test]
fn what_is_not_as_generated_is_found_and_put_right() {
    let folder = project(SLO_FILE, "", "");
    let root = folder.path();
    let outputs = generated(&folder).expect("outputs");
    outputs::write(root, &outputs).expect("written");
    assert_eq!(outputs::drift(root, &outputs).expect("readable"), []);
    assert_eq!(generated(&folder).expect("outputs"), outputs, "the page is the same the second time");

    fs::remove_file(root.join("observability/prometheus/rules/prod/slo.yml")).expect("removed");
    put(root, "observability/prometheus/rules/demo/example.yml", "changed by hand");
    put(root, "observability/prometheus/rules/prod/old.yml", "of an alert that is gone");
    put(root, "docs/observability.md", PAGE);
    let expected = [
        Drift::Missing("observability/prometheus/rules/prod/slo.yml".to_owned()),
        Drift::Different("observability/prometheus/rules/demo/example.yml".to_owned()),
        Drift::Different("docs/observability.md".to_owned()),
        Drift::Orphaned("observability/prometheus/rules/prod/old.yml".to_owned()),
    ];
    assert_eq!(outputs::write(root, &outputs).expect("written"), expected);
    assert_eq!(outputs::drift(root, &outputs).expect("readable"), []);
    assert!(!root.join("observability/prometheus/rules/prod/old.yml").exists());
    let text = fs::read_to_string(root.join("docs/observability.md")).expect("readable");
    assert!(text.contains("MailsLate.md") && text.contains("`job:mails:rate5m`") && text.contains("`build_info`"));
}
