//! Names that stand behind a fence: OpenTelemetry in one crate, transport and storage outside of `domain` and `ports`.

use crate::house::{files, folders, none};
use crate::scan::{Word, tokens, words};

/// What `domain` and `ports` may not name, also as a part of a longer name.
const OUTSIDE: [&str; 9] = ["axum", "tonic", "sqlx", "lapin", "opentelemetry", "hyper", "prost", "lettre", "reqwest"];

/// The same, as whole names.
const OUTSIDE_WHOLE: [&str; 5] = ["redis", "telemetry", "metrics", "contracts", "messaging"];

/// What only `crates/telemetry` may name.
const RECORDERS: [&str; 3] = ["opentelemetry", "metrics_exporter_prometheus", "metrics-exporter"];

/// This test names them to forbid them.
const HERE: &str = "crates/testkit/tests/architecture/";

fn is_inner(path: &str) -> bool {
    path.starts_with("services/")
        && ["/src/domain.rs", "/src/domain/", "/src/ports.rs", "/src/ports/"].iter().any(|part| path.contains(part))
}

/// What of the outside the file names.
fn outside(path: &str, text: &str) -> Vec<String> {
    let words = words(&tokens(text)).into_iter();
    let found = words.filter_map(|(line, word)| {
        let (Word::Ident(text) | Word::Text(text)) = &word;
        let part = OUTSIDE.iter().any(|name| text.contains(name));
        let whole = match &word {
            Word::Ident(text) => OUTSIDE_WHOLE.contains(&text.as_str()),
            Word::Text(text) => OUTSIDE_WHOLE.iter().any(|name| text.contains(&format!("{name}::"))),
        };
        (part || whole).then(|| format!("{path}:{line} names {text}"))
    });
    found.collect()
}

/// Where the file names OpenTelemetry or the recorder.
fn recorders(path: &str, text: &str) -> Vec<String> {
    if !RECORDERS.iter().any(|name| text.contains(name)) {
        return Vec::new();
    }
    let words = words(&tokens(text)).into_iter();
    let found = words.filter_map(|(line, word)| {
        let (Word::Ident(text) | Word::Text(text)) = word;
        RECORDERS.iter().any(|name| text.contains(name)).then(|| format!("{path}:{line} names {text}"))
    });
    found.collect()
}

#[test]
fn domains_and_ports_name_nothing_outside() {
    let inner: Vec<_> = files(".rs").into_iter().filter(|(path, _)| is_inner(path)).collect();
    let has = |path: String| inner.iter().any(|(inner, _)| *inner == path);
    for folder in folders().into_iter().filter(|folder| has(format!("{folder}/src/domain.rs"))) {
        assert!(has(format!("{folder}/src/ports.rs")), "{folder} has a domain without ports");
    }
    assert!(inner.len() >= 6, "only {} files found", inner.len());
    none(inner.iter().flat_map(|(path, text)| outside(path, text)).collect());
}

#[test]
fn only_telemetry_knows_opentelemetry_and_the_recorder() {
    let outside = |path: &str| !path.starts_with("crates/telemetry/") && !path.starts_with(HERE);
    let code = files(".rs").into_iter().filter(|(path, _)| outside(path));
    let code = code.flat_map(|(path, text)| recorders(&path, &text));
    let manifests = files("Cargo.toml").into_iter().filter(|(path, _)| outside(path));
    let manifests = manifests.filter(|(_, text)| RECORDERS.iter().any(|name| text.contains(name)));
    none(code.chain(manifests.map(|(path, _)| path)).collect());
}

#[test]
fn a_name_behind_a_fence_is_found_wherever_it_stands() {
    let found = |text: &str| outside("services/a/src/domain.rs", text).len();
    assert_eq!(found("//! Not sqlx.\n/// Nor tonic.\nfn telemetry_free() {} // axum"), 0);
    assert_eq!(found("#[cfg(test)]\nmod tests {}\nuse sqlx::Row;"), 1);
    assert_eq!(found("use {std::fmt, redis as store};"), 1);
    assert_eq!(found("fn f() { log!(telemetry::counter!(\"a\")); }"), 1);
    assert_eq!(found("fn f(a: &axum_extra::X, b: tonic::Status) {}"), 2);
    assert!(is_inner("services/a/src/ports/time.rs") && is_inner("services/a/src/domain/user.rs"));
    assert!(!is_inner("services/a/src/adapters/domain.rs"));
    let found = |text: &str| recorders("services/a/src/api.rs", text).len();
    assert_eq!(found("//! Of opentelemetry.\nfn f() {}"), 0);
    assert_eq!(
        found("#[cfg(test)]\nmod tests {}\nfn f(a: x!(opentelemetry_sdk::A)) { g(\"tracing_opentelemetry\") }"),
        2
    );
}
