//! Any other program, run like the servers: a group of its own, its output in its folder, gone with this process.

use std::path::{Path, PathBuf};

use crate::error::BackendError;
use crate::process_group::leader_command;
use crate::server::{DataFolder, Server};

/// A program with a folder and a port of its own. Dropping it kills it.
#[derive(Debug)]
pub struct Program {
    server: Server,
    path: PathBuf,
    environment: Vec<(String, String)>,
}

impl Program {
    /// The executable at `path`, which does not run yet. It gets `environment` and nothing else but PATH; its output goes
    /// to the file `output` of `folder`, which stays.
    ///
    /// # Errors
    /// If the folder cannot be used.
    pub fn new(
        name: &'static str,
        path: &Path,
        folder: &Path,
        port: u16,
        environment: Vec<(String, String)>,
    ) -> Result<Self, BackendError> {
        let server = Server::new(name, DataFolder::persistent(folder)?, port, "")?;
        Ok(Self { server, path: path.to_owned(), environment })
    }

    /// Starts it, unless it runs, and waits until `answers`.
    ///
    /// # Errors
    /// If it does not start.
    pub fn launch<E: std::fmt::Display>(&self, answers: impl Fn() -> Result<(), E>) -> Result<(), BackendError> {
        let mut command = leader_command(&self.path);
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        self.server.launch(command, answers)
    }

    /// Kills it without a word.
    ///
    /// # Errors
    /// If the operating system does not do it.
    pub fn kill(&self) -> Result<(), BackendError> {
        self.server.kill()
    }

    /// Stops it where it is: connections stay, and nobody answers.
    ///
    /// # Errors
    /// If the operating system does not do it.
    pub fn pause(&self) -> Result<(), BackendError> {
        self.server.signal("STOP")
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// If the operating system does not do it.
    pub fn resume(&self) -> Result<(), BackendError> {
        self.server.signal("CONT")
    }

    /// Asks it to end by SIGTERM and waits until it has.
    ///
    /// # Errors
    /// If it does not end in time; then it was killed.
    pub fn stop(&self) -> Result<(), BackendError> {
        self.server.stop("TERM")
    }
}
