//! The table and the drawing of the packages in `docs/architecture.md`: `make architecture` writes them again.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use crate::circles::{circles, report};
use crate::graph::{floors, made};
use crate::house::{Package, crates, none, packages, root, sources};
use crate::tree::{Crate, Sources};
use crate::uses::{edges, unknown};

const BEGIN: &str = "<!-- crates: written by `make architecture` -->\n";
const END: &str = "\n<!-- end of crates -->";

/// Columns of a row that are no figures.
const FACTS: usize = 4;

/// By how much a figure may be off before it has to be written again: the larger of a number and a share.
const TOLERANCE: (usize, usize) = (200, 4);

/// The figures of a package; lines are rounded, so that a small change leaves the page as it is.
fn figures(package: &Package, tree: &Crate<'_>, sources: &Sources) -> [usize; 5] {
    let files = tree.files();
    let production: Vec<_> = files.iter().map(|path| sources[*path].production_lines()).collect();
    let inside = sources.values().filter(|source| source.path.starts_with(&format!("{}/", package.folder)));
    let all: usize = inside.map(|source| source.text.lines().count()).sum();
    let lines: usize = production.iter().sum();
    let round = |lines: usize, to: usize| (lines + to / 2) / to * to;
    let longest = production.iter().max().copied().unwrap_or(0);
    let circles = circles(&edges(tree)).len();
    [round(lines, 100), round(all - lines, 100), files.len(), round(longest, 10), circles]
}

/// The table, from the ground up, and the drawing.
fn section(packages: &[Package], figures: &[[usize; 5]]) -> String {
    let floors = floors(packages);
    let mut rows: Vec<_> = packages.iter().zip(figures).collect();
    rows.sort_by_key(|(package, _)| (floors[package.name.as_str()], package.name.as_str()));
    let mut text = String::from(
        "| Crate | Purpose | Of ours it knows | Its tests also | Production lines | Test lines | Files | Longest | Circles |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (package, figures) in &rows {
        let list = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let figures = figures.map(|figure| figure.to_string()).join(" | ");
        let (knows, tests_know) = (list(&package.knows), list(&package.tests_know));
        writeln!(text, "| `{}` | {} | {knows} | {tests_know} | {figures} |", package.folder, package.purpose)
            .expect("into a String");
    }
    text + "\n" + &drawing(packages)
}

/// Who stands above whom. What is known through another one has no arrow of its own.
fn drawing(packages: &[Package]) -> String {
    let floors = floors(packages);
    let id = |name: &str| name.replace('-', "_");
    let mut text = String::from("```mermaid\nflowchart TD\n");
    for floor in (0..=floors.values().max().copied().unwrap_or(0)).rev() {
        writeln!(text, "    subgraph floor{floor} [\"floor {floor}\"]").expect("into a String");
        for (name, _) in floors.iter().filter(|(_, of)| **of == floor) {
            writeln!(text, "        {}[\"{name}\"]", id(name)).expect("into a String");
        }
        text += "    end\n";
    }
    for package in packages {
        let knows = |name: &String| packages.iter().find(|package| package.name == *name).map(|found| &found.knows);
        let through = |name: &&String| {
            let mut open: Vec<_> = package.knows.iter().filter(|other| other != name).collect();
            while let Some(next) = open.pop() {
                if next == *name {
                    return true;
                }
                open.extend(knows(next).into_iter().flatten());
            }
            false
        };
        for name in package.knows.iter().filter(|name| !through(name)) {
            writeln!(text, "    {} --> {}", id(&package.name), id(name)).expect("into a String");
        }
    }
    text + "```"
}

/// What differs between what is written and what is, other than figures that are near enough.
fn stale(written: &str, current: &str) -> Vec<String> {
    let is_near = |written: &str, current: &str| match (written.parse::<usize>(), current.parse::<usize>()) {
        (Ok(written), Ok(current)) => written.abs_diff(current) <= TOLERANCE.0.max(current / TOLERANCE.1),
        _ => written == current,
    };
    let same = |written: &str, current: &str| {
        let (old, new): (Vec<_>, Vec<_>) = (written.split(" | ").collect(), current.split(" | ").collect());
        let facts = old.iter().zip(&new).take(FACTS).all(|(old, new)| old == new);
        let figures = old.iter().zip(&new).skip(FACTS).all(|(old, new)| is_near(old, new));
        old.len() == new.len() && facts && figures
    };
    let missing = |here: &str, there: &str, sign: char| -> Vec<String> {
        let lines = here.lines().filter(|line| !there.lines().any(|other| same(line, other)));
        lines.map(|line| format!("{sign} {line}")).collect()
    };
    [missing(written, current, '-'), missing(current, written, '+')].concat()
}

#[test]
fn every_path_into_a_crate_leads_to_a_file() {
    let sources = sources();
    none(crates(&sources).iter().flat_map(unknown).collect());
}

#[test]
fn no_file_uses_another_in_a_circle() {
    let sources = sources();
    none(crates(&sources).iter().flat_map(|tree| report(&tree.name, &edges(tree))).collect());
}

#[test]
fn the_page_shows_the_house_as_it_is() {
    let path = root().join("docs/architecture.md");
    let page = fs::read_to_string(&path).expect("docs/architecture.md");
    let (head, rest) = page.split_once(BEGIN).expect("the beginning of the table");
    let (written, tail) = rest.split_once(END).expect("the end of the table");
    let (sources, packages) = (sources(), packages());
    let crates = crates(&sources);
    let figures: Vec<_> =
        packages.iter().zip(&crates).map(|(package, tree)| figures(package, tree, &sources)).collect();
    let current = section(&packages, &figures);
    if std::env::vars_os().any(|(name, _)| name == "UPDATE_ARCHITECTURE") {
        fs::write(&path, format!("{head}{BEGIN}{current}{END}{tail}")).expect("docs/architecture.md can be written");
        return;
    }
    let stale = stale(written, &current);
    assert!(stale.is_empty(), "run `make architecture` and commit docs/architecture.md:\n{}", stale.join("\n"));
}

#[test]
fn a_page_is_stale_when_a_fact_changed_or_a_figure_is_far_off() {
    let house = |user: &[&str]| made(&[("crates/base", &[], &[]), ("services/a", &["base"], &[]), ("b", user, &[])]);
    let page = |user: &[&str], lines: usize| section(&house(user), &[[lines, 0, 1, 10, 0]; 3]);
    let before = page(&["a", "base"], 1000);
    assert!(before.contains("    b --> a\n") && !before.contains("b --> base"), "{before}");
    assert!(before.contains("floor2 [\"floor 2\"]\n        b[\"b\"]"), "{before}");
    assert_eq!(stale(&before, &before), [""; 0]);
    assert_eq!(stale(&before, &page(&["a", "base"], 1200)), [""; 0]);
    assert_eq!(stale(&before, &page(&["a", "base"], 1400)).len(), 6);
    assert!(!stale(&before, &page(&["a"], 1000)).is_empty());
    assert!(!stale(&before, &page(&["base"], 1000)).is_empty());
    assert!(!stale("", &before).is_empty());
}
