//! Finds the programs of a server and, where that is allowed, installs the Debian package that has them.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::BackendError;

const SCRIPT: &str = include_str!("install.sh");

/// Debian asks this program whether a package may start its service. Images of containers bring one that says no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Where a server comes from.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) server: &'static str,
    pub(crate) program: &'static str,
    pub(crate) debian: &'static str,
}

/// What `find` finds, if need be after an installation, of which there is one at a time on this machine.
pub(crate) fn provide<T>(package: &Package, find: impl Fn() -> Option<T>) -> Result<T, BackendError> {
    provide_by(install, package, find)
}

fn provide_by<T>(
    install: impl FnOnce(&str) -> Result<(), String>,
    package: &Package,
    find: impl Fn() -> Option<T>,
) -> Result<T, BackendError> {
    let missing = |reason: String| BackendError::Missing {
        server: package.server,
        program: package.program,
        command: format!("apt-get install -y --no-install-recommends {}", package.debian),
        reason,
    };
    let lock = std::env::temp_dir().join("signalbox-backends-install.lock");
    let cannot = || BackendError::system(format!("cannot lock {}", lock.display()));
    // Not all who need it may write to it.
    let file = File::open(&lock).or_else(|_| File::create(&lock)).map_err(cannot())?;
    file.lock().map_err(cannot())?;
    // Not before the lock: what somebody else is installing is there in parts.
    if let Some(found) = find() {
        return Ok(found);
    }
    install(package.debian).map_err(missing)?;
    find().ok_or_else(|| missing(format!("the package {} does not bring it", package.debian)))
}

fn install(debian: &str) -> Result<(), String> {
    if !is_root() {
        return Err("only root may install it".to_owned());
    }
    if in_path("apt-get").is_none() {
        return Err("there is no apt-get here to install it with".to_owned());
    }
    // Past the capture of the test harness: a test that takes minutes for once has to say why.
    let _ = writeln!(std::io::stderr(), "backends: installing the Debian package {debian}");
    finish(&mut installer(debian, Path::new(POLICY)))
}

/// Runs `install.sh`, which keeps the file `policy` in place meanwhile.
fn installer(debian: &str, policy: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "backends", debian]).arg(policy).stdin(Stdio::null());
    command
}

/// Waits for the end of an installation; the error is the end of what apt-get wrote.
fn finish(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(format!("apt-get failed: {}", tail(&String::from_utf8_lossy(&text))))
}

/// The last lines of a text.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// Whether this process is root. Postgres then runs as another user, who has to be able to reach its folder.
#[must_use]
pub fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// The folders of PATH.
pub(crate) fn path() -> Vec<PathBuf> {
    #[allow(clippy::disallowed_methods, reason = "where programs are is no configuration of a service")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect()
}

/// The first folder that has all of the programs.
pub(crate) fn folder_of(programs: &[&str], folders: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    folders.into_iter().find(|folder| programs.iter().all(|program| folder.join(program).is_file()))
}

/// A program of PATH.
pub(crate) fn in_path(program: &str) -> Option<PathBuf> {
    folder_of(&[program], path()).map(|folder| folder.join(program))
}

#[cfg(test)]
#[path = "install_tests.rs"]
mod tests;
