//! The blocks of our services, of the jobs that migrate, and of their secrets and volumes in `compose.yaml`.

use std::fmt::Write as _;
use std::path::Path;

use crate::files::{FileError, Output, with_regions};
use crate::model::upper;
use crate::{Service, Topology};

const PATH: &str = "compose.yaml";

pub(super) fn output(root: &Path, topology: &Topology) -> Result<Output, FileError> {
    let passwords = topology
        .databases()
        .flat_map(|service| ["owner", "app"].map(|role| format!("      - {}_{role}_password\n", service.name)));
    let jobs = topology.databases().map(job);
    let blocks = topology.start_order().into_iter().map(|service| block(topology, service));
    let blocks: Vec<String> = jobs.chain(blocks).collect();
    let volumes = topology.services().iter().filter_map(|service| service.volume.as_ref());
    let regions = [
        ("secrets of postgres", passwords.collect()),
        ("our services", blocks.join("\n")),
        ("volumes of our services", volumes.map(|volume| format!("  {volume}:\n")).collect()),
        ("secrets of our services", secrets(topology)),
    ];
    with_regions(root, PATH, &regions)
}

fn build(service: &Service) -> String {
    format!("{{ context: ., dockerfile: deploy/Dockerfile, args: {{ SERVICE: {} }} }}", service.name)
}

/// The job that migrates its database.
fn job(service: &Service) -> String {
    let (name, image) = (&service.name, &service.image);
    format!(
        "  migrate-{name}:
    <<: *job
    build: &{name} {build}
    image: signalbox/{image}
    environment: {{ {variable}_CONFIG: /run/secrets/{name}-migrate }}
    secrets: [{name}-migrate]
",
        build = build(service),
        variable = service.variable(),
    )
}

fn block(topology: &Topology, service: &Service) -> String {
    let (name, variable) = (&service.name, service.variable());
    let build = if service.has_database() { format!("*{name}") } else { build(service) };
    let mut text = format!(
        "  {name}:
    <<: *service
    build: {build}
    image: signalbox/{image}
    environment:
      {variable}_CONFIG: /run/secrets/{name}
      {variable}_TELEMETRY_OTLP_ENDPOINT: http://collector:4317
",
        image = service.image,
    );
    // Writing into a string cannot fail, here and below.
    if let Some((protocol, port)) = service.served() {
        let _ = writeln!(text, "      {variable}_{}_ADDRESS: 0.0.0.0:{port}", upper(protocol));
    }
    let _ = writeln!(text, "      {variable}_ADMIN_ADDRESS: 0.0.0.0:{}", service.admin);
    for callee in topology.callees(service) {
        if let Some((_, port)) = callee.served() {
            let _ = writeln!(text, "      {variable}_{}_URL: http://{}:{port}", upper(&callee.name), callee.name);
        }
    }
    let _ = writeln!(text, "    secrets: [{name}]");
    if let Some(volume) = &service.volume {
        let _ = writeln!(text, "    volumes: [\"{volume}:/data\"]");
    }
    // Who calls a service from outside uses its HTTP API; gRPC ports trust their callers and are not published.
    let published = service.http.into_iter().chain([service.admin]);
    let published: Vec<_> = published.map(|port| format!("\"127.0.0.1:{port}:{port}\"")).collect();
    let _ = writeln!(text, "    ports: [{}]", published.join(", "));
    text + &waits(topology, service)
}

/// What has to be there before it starts.
fn waits(topology: &Topology, service: &Service) -> String {
    let healthy = |name: &str| format!("      {name}: {{ condition: service_healthy }}\n");
    let mut waits = String::new();
    if service.has_database() {
        waits += &format!("      migrate-{}: {{ condition: service_completed_successfully }}\n", service.name);
    }
    waits.extend(topology.callees(service).map(|callee| healthy(&callee.name)));
    if service.has_cache() {
        waits += &healthy("redis");
    }
    if service.has_broker() {
        waits += &healthy("rabbitmq");
    }
    if waits.is_empty() { waits } else { format!("    depends_on:\n{waits}") }
}

fn secrets(topology: &Topology) -> String {
    let secret = |name: &str, file: &str| format!("  {name}: {{ file: .secrets/{file} }}\n");
    let passwords = topology.databases().flat_map(|service| {
        ["owner", "app"].map(|role| format!("{}_{role}_password", service.name)).map(|name| secret(&name, &name))
    });
    let jobs = topology.databases().map(|service| format!("{}-migrate", service.name));
    let services = topology.services().iter().map(|service| service.name.clone());
    passwords.chain(jobs.chain(services).map(|name| secret(&name, &format!("{name}.toml")))).collect()
}
