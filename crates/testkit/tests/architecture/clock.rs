//! Messaging and the calls of other services take time, sleep and randomness from `chassis::ports`, so that a test can run
//! them on a clock and a seed of its own.

use std::collections::BTreeSet;

use syn::Item;

use crate::house::{crates, none, sources};
use crate::scan::{Word, tokens, words};
use crate::source::Source;
use crate::tree::imports;

/// Who is held to it.
const CRATES: [&str; 2] = ["crates/messaging/src/", "crates/upstream/src/"];

/// Two names in a row that ask the machine.
const ASKING: [[&str; 2]; 8] = [
    ["Instant", "now"],
    ["SystemTime", "now"],
    ["Utc", "now"],
    ["Local", "now"],
    ["thread", "sleep"],
    ["Uuid", "now_v7"],
    ["Uuid", "new_v4"],
    ["rand", "rng"],
];

/// What may be taken from `tokio::time`: a type that holds a time and does not ask for one.
const FROM_TOKIO: [&str; 1] = ["Instant"];

fn problems(source: &Source) -> Vec<String> {
    let words = words(&tokens(&source.text)).into_iter();
    let names: Vec<_> = words
        .filter_map(|(line, word)| match word {
            Word::Ident(name) if !source.is_test_line(line) => Some((line, name)),
            _ => None,
        })
        .collect();
    let asking = names.windows(2).filter(|pair| ASKING.contains(&[pair[0].1.as_str(), pair[1].1.as_str()]));
    let mut problems: Vec<_> =
        asking.map(|pair| format!("{}:{} asks {}::{}", source.path, pair[0].0, pair[0].1, pair[1].1)).collect();
    let tokio = names.windows(3).filter(|three| three[0].1 == "tokio" && three[1].1 == "time");
    let tokio = tokio.filter(|three| !FROM_TOKIO.contains(&three[2].1.as_str()));
    problems.extend(tokio.map(|three| format!("{}:{} uses tokio::time::{}", source.path, three[0].0, three[2].1)));
    for item in &source.production.items {
        let Item::Use(item) = item else { continue };
        let taken = imports(item).into_iter().filter(|import| {
            let path: Vec<_> = import.path.iter().map(String::as_str).collect();
            match path[..] {
                ["rand", ..] => true,
                ["tokio", "time", ref rest @ ..] => rest.first().is_none_or(|name| !FROM_TOKIO.contains(name)),
                _ => false,
            }
        });
        problems.extend(taken.map(|import| format!("{} takes {}", source.path, import.path.join("::"))));
    }
    problems
}

#[test]
fn messaging_and_upstream_take_time_and_randomness_from_ports() {
    let sources = sources();
    let crates = crates(&sources);
    let production: BTreeSet<_> = crates.iter().flat_map(|tree| tree.files()).collect();
    let held = |path: &str| production.contains(path) && CRATES.iter().any(|folder| path.starts_with(folder));
    let held: Vec<_> = sources.values().filter(|source| held(&source.path)).collect();
    assert!(held.len() > 30, "only {} files found", held.len());
    none(held.into_iter().flat_map(problems).collect());
}

#[test]
fn whoever_asks_the_machine_is_found() {
    let count = |text: &str| problems(&Source::parse("a.rs", text)).len();
    for text in [
        "fn f() { let now = Instant::now(); }",
        "fn f() { let at = chrono::Utc::now(); }",
        "async fn f() { tokio::time::sleep(D).await; }",
        "use tokio::time::{Instant, timeout};",
        "use tokio::time as clock;",
        "use rand::RngExt;",
        "#[cfg(test)]\nmod tests {}\nfn f() { std::thread::sleep(D) }",
        "fn f() -> Uuid { Uuid::now_v7() }",
    ] {
        assert!(count(text) > 0, "{text}");
    }
    for text in [
        "use tokio::time::Instant;\nfn f(clock: &dyn Clock) -> Instant { clock.now() }",
        "#[cfg(test)]\nmod tests { use tokio::time::sleep;\nfn f() { Instant::now(); } }",
        "async fn f(ports: &Ports) { ports.clock.sleep(D).await; }",
    ] {
        assert_eq!(count(text), 0, "{text}");
    }
}
