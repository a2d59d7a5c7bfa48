//! SQL stands in adapters, and each query once, also where a macro puts it together.

use std::collections::BTreeMap;

use proc_macro2::TokenTree;

use crate::house::{files, none};
use crate::scan::{Word, is_mark, text_of, tokens, undocumented, words};

/// What a statement starts with, and a word that a statement has and a summary, which names a verb and a table, has not.
const VERBS: [(&str, &str); 5] = [
    ("SELECT ", " FROM "),
    ("INSERT INTO ", " VALUES"),
    ("UPDATE ", " SET "),
    ("DELETE FROM ", " WHERE "),
    ("WITH ", " AS ("),
];

/// The statements in the tokens, with their lines, each with single blanks.
fn statements(tokens: &[TokenTree]) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let text = match token {
            TokenTree::Group(group) => {
                let inside = undocumented(group.stream());
                if !is_concat(tokens, at) {
                    all.extend(statements(&inside));
                    continue;
                }
                joined(&inside)
            }
            token => text_of(token).unwrap_or_default(),
        };
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if is_statement(&text) {
            all.push((token.span().start().line, text));
        }
    }
    all
}

fn is_concat(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && is_mark(&tokens[at - 1], '!') && matches!(&tokens[at - 2], TokenTree::Ident(name) if name == "concat")
}

/// What `concat!` makes of its arguments; what is no text stands for itself.
fn joined(tokens: &[TokenTree]) -> String {
    let mut all = String::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) if is_concat(tokens, at) => all += &joined(&undocumented(group.stream())),
            TokenTree::Ident(name) if name == "concat" => {}
            token if is_mark(token, ',') || is_mark(token, '!') => {}
            token => all += &text_of(token).unwrap_or_else(|| token.to_string()),
        }
    }
    all
}

fn is_statement(text: &str) -> bool {
    let upper = text.to_uppercase();
    VERBS.iter().any(|(verb, word)| upper.starts_with(verb) && (upper.contains(word) || text.contains('$')))
}

/// What is wrong with the files, and how many statements they have.
fn problems<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> (Vec<String>, usize) {
    let mut problems = Vec::new();
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (path, text) in files {
        let tokens = tokens(text);
        let outside = !path.contains("/adapters/");
        let uses = words(&tokens).into_iter().filter(|(_, word)| matches!(word, Word::Ident(word) if word == "sqlx"));
        let found = statements(&tokens);
        let lines = uses.map(|(line, _)| line).chain(found.iter().map(|(line, _)| *line)).filter(|_| outside);
        problems.extend(lines.map(|line| format!("{path}:{line} has SQL outside the adapters")));
        for (line, statement) in found {
            let here = format!("{path}:{line}");
            if let Some(there) = all.get(&statement) {
                problems.push(format!("{here} repeats {there}: {statement}"));
            } else {
                all.insert(statement, here);
            }
        }
    }
    (problems, all.len())
}

#[test]
fn sql_lives_in_adapters_and_no_query_stands_twice() {
    let files = files(".rs");
    let code = files.iter().filter(|(path, _)| path.starts_with("services/") && !path.contains("/tests/"));
    let (problems, statements) = problems(code.map(|(path, text)| (path.as_str(), text.as_str())));
    assert!(statements >= 15, "only {statements} statements found");
    none(problems);
}

#[test]
fn statements_are_found_however_they_are_written() {
    let count = |path: &str, text: &str| problems([(path, text)]).0.len();
    let adapter = "services/a/src/adapters/sql.rs";
    let once = "const A: &str = \"SELECT id FROM users WHERE id = $1\";";
    assert_eq!(count(adapter, once), 0);
    assert_eq!(count(adapter, "const A: [&str; 2] = [\"SELECT users\", \"SELECT users\"];"), 0);
    for twice in [
        "const B: &str = \"SELECT id\n    FROM users \\\n    WHERE id = $1\";",
        "const B: &str = concat!(\"SELECT id \", \"FROM users \", concat!(\"WHERE id = $\", 1));",
        "#[cfg(test)]\nmod tests {}\nfn f() { g(r#\"SELECT id FROM users WHERE id = $1\"#); }",
        "macro_rules! m { () => { \"SELECT id FROM users WHERE id = $1\" }; }",
    ] {
        assert_eq!(count(adapter, &format!("{once}\n{twice}")), 1, "{twice}");
        assert_eq!(count("services/a/src/api.rs", twice), 1, "{twice}");
    }
    let claims = "macro_rules! m { ($l:literal) => { concat!(\"UPDATE a SET b = 1\", $l) }; }";
    assert_eq!(count(adapter, &format!("{claims}\n{}", claims.replace("m {", "n {"))), 1);
    assert_eq!(
        count(
            adapter,
            "const A: &str = \"DELETE FROM a WHERE b = 1\";\nconst B: &str = \"DELETE FROM a WHERE b = 2\";"
        ),
        0
    );
    assert_eq!(count("services/a/src/domain.rs", "#[cfg(test)]\nmod tests {}\nuse sqlx::query;"), 1);
}
