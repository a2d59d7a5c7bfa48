//! What shell scripts, the broker and Prometheus are told of the services.

use std::path::Path;

use crate::files::{FileError, HEAD, Output, with_regions};
use crate::{Service, Topology};

pub(super) fn outputs(root: &Path, topology: &Topology) -> Result<Vec<Output>, FileError> {
    let rights = topology.services().iter().filter(|service| service.has_broker());
    let rights = rights.map(|service| rights_of(topology, service)).collect();
    let mut outputs = vec![
        Output { path: "scripts/services.sh".to_owned(), content: lists(topology) },
        with_regions(root, "deploy/rabbitmq/rights", &[("rights", rights)])?,
    ];
    for (folder, host) in [("compose", None), ("processes", Some("127.0.0.1"))] {
        outputs.push(Output {
            path: format!("observability/prometheus/targets/{folder}/services.yml"),
            content: targets(topology, host),
        });
    }
    Ok(outputs)
}

/// The lists that scripts read with `. scripts/services.sh`.
fn lists(topology: &Topology) -> String {
    let names = |wanted: fn(&Service) -> bool| -> Vec<String> {
        topology.services().iter().filter(|service| wanted(service)).map(|service| service.name.clone()).collect()
    };
    let listeners = topology.services().iter().flat_map(|service| {
        let protocols = service.served().into_iter().map(|(protocol, _)| protocol).chain(["admin"]);
        protocols.map(|protocol| format!("{}.{protocol}", service.name))
    });
    let calls = topology
        .services()
        .iter()
        .flat_map(|service| topology.callees(service).map(|callee| format!("{}.{}", service.name, callee.name)));
    let starts = topology.start_order().into_iter().map(|service| service.name.clone()).collect();
    let lists: [(&str, &str, Vec<String>); 7] = [
        ("services", "every service", names(|_| true)),
        ("starts", "the same, callees before their callers", starts),
        ("databases", "those with a database", names(Service::has_database)),
        ("caches", "those with a user at Redis", names(Service::has_cache)),
        ("brokers", "those with a user at the broker", names(Service::has_broker)),
        ("listeners", "sections of the configuration with an address to listen at", listeners.collect()),
        ("calls", "caller.callee", calls.collect()),
    ];
    let line = |(name, what, words): (&str, &str, Vec<String>)| format!("# {what}\n{name}=({})\n", words.join(" "));
    // shellcheck sees neither who sources this nor what for.
    format!("# shellcheck shell=bash disable=SC2034\n{HEAD}{}", lists.map(line).concat())
}

/// What it may configure, write and read at the broker.
fn rights_of(topology: &Topology, service: &Service) -> String {
    let own = service.publishes.iter().map(String::as_str);
    if service.consumes.is_empty() {
        let own: String = own.collect();
        return format!("{} ^{own}$ ^{own}$ ^$\n", service.name);
    }
    let contexts = topology.services().iter().filter_map(|other| other.publishes.as_deref());
    let contexts: Vec<_> = contexts.filter(|context| service.consumes.iter().any(|one| one == context)).collect();
    let queues = format!(r"{}\..*", service.name);
    let read = [&[queues.as_str(), "dead-letters", r"dead-letters\.lock"][..], &contexts].concat();
    let configure: Vec<_> = read.iter().copied().chain(own.clone().filter(|own| !contexts.contains(own))).collect();
    let write: Vec<_> = [queues.as_str(), "dead-letters", r"amq\.default"].into_iter().chain(own).collect();
    let [configure, write, read] = [configure, write, read].map(|names| format!("^({})$", names.join("|")));
    format!("{} {configure} {write} {read}\n", service.name)
}

fn targets(topology: &Topology, host: Option<&str>) -> String {
    let target = |service: &Service| {
        let (name, admin) = (&service.name, service.admin);
        let host = host.unwrap_or(name);
        format!("- targets: [\"{host}:{admin}\"]\n  labels: {{ job: {name}, service_namespace: signalbox }}\n")
    };
    let targets: String = topology.services().iter().map(target).collect();
    format!("{HEAD}# The admin ports of the services.\n{targets}")
}
