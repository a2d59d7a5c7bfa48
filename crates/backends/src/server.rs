//! What the three servers have in common: a folder, a port, a group of processes, waiting for an answer.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::error::BackendError;
use crate::install::tail;
use crate::process_group::{POLL_INTERVAL, ProcessGroup};

/// The longest time for a start or a stop. A loaded machine starts the Erlang machine slowly.
const START_STOP_TIMEOUT: Duration = Duration::from_secs(90);

/// How often a port may have been taken between the look and the start.
const ATTEMPTS: usize = 5;

/// Below those that Linux and others give to clients and to whoever asks for any port: a server that was killed finds
/// its port free again.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// Where a server keeps its data.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    temporary: Option<TempDir>,
}

impl DataFolder {
    /// A folder that is removed in the end.
    pub(crate) fn temporary() -> Result<Self, BackendError> {
        let folder = tempfile::Builder::new().prefix("signalbox-backend-").tempdir();
        let folder = folder.map_err(BackendError::system("cannot make a temporary folder"))?;
        Ok(Self { path: folder.path().to_owned(), temporary: Some(folder) })
    }

    /// A folder that stays, made if need be.
    pub(crate) fn persistent(path: &Path) -> Result<Self, BackendError> {
        let cannot = |path: &Path| BackendError::system(format!("cannot use the folder {}", path.display()));
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(cannot(path))?;
        Ok(Self { path: path.canonicalize().map_err(cannot(path))?, temporary: None })
    }

    /// Whether nothing in it is worth an `fsync`.
    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, only for the eyes of its owner.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), BackendError> {
        write_private(&self.path.join(name), text)
    }

    /// Adds lines to a file of [`write`](Self::write).
    pub(crate) fn append(&self, name: &str, lines: &[&str]) -> Result<(), BackendError> {
        let file = OpenOptions::new().append(true).open(self.path.join(name));
        let written = file.and_then(|mut file| lines.iter().try_for_each(|line| writeln!(file, "{line}")));
        written.map_err(BackendError::system(format!("cannot write {name}")))
    }

    /// The password kept in this folder, a new one if there is none.
    pub(crate) fn password(&self) -> Result<String, BackendError> {
        match fs::read_to_string(self.path.join("password")) {
            Ok(password) => Ok(password),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let password = random();
                self.write("password", &password)?;
                Ok(password)
            }
            Err(source) => Err(BackendError::System { what: "cannot read the kept password".to_owned(), source }),
        }
    }
}

/// One server; its kind knows how to start it and how to ask whether it answers.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    port: u16,
    // Before the folder: the processes end first.
    group: Mutex<ProcessGroup>,
    data_folder: DataFolder,
}

impl Server {
    /// A server that does not run yet. `cleanup` is a command of the shell that cleans up outside of the folder.
    pub(crate) fn new(
        name: &'static str,
        data_folder: DataFolder,
        port: u16,
        cleanup: &str,
    ) -> Result<Self, BackendError> {
        let group = ProcessGroup::new(data_folder.path(), data_folder.is_temporary(), cleanup)
            .map_err(BackendError::system("cannot start a watchdog"))?;
        Ok(Self { name, port, group: Mutex::new(group), data_folder })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn data_folder(&self) -> &DataFolder {
        &self.data_folder
    }

    /// Starts it with a command made by [`crate::process_group::leader_command`], unless it runs, and waits until it answers.
    pub(crate) fn launch<E>(
        &self,
        mut command: Command,
        answers: impl Fn() -> Result<(), E>,
    ) -> Result<(), BackendError>
    where
        E: Display,
    {
        let mut group = self.group();
        if !group.runs().map_err(self.cannot("be watched"))? {
            group.kill().map_err(self.cannot("be killed"))?;
            self.data_folder.write("output", "")?;
            let output = OpenOptions::new().append(true).open(self.data_folder.path.join("output"));
            let output = output.and_then(|output| Ok((output.try_clone()?, output)));
            let (stdout, stderr) = output.map_err(self.cannot("write its output"))?;
            command.current_dir(self.data_folder.path()).stdout(stdout).stderr(stderr);
            group.launch(command).map_err(self.cannot("be started"))?;
        }
        let deadline = Instant::now() + START_STOP_TIMEOUT;
        while let Err(refusal) = answers() {
            let what = match group.ended().map_err(self.cannot("be watched"))? {
                Some(status) => format!("ended at its start ({status})"),
                None if Instant::now() > deadline => {
                    format!("gave no answer within {START_STOP_TIMEOUT:?} ({refusal})")
                }
                None => {
                    std::thread::park_timeout(POLL_INTERVAL);
                    continue;
                }
            };
            group.kill().map_err(self.cannot("be killed"))?;
            return Err(self.error(what));
        }
        Ok(())
    }

    /// Kills every process at once.
    pub(crate) fn kill(&self) -> Result<(), BackendError> {
        self.group().kill().map_err(self.cannot("be killed"))
    }

    /// Sends a signal to every process.
    pub(crate) fn signal(&self, name: &str) -> Result<(), BackendError> {
        self.group().signal(name).map_err(self.cannot("be signalled"))
    }

    /// Ends it in order, by the signal that asks this server for it.
    pub(crate) fn stop(&self, signal: &str) -> Result<(), BackendError> {
        let in_time = self.group().stop(signal, START_STOP_TIMEOUT).map_err(self.cannot("be stopped"))?;
        if in_time {
            Ok(())
        } else {
            Err(self.error(format!("did not stop within {START_STOP_TIMEOUT:?} and was killed")))
        }
    }

    fn group(&self) -> MutexGuard<'_, ProcessGroup> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cannot(&self, what: &str) -> impl FnOnce(std::io::Error) -> BackendError {
        BackendError::system(format!("{} cannot {what}", self.name))
    }

    fn error(&self, what: String) -> BackendError {
        let output = fs::read(self.data_folder.path.join("output")).unwrap_or_default();
        BackendError::Server { server: self.name, what, output: tail(&String::from_utf8_lossy(&output)) }
    }
}

/// Starts a server on a free port, on another one if somebody was faster.
pub(crate) fn on_free_port<T>(start: impl Fn(u16) -> Result<T, BackendError>) -> Result<T, BackendError> {
    let mut attempts = 1;
    loop {
        match start(free_port()?) {
            Err(BackendError::Server { output, .. }) if attempts < ATTEMPTS && is_port_conflict(&output) => {
                attempts += 1;
            }
            outcome => return outcome,
        }
    }
}

fn is_port_conflict(output: &str) -> bool {
    let output = output.to_lowercase();
    output.contains("address already in use") || output.contains("eaddrinuse")
}

/// A port of the loopback interface on which nobody listens, and which this process has not been given before: whoever
/// got it may not listen yet.
///
/// # Errors
/// If every port that was tried is taken.
pub fn free_port() -> Result<u16, BackendError> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut last = None;
    for _ in 0..100 {
        let number = RandomState::new().hash_one(0) % u64::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(number).unwrap_or_default();
        if given.contains(&port) {
            continue;
        }
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) => {
                given.insert(port);
                return Ok(port);
            }
            Err(error) => last = Some(error),
        }
    }
    let source = last.unwrap_or_else(|| ErrorKind::AddrInUse.into());
    Err(BackendError::System { what: format!("no port of {PORTS:?} is free"), source })
}

/// Writes a file that nobody but its owner may read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), BackendError> {
    let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(BackendError::system(format!("cannot write {}", path.display())))
}

/// 128 bits as 32 digits: enough to be unique and not to be guessed by a neighbour on the machine.
pub(crate) fn random() -> String {
    let number = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", number(), number())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn failed(output: &str) -> BackendError {
        BackendError::Server { server: "Thing", what: "ended".to_owned(), output: output.to_owned() }
    }

    #[test]
    fn a_taken_port_is_followed_by_another_and_other_errors_are_final() {
        let ports = RefCell::new(Vec::new());
        let taken = |times: usize, output: &'static str| {
            ports.borrow_mut().clear();
            on_free_port(|port| {
                assert!(PORTS.contains(&port));
                ports.borrow_mut().push(port);
                if ports.borrow().len() > times { Ok(port) } else { Err(failed(output)) }
            })
        };
        for words in ["bind: Address already in use", "{error,eaddrinuse}"] {
            assert_eq!(taken(2, words).unwrap(), ports.borrow()[2]);
        }
        assert!(taken(ATTEMPTS, "Address already in use").is_err());
        assert_eq!(ports.borrow().len(), ATTEMPTS);
        assert!(taken(1, "no space left on device").is_err());
        assert_eq!(ports.borrow().len(), 1);
    }

    #[test]
    fn a_kept_password_stays_and_is_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let data_folder = DataFolder::persistent(&folder.path().join("deep/er")).unwrap();
        let password = data_folder.password().unwrap();
        assert_eq!(DataFolder::persistent(data_folder.path()).unwrap().password().unwrap(), password);
        assert_ne!(DataFolder::temporary().unwrap().password().unwrap(), password);
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(data_folder.path().join("password")).unwrap());
        assert_eq!(mode & 0o777, 0o600);
    }
}
