//! Tells the binary what it was built from, for `build_info` and `/build`.

#![allow(clippy::disallowed_methods, reason = "cargo speaks to build scripts through the environment")]

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=SIGNALBOX_REVISION");
    println!("cargo::rustc-env=SIGNALBOX_REVISION={}", revision());
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = output(&rustc, &["--version"]).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=SIGNALBOX_RUSTC={}", version.split_whitespace().nth(1).unwrap_or("unknown"));
}

fn revision() -> String {
    if let Ok(given) = std::env::var("SIGNALBOX_REVISION") {
        return given;
    }
    // A debug build is for the developer, who would wait for a rebuild after every commit.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "debug") {
        return "development".to_owned();
    }
    println!("cargo::rerun-if-changed=../../.git/logs/HEAD");
    output("git", &["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
