//! What the manifest and the configuration of a service say of it, as far as tables repeat it.

use std::path::Path;

use crate::files::{FileError, read};

/// Sections that the configuration of every service has.
const COMMON: [&str; 4] = ["admin", "telemetry", "runtime", "shutdown"];

/// The description of a service's crate.
pub(super) fn description(root: &Path, service: &str) -> Result<String, FileError> {
    let text = read(root, &format!("services/{service}/Cargo.toml"))?;
    let description = text.lines().find_map(|line| line.strip_prefix("description = \""));
    Ok(description.unwrap_or_default().trim_end_matches('"').to_owned())
}

/// The sections of a service's configuration that are its own, in the order of the file.
pub(super) fn sections(root: &Path, service: &str) -> Result<Vec<String>, FileError> {
    let text = read(root, &format!("services/{service}/config.toml"))?;
    let sections = text.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
    Ok(sections.filter(|section| !COMMON.contains(section)).map(str::to_owned).collect())
}
