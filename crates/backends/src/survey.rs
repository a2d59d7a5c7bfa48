//! What of the servers is on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::BackendError;
use crate::{postgres, rabbitmq, redis};

/// A server that can be started here.
#[derive(Debug)]
pub struct Present {
    /// `Postgres`, `Redis` or `RabbitMQ`.
    pub server: &'static str,
    /// The version as its program prints it.
    pub version: String,
    /// Its program.
    pub path: PathBuf,
}

/// Looks for all three and installs what is missing where that is possible.
pub fn check() -> [Result<Present, BackendError>; 3] {
    [
        postgres::programs().and_then(|folder| present("Postgres", folder.join("postgres"), "--version")),
        redis::program().and_then(|path| present("Redis", path, "--version")),
        // `rabbitmq-server` has no such option.
        rabbitmq::programs().and_then(|folder| present("RabbitMQ", folder.join("rabbitmqctl"), "version")),
    ]
}

fn present(server: &'static str, path: PathBuf, option: &str) -> Result<Present, BackendError> {
    let version = version(&path, option)?;
    Ok(Present { server, version, path })
}

fn version(path: &Path, option: &str) -> Result<String, BackendError> {
    let command = format!("{} {option}", path.display());
    let output =
        Command::new(path).arg(option).output().map_err(BackendError::system(format!("cannot run {command}")))?;
    if !output.status.success() {
        let output = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(BackendError::Command { command, output });
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // `postgres (PostgreSQL) 15.18 (Debian …)`, `Redis server v=7.0.15 sha=…`, `3.10.8`.
    let mut words = text.split_whitespace().map(|word| word.trim_start_matches("v="));
    Ok(words.find(|word| word.starts_with(|c: char| c.is_ascii_digit())).unwrap_or("?").to_owned())
}
