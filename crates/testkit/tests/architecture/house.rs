//! The repository: its packages, its files, and the services that `services.yaml` lists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use topology::{Service, Topology};

use crate::source::Source;
use crate::tree::{Crate, Sources};

/// A member of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Relative to the root of the repository.
    pub(crate) folder: String,
    pub(crate) purpose: String,
    /// The members that it depends on.
    pub(crate) knows: BTreeSet<String>,
    /// Those that only its tests depend on.
    pub(crate) tests_know: BTreeSet<String>,
}

impl Package {
    pub(crate) fn is_service(&self) -> bool {
        self.folder.starts_with("services/")
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}

/// A `Cargo.toml`.
pub(crate) fn manifest(path: &str) -> toml::Table {
    fs::read_to_string(root().join(path)).expect(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The folders of the members, from the root manifest.
pub(crate) fn folders() -> BTreeSet<String> {
    let members = manifest("Cargo.toml")["workspace"]["members"].clone();
    let members = members.as_array().expect("a list").iter().map(|member| member.as_str().expect("text").to_owned());
    let folders = members.flat_map(|member| match member.strip_suffix("/*") {
        Some(above) => fs::read_dir(root().join(above))
            .expect(above)
            .map(|entry| entry.expect("an entry"))
            .filter(|entry| entry.path().join("Cargo.toml").exists())
            .map(|entry| format!("{above}/{}", entry.file_name().to_string_lossy()))
            .collect(),
        None => vec![member],
    });
    folders.collect()
}

/// The members of the workspace.
pub(crate) fn packages() -> Vec<Package> {
    let manifests: Vec<_> =
        folders().into_iter().map(|folder| (manifest(&format!("{folder}/Cargo.toml")), folder)).collect();
    let text = |manifest: &toml::Table, key: &str| manifest["package"][key].as_str().expect(key).to_owned();
    let names: BTreeSet<_> = manifests.iter().map(|(manifest, _)| text(manifest, "name")).collect();
    let ours = |manifest: &toml::Table, section: &str| -> BTreeSet<String> {
        let section = manifest.get(section).and_then(toml::Value::as_table);
        section.into_iter().flat_map(toml::Table::keys).filter(|name| names.contains(*name)).cloned().collect()
    };
    let package = |(manifest, folder): &(toml::Table, String)| {
        let knows = &ours(manifest, "dependencies") | &ours(manifest, "build-dependencies");
        let tests_know = &ours(manifest, "dev-dependencies") - &knows;
        let (name, purpose) = (text(manifest, "name"), text(manifest, "description"));
        Package { name, folder: folder.clone(), purpose, knows, tests_know }
    };
    manifests.iter().map(package).collect()
}

/// The services of `services.yaml` that keep data in Postgres, and all of them.
pub(crate) fn services() -> (BTreeSet<String>, BTreeSet<String>) {
    let topology = Topology::ours();
    let name = |service: &Service| service.name.clone();
    (topology.databases().map(name).collect(), topology.services().iter().map(name).collect())
}

/// The files of the members whose names end so, with their text.
pub(crate) fn files(ending: &str) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    for folder in folders() {
        walk(&root().join(folder), ending, &mut paths);
    }
    assert!(!paths.is_empty(), "no {ending} files found");
    let root = root();
    let relative = |path: &Path| path.strip_prefix(&root).expect("inside").to_string_lossy().into_owned();
    paths.iter().map(|path| (relative(path), fs::read_to_string(path).expect("readable"))).collect()
}

fn walk(folder: &Path, ending: &str, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            walk(&path, ending, into);
        } else if path.to_string_lossy().ends_with(ending) {
            into.push(path);
        }
    }
}

/// The Rust files of the members.
pub(crate) fn sources() -> Sources {
    files(".rs").into_iter().map(|(path, text)| (path.clone(), Source::parse(&path, &text))).collect()
}

/// The members as trees of modules.
pub(crate) fn crates(sources: &Sources) -> Vec<Crate<'_>> {
    packages().iter().map(|package| Crate::read(&package.name, &package.folder, sources)).collect()
}

/// Fails with what is wrong.
pub(crate) fn none(problems: Vec<String>) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
