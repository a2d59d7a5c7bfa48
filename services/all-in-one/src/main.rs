//! `cargo run --release`: the stack in one process.

use std::process::ExitCode;

use all_in_one::{Arguments, RunError, run};
use clap::Parser;

/// Exit code of `sysexits.h` for a wrong configuration.
const EX_CONFIG: u8 = 78;

#[allow(clippy::print_stderr, reason = "the terminal is this program's user interface")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("signalbox: cannot start a runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("signalbox: {error}");
            if matches!(error, RunError::Failed(_) | RunError::NotReady(_)) {
                ExitCode::FAILURE
            } else {
                ExitCode::from(EX_CONFIG)
            }
        }
    }
}
