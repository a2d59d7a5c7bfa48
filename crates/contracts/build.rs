//! Compiles every proto below `proto/` with protox, so that no `protoc` has to be installed, and writes a module for each
//! package.

#![allow(clippy::disallowed_methods, reason = "cargo speaks to build scripts through the environment")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("proto");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_source_info(true).include_imports(true).open_files(protos(&root)?)?;
    std::fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    let descriptors = compiler.file_descriptor_set();
    let methods: Vec<(String, bool)> = descriptors
        .file
        .iter()
        .flat_map(|file| file.service.iter().map(move |service| (file, service)))
        .flat_map(|(file, service)| {
            service.method.iter().map(move |method| {
                let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                // Zero is IDEMPOTENCY_UNKNOWN, also what a method without the option has.
                let level = method.options.as_ref().map_or(0, |options| options.idempotency_level() as i32);
                (name, level != 0)
            })
        })
        .collect();
    let names: Vec<&str> = methods.iter().map(|(name, _)| name.as_str()).collect();
    let idempotent: Vec<&str> = methods.iter().filter(|method| method.1).map(|(name, _)| name.as_str()).collect();
    let lists = format!("const METHODS: &[&str] = &{names:?};\nconst IDEMPOTENT: &[&str] = &{idempotent:?};\n");
    std::fs::write(out.join("methods.rs"), lists)?;
    let packages = descriptors.file.iter().map(|file| file.package()).filter(|name| !name.starts_with("google."));
    std::fs::write(out.join("packages.rs"), modules(packages)?)?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}

/// Every proto below `folder`, in an order that is always the same.
fn protos(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(protos(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A module for each package, such as `auth::v1` for `auth.v1`.
fn modules<'a>(packages: impl Iterator<Item = &'a str>) -> Result<String, String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        let wrong = || format!("the package `{package}` is not a service and a version, such as `auth.v1`");
        let (service, version) = package.split_once('.').ok_or_else(wrong)?;
        versions.entry(service).or_default().insert(version);
    }
    let version = |service: &str, version: &str| {
        format!(
            "    /// The package `{service}.{version}`.\n    \
             #[allow(clippy::all, clippy::too_many_lines, missing_docs, unreachable_pub, reason = \"generated code\")]\n    \
             pub mod {version} {{\n        tonic::include_proto!(\"{service}.{version}\");\n    }}\n"
        )
    };
    let module = |(service, all): (&str, BTreeSet<&str>)| {
        let inside: String = all.into_iter().map(|one| version(service, one)).collect();
        format!("/// The contract of `{service}`.\npub mod {service} {{\n{inside}}}\n")
    };
    Ok(versions.into_iter().map(module).collect())
}
