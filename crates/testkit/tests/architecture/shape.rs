//! Rules about files: what they open with, how long they are, what they are called.

use crate::house::{files, none, sources};
use crate::source::Source;

/// Production lines a file may have.
const MAX_LINES: usize = 300;

/// Lines a `main.rs` may have.
const MAX_MAIN: usize = 40;

fn problem(source: &Source) -> Option<String> {
    let (path, lines) = (&source.path, source.production_lines());
    if lines > MAX_LINES && !path.contains("/tests/") {
        return Some(format!("{path}: {lines} production lines"));
    }
    if path.ends_with("src/main.rs") && source.text.lines().count() > MAX_MAIN {
        return Some(format!("{path}: more than {MAX_MAIN} lines"));
    }
    path.ends_with("/mod.rs").then(|| format!("{path}: is named after its folder, name.rs beside name/"))
}

#[test]
fn every_file_says_what_it_is_for() {
    none(files(".rs").into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect());
}

#[test]
fn files_stay_within_their_budget_and_modules_are_named_after_themselves() {
    none(sources().values().filter_map(problem).collect());
}

#[test]
fn lines_after_a_test_count_and_lines_of_tests_do_not() {
    let is_long = |path: &str, text: &str| problem(&Source::parse(path, text)).is_some();
    let many = "const A: u8 = 1;\n".repeat(MAX_LINES);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{many}\n}}\n");
    assert!(!is_long("crates/a/src/a.rs", &many));
    assert!(!is_long("crates/a/src/a.rs", &format!("{tests}{many}")));
    assert!(is_long("crates/a/src/a.rs", &format!("{tests}{many}const B: u8 = 1;\n")));
    assert!(is_long("crates/a/src/a_tests.rs", &format!("{many}const B: u8 = 1;\n")));
    assert!(!is_long("crates/a/tests/a.rs", &format!("{many}const B: u8 = 1;\n")));
    assert!(is_long("crates/a/src/main.rs", &"fn f() {}\n".repeat(MAX_MAIN + 1)));
    assert!(is_long("crates/a/src/a/mod.rs", ""));
}
