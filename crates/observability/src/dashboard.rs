//! Dashboards: short definitions in `observability/dashboards/` become Grafana's JSON in `grafana/dashboards/`.

use std::path::Path;

use crate::generated_file::GeneratedFile;
use crate::sources::{self, SourceError};
use crate::thresholds::AlertThresholds;

mod board;
mod colour;
pub mod definition;
mod layout;
mod links;
mod panel;
mod selectors;

pub use board::SCHEMA_VERSION;
pub use definition::{DEFINITIONS, Dashboard};
pub use layout::panel_id;

/// Folder of what Grafana reads.
pub const GENERATED: &str = "grafana/dashboards";

/// Reads every definition under `root`, sorted by file name.
///
/// # Errors
///
/// If one cannot be read, or has not the name of its dashboard.
pub fn read(root: &Path) -> Result<Vec<Dashboard>, SourceError> {
    let files = sources::list(root, DEFINITIONS, ".yml")?.into_iter().map(|file| {
        let dashboard: Dashboard = sources::read_yaml(root, &file)?;
        if file != format!("{DEFINITIONS}/{}.yml", dashboard.uid) {
            let problem = format!("name the file {}.yml, or call the dashboard as the file", dashboard.uid);
            return Err(SourceError::Field { file, item: dashboard.uid, field: "uid", problem });
        }
        Ok(dashboard)
    });
    files.collect()
}

/// Grafana's JSON of every definition under `root`.
///
/// # Errors
///
/// If a definition or an alert cannot be read, or a panel cannot be drawn as it is defined.
pub fn outputs(root: &Path) -> Result<Vec<GeneratedFile>, SourceError> {
    let alerts = AlertThresholds::read(root)?;
    let files = read(root)?.into_iter().map(|dashboard| {
        let path = format!("{GENERATED}/{}/{}.json", dashboard.folder, dashboard.uid);
        let json = board::json(&dashboard, &alerts)?;
        Ok(GeneratedFile { path, content: format!("{json:#}\n") })
    });
    files.collect()
}
