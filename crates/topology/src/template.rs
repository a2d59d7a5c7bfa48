//! A new service from the files in `crates/topology/template`: a gRPC service with a store of its own. The template is a
//! service called `sample-item`; its name is replaced, and nothing is written here.

use std::path::Path;

use crate::check::bad_name;
use crate::error::{FILE, TopologyError};
use crate::files::{FileError, Output, read};
use crate::model::Topology;

/// Where the template is.
const FOLDER: &str = "crates/topology/template";

/// Ports of the template.
const GRPC: &str = "50099";
const ADMIN: &str = "9099";

/// The test that wants to know of every call whether it may be sent twice.
const CALLS: &str = "crates/contracts/tests/idempotency.rs";

/// Words of Rust, and crates of the compiler.
const RUST: &str = "abstract as async await become box break const continue crate do dyn else enum extern false final fn for \
                    gen if impl in let loop macro match mod move mut override priv pub ref return self static struct super \
                    trait true try type typeof union unsafe unsized use virtual where while yield alloc core \
                    proc-macro std test";

/// Names whose module or table would meet another one: `contracts::events`, and `values` of SQL.
const MET: [&str; 2] = ["events", "value"];

/// There can be no such service.
#[derive(Debug, thiserror::Error)]
pub enum NewServiceError {
    /// The name cannot be used.
    #[error("`{name}` cannot be the name of a service: {reason}")]
    Name {
        /// The name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The list is wrong, or would be.
    #[error(transparent)]
    List(#[from] TopologyError),
}

/// The forms of a name that stand in the template.
struct Name([(&'static str, String); 5]);

impl Name {
    fn new(name: &str) -> Self {
        let snake = name.replace('-', "_");
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        let camel = name.split('-').map(capital).collect();
        Self([
            ("sample-item", name.to_owned()),
            ("sample_item", snake.clone()),
            ("sample item", name.replace('-', " ")),
            ("SampleItem", camel),
            ("SAMPLE_ITEM", snake.to_uppercase()),
        ])
    }

    fn put_into(&self, text: &str) -> String {
        // The sentence that begins with the name keeps its capital.
        let sentence = ("Sample item", self.0[2].1[..1].to_uppercase() + &self.0[2].1[1..]);
        let forms = self.0.iter().map(|(from, to)| (*from, to)).chain([(sentence.0, &sentence.1)]);
        forms.fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}

/// Every file that a service called `name` begins with, those that exist and get more lines included. The list of
/// services is among them; what follows from that has to be generated afterwards.
///
/// # Errors
/// If the name cannot be used, or a file not be read.
pub fn new_service(root: &Path, name: &str) -> Result<Vec<Output>, NewServiceError> {
    let list = read(root, FILE)?;
    let topology = Topology::parse(&list)?;
    let template = files(root, FOLDER)?;
    if let Some(reason) = refusal(root, &topology, &template, name)? {
        return Err(NewServiceError::Name { name: name.to_owned(), reason });
    }
    let (grpc, admin) = (free(&topology, 50051), free(&topology, 9080));
    let name = Name::new(name);
    let mut outputs: Vec<Output> = Vec::new();
    for path in template {
        let text = read(root, &path)?.replace(GRPC, &grpc.to_string()).replace(ADMIN, &admin.to_string());
        outputs.push(Output { path: name.put_into(&target(&path)), content: name.put_into(&text) });
    }
    let content = with_entry(&list, &name.put_into(&entry(grpc, admin)));
    Topology::parse(&content)?;
    outputs.push(Output { path: FILE.to_owned(), content });
    outputs.push(Output { path: CALLS.to_owned(), content: with_calls(&read(root, CALLS)?, &name) });
    Ok(outputs)
}

/// Where a file of the template belongs.
fn target(path: &str) -> String {
    let inside = path.trim_start_matches(FOLDER).trim_start_matches('/');
    match inside.strip_prefix("service/") {
        Some(rest) => format!("services/sample-item/{rest}"),
        None => inside.replacen("proto/", "crates/contracts/proto/sample_item/v1/", 1),
    }
}

/// Paths of all files below `folder`.
fn files(root: &Path, folder: &str) -> Result<Vec<String>, FileError> {
    let failed = |source| FileError::System { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join(folder)).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(files(root, &path)?);
        } else {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Why a service cannot be called `name`, if it cannot.
fn refusal(root: &Path, topology: &Topology, template: &[String], name: &str) -> Result<Option<String>, FileError> {
    if name.is_empty() {
        return Ok(Some("it is empty; say NAME=order".to_owned()));
    }
    if let Some(reason) = bad_name(name) {
        return Ok(Some(reason.to_owned()));
    }
    if topology.service(name).is_some() || root.join("services").join(name).exists() {
        return Ok(Some("there is a service of that name".to_owned()));
    }
    if topology.part(name).is_some() {
        return Ok(Some("services.yaml has a part of that name".to_owned()));
    }
    if RUST.split_whitespace().chain(MET).any(|word| word == name) {
        return Ok(Some("Rust, SQL or our contracts use the word".to_owned()));
    }
    let manifest = read(root, "Cargo.toml")?;
    // The names of lints and profiles stand in other sections.
    let section = |line: &&str| *line != "[workspace.dependencies]";
    let dependencies = manifest.lines().skip_while(section).skip(1).take_while(|line| !line.starts_with('['));
    if dependencies.filter_map(|line| line.split(' ').next()).any(|dependency| dependency == name) {
        return Ok(Some("a dependency in Cargo.toml is called so".to_owned()));
    }
    // A type of that name would stand beside one that the template has or takes from elsewhere.
    let camel = Name::new(name).put_into("SampleItem");
    for path in template.iter().filter(|path| path.ends_with(".rs")) {
        let text = read(root, path)?;
        if text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == camel) {
            return Ok(Some(format!("the type `{camel}` has another meaning in {path}")));
        }
    }
    Ok(None)
}

/// The first port after those that services have from `first` on, and that nobody has.
fn free(topology: &Topology, first: u16) -> u16 {
    let services = topology.services().iter().flat_map(|one| [one.http, one.grpc, Some(one.admin)]);
    let parts = topology.parts().iter().flat_map(|one| [one.port, one.managed, one.metrics]);
    let taken: Vec<u16> = services.chain(parts).flatten().collect();
    (first..u16::MAX).find(|port| !taken.contains(port)).unwrap_or(first)
}

fn entry(grpc: u16, admin: u16) -> String {
    format!(
        "  sample-item:
    grpc: {grpc}
    api: sample_item.v1.SampleItemService
    admin: {admin}
    calls: []
    stores: [postgres]
    image: sample-item
"
    )
}

/// The list with one more service behind the others.
fn with_entry(list: &str, entry: &str) -> String {
    let lines: Vec<&str> = list.lines().collect();
    let parts = lines.iter().position(|line| *line == "parts:").unwrap_or(lines.len());
    let is_around = |line: &&&str| line.is_empty() || line.starts_with('#');
    let end = parts - lines[..parts].iter().rev().take_while(is_around).count();
    let join = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    format!("{}{entry}{}", join(&lines[..end]), join(&lines[end..]))
}

/// The table of calls with those of the template, before its end.
fn with_calls(table: &str, name: &Name) -> String {
    let rows = "    (\"sample_item.v1.SampleItemService/CreateSampleItem\", true, \"the caller chooses the id\"),
    (\"sample_item.v1.SampleItemService/GetSampleItem\", true, \"reads\"),
";
    table.replacen("\n];\n", &format!("\n{}];\n", name.put_into(rows)), 1)
}
