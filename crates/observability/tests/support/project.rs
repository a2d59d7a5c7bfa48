//! What the tests read of the project.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use observability::sources::{self, Sources};
use serde::Deserialize;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the root of the project")
}

pub(crate) fn read() -> Sources {
    Sources::read(&root()).unwrap_or_else(|error| panic!("{error}"))
}

/// Names of all alerts with the file each stands in.
pub(crate) fn alerts(sources: &Sources) -> BTreeMap<String, String> {
    let causes = sources.cause_alerts().map(|(file, rule)| (rule.name().to_owned(), file.path.clone()));
    let burning = sources.slo.slo.iter().map(|slo| (slo.alert.clone(), observability::slo::FILE.to_owned()));
    causes.chain(burning).collect()
}

/// Runs promtool in the folder of the project.
pub(crate) fn promtool(arguments: &[&str]) -> Output {
    Command::new("promtool").args(arguments).current_dir(root()).output().unwrap_or_else(|error| {
        panic!("promtool cannot be started ({error}): install it with `apt-get install prometheus`")
    })
}

/// A file of promtool's unit tests, as far as we ask for it.
#[derive(Deserialize)]
pub(crate) struct TestFile {
    pub(crate) tests: Vec<Test>,
}

#[derive(Deserialize)]
pub(crate) struct Test {
    #[serde(default)]
    pub(crate) input_series: Vec<Series>,
    #[serde(default)]
    pub(crate) alert_rule_test: Vec<AlertTest>,
    #[serde(default)]
    pub(crate) promql_expr_test: Vec<ExprTest>,
}

#[derive(Deserialize)]
pub(crate) struct Series {
    pub(crate) series: String,
}

#[derive(Deserialize)]
pub(crate) struct ExprTest {
    pub(crate) expr: String,
}

#[derive(Deserialize)]
pub(crate) struct AlertTest {
    pub(crate) alertname: String,
    #[serde(default)]
    pub(crate) exp_alerts: Vec<Expected>,
}

#[derive(Clone, Deserialize)]
pub(crate) struct Expected {
    #[serde(default)]
    pub(crate) exp_labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) exp_annotations: BTreeMap<String, String>,
}

/// Every file of unit tests of the profile prod, by path.
pub(crate) fn tests() -> BTreeMap<String, TestFile> {
    let files = sources::list(&root(), "observability/tests", "_test.yml").unwrap_or_else(|error| panic!("{error}"));
    let read = |path: String| {
        let file = sources::read_yaml(&root(), &path).unwrap_or_else(|error| panic!("{error}"));
        (path, file)
    };
    files.into_iter().map(read).collect()
}

/// Titles of the panels of each dashboard, by uid.
pub(crate) fn panels() -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for path in dashboards() {
        let text = fs::read_to_string(&path).expect("readable");
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let uid = path.file_stem().expect("a name").to_string_lossy().into_owned();
        found.insert(uid, titles(&json));
    }
    found
}

/// Paths of all dashboards, `grafana/dashboards/<folder>/<uid>.json`.
pub(crate) fn dashboards() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in fs::read_dir(root().join("grafana/dashboards")).into_iter().flatten().flatten() {
        let files = fs::read_dir(folder.path()).into_iter().flatten().flatten().map(|file| file.path());
        found.extend(files.filter(|path| path.extension().is_some_and(|ending| ending == "json")));
    }
    found
}

fn titles(json: &serde_json::Value) -> BTreeSet<String> {
    let panels = json["panels"].as_array().into_iter().flatten();
    panels
        .flat_map(|panel| {
            let mut titles = titles(panel);
            titles.extend(panel["title"].as_str().map(str::to_owned));
            titles
        })
        .collect()
}

/// Every text in a JSON document that stands under the key `expr`.
pub(crate) fn expressions(json: &serde_json::Value) -> Vec<String> {
    match json {
        serde_json::Value::Array(items) => items.iter().flat_map(expressions).collect(),
        serde_json::Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| match value.as_str() {
                Some(text) if key == "expr" || key == "query" => vec![text.to_owned()],
                _ => expressions(value),
            })
            .collect(),
        _ => Vec::new(),
    }
}
