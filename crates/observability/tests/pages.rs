//! Pages say what is so: verbs, paths and metrics that they name exist, and facts that stand elsewhere too are the same.
//! Pages of alerts have more rules (`runbooks.rs`); links between pages are lychee's (`make pipeline-lint`).
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use observability::outputs;
use observability::sources::Sources;
use observability::vocabulary::Vocabulary;
use regex::Regex;
use topology::Topology;

/// What `CONTRIBUTING.md` adds as an example, and files that whoever deploys makes.
const NOT_HERE: [&str; 5] = ["todo", "0003_weight", "terraform.tfvars", "terraform.tfstate", "bootstrap/backend.tf"];
/// The history names what has gone.
const HISTORY: &str = "CHANGELOG.md";
const NUMBERS: [&str; 13] =
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// What pages are held against.
struct Facts {
    root: PathBuf,
    verbs: BTreeSet<String>,
    metrics: Vocabulary,
    services: usize,
}

impl Facts {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        let makefile = fs::read_to_string(root.join("Makefile")).unwrap();
        let verbs = pattern(r"(?m)^([a-z-]+):").captures_iter(&makefile).map(|verb| verb[1].to_owned()).collect();
        let metrics = outputs::vocabulary(&Sources::read(&root).unwrap()).unwrap();
        Self { root, verbs, metrics, services: Topology::ours().services().len() }
    }

    /// Every page under version control but the history, with its path.
    fn pages(&self) -> Vec<(String, String)> {
        let listed = Command::new("git").args(["ls-files", "*.md"]).current_dir(&self.root).output().unwrap();
        let names = String::from_utf8(listed.stdout).unwrap();
        let pages = names.lines().filter(|name| *name != HISTORY);
        pages.map(|name| (name.to_owned(), self.file(name))).collect()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A path of the project, of the page's folder, or of any service or crate.
    fn has(&self, page: &str, path: &str) -> bool {
        let beside = self.root.join(page).parent().unwrap().join(path);
        let inside = ["services", "crates"].into_iter().any(|folder| {
            let mut packages = fs::read_dir(self.root.join(folder)).unwrap();
            packages.any(|package| package.unwrap().path().join(path).exists())
        });
        self.root.join(path).exists() || beside.exists() || inside
    }

    fn knows(&self, metric: &str) -> bool {
        ["", "_count"].iter().any(|part| self.metrics.labels(&format!("{metric}{part}")).is_some())
    }

    /// Everything that a page says wrongly.
    fn problems(&self, page: &str, text: &str) -> Vec<String> {
        let code = code(text);
        let mut problems = Vec::new();
        for verb in pattern(r"\bmake (?:-s )?([a-z][a-z-]*)").captures_iter(&code) {
            if !self.verbs.contains(&verb[1]) {
                problems.push(format!("{page}: there is no `make {}`", &verb[1]));
            }
        }
        let folders = "crates|services|scripts|tests|docs|deploy|terraform|observability|runbooks|loadtests|grafana";
        for found in pattern(&format!(r"(?m)(?:^|[\s`(])(?:\./)?((?:{folders})/[^\s`),:;#@|]+)")).captures_iter(&code) {
            let path = found[1].trim_end_matches('.');
            let placeholder = path.contains(['<', '*', '{', '…', '$', '\'', '"', '[']) || path.contains("NNNN");
            if !placeholder && !NOT_HERE.iter().any(|name| path.contains(name)) && !self.has(page, path) {
                problems.push(format!("{page}: there is no {path}"));
            }
        }
        for found in pattern(r"`([a-z][a-z0-9_]*_(?:total|seconds|bytes))`").captures_iter(text) {
            if !self.knows(&found[1]) {
                problems.push(format!("{page}: nothing has a metric {}", &found[1]));
            }
        }
        for said in pattern(r"(?i)\b(\w+) services on axum").captures_iter(text) {
            if NUMBERS.get(self.services) != Some(&&*said[1].to_lowercase()) {
                problems.push(format!("{page}: {} services, but the list has {}", &said[1], self.services));
            }
        }
        problems
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

/// What stands between backticks, in lines and in blocks, a line each, without names of others: objects of Kubernetes
/// (`deploy/user`) and images.
fn code(text: &str) -> String {
    let spans = pattern(r"(?s)```[a-z]*\n(.*?)```|`([^`\n]+)`");
    let found = spans.captures_iter(text).filter_map(|span| span.get(1).or(span.get(2)));
    let lines = found.flat_map(|span| span.as_str().lines());
    lines.filter(|line| !line.contains("kubectl ") && !line.contains("@sha256:")).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_pages_name_exists() {
    let facts = Facts::read();
    let pages = facts.pages();
    assert!(pages.len() > 90, "only {} pages are found", pages.len());
    let problems: Vec<_> = pages.iter().flat_map(|(page, text)| facts.problems(page, text)).collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn each_kind_of_mistake_is_found() {
    let facts = Facts::read();
    for (wrong, said) in [
        ("Run `make tea`.", "there is no `make tea`"),
        ("```sh\nmake tea ARGS=\"--hot\"\n```", "there is no `make tea`"),
        ("See `crates/telemetry/src/nothing.rs`.", "there is no crates/telemetry/src/nothing.rs"),
        ("```sh\n./scripts/nothing --all\n```", "there is no scripts/nothing"),
        ("It counts `nothing_happened_total`.", "nothing has a metric nothing_happened_total"),
        ("It has ninety services on axum.", "ninety services, but the list has"),
    ] {
        let problems = facts.problems("page.md", wrong);
        assert!(problems.len() == 1 && problems[0].contains(said), "{wrong}: {problems:?}");
    }
    let right = "Run `make demo`; see `crates/telemetry/src/lib.rs` and `product_views_total`.";
    assert_eq!(facts.problems("page.md", right), [""; 0]);
}

/// What a full Redis does stands in the files that set it up, and on two pages.
#[test]
fn every_redis_of_ours_drops_the_same_keys_when_full() {
    let facts = Facts::read();
    let policy = pattern(r"maxmemory-policy[^a-z]*(?:value[^a-z]*)?([a-z]+(?:-[a-z]+)?)");
    let shipped = |file: &str| {
        let text = facts.file(file);
        let found = policy.captures(&text).unwrap_or_else(|| panic!("{file} has no maxmemory-policy"));
        found[1].to_owned()
    };
    let expected = shipped("compose.yaml");
    for file in ["deploy/chart/templates/stores.yaml", "terraform/modules/redis/main.tf", "docs/stores.md"] {
        assert_eq!(shipped(file), expected, "{file}");
    }
    let page = "runbooks/RedisMemoryNearLimit.md";
    assert!(facts.file(page).contains(&format!("the shipped policy `{expected}`")), "{page}");
}

/// How events reach queues: the page says what the code declares.
#[test]
fn the_page_of_events_names_the_kind_of_exchange() {
    let facts = Facts::read();
    let source = facts.file("crates/messaging/src/rabbit/topology.rs");
    let kind = pattern(r"exchange_declare\(.*ExchangeKind::(\w+)").captures(&source).unwrap()[1].to_lowercase();
    let page = facts.file("docs/events.md");
    assert!(page.contains(&format!("durable {kind} exchange")), "docs/events.md does not say {kind}");
    for other in ["direct", "fanout", "headers", "topic"] {
        assert!(other == kind || !page.contains(&format!("{other} exchange")), "docs/events.md says {other}");
    }
}
