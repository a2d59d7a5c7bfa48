//! The data folder: databases, log file and the admin's password.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rand::RngExt;
use tempfile::TempDir;

use crate::stack::Admin;

/// The admin account of the stack.
const ADMIN_EMAIL: &str = "admin@signalbox.example";

/// Letters of a generated password, without those that look alike.
const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Letters a generated password has: 24 of 56 are about 139 bits.
const PASSWORD_LENGTH: usize = 24;

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It cannot be created or written.
    #[error("cannot write to the data folder {path}: {source}; choose another with --data-dir, or use --ephemeral")]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The user has no home.
    #[error("cannot tell where your data belongs: name a folder with --data-dir, or use --ephemeral")]
    NoHome,
}

/// A folder that is ready to use.
pub struct Data {
    path: PathBuf,
    /// Removes an ephemeral folder when the process ends.
    _temporary: Option<TempDir>,
}

impl Data {
    /// Opens the named folder, or the default one under the user's data directory.
    ///
    /// # Errors
    /// If it cannot be created or written.
    pub fn open(named: Option<PathBuf>) -> Result<Self, DataError> {
        let path = named.or_else(default_path).ok_or(DataError::NoHome)?;
        let unwritable = |source| DataError::Unwritable { path: path.clone(), source };
        fs::create_dir_all(&path).map_err(unwritable)?;
        let probe = path.join(".writable");
        fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(unwritable)?;
        Ok(Self { path, _temporary: None })
    }

    /// A folder that disappears with the process.
    ///
    /// # Errors
    /// If the system's temporary directory cannot be written.
    pub fn ephemeral() -> Result<Self, DataError> {
        let folder = tempfile::Builder::new().prefix("signalbox-").tempdir();
        let folder = folder.map_err(|source| DataError::Unwritable { path: std::env::temp_dir(), source })?;
        Ok(Self { path: folder.path().to_owned(), _temporary: Some(folder) })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The admin account, with a password generated once and readable by the owner only.
    ///
    /// # Errors
    /// If the password can be neither read nor stored.
    pub fn admin(&self) -> Result<Admin, DataError> {
        let path = self.path.join("admin-password");
        let unwritable = |source| DataError::Unwritable { path: self.path.clone(), source };
        let password = match fs::read_to_string(&path) {
            Ok(stored) => stored.trim().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut random = rand::rng();
                let letter = |_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]);
                let fresh: String = (0..PASSWORD_LENGTH).map(letter).collect();
                let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
                file.and_then(|mut file| writeln!(file, "{fresh}")).map_err(unwritable)?;
                fresh
            }
            Err(error) => return Err(unwritable(error)),
        };
        Ok(Admin { email: ADMIN_EMAIL.to_owned(), password })
    }
}

/// `signalbox` under the user's data directory, as the XDG Base Directory Specification places it.
fn default_path() -> Option<PathBuf> {
    use etcetera::app_strategy::{AppStrategy, AppStrategyArgs, choose_app_strategy};
    let (top_level_domain, author, app_name) = (String::new(), String::new(), "signalbox".to_owned());
    choose_app_strategy(AppStrategyArgs { top_level_domain, author, app_name }).ok().map(|dirs| dirs.data_dir())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_password_is_made_once_and_private() {
        let data = Data::ephemeral().expect("folder");
        let first = data.admin().expect("password").password;
        assert_eq!(first.len(), PASSWORD_LENGTH);
        assert_eq!(data.admin().expect("password").password, first);
        let mode = fs::metadata(data.path().join("admin-password")).expect("file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let error = Data::open(Some("/proc/nowhere".into())).err().expect("unwritable").to_string();
        assert!(error.contains("/proc/nowhere") && error.contains("--data-dir"), "{error}");
    }
}
