//! What must fit together in the list; each error names the entry and the key.

use std::collections::BTreeMap;

use crate::error::TopologyError;
use crate::model::{Part, Service, Topology};

/// Names that the list may not give: of the crate beside the services, and of who calls from outside.
const TAKEN: [&str; 2] = ["all-in-one", "outside"];

/// Checks everything.
pub(crate) fn all(topology: &Topology) -> Result<(), TopologyError> {
    for service in &topology.services {
        names(topology, service)?;
        served(service)?;
    }
    for service in &topology.services {
        calls(topology, service)?;
        events(topology, service)?;
    }
    for part in &topology.parts {
        for callee in &part.calls {
            if topology.part(callee).and_then(|callee| callee.port).is_none() {
                let problem = format!("there is no part `{callee}` with a port");
                return Err(TopologyError::at(&format!("part `{}`", part.name), "calls", problem));
            }
        }
    }
    ports(topology)?;
    for service in &topology.services {
        circle(topology, service, &mut Vec::new())?;
    }
    Ok(())
}

fn wrong(service: &Service, key: &str, problem: impl Into<String>) -> TopologyError {
    TopologyError::at(&format!("service `{}`", service.name), key, problem)
}

/// Why `name` cannot be that of a service, if it cannot.
pub(crate) fn bad_name(name: &str) -> Option<&'static str> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(letters) {
        return Some("a name has small letters, digits and hyphens, and begins with a letter");
    }
    if name.ends_with('-') || name.contains("--") {
        return Some("a hyphen stands between two letters or digits");
    }
    TAKEN.contains(&name).then_some("the name is taken by something that is no service")
}

fn names(topology: &Topology, service: &Service) -> Result<(), TopologyError> {
    if let Some(problem) = bad_name(&service.name) {
        return Err(wrong(service, "name", problem));
    }
    if topology.part(&service.name).is_some() {
        return Err(wrong(service, "name", "a part has the same name"));
    }
    let twin = topology.services.iter().find(|other| other.name != service.name && other.image == service.image);
    match twin {
        Some(other) => {
            Err(wrong(service, "image", format!("`{}` is also the image of `{}`", service.image, other.name)))
        }
        None => Ok(()),
    }
}

fn served(service: &Service) -> Result<(), TopologyError> {
    match (service.http, service.grpc, &service.api) {
        (Some(_), Some(_), _) => Err(wrong(service, "http", "a service serves http or grpc, not both")),
        (_, Some(_), None) => Err(wrong(service, "api", "is missing: a service with `grpc` names its gRPC service")),
        (_, None, Some(_)) => Err(wrong(service, "grpc", "is missing: a service with `api` has a port for it")),
        _ => Ok(()),
    }
}

fn calls(topology: &Topology, service: &Service) -> Result<(), TopologyError> {
    for (position, callee) in service.calls.iter().enumerate() {
        let problem = if service.calls[..position].contains(callee) {
            format!("`{callee}` is named twice")
        } else if callee == "postgres" || callee == "redis" {
            format!("`{callee}` is a store: name it in `stores`")
        } else if let Some(other) = topology.service(callee) {
            match other.served() {
                Some(_) => continue,
                None => format!("nobody can call `{callee}`: it has neither `http` nor `grpc`"),
            }
        } else {
            match topology.part(callee).map(|part| part.port) {
                Some(Some(_)) => continue,
                Some(None) => format!("nobody can call `{callee}`: it has no `port`"),
                None => format!("there is no service and no part `{callee}`"),
            }
        };
        return Err(wrong(service, "calls", problem));
    }
    let mut stores = service.stores.iter().enumerate();
    match stores.find(|(position, store)| service.stores[..*position].contains(store)) {
        Some(_) => Err(wrong(service, "stores", "a store is named twice")),
        None => Ok(()),
    }
}

fn events(topology: &Topology, service: &Service) -> Result<(), TopologyError> {
    if let Some(context) = &service.publishes {
        let mut others = topology.services.iter().filter(|other| other.name != service.name);
        if let Some(other) = others.find(|other| other.publishes.as_ref() == Some(context)) {
            return Err(wrong(service, "publishes", format!("`{context}` is also the context of `{}`", other.name)));
        }
    }
    for (position, context) in service.consumes.iter().enumerate() {
        if service.consumes[..position].contains(context) {
            return Err(wrong(service, "consumes", format!("`{context}` is named twice")));
        }
        if topology.services.iter().all(|other| other.publishes.as_ref() != Some(context)) {
            return Err(wrong(service, "consumes", format!("no service publishes `{context}`")));
        }
    }
    Ok(())
}

/// On one machine every port is that of one program.
fn ports(topology: &Topology) -> Result<(), TopologyError> {
    let mut taken: BTreeMap<u16, String> = BTreeMap::new();
    let of_part = |part: &Part| {
        let keys = [("port", part.port), ("managed", part.managed), ("metrics", part.metrics)];
        keys.map(|(key, port)| (format!("part `{}`", part.name), key, port))
    };
    let of_service = |service: &Service| {
        let keys = [("http", service.http), ("grpc", service.grpc), ("admin", Some(service.admin))];
        keys.map(|(key, port)| (format!("service `{}`", service.name), key, port))
    };
    let parts = topology.parts.iter().flat_map(of_part);
    for (entry, key, port) in parts.chain(topology.services.iter().flat_map(of_service)) {
        let Some(port) = port else { continue };
        if port == 0 {
            return Err(TopologyError::at(&entry, key, "0 is no port"));
        }
        if let Some(other) = taken.insert(port, format!("{entry}: key `{key}`")) {
            return Err(TopologyError::at(&entry, key, format!("{port} is taken by {other}")));
        }
    }
    Ok(())
}

/// Fails if a chain of calls comes back to a service it has passed.
fn circle<'a>(topology: &'a Topology, service: &'a Service, chain: &mut Vec<&'a str>) -> Result<(), TopologyError> {
    if let Some(begin) = chain.iter().position(|passed| *passed == service.name) {
        let circle = [&chain[begin..], &[service.name.as_str()]].concat().join(" calls ");
        return Err(wrong(service, "calls", format!("is a circle: {circle}")));
    }
    chain.push(&service.name);
    for callee in topology.callees(service) {
        circle(topology, callee, chain)?;
    }
    chain.pop();
    Ok(())
}
