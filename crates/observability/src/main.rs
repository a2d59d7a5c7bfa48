//! `signalbox-rules`: writes what is generated from `observability/`, or checks that it is up to date.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use observability::outputs;
use observability::sources::SourceError;

/// Prometheus rules and the tables of docs/observability.md, from the sources under observability/
#[derive(Parser)]
struct Arguments {
    /// generate writes what is not up to date; check names it and fails
    verb: Verb,
    /// Root of the project
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

#[derive(Clone, Copy, ValueEnum, PartialEq)]
enum Verb {
    Generate,
    Check,
}

fn run(Arguments { verb, root }: &Arguments) -> Result<ExitCode, SourceError> {
    let outputs = outputs::all(root)?;
    let generate = *verb == Verb::Generate;
    let stale = if generate { outputs::write(root, &outputs)? } else { outputs::drift(root, &outputs)? };
    stale.iter().for_each(|drift| tell(&if generate { format!("wrote {}", drift.path()) } else { drift.to_string() }));
    Ok(if generate || stale.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn main() -> ExitCode {
    run(&Arguments::parse()).unwrap_or_else(|error| {
        tell(&error.to_string());
        ExitCode::FAILURE
    })
}

#[allow(clippy::print_stderr, reason = "what the user has to know and do")]
fn tell(text: &str) {
    eprintln!("{text}");
}
