//! The shape of the code, as far as a test can see it: headers, sizes, fences, twins, comments.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Production lines a file may have.
const MAX_LINES: usize = 300;

/// What `domain` and `ports` may not name: they are free of transport, storage and telemetry.
const OUTSIDE: [&str; 8] = ["axum", "tonic", "sqlx", "redis::", "lapin", "opentelemetry", "telemetry::", "metrics::"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}

fn walk(folder: &Path, ending: &str, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            walk(&path, ending, into);
        } else if path.to_string_lossy().ends_with(ending) {
            into.push(path);
        }
    }
}

fn files(ending: &str) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    for folder in ["crates", "services", "loadtests"] {
        walk(&root().join(folder), ending, &mut paths);
    }
    assert!(!paths.is_empty(), "no {ending} files found");
    let relative = |path: &Path| path.strip_prefix(root()).expect("inside").to_string_lossy().into_owned();
    paths.iter().map(|path| (relative(path), fs::read_to_string(path).expect("readable"))).collect()
}

fn none(problems: Vec<String>) {
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    none(files(".rs").into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect());
}

#[test]
fn files_stay_within_their_budget() {
    let long = files(".rs").into_iter().filter(|(path, _)| !path.contains("/tests/")).filter_map(|(path, text)| {
        let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
        (lines > MAX_LINES).then(|| format!("{path}: {lines} lines"))
    });
    none(long.collect());
}

#[test]
fn mains_are_short_and_modules_are_named_after_themselves() {
    let problems = files(".rs").into_iter().filter_map(|(path, text)| {
        let long_main = path.ends_with("src/main.rs") && text.lines().count() > 40;
        (long_main || path.ends_with("/mod.rs")).then_some(path)
    });
    none(problems.collect());
}

#[test]
fn domains_and_ports_name_nothing_outside() {
    let inner = files(".rs").into_iter().filter(|(path, _)| {
        path.starts_with("services/") && (path.contains("/src/domain") || path.ends_with("/src/ports.rs"))
    });
    let mut seen = 0;
    let mut problems = Vec::new();
    for (path, text) in inner {
        seen += 1;
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for name in OUTSIDE.iter().filter(|name| line.contains(*name)) {
                problems.push(format!("{path} names {name}: {}", line.trim()));
            }
        }
    }
    assert!(seen >= 6, "only {seen} files found");
    none(problems);
}

#[test]
fn only_telemetry_knows_opentelemetry_and_the_recorder() {
    let names = ["opentelemetry", "metrics_exporter_prometheus", "tracing_opentelemetry", "metrics-exporter"];
    let outside = files(".rs").into_iter().chain(files("Cargo.toml"));
    let outside =
        outside.filter(|(path, _)| !path.starts_with("crates/telemetry/") && !path.ends_with("architecture.rs"));
    let problems = outside.filter(|(_, text)| names.iter().any(|name| text.contains(name))).map(|(path, _)| path);
    none(problems.collect());
}

#[test]
fn sql_lives_in_adapters_and_no_query_stands_twice() {
    let mut problems = Vec::new();
    let mut queries: BTreeSet<String> = BTreeSet::new();
    for (path, text) in files(".rs") {
        if !path.starts_with("services/") || path.contains("/tests/") {
            continue;
        }
        let uses = text.contains("sqlx::query");
        if uses && !path.contains("/adapters/") {
            problems.push(format!("{path} has SQL outside the adapters"));
        }
        for literal in text.split('"').filter(|part| is_query(part)) {
            let query = literal.split_whitespace().collect::<Vec<_>>().join(" ");
            if !queries.insert(query.clone()) {
                problems.push(format!("{path} repeats: {query}"));
            }
        }
    }
    assert!(queries.len() >= 15, "only {} queries found", queries.len());
    none(problems);
}

/// Whether a string literal is a statement rather than its summary, which names a verb and a table only.
fn is_query(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\\');
    ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "].iter().any(|verb| text.starts_with(verb))
        && text.contains('$')
}

#[test]
fn migrations_are_twins() {
    for service in ["auth", "user", "product", "notification"] {
        let folder = root().join("services").join(service).join("migrations");
        let names = |kind: &str| -> BTreeSet<_> {
            fs::read_dir(folder.join(kind)).expect(kind).map(|entry| entry.expect("entry").file_name()).collect()
        };
        assert_eq!(names("sqlite"), names("postgres"), "{service}");
        assert!(!names("sqlite").is_empty(), "{service} has no migrations");
    }
}

/// Whether older programs may miss something after it, and its name does not say which (decision 14).
fn takes_away_in_silence(file: &str, sql: &str) -> bool {
    let text = sql.to_lowercase();
    let words: Vec<_> =
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    let taken = words.windows(2).any(|pair| matches!(pair, ["drop", "table" | "column"] | ["rename", "to" | "column"]));
    let (version, rest) = file.split_once("_since_").unwrap_or_default();
    let since: u64 = rest.split('_').next().and_then(|number| number.parse().ok()).unwrap_or(u64::MAX);
    taken && !version.parse().is_ok_and(|version: u64| since < version)
}

#[test]
fn migrations_that_take_away_say_since_when_nobody_misses_it() {
    for (path, text) in files(".sql") {
        let name = path.rsplit('/').next().unwrap_or_default();
        assert!(!takes_away_in_silence(name, &text), "{path}: name it NNNN_since_MMMM_what.sql, see decision 14");
    }
    let drop = "-- Nobody reads it.\nALTER TABLE users\n  DROP COLUMN nickname;";
    assert!(takes_away_in_silence("0009_drop_nickname.sql", drop));
    assert!(takes_away_in_silence("0009_since_0009_drop_nickname.sql", drop));
    assert!(!takes_away_in_silence("0009_since_0007_drop_nickname.sql", drop));
    assert!(takes_away_in_silence("0002_people.sql", "alter table users rename to people"));
    assert!(!takes_away_in_silence("0002_nickname.sql", "ALTER TABLE users ADD COLUMN nickname TEXT -- to drop later"));
}

#[test]
fn every_configuration_key_has_a_comment() {
    let mut keys = 0;
    let mut problems = Vec::new();
    for (path, text) in files("config.toml") {
        let mut comment = false;
        for line in text.lines() {
            if line.starts_with('#') {
                comment = true;
            } else if let Some((key, _)) = line.split_once('=') {
                keys += 1;
                if !comment {
                    problems.push(format!("{path}: {}", key.trim()));
                }
                comment = false;
            } else {
                comment = false;
            }
        }
    }
    assert!(keys > 60, "only {keys} keys found");
    none(problems);
}

#[test]
fn lints_are_inherited_and_versions_stand_in_one_place() {
    let mut problems = Vec::new();
    for (path, text) in files("Cargo.toml") {
        if !text.contains("[lints]\nworkspace = true") {
            problems.push(format!("{path} does not inherit the lints"));
        }
        for line in text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())) {
            if line.contains("version = \"")
                || line.split_once(" = \"").is_some_and(|(_, value)| value.starts_with(|c: char| c.is_ascii_digit()))
            {
                problems.push(format!("{path}: {line}"));
            }
        }
    }
    none(problems);
}

#[test]
fn tests_wait_for_conditions_and_log_messages_are_fixed() {
    let mut problems = Vec::new();
    for (path, text) in files(".rs").into_iter().filter(|(path, _)| !path.ends_with("architecture.rs")) {
        if path.contains("/tests/") && text.contains("sleep(") {
            problems.push(format!("{path} sleeps"));
        }
        for line in text.lines() {
            let event = ["error!(", "warn!(", "info!(", "debug!("]
                .iter()
                .any(|event| line.contains(&format!("tracing::{event}")));
            if event && line.contains("\"") && line.contains('{') && line.contains("}\"") {
                problems.push(format!("{path}: {}", line.trim()));
            }
        }
    }
    none(problems);
}

#[test]
fn spans_by_attribute_record_no_arguments() {
    let bad =
        files(".rs").into_iter().filter(|(path, _)| !path.ends_with("architecture.rs")).flat_map(|(path, text)| {
            let lines: Vec<_> = text.lines().filter(|line| line.contains("instrument(")).map(str::to_owned).collect();
            lines
                .into_iter()
                .filter(|line| line.contains("#[") && !line.contains("skip_all"))
                .map(move |line| format!("{path}: {line}"))
        });
    none(bad.collect());
}
