//! The dashboards of the repository: their panels, the queries in them, and the variables that stand in these.

use std::path::{Path, PathBuf};

use serde_json::Value;
use testkit::observe::Prometheus;

/// What Grafana itself puts in. A minute is what it would make of a panel over an hour in the profile `prod`.
const BUILT_IN: [(&str, &str); 7] = [
    ("__rate_interval", "1m"),
    ("__range", "5m"),
    ("__range_s", "300"),
    ("__range_ms", "300000"),
    ("__interval", "15s"),
    ("__interval_ms", "15000"),
    ("__auto", "1m"),
];

/// One query of a panel.
pub(crate) struct Query {
    pub(crate) uid: String,
    pub(crate) panel: String,
    /// `A`, `B` and so on.
    pub(crate) reference: String,
    /// Whether Prometheus answers it; if not, another program does.
    pub(crate) prometheus: bool,
    /// The query with variables in it.
    pub(crate) text: String,
}

impl Query {
    pub(crate) fn place(&self) -> String {
        format!("{} / {} / {}", self.uid, self.panel, self.reference)
    }
}

/// A dashboard.
pub(crate) struct Dashboard {
    pub(crate) uid: String,
    pub(crate) panels: usize,
    pub(crate) queries: Vec<Query>,
    /// Queries of annotations, which may well be empty.
    pub(crate) annotations: Vec<String>,
    variables: Vec<Value>,
}

impl Dashboard {
    /// Every dashboard in `folder`.
    pub(crate) fn all(folder: &Path) -> Vec<Self> {
        let mut paths = Vec::new();
        walk(folder, &mut paths);
        paths.sort();
        let read = |path: PathBuf| {
            let text = std::fs::read_to_string(&path).unwrap();
            let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            Self::read(&json).unwrap_or_else(|| panic!("{} has no uid", path.display()))
        };
        paths.into_iter().map(read).collect()
    }

    pub(crate) fn read(json: &Value) -> Option<Self> {
        let uid = json["uid"].as_str()?.to_owned();
        let mut panels = Vec::new();
        collect(&json["panels"], &mut panels);
        let queries = panels.iter().flat_map(|panel| queries(&uid, panel)).collect();
        let annotations = list(&json["annotations"]["list"]).iter().filter_map(|one| one["expr"].as_str());
        let annotations = annotations.map(str::to_owned).collect();
        let variables = list(&json["templating"]["list"]).to_vec();
        Some(Self { uid, panels: panels.len(), queries, annotations, variables })
    }

    /// Values of the variables as sets: all there is for those that take many values, and a set for each value of those
    /// that take one. The first set that has data proves a query.
    pub(crate) async fn values(&self, prometheus: &Prometheus) -> Vec<Vec<(String, String)>> {
        let built_in = BUILT_IN.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut sets = vec![built_in.to_vec()];
        for variable in self.variables.iter().filter(|variable| variable["type"] != "datasource") {
            let name = variable["name"].as_str().unwrap_or_default();
            let many = variable["multi"] == true || variable["includeAll"] == true;
            let mut more = Vec::new();
            for set in sets {
                let values = options(variable, &set, prometheus).await;
                assert!(!values.is_empty(), "{}: the variable `{name}` has no value", self.uid);
                let joined = || if values.len() == 1 { values[0].clone() } else { format!("({})", values.join("|")) };
                let all = variable["allValue"].as_str().filter(|all| !all.is_empty());
                let values = if many { vec![all.map_or_else(joined, str::to_owned)] } else { values };
                more.extend(values.into_iter().map(|value| [set.clone(), vec![(name.to_owned(), value)]].concat()));
            }
            sets = more;
        }
        sets
    }
}

/// The query with `values` for its variables.
pub(crate) fn fill(text: &str, values: &[(String, String)]) -> String {
    let mut filled = text.to_owned();
    // Longer names first: `$job` begins `$jobs`.
    let mut values: Vec<_> = values.iter().collect();
    values.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, value) in values {
        for format in ["", ":regex", ":pipe", ":raw"] {
            filled = filled.replace(&format!("${{{name}{format}}}"), value);
        }
        filled = filled.replace(&format!("[[{name}]]"), value).replace(&format!("${name}"), value);
    }
    filled
}

async fn options(variable: &Value, set: &[(String, String)], prometheus: &Prometheus) -> Vec<String> {
    let text = variable["query"].as_str().or_else(|| variable["query"]["query"].as_str()).unwrap_or_default();
    let text = fill(text, set);
    if variable["type"] != "query" {
        // Custom: `a,b` or `Name : a, Other : b`. A text or a constant is its only value.
        let last = |option: &str| option.rsplit(" : ").next().unwrap_or_default().trim().to_owned();
        let constant = variable["type"] == "constant" || variable["type"] == "textbox";
        return if constant { vec![text] } else { text.split(',').map(last).collect() };
    }
    let inner = text.strip_prefix("label_values(").and_then(|text| text.strip_suffix(')'));
    let Some(inner) = inner else { panic!("the variable query `{text}` is none of label_values") };
    let (selector, label) = inner.rsplit_once(',').unwrap_or(("", inner));
    let path = format!("/api/v1/label/{}/values", label.trim());
    let matching = [("match[]", selector.trim())];
    let parameters = if selector.is_empty() { &[][..] } else { &matching[..] };
    let values = prometheus.get(&path, parameters).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    list(&values).iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

fn queries(uid: &str, panel: &Value) -> Vec<Query> {
    let of = |target: &Value| {
        let kind = target["datasource"]["type"].as_str().or_else(|| panel["datasource"]["type"].as_str());
        let text = ["expr", "query"].iter().find_map(|key| target[*key].as_str()).unwrap_or_default();
        Query {
            uid: uid.to_owned(),
            panel: panel["title"].as_str().unwrap_or_default().to_owned(),
            reference: target["refId"].as_str().unwrap_or("A").to_owned(),
            prometheus: kind.unwrap_or("prometheus") == "prometheus",
            text: text.to_owned(),
        }
    };
    list(&panel["targets"]).iter().map(of).collect()
}

/// Panels, those inside of rows too, without the rows.
fn collect(panels: &Value, into: &mut Vec<Value>) {
    for panel in list(panels) {
        collect(&panel["panels"], into);
        if panel["type"] != "row" {
            into.push(panel.clone());
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            into.push(path);
        }
    }
}
