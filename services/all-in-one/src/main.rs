//! `make demo`: the stack in one process.

use std::process::ExitCode;

use all_in_one::{Arguments, RunError, run};
use clap::Parser;

/// Exit code of `sysexits.h` for a wrong configuration.
const EX_CONFIG: u8 = 78;

#[allow(clippy::print_stderr, reason = "the terminal is this program's user interface")]
fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("signalbox: {error}");
            if matches!(error, RunError::Failed(_) | RunError::NotReady(_) | RunError::Runtime(_)) {
                ExitCode::FAILURE
            } else {
                ExitCode::from(EX_CONFIG)
            }
        }
    }
}
