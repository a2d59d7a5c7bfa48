//! A dashboard as Grafana reads it, with the parts the rules ask for.

use std::path::Path;

use serde_json::Value;

use super::error::LintError;
use crate::dashboard::GENERATED;
use crate::sources;

/// One file of `grafana/dashboards`.
#[derive(Clone, Debug)]
pub struct Board {
    /// Path from the root of the project.
    pub path: String,
    /// Its content.
    pub json: Value,
}

/// The text at `key`, or nothing.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The list at `key`, or nothing.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

impl Board {
    /// Every dashboard below `grafana/dashboards` of the project at `root`.
    ///
    /// # Errors
    ///
    /// If a folder or file cannot be read, or is not JSON.
    pub fn read_all(root: &Path) -> Result<Vec<Self>, LintError> {
        let mut boards = Vec::new();
        let unreadable = |source| sources::SourceError::Unreadable { file: GENERATED.to_owned(), source };
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(root.join(GENERATED)).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            folders.extend(
                path.is_dir()
                    .then(|| format!("{GENERATED}/{}", path.file_name().unwrap_or_default().to_string_lossy())),
            );
        }
        folders.sort();
        for folder in folders {
            for path in sources::list(root, &folder, ".json")? {
                let json = serde_json::from_str(&sources::read_text(root, &path)?)
                    .map_err(|error| LintError::Json { file: path.clone(), problem: error.to_string() })?;
                boards.push(Self { path, json });
            }
        }
        Ok(boards)
    }

    /// Its uid.
    #[must_use]
    pub fn uid(&self) -> &str {
        text(&self.json, "uid")
    }

    /// Its title.
    #[must_use]
    pub fn title(&self) -> &str {
        text(&self.json, "title")
    }

    /// Every panel that is no heading.
    pub fn panels(&self) -> impl Iterator<Item = &Value> {
        list(&self.json, "panels").iter().filter(|panel| text(panel, "type") != "row")
    }

    /// Its variables.
    #[must_use]
    pub fn variables(&self) -> &[Value] {
        list(&self.json["templating"], "list")
    }

    /// The variable of that name.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Value> {
        self.variables().iter().find(|variable| text(variable, "name") == name)
    }
}

/// `expr` with Grafana's own variables replaced by durations, so that it can be parsed. `$__rate_interval` becomes a
/// duration that nobody writes.
#[must_use]
pub fn substituted(expr: &str) -> String {
    let mut out = expr.to_owned();
    for (name, value) in [("__rate_interval", RATE_INTERVAL), ("__range", "1h"), ("__interval", "1m")] {
        out = out.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
    }
    out
}

/// Stands for `$__rate_interval` while a query is parsed.
pub(super) const RATE_INTERVAL: &str = "4m13s";

/// The same in seconds.
pub(super) const RATE_INTERVAL_SECONDS: u64 = 253;
