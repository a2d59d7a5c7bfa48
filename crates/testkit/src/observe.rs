//! Prometheus, Alertmanager and the exporters around [`Processes`], with the configuration that the repository ships.

mod api;
mod config;
mod load;
mod profile;
mod receiver;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use backends::{Account, BackendError, Monitor, MonitorOptions, free_port};

use crate::processes::Processes;

pub use api::{Labels, Prometheus, Series, TimeRange};
pub use config::{Targets, prepare_alertmanager, prepare_prometheus, prepare_rules};
pub use load::{ADMIN, Load, LoadTally};
pub use profile::Profile;
pub use receiver::{Delivery, Receiver};

/// The user of Postgres and Redis that reads statistics, made by `scripts/secrets`.
const METRICS: &str = "metrics";

/// What is started around [`Processes`]. Dropping it kills everything.
#[derive(Debug)]
pub struct Observability {
    /// Prometheus.
    pub prometheus: Monitor,
    /// Alertmanager.
    pub alertmanager: Monitor,
    exporters: Vec<Monitor>,
    folder: PathBuf,
}

impl Observability {
    /// Starts everything; alerts go to a receiver at `webhook`, and `progress` is told what comes next. Ports are the
    /// usual ones if those of `processes` are. `extra` is a target file of what else runs.
    ///
    /// # Errors
    /// If a program is missing or does not start, or if a configuration cannot be read.
    pub fn start(
        processes: &Processes,
        profile: Profile,
        webhook: SocketAddr,
        extra: Option<&str>,
        progress: impl Fn(&str),
    ) -> Result<Self, BackendError> {
        let ports = ports(processes.is_kept())?;
        let folder = processes.folder().join("observability");
        let options = |name: &str, port: u16| MonitorOptions { folder: Some(folder.join(name)), port: Some(port) };
        let [prometheus, alertmanager, postgres, redis, node] = ports;
        progress("exporters of Postgres, Redis and this machine");
        let account = |port: u16, secret: &str| {
            processes.secret(secret).map(|password| Account { port, user: METRICS.to_owned(), password })
        };
        let exporters = vec![
            Monitor::postgres_exporter(
                &options("postgres_exporter", postgres),
                &account(processes.postgres.port(), "postgres_metrics_password")?,
            )?,
            Monitor::redis_exporter(
                &options("redis_exporter", redis),
                &account(processes.redis.port(), "metrics_redis_password")?,
            )?,
            Monitor::node_exporter(&options("node_exporter", node))?,
        ];
        progress("Alertmanager");
        let config = prepare_alertmanager(&folder.join("alertmanager.yml"), profile, webhook)?;
        let alertmanager = Monitor::alertmanager(&options("alertmanager", alertmanager), &config)?;
        progress("Prometheus");
        let mut targets = Targets::of(processes);
        targets.extend(profile::DEFAULT_PORTS.into_iter().zip(ports).map(|((_, usual), port)| (usual, port)));
        let config = prepare_prometheus(&folder.join("config"), profile, &targets, extra)?;
        let prometheus = Monitor::prometheus(&options("prometheus", prometheus), &config, profile.resend())?;
        // Targets are discovered five seconds after its start, in whatever profile. To rules that take a second for a
        // minute, everything was down for five minutes by then.
        prepare_rules(&folder.join("config"), profile)?;
        prometheus.reload_when_all_is_scraped()?;
        Ok(Self { prometheus, alertmanager, exporters, folder })
    }

    /// Where everything is kept: a folder each, with the file `output` of what it wrote.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends everything in order.
    ///
    /// # Errors
    /// The first that did not end in time; the others are ended nevertheless.
    pub fn stop(&self) -> Result<(), BackendError> {
        let all = [&self.prometheus, &self.alertmanager].into_iter().chain(&self.exporters);
        let ends: Vec<_> = all.map(Monitor::stop).collect();
        ends.into_iter().collect()
    }
}

/// A port for each of [`profile::DEFAULT_PORTS`].
fn ports(usual: bool) -> Result<[u16; profile::DEFAULT_PORTS.len()], BackendError> {
    let mut ports = profile::DEFAULT_PORTS.map(|(_, port)| port);
    if !usual {
        for port in &mut ports {
            *port = free_port()?;
        }
    }
    Ok(ports)
}
