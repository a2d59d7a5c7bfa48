//! `backends check`: says which servers and programs around them can be started here, and installs what is missing where that is possible.

use std::process::ExitCode;

use clap::Parser;

/// Private servers for tests, and what watches them
#[derive(Parser)]
enum Arguments {
    /// Print which programs can be started here, after installing what is missing if this is root on Debian
    Check,
}

fn main() -> ExitCode {
    let Arguments::Check = Arguments::parse();
    let mut code = ExitCode::SUCCESS;
    for outcome in backends::inventory::check() {
        match outcome {
            Ok(found) => say(&format!("{:<17} {:<12} {}", found.server, found.version, found.path.display())),
            Err(error) => {
                complain(&error.to_string());
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

#[allow(clippy::print_stdout, reason = "what the user asked for on the command line")]
fn say(text: &str) {
    println!("{text}");
}

#[allow(clippy::print_stderr, reason = "what the user has to do about it")]
fn complain(text: &str) {
    eprintln!("{text}");
}
