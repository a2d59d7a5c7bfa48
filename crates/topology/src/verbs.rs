//! What `signalbox-services` does for each verb. Every outcome is a text for people.

use std::path::Path;

use crate::error::FILE;
use crate::files::{drift, write};
use crate::model::Topology;
use crate::outputs::outputs;
use crate::template::new_service;

/// What `--help` shows.
const HELP: &str = "\
The list of services, services.yaml, and everything that repeats it

Usage: signalbox-services <VERB>, in the root of the repository

  generate    write every file that is not as the list says, and name it
  new NAME    write a gRPC service with a store of its own, put it on the list, and generate
  check       name every file that is not as the list says, and fail if there is one
";

/// Does what the words of the command line ask for.
///
/// # Errors
/// What went wrong, or which files are not up to date, in words.
pub fn run(root: &Path, words: &[&str]) -> Result<String, String> {
    match words {
        ["generate"] => generate(root),
        ["check"] => check(root),
        ["new", name] => new(root, name),
        ["-h" | "--help"] => Ok(HELP.to_owned()),
        [] => Err(format!("say what to do\n\n{HELP}")),
        _ => Err(format!("`{}` is no verb, or has too many words\n\n{HELP}", words.join(" "))),
    }
}

/// The list on disk, which may be newer than this program.
fn read(root: &Path) -> Result<Topology, String> {
    let text = std::fs::read_to_string(root.join(FILE))
        .map_err(|error| format!("{FILE}: {error}; run it in the root of the repository"))?;
    Topology::parse(&text).map_err(|error| error.to_string())
}

fn generate(root: &Path) -> Result<String, String> {
    let outputs = outputs(root, &read(root)?).map_err(|error| error.to_string())?;
    let written = write(root, &outputs).map_err(|error| error.to_string())?;
    Ok(written.iter().map(|path| format!("wrote {path}\n")).collect())
}

fn new(root: &Path, name: &str) -> Result<String, String> {
    let files = new_service(root, name).map_err(|error| error.to_string())?;
    let written = write(root, &files).map_err(|error| error.to_string())?;
    let written: String = written.iter().map(|path| format!("wrote {path}\n")).collect();
    Ok(written + &generate(root)?)
}

fn check(root: &Path) -> Result<String, String> {
    let outputs = outputs(root, &read(root)?).map_err(|error| error.to_string())?;
    let stale = drift(root, &outputs);
    let line = |path: &&str| format!("{path} is not as {FILE} says: run `make services` and commit the result");
    let lines: Vec<String> = stale.iter().map(line).collect();
    if lines.is_empty() { Ok(String::new()) } else { Err(lines.join("\n")) }
}
