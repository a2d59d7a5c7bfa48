//! Which packages may know which: services know libraries, libraries know no service, and no service knows another.

use std::collections::BTreeMap;

use crate::house::{Package, none, packages, services};

/// The two that see several services: the host and the test kit.
const SEE_ALL: [&str; 2] = ["all-in-one", "testkit"];

/// What libraries may know of ours at most. Those that are not named may know every library.
const AT_MOST: [(&str, &[&str]); 9] = [
    ("backends", &[]),
    ("chassis", &["telemetry"]),
    ("contracts", &[]),
    ("loadtests", &[]),
    ("messaging", &["chassis", "stores", "telemetry"]),
    ("stores", &["chassis", "telemetry"]),
    ("telemetry", &[]),
    ("topology", &[]),
    ("upstream", &["chassis", "contracts", "telemetry"]),
];

/// Libraries for tests alone.
const FOR_TESTS: [&str; 2] = ["backends", "testkit"];

/// Who knows whom and must not.
fn problems(packages: &[Package]) -> Vec<String> {
    let by_name: BTreeMap<_, _> = packages.iter().map(|package| (package.name.as_str(), package)).collect();
    let mut problems: Vec<_> = AT_MOST
        .iter()
        .filter(|(name, _)| !by_name.contains_key(name))
        .map(|(name, _)| format!("there is no {name}"))
        .collect();
    for package in packages.iter().filter(|package| !SEE_ALL.contains(&package.name.as_str())) {
        let most = AT_MOST.iter().find(|(name, _)| *name == package.name).map(|(_, most)| *most);
        let known = package.knows.iter().map(|name| (name.as_str(), false));
        for (name, in_tests) in known.chain(package.tests_know.iter().map(|name| (name.as_str(), true))) {
            let service = by_name[name].is_service();
            let for_tests = !in_tests && FOR_TESTS.contains(&name) || name == "testkit";
            let too_much = !in_tests && most.is_some_and(|most| !most.contains(&name));
            if service || for_tests || too_much {
                problems.push(format!("{} must not know {name}", package.name));
            }
        }
    }
    problems
}

/// How many packages stand below each one in the longest line.
pub(crate) fn floors(packages: &[Package]) -> BTreeMap<&str, usize> {
    let mut floors = BTreeMap::new();
    while floors.len() < packages.len() {
        let before = floors.len();
        for package in packages
            .iter()
            .filter(|package| package.knows.iter().all(|name| floors.contains_key(name.as_str())))
            .collect::<Vec<_>>()
        {
            let floor = package.knows.iter().map(|name| floors[name.as_str()] + 1).max().unwrap_or(0);
            floors.insert(package.name.as_str(), floor);
        }
        assert!(floors.len() > before, "packages know each other in a circle");
    }
    floors
}

#[test]
fn services_know_libraries_and_libraries_no_service() {
    none(problems(&packages()));
}

#[test]
fn every_listed_service_is_a_package() {
    let packages = packages();
    for service in services().1 {
        let known = packages.iter().any(|package| package.name == service && package.is_service());
        assert!(known, "services.yaml lists {service}, which has no package in services/");
    }
}

/// Packages by folder, what they know, and what their tests do.
pub(crate) fn made(all: &[(&str, &[&str], &[&str])]) -> Vec<Package> {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let package = |(folder, knows, tests_know): &(&str, &[&str], &[&str])| Package {
        name: folder.rsplit('/').next().unwrap_or(folder).to_owned(),
        folder: (*folder).to_owned(),
        purpose: String::new(),
        knows: texts(knows),
        tests_know: texts(tests_know),
    };
    all.iter().map(package).collect()
}

#[test]
fn a_package_that_knows_too_much_is_found() {
    let with = |folder: &'static str, knows: &[&str], tests_know: &[&str]| {
        let good: [(&str, &[&str], &[&str]); 13] = [
            ("crates/backends", &[], &[]),
            ("crates/contracts", &[], &[]),
            ("crates/telemetry", &[], &[]),
            ("crates/topology", &[], &[]),
            ("crates/chassis", &["telemetry"], &["backends"]),
            ("crates/stores", &["chassis"], &["backends"]),
            ("crates/upstream", &["chassis", "contracts"], &[]),
            ("crates/messaging", &["chassis", "stores"], &["backends"]),
            ("services/auth", &["chassis", "contracts"], &["backends"]),
            ("services/user", &["chassis", "contracts"], &["backends"]),
            ("services/all-in-one", &["auth", "user"], &[]),
            ("crates/testkit", &["all-in-one"], &["contracts"]),
            ("loadtests", &[], &[]),
        ];
        let changed = good.map(|entry| if entry.0 == folder { (folder, knows, tests_know) } else { entry });
        problems(&made(&changed))
    };
    assert_eq!(with("", &[], &[]), [""; 0]);
    assert_eq!(with("crates/chassis", &["contracts"], &[]), ["chassis must not know contracts"]);
    assert_eq!(with("crates/stores", &["contracts"], &[]), ["stores must not know contracts"]);
    assert_eq!(with("crates/contracts", &["telemetry"], &[]), ["contracts must not know telemetry"]);
    assert_eq!(with("services/auth", &["user"], &[]), ["auth must not know user"]);
    assert_eq!(with("services/auth", &[], &["user"]), ["auth must not know user"]);
    assert_eq!(with("services/auth", &["backends"], &[]), ["auth must not know backends"]);
    assert_eq!(with("crates/chassis", &[], &["testkit"]), ["chassis must not know testkit"]);
    assert_eq!(with("loadtests", &["auth"], &[]).len(), 1);
}
