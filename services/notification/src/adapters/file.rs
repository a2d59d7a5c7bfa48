//! Mails as files, for the mode with nothing installed: one `<event id>.eml` each, that any mail program opens.
//!
//! A file appears under its name only when it is whole and on the disk, and a name that exists is not written again.
//! So each mail is there exactly once, also after a kill in the middle.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::mime::{self, Origin};
use crate::domain::Letter;
use crate::ports::{Mailer, SendError};

/// Ending of files that are being written.
const UNFINISHED: &str = "tmp";

/// What a writer that died left behind is removed at the next start if it is older than this; a younger one may belong
/// to another instance.
const ABANDONED: Duration = Duration::from_hours(1);

/// Writes mails into a folder.
pub struct FileMailer {
    folder: PathBuf,
    from: Origin,
}

impl FileMailer {
    /// Into `folder`, which is made if there is none, readable by its owner only.
    ///
    /// # Errors
    /// If it cannot be made or written to.
    pub fn open(folder: &Path, from: Origin) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let probe = unfinished(folder);
        create(&probe)?;
        fs::remove_file(&probe)?;
        for entry in fs::read_dir(folder)?.flatten() {
            let path = entry.path();
            let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|time| time.elapsed().ok());
            if path.extension().is_some_and(|ending| ending == UNFINISHED) && age.is_some_and(|age| age > ABANDONED) {
                fs::remove_file(&path)?;
            }
        }
        Ok(Self { folder: folder.to_owned(), from })
    }
}

#[async_trait]
impl Mailer for FileMailer {
    fn name(&self) -> &'static str {
        "file"
    }

    async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let bytes = mime::message(&self.from, letter)?.formatted();
        let (folder, name) = (self.folder.clone(), format!("{}.eml", letter.id));
        let written = tokio::task::spawn_blocking(move || write(&folder, &name, &bytes)).await;
        let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
        written.map_err(|error| SendError::passing("io", error.to_string()))
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = folder.join(name);
    if path.try_exists()? {
        return Ok(());
    }
    let unfinished = unfinished(folder);
    let outcome = fill(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, &path));
    if outcome.is_err() {
        // The error says more than that there was nothing to remove.
        let _ = fs::remove_file(&unfinished);
    }
    outcome?;
    File::open(folder)?.sync_all()
}

fn fill(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// A name of its own, so that two writers of one mail do not write into each other's file.
fn unfinished(folder: &Path) -> PathBuf {
    folder.join(format!(".{}.{UNFINISHED}", Uuid::new_v4()))
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
