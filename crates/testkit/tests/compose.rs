//! `compose.yaml` held against what it talks about: configuration keys, secrets, health, limits, order of start.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use chassis::config::Layers;
use serde_yaml_ng::{Mapping, Value};
use tempfile::TempDir;

const OURS: [&str; 5] = ["auth", "gateway", "notification", "product", "user"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn compose() -> Value {
    let text = std::fs::read_to_string(root().join("compose.yaml")).unwrap();
    let mut value: Value = serde_yaml_ng::from_str(&text).unwrap();
    // Twice: what is merged merges something itself.
    value.apply_merge().unwrap();
    value.apply_merge().unwrap();
    value
}

fn services(compose: &Value) -> &Mapping {
    compose["services"].as_mapping().unwrap()
}

/// A service's own name or that of the service whose schema it migrates.
fn owner(name: &str) -> &str {
    name.strip_prefix("migrate-").unwrap_or(name)
}

fn secrets() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(Command::new(root().join("scripts/secrets")).arg(folder.path()).output().unwrap().status.success());
    folder
}

fn names(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Sequence(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        Value::Mapping(items) => items.keys().map(|key| key.as_str().unwrap().to_owned()).collect(),
        _ => BTreeSet::new(),
    }
}

fn defaults(service: &str) -> String {
    std::fs::read_to_string(root().join(format!("services/{service}/config.toml"))).unwrap()
}

#[test]
fn nothing_is_open_unbounded_or_floating() {
    let compose = compose();
    for (name, service) in services(&compose) {
        let name = name.as_str().unwrap();
        for port in service["ports"].as_sequence().into_iter().flatten() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: {port:?}");
        }
        let limits = &service["deploy"]["resources"]["limits"];
        assert!(limits["cpus"].is_string() && limits["memory"].is_string(), "{name} has no limits");
        let image = service["image"].as_str().unwrap();
        let pinned =
            image.contains("@sha256:") || image.split_once(':').is_some_and(|(_, tag)| tag.matches('.').count() >= 2);
        assert!(pinned || service["build"].is_mapping(), "{name}: {image} is no exact version");
        assert!(names(&service["security_opt"]).contains("no-new-privileges:true"), "{name}");
        if OURS.contains(&owner(name)) {
            assert!(service["read_only"].as_bool().unwrap() && names(&service["cap_drop"]).contains("ALL"), "{name}");
            assert_eq!(service["build"]["args"]["SERVICE"].as_str().unwrap(), owner(name));
        }
        for variable in service["environment"].as_mapping().into_iter().flat_map(Mapping::keys) {
            let variable = variable.as_str().unwrap();
            assert!(!variable.contains("PASSWORD") || variable.ends_with("_FILE"), "{name}: {variable} is no secret");
        }
    }
}

#[test]
fn everything_waits_for_the_health_of_what_it_needs() {
    let compose = compose();
    let all = services(&compose);
    for (name, service) in all {
        let name = name.as_str().unwrap();
        let job = name.starts_with("migrate-");
        assert_eq!(service["healthcheck"].is_mapping(), !job, "{name}: services have health, jobs end");
        for (target, how) in service["depends_on"].as_mapping().into_iter().flatten() {
            let target = target.as_str().unwrap();
            assert!(all.contains_key(target), "{name} waits for {target}, which does not exist");
            let ended = target.starts_with("migrate-");
            let expected = if ended { "service_completed_successfully" } else { "service_healthy" };
            assert_eq!(how["condition"].as_str().unwrap(), expected, "{name} waits for {target}");
        }
        let needed = names(&service["depends_on"]);
        let stored = all.contains_key(format!("migrate-{name}").as_str());
        assert!(!stored || needed.contains(&format!("migrate-{name}")), "{name} does not wait for its migrations");
        for variable in names(&service["environment"]).iter().filter(|variable| variable.ends_with("_URL")) {
            let callee = variable.rsplit('_').nth(1).unwrap().to_lowercase();
            assert!(needed.contains(&callee), "{name} does not wait for {callee}");
        }
    }
}

#[test]
fn variables_and_secrets_are_keys_of_the_services() {
    let (compose, made) = (compose(), secrets());
    let declared = compose["secrets"].as_mapping().unwrap();
    let mut used = BTreeSet::new();
    for (name, service) in services(&compose) {
        let name = name.as_str().unwrap();
        used.extend(names(&service["secrets"]));
        if !OURS.contains(&owner(name)) {
            continue;
        }
        let variables = service["environment"].as_mapping().unwrap();
        let variables: Vec<_> = variables
            .iter()
            .map(|(key, value)| (key.as_str().unwrap().to_owned(), value.as_str().unwrap().to_owned()))
            .collect();
        let layers = Layers::new(owner(name), &defaults(owner(name))).unwrap();
        let variable = layers.file_variable();
        let (_, file) = variables.iter().find(|(key, _)| *key == variable).unwrap();
        let secret = file.strip_prefix("/run/secrets/").unwrap();
        assert!(names(&service["secrets"]).contains(secret), "{name} is not given {secret}");
        let layers = layers.file(&made.path().join(format!("{secret}.toml"))).unwrap();
        layers.env(variables).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for (name, secret) in declared {
        let file = secret["file"].as_str().unwrap().strip_prefix(".secrets/").unwrap();
        assert!(made.path().join(file).is_file(), "scripts/secrets does not make {file}");
        assert!(used.contains(name.as_str().unwrap()), "{name:?} is not used");
    }
    let undeclared: Vec<_> = used.iter().filter(|name| !declared.contains_key(name.as_str())).collect();
    assert!(undeclared.is_empty(), "{undeclared:?}");
}

#[test]
fn the_image_is_built_with_the_pinned_toolchain() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let toolchain: toml::Table = read("rust-toolchain.toml").parse().unwrap();
    let channel = toolchain["toolchain"]["channel"].as_str().unwrap();
    let dockerfile = read("deploy/Dockerfile");
    assert!(dockerfile.contains(&format!("FROM rust:{channel}")), "the Dockerfile does not use Rust {channel}");
    for service in OURS {
        assert!(dockerfile.contains(&format!("-p {service}")), "{service} is not built");
    }
}
