//! `signalbox-rules`: writes what is generated from `observability/`, or checks that it is up to date.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use observability::outputs::{self, Drift};

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

fn main() -> ExitCode {
    let Arguments { verb, root } = Arguments::parse();
    let apply = if verb == Verb::Generate { outputs::write } else { outputs::drift };
    let (lines, code) = match outputs::all(&root).and_then(|outputs| apply(&root, &outputs)) {
        Err(error) => (vec![error.to_string()], ExitCode::FAILURE),
        Ok(files) if verb == Verb::Generate => (files.iter().map(Drift::written).collect(), ExitCode::SUCCESS),
        Ok(stale) => (stale.iter().map(ToString::to_string).collect(), ExitCode::from(u8::from(!stale.is_empty()))),
    };
    lines.iter().for_each(|line| print_error(line));
    code
}

#[allow(clippy::print_stderr, reason = "what the user has to know and do")]
fn print_error(text: &str) {
    eprintln!("{text}");
}
