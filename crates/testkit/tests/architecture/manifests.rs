//! Versions, lints and profiles stand in the root manifest only.

use toml::{Table, Value};

use crate::house::{files, none};

const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

/// What of a member's manifest belongs into the root.
fn problems(path: &str, manifest: &Table) -> Vec<String> {
    let inherits =
        |value: Option<&Value>| value.and_then(|value| value.get("workspace")) == Some(&Value::Boolean(true));
    let mut problems = Vec::new();
    if !inherits(manifest.get("lints")) {
        problems.push(format!("{path} does not inherit the lints"));
    }
    let package = manifest.get("package");
    let own = INHERITED.iter().filter(|key| !inherits(package.and_then(|package| package.get(key))));
    problems.extend(own.map(|key| format!("{path} does not inherit package.{key}")));
    let top = ["profile", "patch", "replace", "workspace"].into_iter().filter(|key| manifest.contains_key(*key));
    problems.extend(top.map(|key| format!("{path} has {key}")));
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    for owner in targets.filter_map(Value::as_table).chain([manifest]) {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let entries = owner.get(section).and_then(Value::as_table).into_iter().flatten();
            let own = entries.filter(|(_, value)| {
                !inherits(Some(value)) || ["version", "path", "git"].iter().any(|key| value.get(key).is_some())
            });
            problems.extend(own.map(|(name, _)| format!("{path} has a version of {name}")));
        }
    }
    problems
}

#[test]
fn lints_are_inherited_and_versions_stand_in_one_place() {
    let manifests = files("Cargo.toml").into_iter();
    none(manifests.flat_map(|(path, text)| problems(&path, &text.parse().expect("TOML"))).collect());
}

#[test]
fn what_a_member_says_itself_is_found() {
    let inherited: String = INHERITED.iter().map(|key| format!("{key}.workspace = true\n")).collect();
    let good = format!("[package]\n{inherited}[lints]\nworkspace = true\n[dependencies]\na.workspace = true\n");
    let count = |text: &str| problems("a", &text.parse().expect("TOML")).len();
    assert_eq!(count(&good), 0);
    assert_eq!(count(&good.replace("workspace = true\n[dep", "unsafe_code = \"allow\"\n[dep")), 1);
    assert_eq!(count(&good.replace("edition.workspace = true", "edition = \"2021\"")), 1);
    assert_eq!(count(&good.replace("a.workspace = true", "a = \"1\"")), 1);
    assert_eq!(count(&good.replace("a.workspace = true", "a = { path = \"../a\" }")), 1);
    assert_eq!(count(&format!("{good}[dependencies.b]\nversion = \"1\"")), 1);
    assert_eq!(
        count(&format!("{good}[target.'cfg(unix)'.dev-dependencies]\nb = \"1\"\n[profile.dev]\ndebug = true")),
        2
    );
}
