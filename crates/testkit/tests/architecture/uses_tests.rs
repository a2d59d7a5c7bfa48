//! Who uses whom, in small crates that stand in memory.

use std::collections::BTreeSet;

use crate::circles::{circles, report};
use crate::source::Source;
use crate::tree::{Crate, Sources};
use crate::uses::{edges, unknown};

fn sources(files: &[(&str, &str)]) -> Sources {
    files.iter().map(|(path, text)| (format!("a/{path}"), Source::parse(&format!("a/{path}"), text))).collect()
}

/// Each edge as `from > to: names`, without the folder and `.rs`.
fn uses(files: &[(&str, &str)]) -> Vec<String> {
    let sources = sources(files);
    let edges = edges(&Crate::read("my-crate", "a", &sources));
    let short = |path: &str| path.trim_start_matches("a/src/").trim_end_matches(".rs").to_owned();
    let edge = edges.iter().map(|((from, to), names)| {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        format!("{} > {}: {}", short(from), short(to), names.join(" "))
    });
    edge.collect()
}

const CHILD: (&str, &str) = ("src/b.rs", "pub struct B; pub enum E { X } pub fn f() {} pub trait T {}");

/// What a root with this text, and `mod b`, uses of it.
fn root(text: &str) -> Vec<String> {
    uses(&[("src/lib.rs", &format!("mod b;\n{text}")), CHILD])
}

#[test]
fn a_parent_imports_its_child_only_when_it_uses_it() {
    assert_eq!(root(""), [""; 0]);
    assert_eq!(root("pub use b::B; pub(crate) use self::b::{E, T as U}; pub use b::*;"), [""; 0]);
    assert_eq!(root("pub use b; use crate::b as c;"), [""; 0]);
    assert_eq!(root("use b::B;"), ["lib > b: B"]);
    assert_eq!(root("pub use b::B; fn g(b: &B) {}"), ["lib > b: B"]);
    assert_eq!(root("pub use b::*; impl T for u8 {}"), ["lib > b: T"]);
    assert_eq!(root("fn g() { b::f(); let _ = b::E::X; }"), ["lib > b: E f"]);
    assert_eq!(root("use b as c; fn g() { c::f() }"), ["lib > b: f"]);
    assert_eq!(root("mod c { pub use super::b::B; fn g(b: B) {} }"), ["lib > b: B"]);
    assert_eq!(root("pub use b::f; fn g(f: u8) -> u8 { f }"), [""; 0]);
    assert_eq!(root("pub use b::f; fn g(f: u8) { f() }"), ["lib > b: f"]);
}

#[test]
fn paths_are_found_wherever_they_stand() {
    for text in [
        "fn g() { use b::B; }",
        "fn g<A: Into<b::B>>() {}",
        "fn g(a: u8) { match a { b::B => {} } }",
        "fn g() { println!(\"{}\", b::B); }",
        "pub use b::B; fn g() { vec![B] }",
        "fn g() { select! { x = y => if true { crate::b::B } } }",
        "macro_rules! m { () => { $crate::b::B }; }",
        "#[openapi(components(schemas(b::B)))] struct A;",
        "struct A { #[serde(with = \"b::B\")] a: u8 }",
        "mod c { use super::b::B; }",
        "mod c { mod d { use super::super::b::B; } }",
        "fn g<A: b::B>(a: <A as Other>::C) {}",
    ] {
        assert_eq!(root(text), ["lib > b: B"], "{text}");
    }
    for text in ["fn g() { x.b::<u8>(); m!(x.B, 'B, $B); }", "// b::B\n/// b::B\nfn g() { \"b::B\"; ::b::B; }"] {
        assert_eq!(root(text), [""; 0], "{text}");
    }
}

#[test]
fn what_is_under_test_does_not_count() {
    assert_eq!(root("#[cfg(test)] use b::B; #[cfg(test)] mod tests { use super::b::f; }"), [""; 0]);
    assert_eq!(root("#[cfg(any(test, feature = \"x\"))] impl b::T for u8 {} #[test] fn g() { b::f() }"), [""; 0]);
    assert_eq!(root("impl A { #[cfg(test)] fn g() { b::f() } }"), [""; 0]);
    assert_eq!(root("fn g() { #[cfg(test)] b::f(); #[cfg(test)] let x = b::f(); }"), [""; 0]);
    assert_eq!(root("#[cfg(not(test))] use b::B;"), ["lib > b: B"]);
    assert_eq!(root("#[cfg(test)] mod tests {}\nuse b::B;"), ["lib > b: B"]);
    let files = [
        ("src/lib.rs", "#[cfg(test)] #[path = \"b_tests.rs\"] mod tests; fn f() {}"),
        ("src/b_tests.rs", "use super::f;"),
    ];
    assert_eq!(uses(&files), [""; 0]);
    let sources = sources(&files);
    assert_eq!(Crate::read("a", "a", &sources).files().len(), 1);
}

#[test]
fn names_lead_to_the_file_that_defines_them() {
    let tree = |leaf: &str| {
        uses(&[
            ("src/lib.rs", "mod b; mod c; pub use b::*; pub struct Root;"),
            ("src/b.rs", "mod d; pub use d::{D as Renamed, *}; pub use self::d::D;"),
            ("src/b/d.rs", "pub struct D; pub enum E { X }"),
            ("src/c.rs", leaf),
        ])
    };
    assert_eq!(tree("use crate::D;"), ["c > b/d: D"]);
    assert_eq!(tree("use crate::b::Renamed;"), ["c > b/d: D"]);
    assert_eq!(tree("use super::*; fn f(d: D, r: Root) {}"), ["c > b/d: D", "c > lib: Root"]);
    assert_eq!(tree("use crate::E::X; fn f() { X }"), ["c > b/d: E"]);
    assert_eq!(tree("use crate::E; use E::*;"), ["c > b/d: E"]);
    assert_eq!(
        tree("use crate::{self as top, b::{self}}; fn f() { top::Root; b::D }"),
        ["c > b/d: D", "c > lib: Root"]
    );
    assert_eq!(tree("pub use super::D;"), ["c > b/d: D"]);
    assert_eq!(tree("use d::D; use other::Root;"), [""; 0]);
    assert_eq!(tree("struct D; fn f(d: D) {}"), [""; 0]);
}

#[test]
fn a_path_that_leads_nowhere_is_told() {
    let sources = sources(&[
        ("src/lib.rs", "mod b; use b::B; fn f(a: other::B) { b::Lost; crate::b::f(); crate::b::gone() }"),
        CHILD,
    ]);
    assert_eq!(
        unknown(&Crate::read("a", "a", &sources)),
        BTreeSet::from(["b::Lost", "crate::b::gone"].map(|path| format!("a/src/lib.rs: {path}")))
    );
}

#[test]
fn macros_and_what_they_make_are_found() {
    let with = |leaf: &str| {
        let files = [
            ("src/lib.rs", "#[macro_use] mod b; mod c;"),
            (
                "src/b.rs",
                "#[macro_export] macro_rules! on { () => { $crate::b::B } } macro_rules! key { () => {} }\npin_project! { pub struct B { a: u8 } } pub(crate) use key;",
            ),
            ("src/c.rs", leaf),
        ];
        uses(&files)
    };
    assert_eq!(with("fn f() { crate::on!(); }"), ["c > b: on"]);
    assert_eq!(with("fn f() { on!(); }"), ["c > b: on"]);
    assert_eq!(with("use crate::b::key;"), ["c > b: key"]);
    assert_eq!(with("fn f() { format!(\"{}\", crate::b::key!()) }"), ["c > b: key"]);
    assert_eq!(with("use crate::b::B;"), ["c > b: B"]);
    let textual =
        [("src/lib.rs", "macro_rules! m { () => {} } mod c;"), ("src/c.rs", "mod d;"), ("src/c/d.rs", "m!();")];
    assert_eq!(uses(&textual), ["c/d > lib: m"]);
}

#[test]
fn programs_are_roots_of_their_own() {
    let files = [
        ("src/lib.rs", "pub mod b;"),
        CHILD,
        ("src/main.rs", "mod own; use my_crate::b::B; fn main() { crate::own::f() }"),
        ("src/own.rs", "use super::main; pub fn f() {}"),
        ("src/bin/tool/main.rs", "mod part; use part::P;"),
        ("src/bin/tool/part.rs", "pub struct P; use crate::P as Q;"),
        ("tests/t.rs", "use my_crate::b::B;"),
    ];
    let expected = ["bin/tool/main > bin/tool/part: P", "main > b: B", "main > own: f", "own > main: main"];
    assert_eq!(uses(&files), expected);
}

#[test]
fn circles_are_told_with_what_ties_them() {
    let files = [
        ("src/lib.rs", "mod a; mod b; mod c; mod d;"),
        ("src/a.rs", "use crate::b::B; pub struct A;"),
        ("src/b.rs", "use crate::c::C; use crate::d::D; pub struct B;"),
        ("src/c.rs", "pub struct C; fn f() -> crate::a::A {}"),
        ("src/d.rs", "pub struct D; mod e; pub use e::E;"),
        ("src/d/e.rs", "pub struct E;"),
    ];
    let sources = sources(&files);
    let edges = edges(&Crate::read("a", "a", &sources));
    assert_eq!(circles(&edges).iter().map(BTreeSet::len).collect::<Vec<_>>(), [3]);
    let expected = "a: a circle of 3 files\n    a/src/a.rs -> a/src/b.rs: B\n    a/src/b.rs -> a/src/c.rs: C\n    a/src/c.rs -> a/src/a.rs: A";
    assert_eq!(report("a", &edges), [expected]);
    let pair = [("src/lib.rs", "mod b; use b::f; pub struct A;"), ("src/b.rs", "use super::A; pub fn f() {}")];
    assert_eq!(uses(&pair), ["b > lib: A", "lib > b: f"]);
}
