//! Tests wait for conditions and never sleep: no test code sleeps on a clock that runs.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::house::{crates, none, sources};
use crate::scan::{Word, is_mark, tokens, undocumented, words};
use crate::source::Source;
use crate::tree::Sources;

/// What sleeps.
const SLEEPS: [&str; 5] = ["sleep", "sleep_until", "sleep_ms", "park_timeout", "park_timeout_ms"];

/// What tells that time is paused in a test: then a sleep takes none and moves the clock.
const PAUSED: &str = "start_paused";

/// File, function, and why it sleeps all the same.
const EXCEPTIONS: [(&str, &str, &str); 8] = [
    ("crates/backends/tests/survival.rs", "nothing_is_left", "the same for what knows no test kit"),
    (
        "crates/backends/src/install_tests.rs",
        "one_installation_serves_all_who_wait_for_it",
        "an installation takes time",
    ),
    ("crates/testkit/src/fake.rs", "pass", "stands in for a slow service: its time is what is tested"),
    ("crates/testkit/src/bin/signalbox-overload/generator.rs", "open", "paces the load"),
    ("crates/testkit/src/bin/signalbox-overload/outage.rs", "watch", "samples a rate at fixed times"),
    ("crates/testkit/src/bin/signalbox-overload/outage.rs", "closed", "measures a time by looking at fixed times"),
    ("crates/upstream/src/testing.rs", "answer", "stands in for a slow service; its tests pause time"),
    ("loadtests/tests/load_run/stub.rs", "view", "stands in for a slow gateway: its time is what is tested"),
];

/// A sleep in test code.
#[derive(Debug, PartialEq)]
struct Sleep {
    line: usize,
    /// The innermost function around it.
    function: String,
}

/// The sleeps in the test code of a source, all of which is test code if it is said so.
fn sleeps(source: &Source, all: bool) -> Vec<Sleep> {
    let tokens = tokens(&source.text);
    let mut names: BTreeSet<String> = SLEEPS.map(str::to_owned).into();
    renamed(&tokens, &mut names);
    let mut lines = Vec::new();
    called(&tokens, &names, &mut lines);
    let mut functions = Functions(Vec::new());
    functions.visit_file(&source.whole);
    let tested = lines.into_iter().filter(|line| all || source.is_test_line(*line));
    let running = tested.filter_map(|line| {
        let around: Vec<_> = functions.0.iter().filter(|function| function.lines.contains(&line)).collect();
        let function = around.last().map_or_else(String::new, |function| function.name.clone());
        let text: Vec<_> = source.text.lines().collect();
        let paused = around.iter().any(|function| is_paused(&text[function.lines.start() - 1..*function.lines.end()]));
        (!paused).then_some(Sleep { line, function })
    });
    running.collect()
}

/// The names that `use` gives to what sleeps.
fn renamed(tokens: &[TokenTree], names: &mut BTreeSet<String>) {
    for group in tokens.iter().filter_map(group) {
        renamed(&group, names);
    }
    for triple in tokens.windows(3) {
        if let [TokenTree::Ident(old), TokenTree::Ident(word), TokenTree::Ident(new)] = triple
            && word == "as"
            && names.contains(&old.to_string())
        {
            names.insert(new.to_string());
        }
    }
}

/// The lines where one of the names is called, or handed on as a path, but not where it is defined or imported.
fn called(tokens: &[TokenTree], names: &BTreeSet<String>, lines: &mut Vec<usize>) {
    let mut import = false;
    for (at, token) in tokens.iter().enumerate() {
        if let Some(group) = group(token).filter(|_| !import) {
            called(&group, names, lines);
        }
        import = !is_mark(token, ';') && (import || matches!(token, TokenTree::Ident(word) if word == "use"));
        let TokenTree::Ident(name) = token else { continue };
        let before = at.checked_sub(1).map(|at| &tokens[at]);
        let is_defined = matches!(before, Some(TokenTree::Ident(word)) if word == "fn");
        let is_path = before.is_some_and(|before| is_mark(before, ':')) && at > 1 && is_mark(&tokens[at - 2], ':');
        let is_called =
            matches!(tokens.get(at + 1), Some(TokenTree::Group(next)) if next.delimiter() == Delimiter::Parenthesis);
        if names.contains(&name.to_string()) && !import && !is_defined && (is_called || is_path) {
            lines.push(name.span().start().line);
        }
    }
}

fn group(token: &TokenTree) -> Option<Vec<TokenTree>> {
    match token {
        TokenTree::Group(group) => Some(undocumented(group.stream())),
        _ => None,
    }
}

/// Whether the text of a function, with its attributes, pauses time.
fn is_paused(lines: &[&str]) -> bool {
    let text = lines.join("\n");
    let Ok(tokens) = text.parse::<proc_macro2::TokenStream>() else { return false };
    let tokens = undocumented(tokens);
    words(&tokens).iter().any(|(_, word)| matches!(word, Word::Ident(word) if word == PAUSED))
}

struct Function {
    name: String,
    lines: RangeInclusive<usize>,
}

/// The functions of a file, outer before inner.
struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, name: &syn::Ident, whole: &impl Spanned) {
        let span = whole.span();
        self.0.push(Function { name: name.to_string(), lines: span.start().line..=span.end().line });
    }
}

impl Visit<'_> for Functions {
    fn visit_item_fn(&mut self, item: &syn::ItemFn) {
        self.add(&item.sig.ident, item);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &syn::ImplItemFn) {
        self.add(&item.sig.ident, item);
        visit::visit_impl_item_fn(self, item);
    }
}

/// The sleeps that no exception explains, and the exceptions that explain none.
fn problems(sources: &Sources, is_test: impl Fn(&str) -> bool, exceptions: &[(&str, &str, &str)]) -> Vec<String> {
    let mut used = BTreeSet::new();
    let mut problems = Vec::new();
    for source in sources.values() {
        for sleep in sleeps(source, is_test(&source.path)) {
            let known = exceptions.iter().position(|(file, name, _)| source.path == *file && sleep.function == *name);
            match known {
                Some(exception) => drop(used.insert(exception)),
                None => problems.push(format!("{}:{} sleeps in {}", source.path, sleep.line, sleep.function)),
            }
        }
    }
    let idle = exceptions.iter().enumerate().filter(|(at, _)| !used.contains(at));
    problems.extend(idle.map(|(_, (file, name, _))| format!("{file}: {name} does not sleep: an exception too many")));
    problems
}

#[test]
fn tests_wait_for_conditions() {
    let sources = sources();
    let crates = crates(&sources);
    let production: BTreeSet<_> = crates.iter().flat_map(|tree| tree.files()).collect();
    let is_test = |path: &str| path.starts_with("crates/testkit/") || !production.contains(path);
    none(problems(&sources, is_test, &EXCEPTIONS));
}

#[test]
fn sleeps_are_found_in_all_test_code() {
    let count = |text: &str, all| sleeps(&Source::parse("a.rs", text), all).len();
    let unit =
        |text: &str| format!("fn p() {{ sleep(1) }}\n#[cfg(test)]\nmod tests {{\n{text}\n}}\nfn q() {{ sleep(1) }}");
    assert_eq!(count(&unit(""), false), 0);
    for (text, found) in [
        ("#[test]\nfn t() { std::thread::sleep(D); }", 1),
        ("async fn t() { tokio::time::sleep(D).await; }", 1),
        ("use tokio::time as t;\nasync fn t() { t::sleep_until(D).await; }", 1),
        ("use tokio::time::{sleep as nap};\nasync fn t() { nap(D).await; }", 1),
        ("async fn t() { select! { () = sleep(D) => {} } }", 1),
        ("async fn t() { ports.clock.sleep(D).await; }", 1),
        ("fn t() { once(D).map(tokio::time::sleep); }", 1),
        ("macro_rules! m { () => { std::thread::sleep(D) }; }", 1),
        ("#[tokio::test(start_paused = true)]\nasync fn t() { sleep(D).await; }", 0),
        ("use tokio::time::sleep;\nfn sleep(d: D) {}\nfn t() { \"sleep(1)\"; }", 0),
        ("fn t() { std::thread::park_timeout(D); }", 1),
        ("async fn t() { let pause = D; sleep(pause).await; }", 1),
        ("/// Not start_paused.\nasync fn t() { sleep(D).await; }", 1),
    ] {
        assert_eq!(count(&unit(text), false), found, "{text}");
        assert_eq!(count(text, true), found, "{text}");
    }
    let outside = "use tokio::time::sleep as nap;\n#[cfg(test)]\nmod tests {\nuse super::*;\nfn t() { nap(D); }\n}";
    assert_eq!(count(outside, false), 1);
}

#[test]
fn an_exception_holds_for_one_function_and_has_to_be_needed() {
    let text = "fn a() { sleep(D) }\nfn b() { sleep(D) }";
    let sources = Sources::from([("a.rs".to_owned(), Source::parse("a.rs", text))]);
    assert_eq!(problems(&sources, |_| true, &[]).len(), 2);
    assert_eq!(problems(&sources, |_| true, &[("a.rs", "a", "")]).len(), 1);
    assert_eq!(problems(&sources, |_| true, &[("a.rs", "a", ""), ("a.rs", "b", ""), ("a.rs", "c", "")]).len(), 1);
}
