//! What the workspace, the one process and the images are told of the crates of the services.

use std::path::Path;

use crate::Topology;
use crate::files::{FileError, Output, with_regions};

pub(super) fn outputs(root: &Path, topology: &Topology) -> Result<Vec<Output>, FileError> {
    let mut names: Vec<&str> = topology.services().iter().map(|service| service.name.as_str()).collect();
    names.sort_unstable();
    let lines = |line: &dyn Fn(&str) -> String| names.iter().map(|name| line(name)).collect::<String>();
    let joined = |word: &dyn Fn(&str) -> String, between: &str| {
        names.iter().map(|name| word(name)).collect::<Vec<_>>().join(between)
    };
    let starts: String = topology.start_order().into_iter().map(|one| format!("    {},\n", one.module())).collect();
    let features = |feature: &str| format!("{feature} = [{}]\n", joined(&|name| format!("\"{name}/{feature}\""), ", "));
    let all_in_one = [
        ("features", ["backing-services", "tls"].map(features).concat()),
        ("services", lines(&|name| format!("{name}.workspace = true\n"))),
    ];
    let images = format!(
        "ENV PROGRAMS=\"{}\" \\\n    FEATURES=\"{}\"\n",
        joined(&|name| format!("-p {name}"), " "),
        joined(&|name| format!("{name}/tls"), ",")
    );
    let workspace = lines(&|name| format!("{name} = {{ path = \"services/{name}\", default-features = false }}\n"));
    Ok(vec![
        with_regions(root, "Cargo.toml", &[("services", workspace)])?,
        with_regions(root, "services/all-in-one/Cargo.toml", &all_in_one)?,
        with_regions(root, "services/all-in-one/src/stack.rs", &[("services", starts)])?,
        with_regions(root, "deploy/Dockerfile", &[("services", images)])?,
    ])
}
