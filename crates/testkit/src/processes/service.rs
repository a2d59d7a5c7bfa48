//! One service in its process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use backends::{BackendError, Program, answers};

/// A service in its process.
pub struct ServiceProcess {
    program: Program,
    /// Where it serves, if it does, and where its admin port is.
    ports: [Option<u16>; 2],
}

impl ServiceProcess {
    pub(super) fn new(program: Program, ports: [Option<u16>; 2]) -> Self {
        Self { program, ports }
    }

    /// Where it serves.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.ports[0].map(|port| (Ipv4Addr::LOCALHOST, port).into())
    }

    /// Where its admin port is.
    #[must_use]
    pub fn admin(&self) -> Option<SocketAddr> {
        self.ports[1].map(|port| (Ipv4Addr::LOCALHOST, port).into())
    }

    /// Kills it without a word.
    ///
    /// # Errors
    /// If the operating system does not do it.
    pub fn kill(&self) -> Result<(), BackendError> {
        self.program.kill()
    }

    /// Starts it, unless it runs, and waits until it is ready.
    ///
    /// # Errors
    /// If it ends, or is not ready in time.
    pub fn launch(&self) -> Result<(), BackendError> {
        self.program.launch(|| self.admin().map_or(Ok(()), |admin| answers(admin, chassis::paths::READYZ)))
    }

    /// Stops it where it is: connections stay, and nobody answers.
    ///
    /// # Errors
    /// If the operating system does not do it.
    pub fn pause(&self) -> Result<(), BackendError> {
        self.program.pause()
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// If the operating system does not do it.
    pub fn resume(&self) -> Result<(), BackendError> {
        self.program.resume()
    }

    /// Asks it to end, and waits until it has drained.
    ///
    /// # Errors
    /// If it does not end in time; then it was killed.
    pub fn stop(&self) -> Result<(), BackendError> {
        self.program.stop()
    }
}

/// The executable of a service, built beside the one that runs.
///
/// # Errors
/// If it has not been built.
pub fn executable(service: &str) -> Result<PathBuf, BackendError> {
    let own =
        std::env::current_exe().map_err(|source| BackendError::System { what: "no own path".to_owned(), source })?;
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join(service)).find(|path| path.is_file());
    found.ok_or_else(|| BackendError::System {
        what: format!("the program {service} is not built; cargo build --workspace --bins"),
        source: std::io::ErrorKind::NotFound.into(),
    })
}
