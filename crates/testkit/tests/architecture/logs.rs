//! Log messages are fixed texts, and spans by attribute record no arguments.

use proc_macro2::{Delimiter, TokenTree};

use crate::house::{files, none};
use crate::scan::{Word, calls, is_mark, text_of, tokens, undocumented, words};

const EVENTS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "event"];

/// Messages into which something is formatted.
fn formatted(path: &str, text: &str) -> Vec<String> {
    if !text.contains("tracing") {
        return Vec::new();
    }
    let events = calls(&tokens(text)).into_iter().filter(|call| {
        let name = call.path.strip_prefix("tracing::").unwrap_or(&call.path);
        EVENTS.contains(&name)
    });
    let wrong = events.filter(|call| {
        call.inside.iter().enumerate().any(|(at, token)| {
            let is_value = at > 0 && is_mark(&call.inside[at - 1], '=');
            !is_value && text_of(token).is_some_and(|text| text.contains('{'))
        })
    });
    wrong.map(|call| format!("{path}:{} formats its message", call.line)).collect()
}

/// Attributes that make spans of functions with their arguments.
fn recorded(path: &str, tokens: &[TokenTree]) -> Vec<String> {
    let mut all = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let inside = undocumented(group.stream());
        all.extend(recorded(path, &inside));
        let is_attribute = group.delimiter() == Delimiter::Bracket && at > 0 && is_mark(&tokens[at - 1], '#');
        let has = |name: &str| words(&inside).iter().any(|(_, word)| matches!(word, Word::Ident(word) if word == name));
        if is_attribute && has("instrument") && !has("skip_all") {
            all.push(format!("{path}:{} is without skip_all", token.span().start().line));
        }
    }
    all
}

#[test]
fn log_messages_are_fixed() {
    none(files(".rs").iter().flat_map(|(path, text)| formatted(path, text)).collect());
}

#[test]
fn spans_by_attribute_record_no_arguments() {
    let files = files(".rs").into_iter().filter(|(_, text)| text.contains("instrument"));
    none(files.flat_map(|(path, text)| recorded(&path, &tokens(&text))).collect());
}

#[test]
fn messages_and_attributes_are_found_wherever_they_stand() {
    let count = |text: &str| formatted("a.rs", text).len();
    assert_eq!(count("fn f() { tracing::info!(user.id = %id, kind = \"{}\", \"role set\"); println!(\"{a}\"); }"), 0);
    assert_eq!(count("fn f() { tracing::info!(\"role of {id} set\"); }"), 1);
    assert_eq!(count("use tracing::warn;\nfn f() { warn!(\n    user.id = %id,\n    \"role of {}\",\n    id\n); }"), 1);
    assert_eq!(count("fn f() { tokio::select! { _ = a => tracing::error!(\"{}\", a) } }"), 1);
    let count = |text: &str| recorded("a.rs", &tokens(text)).len();
    assert_eq!(count("#[tracing::instrument(skip_all, fields(a))]\nfn f() {}\n// #[instrument]"), 0);
    assert_eq!(count("#[tracing::instrument]\nfn f() {}"), 1);
    assert_eq!(count("impl A {\n#[instrument(\n    name = \"a\",\n    skip(b),\n)]\nfn f() {} }"), 1);
    assert_eq!(count("#[cfg_attr(feature = \"a\", instrument(name = \"a\"))]\nfn f() {}"), 1);
}
