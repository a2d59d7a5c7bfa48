//! A service made of the template, in a copy of the files that this needs: what is written, that no placeholder is left,
//! and that nothing is written for a name that cannot be used.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use topology::{FILE, Output, Topology, drift, new_service, outputs, write};

/// What `new` and `generate` read and write, besides the folders of the services.
const FILES: [&str; 10] = [
    FILE,
    "Cargo.toml",
    "compose.yaml",
    "crates/contracts/tests/idempotency.rs",
    "deploy/Dockerfile",
    "deploy/rabbitmq/rights",
    "docs/architecture.md",
    "docs/configuration.md",
    "services/all-in-one/Cargo.toml",
    "services/all-in-one/src/stack.rs",
];

/// What a service begins with, in its folder.
const INSIDE: [&str; 17] = [
    "Cargo.toml",
    "config.toml",
    "migrations/postgres/0001_scratch_pads.sql",
    "migrations/sqlite/0001_scratch_pads.sql",
    "src/adapters.rs",
    "src/adapters/sql.rs",
    "src/api.rs",
    "src/config.rs",
    "src/domain.rs",
    "src/domain/error.rs",
    "src/domain/scratch_pad.rs",
    "src/domain/use_cases.rs",
    "src/lib.rs",
    "src/main.rs",
    "src/ports.rs",
    "tests/api.rs",
    "tests/store.rs",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn copy_file(path: &str, to: &Path) {
    let target = to.join(path);
    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
    std::fs::copy(root().join(path), target).unwrap_or_else(|error| panic!("{path}: {error}"));
}

fn copy_folder(path: &str, to: &Path) {
    for entry in std::fs::read_dir(root().join(path)).unwrap() {
        let entry = entry.unwrap();
        let inside = format!("{path}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() { copy_folder(&inside, to) } else { copy_file(&inside, to) }
    }
}

fn copy() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    FILES.iter().for_each(|path| copy_file(path, folder.path()));
    copy_folder("crates/topology/template", folder.path());
    for service in Topology::ours().services() {
        copy_file(&format!("services/{}/Cargo.toml", service.name), folder.path());
        copy_file(&format!("services/{}/config.toml", service.name), folder.path());
    }
    folder
}

fn text(root: &Path, path: &str) -> String {
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn list(root: &Path) -> Topology {
    Topology::parse(&text(root, FILE)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_new_service_has_every_file_and_no_placeholder() {
    let copy = copy();
    let written = new_service(copy.path(), "scratch-pad").unwrap_or_else(|error| panic!("{error}"));
    let paths: BTreeSet<_> = written.iter().map(|output| output.path.clone()).collect();
    let inside = INSIDE.iter().map(|path| format!("services/scratch-pad/{path}"));
    let proto = "crates/contracts/proto/scratch_pad/v1/scratch_pad.proto";
    let around = [FILE, proto, "crates/contracts/tests/idempotency.rs"].map(str::to_owned);
    assert_eq!(paths, inside.chain(around).collect());
    for Output { path, content } in &written {
        let line = content.lines().find(|line| {
            let line = line.to_lowercase();
            ["sample", "50099", "9099"].iter().any(|placeholder| line.contains(placeholder))
        });
        assert_eq!(line, None, "{path}");
        assert!(content.ends_with('\n') && !path.ends_with(".rs") || content.starts_with("//!"), "{path}");
    }
    let content = |path: &str| &written.iter().find(|output| output.path.ends_with(path)).unwrap().content;
    assert!(content(proto).contains("package scratch_pad.v1;\n"));
    assert!(content("src/lib.rs").contains("scratch_pad_service_server::ScratchPadServiceServer"));
    assert!(content("scratch-pad/src/config.rs").contains("SIGNALBOX_SCRATCH_PAD_DATABASE_ULR"));
    assert!(
        content("idempotency.rs")
            .contains("    (\"scratch_pad.v1.ScratchPadService/GetScratchPad\", true, \"reads\"),\n];")
    );
}

#[test]
fn the_list_gets_the_next_free_ports_and_everything_follows() {
    let copy = copy();
    let before = list(copy.path());
    let written = new_service(copy.path(), "scratch-pad").unwrap();
    write(copy.path(), &written).unwrap();
    let after = list(copy.path());
    let service = after.service("scratch-pad").expect("the new service");
    assert_eq!(after.services().len(), before.services().len() + 1);
    assert_eq!(after.services().last().map(|last| last.name.as_str()), Some("scratch-pad"));
    let highest = before.services().iter().filter_map(|service| service.grpc).max().unwrap();
    assert_eq!(service.grpc, Some(highest + 1));
    assert!(text(copy.path(), "services/scratch-pad/config.toml").contains(&format!("127.0.0.1:{}\"", service.admin)));
    assert!(service.has_database() && !service.has_broker() && !service.has_cache());
    let outputs = outputs(copy.path(), &after).unwrap_or_else(|error| panic!("{error}"));
    write(copy.path(), &outputs).unwrap();
    assert!(drift(copy.path(), &outputs).is_empty());
    let compose = text(copy.path(), "compose.yaml");
    let compose: serde_yaml_ng::Value = serde_yaml_ng::from_str(&compose).unwrap();
    assert!(compose["services"]["scratch-pad"].is_mapping() && compose["services"]["migrate-scratch-pad"].is_mapping());
    assert!(text(copy.path(), "services/all-in-one/src/stack.rs").contains("\n    scratch_pad,\n"));
    assert!(
        text(copy.path(), "Cargo.toml")
            .contains("\nscratch-pad = { path = \"services/scratch-pad\", default-features = false }\n")
    );
    assert!(text(copy.path(), "scripts/services.sh").contains(" scratch-pad)\n"));
}

#[test]
fn only_dependencies_of_the_manifest_take_a_name() {
    // A lint of clippy and a profile of cargo are called so.
    for name in ["unimplemented", "release"] {
        new_service(copy().path(), name).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn a_name_that_cannot_be_used_is_refused_and_nothing_is_written() {
    let copy = copy();
    let before = text(copy.path(), FILE);
    for (name, reason) in [
        ("", "it is empty"),
        ("Order", "small letters"),
        ("1st", "begins with a letter"),
        ("a_b", "small letters"),
        ("a--b", "a hyphen stands between"),
        ("order-", "a hyphen stands between"),
        ("../order", "small letters"),
        ("user", "there is a service of that name"),
        ("all-in-one", "taken by something that is no service"),
        ("postgres", "a part of that name"),
        ("match", "use the word"),
        ("events", "use the word"),
        ("value", "use the word"),
        ("serde", "a dependency in Cargo.toml"),
        ("chassis", "a dependency in Cargo.toml"),
        ("error", "the type `Error` has another meaning"),
    ] {
        let error = new_service(copy.path(), name).map(|_| ()).expect_err(name).to_string();
        assert!(error.contains(reason) && error.contains(&format!("`{name}`")), "{name}: {error}");
    }
    assert_eq!(text(copy.path(), FILE), before);
    assert!(!copy.path().join("services/order").exists());
}
