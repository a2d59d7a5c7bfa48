//! The `loadtests` command: read the flags, run the load, say what it showed, and exit 0, 1, 2 or 3.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool answers on its terminal")]

use std::process::ExitCode;

use clap::Parser;
use loadtests::{Options, THRESHOLDS_MISSED};

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    println!("{options}");
    let outcome = match loadtests::run(&options, |progress| println!("{progress}")).await {
        Ok(outcome) => outcome,
        Err(failure) => {
            eprintln!("loadtests: {failure}");
            return ExitCode::from(failure.exit_code());
        }
    };
    println!("{}", outcome.reports);
    if outcome.verdict.passed() {
        println!("{}", outcome.verdict);
        return ExitCode::SUCCESS;
    }
    eprintln!("loadtests: {}", outcome.verdict);
    ExitCode::from(THRESHOLDS_MISSED)
}
