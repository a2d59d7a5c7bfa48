//! What the manifest and the configuration of a crate say of it, as far as tables repeat it.

use std::path::Path;

use crate::files::{FileError, read};

/// Sections that the configuration of every service has.
const COMMON: [&str; 4] = ["admin", "telemetry", "runtime", "shutdown"];

/// A crate, by its folder.
pub(super) struct Manifest {
    /// Its `description`.
    pub(super) description: String,
    /// Those of `ours` that it is built from, in the order of its manifest.
    pub(super) knows: Vec<String>,
}

impl Manifest {
    /// Reads the manifest in `folder`; `ours` are the names of all crates of the workspace.
    pub(super) fn of(root: &Path, folder: &str, ours: &[String]) -> Result<Self, FileError> {
        let text = read(root, &format!("{folder}/Cargo.toml"))?;
        let description = text.lines().find_map(|line| line.strip_prefix("description = \"")).unwrap_or_default();
        let dependencies = text.lines().skip_while(|line| *line != "[dependencies]").skip(1);
        let names =
            dependencies.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split(['.', ' ']).next());
        let knows = names.filter(|name| ours.iter().any(|one| one == name)).map(str::to_owned).collect();
        Ok(Self { description: description.trim_end_matches('"').to_owned(), knows })
    }
}

/// The sections of a service's configuration that are its own, in the order of the file.
pub(super) fn sections(root: &Path, service: &str) -> Result<Vec<String>, FileError> {
    let text = read(root, &format!("services/{service}/config.toml"))?;
    let sections = text.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
    Ok(sections.filter(|section| !COMMON.contains(section)).map(str::to_owned).collect())
}
