//! Each alert has a runbook page, whole, with queries and links that hold; and the index leads to all of them. That the
//! commands exist is tested in `crates/testkit/tests/runbooks.rs`, which has the programs.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use backends::print_uncaptured;
use observability::lint::Board;
use observability::outputs;
use observability::promql::{MetricName, Query};
use observability::runbook::{self, HEADINGS, KEYS, Link, Runbook};
use observability::sources::Sources;
use observability::vocabulary::Vocabulary;

/// Ports of ours that pages may link to.
const PORTS: [&str; 7] = ["3000", "8080", "9090", "9093", "15672", "16686", "3100"];

/// What a page has to know of its alert.
struct Alert {
    severities: BTreeSet<String>,
    slo: String,
    dashboard: String,
    panel: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn pages() -> Vec<Runbook> {
    runbook::read(&root().join("runbooks")).unwrap()
}

fn alerts(sources: &Sources) -> BTreeMap<String, Alert> {
    let causes = sources.cause_alerts().map(|(_, rule)| {
        let annotation = |key: &str| rule.annotations.get(key).cloned().unwrap_or_default();
        let severities = rule.labels.get("severity").cloned().into_iter().collect();
        let alert = Alert {
            severities,
            slo: "none".to_owned(),
            dashboard: annotation("dashboard"),
            panel: annotation("panel"),
        };
        (rule.name().to_owned(), alert)
    });
    let objectives = sources.slo.slo.iter().map(|slo| {
        let severities = ["critical", "warning"].map(str::to_owned).into();
        let alert =
            Alert { severities, slo: slo.id.clone(), dashboard: slo.dashboard.clone(), panel: slo.panel.clone() };
        (slo.alert.clone(), alert)
    });
    causes.chain(objectives).collect()
}

fn boards() -> Vec<Board> {
    Board::read_all(&root()).unwrap()
}

fn titles(board: &Board) -> impl Iterator<Item = &str> {
    board.panels().filter_map(|panel| panel["title"].as_str()).chain([board.title()])
}

/// Each problem on its own line, so that a failure can be worked through.
fn none(problems: Vec<String>) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

fn on(page: &Runbook, problem: impl std::fmt::Display) -> String {
    format!("runbooks/{}.md: {problem}", page.name)
}

#[test]
fn every_alert_has_a_page_and_every_page_an_alert() {
    let sources = Sources::read(&root()).unwrap();
    let alerts: BTreeSet<_> = alerts(&sources).into_keys().collect();
    let pages: BTreeSet<_> = pages().into_iter().map(|page| page.name).collect();
    let missing = alerts.difference(&pages).map(|name| format!("runbooks/{name}.md is missing: the alert exists"));
    let orphaned = pages.difference(&alerts).map(|name| format!("runbooks/{name}.md: there is no such alert"));
    none(missing.chain(orphaned).collect());
    print_uncaptured(&format!("runbooks: {} pages for {} alerts", pages.len(), alerts.len()));
}

#[test]
fn every_page_says_what_its_alert_says() {
    let sources = Sources::read(&root()).unwrap();
    let alerts = alerts(&sources);
    let mut problems = Vec::new();
    for page in pages() {
        let Some(alert) = alerts.get(&page.name) else { continue };
        let front = |key: &str| page.front.get(key).map_or("", String::as_str);
        let keys: BTreeSet<_> = page.front.keys().map(String::as_str).collect();
        if keys != BTreeSet::from(KEYS) {
            problems.push(on(&page, format!("front matter has {keys:?}, not {KEYS:?}")));
        }
        if front("alert") != page.name || page.title != page.name {
            problems.push(on(&page, format!("`alert` and title are not {}", page.name)));
        }
        let severities: BTreeSet<_> = front("severity").split(", ").map(str::to_owned).collect();
        if severities != alert.severities {
            problems.push(on(&page, format!("severity {severities:?}, the rule says {:?}", alert.severities)));
        }
        if alert.slo != "none" && front("slo") != alert.slo {
            problems.push(on(&page, format!("slo is {}, not {}", front("slo"), alert.slo)));
        }
        if front("last_verified").split('-').map(str::len).collect::<Vec<_>>() != [4, 2, 2] {
            problems.push(on(&page, "last_verified is no date such as 2026-01-31"));
        }
        let shows = |link: &Link| link.text == alert.panel && link.target.contains(&format!("/d/{}", alert.dashboard));
        if !page.links.iter().any(shows) {
            problems.push(on(&page, format!("has no link to the panel {:?} of /d/{}", alert.panel, alert.dashboard)));
        }
    }
    none(problems);
}

#[test]
fn every_page_is_whole() {
    let mut problems = Vec::new();
    for page in pages() {
        let headings: Vec<_> = page.sections.iter().map(|section| section.heading.as_str()).collect();
        if headings != HEADINGS {
            problems.push(on(&page, format!("headings are {headings:?}, not {HEADINGS:?}")));
            continue;
        }
        let empty =
            page.sections.iter().filter(|section| section.text.trim().is_empty() && section.heading != "Verification");
        problems
            .extend(empty.map(|section| on(&page, format!("{} is empty; write None. if it is so", section.heading))));
        if !(3..=7).contains(&page.sections[2].steps) {
            problems.push(on(&page, format!("{} steps in the first five minutes, not 3 to 7", page.sections[2].steps)));
        }
        if page.sections[3].rows < 2 {
            problems.push(on(&page, "the diagnosis has no table of two rows or more"));
        }
        let unknown = page
            .blocks
            .iter()
            .filter(|block| !["promql", "logql", "sh", "text", "sql"].contains(&block.language.as_str()));
        problems.extend(unknown.map(|block| on(&page, format!("a code block in {:?}", block.language))));
    }
    none(problems);
}

#[test]
fn every_query_uses_what_exists() {
    let sources = Sources::read(&root()).unwrap();
    let vocabulary = outputs::vocabulary(&sources).unwrap();
    let (mut problems, mut queries) = (Vec::new(), 0);
    for page in pages() {
        for code in page.code("promql") {
            queries += 1;
            match Query::parse(code.trim()) {
                Ok(query) => problems.extend(vocabulary.problems(&query).into_iter().map(|problem| on(&page, problem))),
                Err(error) => problems.push(on(&page, error)),
            }
        }
        problems
            .extend(page.spans.iter().flat_map(|span| misnamed(&vocabulary, span)).map(|problem| on(&page, problem)));
    }
    none(problems);
    assert!(queries > 100, "only {queries} queries found");
    print_uncaptured(&format!("runbooks: {queries} queries"));
}

/// What is wrong with code within text, if it is a query of a metric with braces or a range; SQL has neither.
fn misnamed(vocabulary: &Vocabulary, span: &str) -> Vec<String> {
    let Ok(query) = Query::parse(span) else { return Vec::new() };
    let named = query
        .selectors()
        .iter()
        .any(|selector| matches!(&selector.metric, MetricName::Exact(name) if name.contains('_')));
    let is_query = named && span.contains(['{', '[']);
    if is_query { vocabulary.problems(&query) } else { Vec::new() }
}

#[test]
fn every_search_of_logs_names_labels_that_logs_have() {
    let index = ["service_name", "service_namespace", "deployment_environment_name"];
    let (mut problems, mut searches) = (Vec::new(), 0);
    for page in pages() {
        for code in page.code("logql") {
            searches += 1;
            let stream = code.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(stream, _)| stream);
            let Some(stream) = stream else {
                problems.push(on(&page, format!("no stream selector in {code:?}")));
                continue;
            };
            let labels = stream.split(',').filter_map(|matcher| matcher.split(['=', '!']).next()).map(str::trim);
            let unknown = labels.filter(|label| !index.contains(label));
            problems
                .extend(unknown.map(|label| on(&page, format!("logs have no index label {label:?}, only {index:?}"))));
        }
    }
    none(problems);
    print_uncaptured(&format!("runbooks: {searches} searches of logs"));
}

#[test]
fn every_link_leads_somewhere() {
    let boards = boards();
    let mut index = Runbook::parse(
        "README",
        &format!("---\na: b\n---\n{}", fs::read_to_string(root().join("runbooks/README.md")).unwrap()),
    )
    .unwrap();
    index.name = "README".to_owned();
    let (mut problems, mut links) = (Vec::new(), 0);
    for page in pages().iter().chain([&index]) {
        links += page.links.len();
        problems.extend(page.links.iter().filter_map(|link| lost(&boards, link)).map(|problem| on(page, problem)));
    }
    none(problems);
    print_uncaptured(&format!("runbooks: {links} links"));
}

fn lost(boards: &[Board], link: &Link) -> Option<String> {
    let target = &link.target;
    let Some(rest) = target.strip_prefix("http://127.0.0.1:") else {
        let file = target.split('#').next().unwrap_or_default();
        let exists = target.starts_with('#') || root().join("runbooks").join(file).exists();
        return (target.contains("://") || !exists).then(|| format!("{target} leads nowhere"));
    };
    let (port, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !PORTS.contains(&port) {
        return Some(format!("{target}: none of ours listens at port {port}"));
    }
    let uid = path.strip_prefix("d/").map(|uid| uid.split(['?', '/']).next().unwrap_or(uid))?;
    let Some(board) = boards.iter().find(|board| board.uid() == uid) else {
        return Some(format!("{target}: there is no dashboard {uid:?}"));
    };
    let named = titles(board).any(|title| title == link.text);
    (!named).then(|| format!("{:?} is neither the title nor a panel of the dashboard {uid:?}", link.text))
}

#[test]
fn the_index_leads_to_every_page_by_service_and_by_symptom() {
    let index = fs::read_to_string(root().join("runbooks/README.md")).unwrap();
    let part = |heading: &str| {
        let (_, rest) =
            index.split_once(&format!("\n## {heading}")).unwrap_or_else(|| panic!("no heading {heading:?}"));
        rest.split("\n## ").next().unwrap().to_owned()
    };
    let mut problems = Vec::new();
    for heading in ["By service", "By symptom"] {
        let part = part(heading);
        let missing = pages().into_iter().filter(|page| !part.contains(&format!("({}.md)", page.name)));
        problems.extend(missing.map(|page| format!("runbooks/README.md: {} is missing under {heading:?}", page.name)));
    }
    none(problems);
}
