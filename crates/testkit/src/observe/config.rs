//! The shipped configurations, laid out for a run: targets with the ports of this run, rules of one profile.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use backends::BackendError;
use topology::Topology;

use super::profile::{DEFAULT_PORTS, Profile};
use crate::processes::{Processes, repository};

/// What the shipped configurations are written for.
const LOOPBACK: &str = "127.0.0.1:";

/// Where the shipped Alertmanager sends everything.
const WEBHOOK: &str = "http://127.0.0.1:9099/";

/// The port of this run for each usual one.
#[derive(Debug, Default)]
pub struct Targets(BTreeMap<u16, u16>);

/// The usual admin ports of the services.
fn admin_ports() -> impl Iterator<Item = (&'static str, u16)> {
    Topology::ours().services().iter().map(|service| (service.name.as_str(), service.admin))
}

/// The usual port of the broker's metrics.
const BROKER: u16 = 15_692;

impl Targets {
    /// Every port is the usual one.
    #[must_use]
    pub fn usual() -> Self {
        let ports = admin_ports().chain(DEFAULT_PORTS).map(|(_, port)| port).chain([BROKER]);
        Self(ports.map(|port| (port, port)).collect())
    }

    /// The admin ports of the services and the metrics of the broker.
    pub(super) fn of(processes: &Processes) -> Self {
        let admin = |(name, usual): (&str, u16)| processes.service(name).admin().map(|address| (usual, address.port()));
        let broker = [(BROKER, processes.rabbitmq.metrics_port())];
        Self(admin_ports().filter_map(admin).chain(broker).collect())
    }

    pub(super) fn extend(&mut self, ports: impl Iterator<Item = (u16, u16)>) {
        self.0.extend(ports);
    }

    /// A target file with the ports of this run.
    fn fill(&self, text: &str, path: &Path) -> Result<String, BackendError> {
        let mut parts = text.split(LOOPBACK);
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            let (port, rest) = part.split_at(end);
            let own = port.parse().ok().and_then(|port: u16| self.0.get(&port));
            let own = own.ok_or_else(|| {
                wrong(format!("{} names the port {port}, on which nothing of this run listens", path.display()))
            })?;
            filled.push_str(&format!("{LOOPBACK}{own}{rest}"));
        }
        Ok(filled)
    }
}

/// Makes `folder` what Prometheus reads: the configuration of the profile and targets, and no rules yet, which
/// [`prepare_rules`] adds. `extra` is one more file of targets, as it is. Answers the configuration file.
///
/// # Errors
/// If a file cannot be read or written, or names a port that `targets` does not have.
pub fn prepare_prometheus(
    folder: &Path,
    profile: Profile,
    targets: &Targets,
    extra: Option<&str>,
) -> Result<PathBuf, BackendError> {
    let shipped = repository().join("observability/prometheus");
    let rules = format!("rules/{}", profile.name());
    for name in [rules.as_str(), "targets"] {
        let fresh = folder.join(name);
        if fresh.exists() {
            fs::remove_dir_all(&fresh).map_err(cannot("clear", &fresh))?;
        }
        fs::create_dir_all(&fresh).map_err(cannot("make", &fresh))?;
    }
    for (path, text) in files(&shipped.join("targets/processes"))? {
        let filled = targets.fill(&text, &path)?;
        write(&folder.join("targets").join(path.file_name().unwrap_or_default()), &filled)?;
    }
    if let Some(extra) = extra {
        write(&folder.join("targets/telemetry.yml"), extra)?;
    }
    let file = profile.file("prometheus.yml");
    let config = folder.join(file);
    write(&config, &read(&shipped.join(file))?)?;
    Ok(config)
}

/// Puts the rules of the profile into `folder`, which [`prepare_prometheus`] has made.
///
/// # Errors
/// If a file cannot be read or written.
pub fn prepare_rules(folder: &Path, profile: Profile) -> Result<(), BackendError> {
    let rules = format!("rules/{}", profile.name());
    for (path, text) in files(&repository().join("observability/prometheus").join(&rules))? {
        write(&folder.join(&rules).join(path.file_name().unwrap_or_default()), &text)?;
    }
    Ok(())
}

/// Writes to `path` the configuration of Alertmanager with every receiver at `webhook`, and answers the path.
///
/// # Errors
/// If a file cannot be read or written, or the shipped one sends nothing to the address it is documented to.
pub fn prepare_alertmanager(path: &Path, profile: Profile, webhook: SocketAddr) -> Result<PathBuf, BackendError> {
    let shipped = repository().join("observability/alertmanager").join(profile.file("alertmanager.yml"));
    let text = read(&shipped)?;
    if !text.contains(WEBHOOK) {
        return Err(wrong(format!("{} has no receiver at {WEBHOOK}", shipped.display())));
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(cannot("make", parent))?;
    }
    write(path, &text.replace(WEBHOOK, &format!("http://{webhook}/")))?;
    Ok(path.to_owned())
}

/// The YAML files of a folder with their text; none if there is no such folder.
fn files(folder: &Path) -> Result<Vec<(PathBuf, String)>, BackendError> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let paths = entries.flatten().map(|entry| entry.path());
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yml"));
    paths.map(|path| read(&path).map(|text| (path, text))).collect()
}

fn read(path: &Path) -> Result<String, BackendError> {
    fs::read_to_string(path).map_err(cannot("read", path))
}

fn write(path: &Path, text: &str) -> Result<(), BackendError> {
    fs::write(path, text).map_err(cannot("write", path))
}

fn cannot(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> BackendError {
    let what = format!("cannot {what} {}", path.display());
    move |source| BackendError::System { what, source }
}

fn wrong(what: String) -> BackendError {
    BackendError::System { what, source: std::io::ErrorKind::InvalidData.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_this_run_stand_for_the_usual_ones() {
        let targets = Targets([(9080, 12_001), (9081, 9080)].into());
        let path = Path::new("services.yml");
        let filled = targets.fill("a: [\"127.0.0.1:9080\"]\nb: [\"127.0.0.1:9081\"]\n", path).expect("known ports");
        assert_eq!(filled, "a: [\"127.0.0.1:12001\"]\nb: [\"127.0.0.1:9080\"]\n");
        let error = targets.fill("- 127.0.0.1:9090", path).expect_err("an unknown port").to_string();
        assert!(error.contains("services.yml names the port 9090"), "{error}");
    }
}
