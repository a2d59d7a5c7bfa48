//! All services in one process: each on a runtime of its own, talking real gRPC over loopback.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use chassis::config::{ConfigError, Layers};
use chassis::{HostOptions, Running, Spec, StartError};
use telemetry::Tap;
use toml::{Table, toml};
use topology::{Service, Topology};

/// Admin account that exists from the first start on.
#[derive(Clone, Debug)]
pub struct Admin {
    /// E-mail address.
    pub email: String,
    /// Password in clear.
    pub password: String,
}

/// What a stack is started with.
#[derive(Clone, Default)]
pub struct StackConfig {
    /// Folder of the databases.
    pub data: PathBuf,
    /// Overrides with one section per service, as in `[gateway.http]`.
    pub overrides: Table,
    /// Whether variables such as `SIGNALBOX_GATEWAY_HTTP_ADDRESS` count.
    pub environment: bool,
    /// Where all services send their traces, whatever file and environment say.
    pub otlp_endpoint: Option<String>,
    /// Receives spans and log lines.
    pub tap: Option<Arc<dyn Tap>>,
    /// More routes for the gateway's admin port.
    pub pages: Option<Router>,
    /// Admin account to make sure of.
    pub admin: Option<Admin>,
}

/// A running stack. Dropping it stops it without draining.
pub struct Stack {
    /// In the order in which they were started: callees first.
    services: Vec<Running>,
}

/// A service cannot start.
#[derive(Debug, thiserror::Error)]
#[error("{service}: {source}")]
pub struct StackError {
    /// Which one; also the section of the configuration.
    pub service: String,
    /// Why.
    #[source]
    pub source: StartError,
}

/// The crates of the services, in the order in which they start, so that their types stand in one place.
macro_rules! services {
    ($($service:ident,)+) => {
        /// The services, in the order in which they start: that of [`Topology::start_order`]; also the sections that overrides
        /// may have.
        pub const SERVICES: [&str; [$($service::SPEC.name),+].len()] = [$($service::SPEC.name),+];

        /// Reads the configuration of all, and only then takes the first port.
        async fn start_all(config: &StackConfig) -> Result<Vec<Running>, StackError> {
            let services: [&Spec; SERVICES.len()] = [$(&$service::SPEC),+];
            for service in services {
                check(service, config)?;
            }
            let mut running = Vec::new();
            for service in services {
                start(service, config, &mut running).await?;
            }
            Ok(running)
        }
    };
}

services! {
    // services: written by `make services`
    notification,
    user,
    product,
    auth,
    gateway,
    // end of services
}

impl Stack {
    /// Starts every service, callees first, and returns when all listen.
    ///
    /// # Errors
    /// If the configuration of any is wrong, before a port is taken; or if one cannot start, and then those
    /// before it are stopped.
    pub async fn start(config: &StackConfig) -> Result<Self, StackError> {
        if let Some(unknown) = config.overrides.keys().find(|key| !SERVICES.contains(&key.as_str())) {
            let reason = format!("there is no such service; sections are {}", SERVICES.join(", "));
            let source = StartError::Invalid { key: unknown.clone(), reason };
            return Err(StackError { service: "configuration".to_owned(), source });
        }
        Ok(Self { services: start_all(config).await? })
    }

    /// The running service of that name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Running> {
        self.services.iter().find(|service| service.name() == name)
    }

    /// All services, callees first.
    #[must_use]
    pub fn services(&self) -> &[Running] {
        &self.services
    }

    /// Where a service listens: `http`, `grpc` or `admin`.
    #[must_use]
    pub fn address(&self, service: &str, kind: &str) -> Option<SocketAddr> {
        self.service(service)?.address(kind)
    }

    /// Whether every service would be sent requests.
    pub async fn ready(&self) -> bool {
        for service in &self.services {
            if !service.ready().await {
                return false;
            }
        }
        true
    }

    /// Sends the spans that have ended so far to where they are exported.
    pub async fn flush(&self) {
        for service in &self.services {
            service.flush().await;
        }
    }

    /// Stops the services, callers first; answers whether every request finished in time.
    pub async fn stop(mut self) -> bool {
        let mut drained = true;
        while let Some(service) = self.services.pop() {
            drained &= service.stop().await;
        }
        drained
    }

    /// Stops one service, as an outage does; the others stay.
    pub async fn stop_service(&mut self, name: &str) -> bool {
        match self.services.iter().position(|service| service.name() == name) {
            Some(position) => self.services.remove(position).stop().await,
            None => false,
        }
    }
}

/// Starts one more, which calls some of those that run already.
async fn start(spec: &Spec, config: &StackConfig, running: &mut Vec<Running>) -> Result<(), StackError> {
    let calls = Topology::ours().service(spec.name).map(|service| service.calls.as_slice()).unwrap_or_default();
    let callees = running.iter().filter(|callee| calls.iter().any(|name| name == callee.name()));
    let callees: Vec<_> = callees.map(|callee| (callee.name(), url(callee))).collect();
    let layers = layers(spec, config, &callees)?;
    let admin = if spec.name == "gateway" { config.pages.clone() } else { None };
    let started = chassis::start(spec, &layers, HostOptions { admin, tap: config.tap.clone() }).await;
    running.push(started.map_err(|source| StackError { service: spec.name.to_owned(), source })?);
    Ok(())
}

/// Whether a service can be configured; where its callees listen is not known yet.
fn check(spec: &Spec, config: &StackConfig) -> Result<(), StackError> {
    let failed = |source| StackError { service: spec.name.to_owned(), source };
    (spec.prepare)(&layers(spec, config, &[])?).map(drop).map_err(failed)
}

/// Defaults of the service, then of this host, then what the user overrides, then what the host alone can know or was told
/// on the command line.
fn layers(spec: &Spec, config: &StackConfig, callees: &[(&str, String)]) -> Result<Layers, StackError> {
    let failed = |source: ConfigError| StackError { service: spec.name.to_owned(), source: source.into() };
    overlay(spec, config, callees).map_err(failed)
}

fn overlay(spec: &Spec, config: &StackConfig, callees: &[(&str, String)]) -> Result<Layers, ConfigError> {
    let mut layers = Layers::new(spec.name, spec.defaults)?.table("host", host_defaults(spec.name, config))?;
    if let Some(section) = config.overrides.get(spec.name).and_then(toml::Value::as_table) {
        layers = layers.table(&format!("section [{}]", spec.name), section.clone())?;
    }
    if config.environment {
        layers = layers.environment()?;
    }
    let mut known = Table::new();
    if let Some(endpoint) = &config.otlp_endpoint {
        known.insert("telemetry".to_owned(), toml::Value::Table(toml! { otlp_endpoint = (endpoint.as_str()) }));
    }
    for (callee, url) in callees {
        known.insert(callee.replace('-', "_"), toml::Value::Table(toml! { url = (url.as_str()) }));
    }
    layers.table("host", known)
}

fn host_defaults(service: &str, config: &StackConfig) -> Table {
    // One worker each: on few cores more threads only take turns, and isolation needs no more.
    let mut table = toml! { runtime.worker_threads = 1 };
    let known = Topology::ours().service(service);
    if known.is_some_and(Service::has_database) {
        let url = database_url(&config.data, service);
        table.insert("database".to_owned(), toml::Value::Table(toml! { url = (url) }));
    }
    if known.is_some_and(Service::has_broker) {
        let broker = format!("in-process:{}", broker_name(&config.data));
        table.insert("broker".to_owned(), toml::Value::Table(toml! { url = (broker) }));
    }
    if service == "notification" {
        let folder = config.data.join("mail").display().to_string();
        table.insert("mail".to_owned(), toml::Value::Table(toml! { folder = (folder) }));
    }
    if let (Some(admin), "auth") = (&config.admin, service) {
        let bootstrap = toml! {
            admin_email = (admin.email.as_str())
            admin_password = (admin.password.as_str())
        };
        table.insert("bootstrap".to_owned(), toml::Value::Table(bootstrap));
    }
    table
}

/// Name of the broker that the services of a stack share, unless they are told to use another. Stacks with data of
/// their own have brokers of their own.
#[must_use]
pub fn broker_name(data: &Path) -> String {
    data.display().to_string()
}

fn database_url(data: &Path, service: &str) -> String {
    format!("sqlite:{}", data.join(format!("{service}.db")).display())
}

fn url(service: &Running) -> String {
    service.address("grpc").map(|address| format!("http://{address}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_start_as_the_list_says() {
        let names: Vec<_> = Topology::ours().start_order().into_iter().map(|service| service.name.as_str()).collect();
        assert_eq!(SERVICES.as_slice(), names, "run `make services`");
    }
}
