//! What of the servers and of the programs that watch them is on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::BackendError;
use crate::{postgres, rabbitmq, redis, tools};

/// A program that can be started here.
#[derive(Debug)]
pub struct InstalledProgram {
    /// `Postgres`, `Redis`, `RabbitMQ`, `Prometheus`, `Alertmanager` or an exporter.
    pub server: &'static str,
    /// The version as its program prints it.
    pub version: String,
    /// Its program.
    pub path: PathBuf,
}

/// Looks for all of them and installs what is missing where that is possible.
pub fn check() -> Vec<Result<InstalledProgram, BackendError>> {
    let servers = [
        postgres::programs().and_then(|folder| installed("Postgres", &folder.join("postgres"))),
        redis::program().and_then(|program| installed("Redis", &program)),
        rabbitmq::programs().map(|folder| {
            let version = rabbitmq::version(&folder).unwrap_or_else(|| "?".to_owned());
            InstalledProgram { server: "RabbitMQ", version, path: folder.join("rabbitmq-server") }
        }),
    ];
    let tools = tools::all().map(|(server, name)| tools::program(name).and_then(|path| installed(server, &path)));
    servers.into_iter().chain(tools).collect()
}

fn installed(server: &'static str, path: &Path) -> Result<InstalledProgram, BackendError> {
    let version = version(Command::new(path).arg("--version"))?;
    Ok(InstalledProgram { server, version, path: path.to_owned() })
}

fn version(command: &mut Command) -> Result<String, BackendError> {
    let name = command.get_program().display().to_string();
    let output = command.output().map_err(BackendError::system(format!("cannot run {name}")))?;
    if !output.status.success() {
        let output = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(BackendError::Command { command: name, output });
    }
    // Exporters tell it as an error or in a line of log.
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    // `postgres (PostgreSQL) 15.18 (Debian …)`, `Redis server v=7.0.15 sha=…`, `3.10.8`, `amtool, version 0.25.0 (…`.
    let mut words = text.split_whitespace().map(|word| word.trim_start_matches("v="));
    Ok(words.find(|word| word.starts_with(|c: char| c.is_ascii_digit())).unwrap_or("?").to_owned())
}
