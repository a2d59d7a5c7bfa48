//! What the tests read of the project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use observability::lint::Board;
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

/// Runs promtool in the folder of the project, with a garbage collector that is in no hurry: a test file takes a fifth less.
pub(crate) fn promtool(arguments: &[&str]) -> Output {
    let promtool = backends::program("promtool").unwrap_or_else(|error| panic!("{error}"));
    Command::new(promtool).env("GOGC", "400").args(arguments).current_dir(root()).output().expect("promtool starts")
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

/// Every dashboard as Grafana reads it.
pub(crate) fn boards() -> Vec<Board> {
    Board::read_all(&root()).unwrap_or_else(|error| panic!("{error}"))
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
