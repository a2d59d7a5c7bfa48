//! The tables and the picture of the services and crates in `docs/`.

use std::fmt::Write as _;
use std::path::Path;

use super::manifest::{description, sections};
use crate::files::{FileError, Output, with_regions};
use crate::{Service, Topology};

pub(super) fn outputs(root: &Path, topology: &Topology) -> Result<Vec<Output>, FileError> {
    let configuration = [("sections", sections_table(root, topology)?), ("ports", ports_table(topology))];
    let architecture = [
        ("picture", picture(topology)),
        ("admin ports", admin_ports(topology)),
        ("parts", parts_table(root, topology)?),
    ];
    Ok(vec![
        with_regions(root, "docs/configuration.md", &configuration)?,
        with_regions(root, "docs/architecture.md", &architecture)?,
    ])
}

fn table(head: [&str; 3], rows: impl IntoIterator<Item = [String; 3]>) -> String {
    let line = |cells: [String; 3]| format!("| {} |\n", cells.join(" | "));
    let rows: String = rows.into_iter().map(line).collect();
    line(head.map(str::to_owned)) + "| --- | --- | --- |\n" + &rows
}

/// `a, b and c`, or `nobody`.
fn list(words: &[String]) -> String {
    match words {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn ticked<'a>(words: impl Iterator<Item = &'a String>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn sections_table(root: &Path, topology: &Topology) -> Result<String, FileError> {
    let mut rows = Vec::new();
    for service in topology.services() {
        let path = format!("services/{}/config.toml", service.name);
        let sections = sections(root, &service.name)?;
        let is_callee = |section: &&String| topology.callees(service).any(|callee| callee.module() == **section);
        let mut cell = ticked(sections.iter().filter(|section| !is_callee(section)));
        let callees: Vec<_> = sections.iter().filter(is_callee).collect();
        if let [first, rest @ ..] = callees.as_slice() {
            let callee = if rest.is_empty() { "callee" } else { "callees" };
            let _ = write!(cell, ", and the {callee} {}", ticked([*first].into_iter().chain(rest.iter().copied())));
        }
        rows.push([service.name.clone(), format!("[{path}](../{path})"), cell]);
    }
    Ok(table(["Service", "File", "Sections of its own"], rows))
}

fn ports_table(topology: &Topology) -> String {
    let row = |service: &Service| {
        let served = service.served();
        let served = served.map(|(protocol, port)| format!("`{protocol}.address` 127.0.0.1:{port}"));
        let admin = format!("`admin.address` 127.0.0.1:{}", service.admin);
        [service.name.clone(), served.unwrap_or_else(|| "none".to_owned()), admin]
    };
    table(["Service", "Public", "Admin"], topology.services().iter().map(row))
}

fn parts_table(root: &Path, topology: &Topology) -> Result<String, FileError> {
    let mut rows = Vec::new();
    for service in topology.services() {
        let owns = description(root, &service.name)?;
        let calls: Vec<_> = topology.callees(service).map(|callee| callee.name.clone()).collect();
        let mut calls = list(&calls);
        if !service.consumes.is_empty() {
            let _ = write!(calls, "; consumes events of {}", list(&service.consumes));
        }
        rows.push([service.name.clone(), owns, calls]);
    }
    Ok(table(["Part", "Owns", "Calls"], rows))
}

/// The nodes and arrows of the services in the picture of all parts.
fn picture(topology: &Topology) -> String {
    let mut nodes = String::new();
    let mut arrows = String::new();
    for service in topology.services() {
        let name = &service.name;
        let _ = writeln!(nodes, "        {name}[\"{name}\"]");
        for callee in topology.callees(service) {
            if let Some((protocol, port)) = callee.served() {
                let protocol = if protocol == "grpc" { "gRPC" } else { "HTTP" };
                let _ = writeln!(arrows, "        {name} -->|\"{protocol} {port}\"| {}", callee.name);
            }
        }
        if service.has_database() {
            let _ = writeln!(arrows, "        {name} --- {}db[(\"{name}.db\")]", service.module());
        }
        if service.publishes.is_some() {
            let _ = writeln!(arrows, "        {name} -.->|\"events\"| broker");
        }
        if !service.consumes.is_empty() {
            let _ = writeln!(arrows, "        broker -.-> {name}");
        }
    }
    nodes + &arrows
}

/// The arrows from who operates the services.
fn admin_ports(topology: &Topology) -> String {
    let arrow = |service: &Service| format!("    operators -->|\"admin {}\"| {}\n", service.admin, service.name);
    topology.services().iter().map(arrow).collect()
}
