//! The programs of the observability around the stack, each with the Debian package that has it.

use std::path::PathBuf;

use crate::error::BackendError;
use crate::install::{self, Package, in_path};

/// Where one comes from, and what else it is called: Debian puts a prefix before some of the names of their makers.
type Tool = (Package, Option<&'static str>);

const TOOLS: [Tool; 7] = [
    tool("Prometheus", "prometheus", None, "prometheus"),
    tool("Prometheus", "promtool", None, "prometheus"),
    tool("Alertmanager", "prometheus-alertmanager", Some("alertmanager"), "prometheus-alertmanager"),
    tool("Alertmanager", "amtool", None, "prometheus-alertmanager"),
    exporter("postgres_exporter", "prometheus-postgres-exporter"),
    exporter("redis_exporter", "prometheus-redis-exporter"),
    exporter("node_exporter", "prometheus-node-exporter"),
];

const fn tool(server: &'static str, program: &'static str, alias: Option<&'static str>, debian: &'static str) -> Tool {
    (Package { server, program, debian }, alias)
}

const fn exporter(name: &'static str, debian: &'static str) -> Tool {
    tool(name, debian, Some(name), debian)
}

/// One of the programs of Prometheus, Alertmanager and the exporters, by either of its names, such as `promtool`,
/// `amtool` or `node_exporter`. Its package is installed if it is missing and may be.
///
/// # Errors
/// If it is missing and cannot be installed, which the error says how to do; or if it is none of them.
pub fn program(name: &str) -> Result<PathBuf, BackendError> {
    let known = TOOLS.iter().find(|(package, alias)| package.program == name || *alias == Some(name));
    let (package, alias) = known.ok_or_else(|| BackendError::System {
        what: format!("`{name}` is not a program that backends looks for ({})", names().join(", ")),
        source: std::io::ErrorKind::InvalidInput.into(),
    })?;
    let found = || std::iter::once(package.program).chain(*alias).find_map(in_path);
    install::provide(package, found)
}

/// The name of each.
fn names() -> Vec<&'static str> {
    TOOLS.iter().map(|(package, alias)| alias.unwrap_or(package.program)).collect()
}

/// What each belongs to, and its name.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    TOOLS.iter().map(|(package, _)| (package.server, package.program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_either_name() {
        assert_eq!(program("alertmanager").unwrap(), program("prometheus-alertmanager").unwrap());
        assert!(program("promtool").unwrap().is_file());
    }

    #[test]
    fn a_stranger_is_refused_with_the_names_there_are() {
        let error = program("grafana").unwrap_err().to_string();
        assert!(error.contains("`grafana`") && error.contains("promtool, alertmanager, amtool"), "{error}");
    }
}
