//! `compose.yaml` held against what it talks about: configuration keys, secrets, health, limits, order of start.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use all_in_one::SERVICES as OURS;
use chassis::config::Layers;
use serde_yaml_ng::{Mapping, Value};
use tempfile::TempDir;
use topology::Topology;

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

/// Whether an image is named by digest or by a version that does not move.
fn exact(image: &str) -> bool {
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    image.contains("@sha256:") || name.split_once(':').is_some_and(|(_, tag)| tag.matches('.').count() >= 2)
}

/// `${NAME:-default}` replaced by its default, as when nothing is set.
fn unset(text: &str) -> String {
    let mut parts = text.split("${");
    let mut result = parts.next().unwrap().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').unwrap();
        let (_, default) = variable.split_once(":-").unwrap_or_else(|| panic!("{text}: {variable} has no default"));
        result += &format!("{default}{rest}");
    }
    result
}

/// What is mounted into a service from a folder of this repository: where it is here, and there.
fn mounts(service: &Value) -> Vec<(PathBuf, String)> {
    let volumes = service["volumes"].as_sequence().into_iter().flatten();
    let ours = volumes.filter_map(|volume| volume.as_str().unwrap().strip_prefix("./"));
    ours.map(|volume| {
        let (here, there) = volume.split_once(':').unwrap();
        (root().join(unset(here)), there.to_owned())
    })
    .collect()
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
        assert!(exact(image) || service["build"].is_mapping(), "{name}: {image} is no exact version");
        let inline = service["build"]["dockerfile_inline"].as_str().unwrap_or_default();
        for base in inline.lines().filter_map(|line| line.strip_prefix("FROM ")) {
            assert!(exact(base.split(' ').next().unwrap()), "{name}: {base} is no exact version");
        }
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
fn what_is_mounted_exists_and_stays_as_it_is() {
    let compose = compose();
    let volumes = names(&compose["volumes"]);
    for (name, service) in services(&compose) {
        let name = name.as_str().unwrap();
        for volume in service["volumes"].as_sequence().into_iter().flatten().map(|volume| volume.as_str().unwrap()) {
            let (from, to) = volume.split_once(':').unwrap();
            // Nothing of the machine but this repository, and that read-only: no socket of Docker, no root folder.
            assert!(from.starts_with("./") || volumes.contains(from), "{name}: {from} is no volume of ours");
            assert!(!from.starts_with("./") || to.ends_with(":ro"), "{name}: {volume} may be written to");
        }
        for (here, _) in mounts(service) {
            assert!(here.exists(), "{name}: there is no {}", here.display());
        }
        assert!(!service["privileged"].as_bool().unwrap_or_default() && service["pid"].is_null(), "{name}");
        // The pager shares the network of the one program that calls it, at an address of its own machine.
        let network = (name == "pager").then_some("service:alertmanager");
        assert_eq!(service["network_mode"].as_str(), network, "{name}");
        assert!(service["cap_add"].is_null(), "{name}");
    }
}

/// Paths a program is told to read, in its command and its environment, are in a mount of a file that exists.
#[test]
fn programs_read_files_that_are_mounted() {
    let compose = compose();
    let mut checked = 0;
    for (name, service) in services(&compose) {
        let name = name.as_str().unwrap();
        let mounts = mounts(service);
        let command = service["command"].as_sequence().into_iter().flatten().filter_map(Value::as_str);
        let variables = service["environment"].as_mapping().into_iter().flat_map(Mapping::values);
        for word in command.chain(variables.filter_map(Value::as_str)).map(unset) {
            let path = word.rsplit_once('=').map_or(word.as_str(), |(_, path)| path);
            let Some(path) = path.strip_prefix("/etc/").map(|rest| format!("/etc/{rest}")) else { continue };
            let found = mounts.iter().any(|(here, there)| {
                let rest = path.strip_prefix(there.trim_end_matches(":ro"));
                rest.is_some_and(|rest| {
                    here.join(rest.trim_start_matches('/')).exists() || here.is_file() && rest.is_empty()
                })
            });
            assert!(found, "{name}: {path} is not mounted");
            checked += 1;
        }
    }
    assert!(checked >= 6, "only {checked} files were looked for");
}

/// The ports of the README and of the design, and no other.
#[test]
fn each_port_is_where_people_look_for_it() {
    let compose = compose();
    let mut published = BTreeMap::new();
    for (name, service) in services(&compose) {
        for port in service["ports"].as_sequence().into_iter().flatten() {
            let port = port.as_str().unwrap().strip_prefix("127.0.0.1:").unwrap();
            let (outside, inside) = port.split_once(':').unwrap();
            assert_eq!(outside, inside, "{name:?}");
            let other = published.insert(outside.parse::<u16>().unwrap(), name.as_str().unwrap());
            assert_eq!(other, None, "{port} is published twice");
        }
    }
    let ours = Topology::ours().services().iter();
    let ours = ours
        .flat_map(|service| service.http.into_iter().chain([service.admin]).map(|port| (port, service.name.as_str())));
    let around = [
        (3000, "grafana"),
        (3100, "loki"),
        (4317, "collector"),
        (4318, "collector"),
        (9090, "prometheus"),
        (9093, "alertmanager"),
        (9099, "alertmanager"),
        (16686, "jaeger"),
        (24224, "collector"),
    ];
    assert_eq!(published, ours.chain(around).collect());
}

#[test]
fn the_services_send_traces_and_lines_to_the_collector_and_need_it_not() {
    let compose = compose();
    let all = services(&compose);
    let collector = &all["collector"];
    let watching: BTreeSet<String> =
        ["collector", "jaeger", "loki", "grafana", "prometheus", "alertmanager"].map(str::to_owned).into();
    for name in OURS {
        let endpoint = &all[name]["environment"][format!("SIGNALBOX_{}_TELEMETRY_OTLP_ENDPOINT", name.to_uppercase())];
        assert_eq!(endpoint.as_str(), Some("http://collector:4317"), "{name}");
        assert!(names(&all[name]["depends_on"]).is_disjoint(&watching), "{name} waits for what watches it");
    }
    for name in OURS.into_iter().chain(["postgres", "redis", "rabbitmq"]) {
        let logging = &all[name]["logging"];
        assert_eq!(logging["driver"].as_str(), Some("fluentd"), "{name}");
        let address = logging["options"]["fluentd-address"].as_str().unwrap();
        let port = address.strip_prefix("127.0.0.1:").unwrap();
        let published = format!("127.0.0.1:{port}:{port}");
        assert!(names(&collector["ports"]).contains(&published), "the collector does not publish {port}");
        // Without this a container would not start while the collector is away.
        assert_eq!(logging["options"]["fluentd-async"].as_str(), Some("true"), "{name}");
        assert_eq!(logging["options"]["labels"].as_str(), Some("com.docker.compose.service"), "{name}");
    }
    for name in &watching {
        assert_ne!(all[name.as_str()]["logging"]["driver"].as_str(), Some("fluentd"), "{name} feeds itself");
    }
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
