//! A log file that is rolled by size: one current file and one older beside it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Size in bytes at which the current file becomes the older one.
const ROLL_AT: u64 = 16 * 1024 * 1024;

/// Keeps at most about twice [`ROLL_AT`] on disk.
pub(crate) struct RollingFile {
    path: PathBuf,
    file: BufWriter<File>,
    written: u64,
}

impl RollingFile {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let written = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), written })
    }

    fn roll(&mut self) -> io::Result<()> {
        self.file.flush()?;
        std::fs::rename(&self.path, self.path.with_extension("1.jsonl"))?;
        *self = Self::open(&self.path)?;
        Ok(())
    }
}

impl Write for RollingFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.written >= ROLL_AT {
            self.roll()?;
        }
        self.file.write_all(line)?;
        self.written += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_rolls_and_keeps_one_older() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("log.jsonl");
        let mut file = RollingFile::open(&path).expect("open");
        let line = vec![b'x'; 1024 * 1024];
        for _ in 0..40 {
            file.write_all(&line).expect("write");
        }
        file.flush().expect("flush");
        let sizes: u64 = std::fs::read_dir(folder.path())
            .expect("list")
            .map(|entry| entry.expect("entry").metadata().expect("metadata").len())
            .sum();
        assert!((ROLL_AT..=2 * ROLL_AT + 2 * 1024 * 1024).contains(&sizes), "{sizes}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("list").count(), 2);
    }
}
