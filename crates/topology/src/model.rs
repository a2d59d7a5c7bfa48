//! What `services.yaml` says, and what follows from it: who calls whom, who starts first, which queues there are.

use serde::Deserialize;

/// A server that keeps data for services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// A database with two roles.
    Postgres,
    /// A cache, or state that may be lost.
    Redis,
}

/// One of our services.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its key in the list.
    #[serde(skip)]
    pub name: String,
    /// The port of its HTTP API.
    pub http: Option<u16>,
    /// The port of its gRPC API.
    pub grpc: Option<u16>,
    /// Full name of its gRPC service.
    pub api: Option<String>,
    /// The port of `/livez`, `/readyz` and `/metrics`.
    pub admin: u16,
    /// Services, and parts that are no stores, to which it opens connections.
    #[serde(default)]
    pub calls: Vec<String>,
    /// The stores it uses.
    #[serde(default)]
    pub stores: Vec<Store>,
    /// The context of its events.
    pub publishes: Option<String>,
    /// The contexts whose events it handles.
    #[serde(default)]
    pub consumes: Vec<String>,
    /// Name of its image, and of the program in it.
    pub image: String,
    /// Name of the volume for the files it keeps.
    pub volume: Option<String>,
}

/// What is around the services and not ours.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its key in the list.
    #[serde(skip)]
    pub name: String,
    /// Where it listens.
    pub port: Option<u16>,
    /// Where it listens as a service of the cloud, if that is another port.
    pub managed: Option<u16>,
    /// What Prometheus reads.
    pub metrics: Option<u16>,
    /// The parts it reads from.
    #[serde(default)]
    pub calls: Vec<String>,
}

/// The whole list.
#[derive(Clone, Debug)]
pub struct Topology {
    pub(crate) services: Vec<Service>,
    pub(crate) parts: Vec<Part>,
}

impl Service {
    /// Protocol and port at which it is called, if anybody can call it.
    #[must_use]
    pub fn served(&self) -> Option<(&'static str, u16)> {
        self.http.map(|port| ("http", port)).or(self.grpc.map(|port| ("grpc", port)))
    }

    /// Whether it has a database, two roles and a job that migrates.
    #[must_use]
    pub fn has_database(&self) -> bool {
        self.stores.contains(&Store::Postgres)
    }

    /// Whether it has a user at Redis.
    #[must_use]
    pub fn has_cache(&self) -> bool {
        self.stores.contains(&Store::Redis)
    }

    /// Whether it has a user at the broker.
    #[must_use]
    pub fn has_broker(&self) -> bool {
        self.publishes.is_some() || !self.consumes.is_empty()
    }

    /// The queues it reads, one per context.
    pub fn queues(&self) -> impl Iterator<Item = String> {
        self.consumes.iter().map(|context| format!("{}.{context}", self.name))
    }

    /// Prefix of its variables without the last underscore, such as `SIGNALBOX_AUTH`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("SIGNALBOX_{}", upper(&self.name))
    }

    /// Name of its crate in Rust.
    #[must_use]
    pub fn module(&self) -> String {
        self.name.replace('-', "_")
    }
}

/// A name as a part of a variable.
pub(crate) fn upper(name: &str) -> String {
    name.replace('-', "_").to_uppercase()
}

impl Topology {
    /// All services, in the order of the file.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// What is not ours, in the order of the file.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The service of that name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The part of that name.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// The services with a database, in the order of the file.
    pub fn databases(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(|service| service.has_database())
    }

    /// The services that `service` calls.
    pub fn callees<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Service> {
        service.calls.iter().filter_map(|name| self.service(name))
    }

    /// The services that call `service`.
    pub fn callers<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Service> {
        self.services.iter().filter(|caller| caller.calls.contains(&service.name))
    }

    /// The services in an order in which they can be started: callees before their callers, and of those that need not
    /// wait for each other first who listens to events, so that the first event finds somebody.
    #[must_use]
    pub fn start_order(&self) -> Vec<&Service> {
        let mut order: Vec<&Service> = self.services.iter().collect();
        order.sort_by_key(|service| (self.depth(service), service.consumes.is_empty()));
        order
    }

    /// How many calls the longest chain that begins at `service` has. The list has no circles.
    fn depth(&self, service: &Service) -> usize {
        self.callees(service).map(|callee| self.depth(callee) + 1).max().unwrap_or(0)
    }
}
