//! The rules as they are checked in: up to date, accepted and proven by promtool, and complete. An alert is a set of
//! rule, rule test, runbook and panel; whatever of it is missing is named.
#![allow(missing_docs, reason = "tests")]

#[path = "support/project.rs"]
mod project;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Output;
use std::thread;

use backends::print_uncaptured;
use observability::outputs;
use observability::promql::Query;
use observability::rules::RuleFile;
use observability::slo::ROWS;
use observability::sources;
use telemetry::catalogue;
use telemetry::catalogue::metric_of;

/// Alerts whose text has no measured value, because it says nothing more than that they fire.
const WITHOUT_VALUE: [(&str, &str); 9] = [
    ("BrokerBlocked", "1 means blocked"),
    ("CircuitBreakerOpen", "1 means open"),
    ("PostgresDown", "0 means down"),
    ("PrometheusConfigReloadFailed", "0 means failed"),
    ("RedisDown", "0 means down"),
    ("ServiceAbsent", "1 means absent"),
    ("ServiceNotReady", "0 means not ready"),
    ("TargetDown", "0 means down"),
    ("Watchdog", "always 1"),
];

/// Alerts that fire always, so that no test can show them silent.
const NEVER_SILENT: [&str; 1] = ["Watchdog"];

fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// What a program said.
fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn generated(profile: &str) -> Vec<String> {
    let folder = format!("{}/{profile}", outputs::RULES);
    sources::list(&project::root(), &folder, ".yml").unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn generated_files_are_up_to_date() {
    let outputs = outputs::all(&project::root()).unwrap_or_else(|error| panic!("{error}"));
    let drift = outputs::drift(&project::root(), &outputs).unwrap_or_else(|error| panic!("{error}"));
    none(&drift.iter().map(ToString::to_string).collect::<Vec<_>>());
}

#[test]
fn promtool_accepts_every_rule_file() {
    let files: Vec<_> = ["prod", "demo"].into_iter().flat_map(generated).collect();
    assert!(files.len() >= 4, "only {files:?}");
    let arguments = ["check", "rules", "--lint=all", "--lint-fatal"].into_iter();
    let arguments: Vec<_> = arguments.chain(files.iter().map(String::as_str)).collect();
    let output = project::promtool(&arguments);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn promtool_proves_every_rule_test() {
    let root = project::root();
    let list = |folder: &str| sources::list(&root, folder, "_test.yml").unwrap_or_else(|error| panic!("{error}"));
    let files: Vec<_> = ["observability/tests", "observability/tests/demo"].into_iter().flat_map(list).collect();
    // Side by side: each is a minute or less of one processor.
    let problems: Vec<_> = thread::scope(|scope| {
        let test = |file| move || (file, project::promtool(&["test", "rules", file]));
        let running: Vec<_> = files.iter().map(|file| scope.spawn(test(file))).collect();
        let outputs = running.into_iter().map(|one| one.join().expect("promtool ran"));
        let failed = outputs.filter(|(_, output)| !output.status.success());
        failed.map(|(file, output)| format!("{file}: {}", text(&output))).collect()
    });
    let sources = project::read();
    let tests = project::tests();
    let cases = tests.values().flat_map(|file| &file.tests);
    let checks: usize = cases.clone().map(|test| test.alert_rule_test.len() + test.promql_expr_test.len()).sum();
    print_uncaptured(&format!(
        "rules: {} alerts, {} rule tests with {checks} checks in {} files, {} recording rules, {} objectives",
        project::alerts(&sources).len(),
        cases.count(),
        files.len(),
        sources.recording.iter().flat_map(|file| file.content.recordings()).count(),
        sources.slo.slo.len(),
    ));
    none(&problems);
}

#[test]
fn every_alert_is_shown_firing_and_silent() {
    let sources = project::read();
    let tests = project::tests();
    let checks = || tests.values().flat_map(|file| &file.tests).flat_map(|test| &test.alert_rule_test);
    let alerts = project::alerts(&sources);
    let mut problems = Vec::new();
    for (alert, file) in &alerts {
        let of_this: Vec<_> = checks().filter(|check| check.alertname == *alert).collect();
        let fired: Vec<_> = of_this.iter().flat_map(|check| &check.exp_alerts).collect();
        if fired.is_empty() {
            problems.push(format!("{alert} ({file}): no test in observability/tests shows it firing"));
        }
        if of_this.iter().all(|check| !check.exp_alerts.is_empty()) && !NEVER_SILENT.contains(&alert.as_str()) {
            problems.push(format!("{alert} ({file}): no test in observability/tests shows it silent (exp_alerts: [])"));
        }
        let texts = ["summary", "description", "runbook_url", "dashboard_url"];
        let unsaid = |text: &&str| fired.iter().any(|expected| !expected.exp_annotations.contains_key(*text));
        problems
            .extend(texts.iter().filter(|text| unsaid(text)).map(|text| format!("{alert}: a test leaves out {text}")));
    }
    let rows: BTreeSet<String> = ROWS.iter().map(|row| row.long.to_string()).collect();
    for slo in &sources.slo.slo {
        let of_this = checks().filter(|check| check.alertname == slo.alert).flat_map(|check| &check.exp_alerts);
        let shown: BTreeSet<_> = of_this.filter_map(|expected| expected.exp_labels.get("long").cloned()).collect();
        problems
            .extend(rows.difference(&shown).map(|row| format!("{}: no test shows its row of {row} firing", slo.alert)));
    }
    let unknown = checks().map(|check| &check.alertname).filter(|name| !alerts.contains_key(*name));
    problems.extend(unknown.map(|name| format!("observability/tests: there is no alert {name}")));
    none(&problems);
}

#[test]
fn rule_tests_use_series_that_exist() {
    let known = outputs::vocabulary(&project::read()).unwrap_or_else(|error| panic!("{error}"));
    let mut problems = Vec::new();
    for (path, file) in project::tests() {
        let series: BTreeSet<_> =
            file.tests.iter().flat_map(|test| &test.input_series).map(|input| input.series.as_str()).collect();
        for text in series {
            match Query::parse(text) {
                Ok(query) => {
                    problems.extend(known.problems(&query).into_iter().map(|problem| format!("{path}: {problem}")))
                }
                Err(error) => problems.push(format!("{path}: {error}")),
            }
        }
        for test in file.tests.iter().flat_map(|test| &test.promql_expr_test) {
            problems.extend(Query::parse(&test.expr).err().map(|error| format!("{path}: {error}")));
        }
    }
    none(&problems);
}

#[test]
fn every_alert_says_what_it_measured() {
    let mut problems = Vec::new();
    let mut unused: BTreeSet<_> = WITHOUT_VALUE.iter().map(|(alert, _)| *alert).collect();
    for (file, rule) in project::read().cause_alerts() {
        let said = rule.annotations.values().any(|text| text.contains("$value"));
        let excused = unused.remove(rule.name());
        match (said, excused) {
            (false, false) => {
                problems.push(format!("{}: {}: description has no {{{{ $value }}}}", file.path, rule.name()))
            }
            (true, true) => problems.push(format!("{} says its value: take it out of WITHOUT_VALUE", rule.name())),
            _ => {}
        }
    }
    problems.extend(unused.into_iter().map(|alert| format!("WITHOUT_VALUE: there is no alert {alert}")));
    none(&problems);
}

#[test]
fn every_alert_has_its_runbook() {
    let missing = project::alerts(&project::read()).into_iter().filter(|(alert, _)| {
        let path = project::root().join("runbooks").join(format!("{alert}.md"));
        !path.is_file()
    });
    none(&missing.map(|(alert, file)| format!("{alert} ({file}): runbooks/{alert}.md is missing")).collect::<Vec<_>>());
}

#[test]
fn every_alert_has_its_panel() {
    let sources = project::read();
    let boards = project::boards();
    let shown = |uid: &str| boards.iter().find(|board| board.uid() == uid);
    let text = |texts: &BTreeMap<String, String>, name: &str| texts.get(name).cloned().unwrap_or_default();
    let causes = sources.cause_alerts().map(|(_, rule)| {
        (rule.name().to_owned(), text(&rule.annotations, "dashboard"), text(&rule.annotations, "panel"))
    });
    let burning = sources.slo.slo.iter().map(|slo| (slo.alert.clone(), slo.dashboard.clone(), slo.panel.clone()));
    let problems = causes.chain(burning).filter_map(|(alert, uid, panel)| match shown(&uid) {
        None => Some(format!("{alert}: there is no dashboard `{uid}` (grafana/dashboards/*/{uid}.json)")),
        Some(board) if !board.panels().any(|one| one["title"] == panel.as_str()) => {
            Some(format!("{alert}: dashboard `{uid}` has no panel `{panel}`"))
        }
        Some(_) => None,
    });
    none(&problems.collect::<Vec<_>>());
}

#[test]
fn every_metric_is_used_or_listed_with_the_reason() {
    let root = project::root();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for file in generated("prod") {
        let rules: RuleFile = sources::read_yaml(&root, &file).unwrap_or_else(|error| panic!("{error}"));
        used.extend(rules.rules().flat_map(|rule| words(&rule.expr)));
    }
    let boards = project::boards();
    let expressions: Vec<String> = boards.iter().flat_map(|board| project::expressions(&board.json)).collect();
    used.extend(expressions.iter().flat_map(|expression| words(expression)));
    const LIST: &str = "observability/unused-metrics.toml";
    let listed: BTreeMap<String, String> = match Path::new(&root.join(LIST)).is_file() {
        true => sources::read_toml(&root, LIST).unwrap_or_else(|error| panic!("{error}")),
        false => BTreeMap::new(),
    };
    let mut problems = Vec::new();
    for metric in catalogue::all() {
        match (used.contains(metric.name), listed.contains_key(metric.name)) {
            (false, false) => {
                problems.push(format!("{}: no rule and no panel uses it, and {LIST} does not say why", metric.name))
            }
            (true, true) => problems.push(format!("{}: {LIST} lists it, but it is used", metric.name)),
            _ => {}
        }
    }
    for (name, reason) in &listed {
        if catalogue::find(name).is_none() || reason.is_empty() {
            problems.push(format!("{LIST}: {name} is not in the catalogue, or has no reason"));
        }
    }
    none(&problems);
}

/// Metrics of ours that a query names. Panels have variables in theirs, which PromQL does not know.
fn words(expression: &str) -> Vec<&'static str> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    words.filter_map(metric_of).map(|metric| metric.name).collect()
}
