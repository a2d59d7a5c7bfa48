//! Files as they have to be, held against those on disk or written there.

use std::io;
use std::path::Path;

/// First line of a file that is generated as a whole.
pub(crate) const HEAD: &str = "# Written by `make services` from services.yaml; changes made here are lost.\n";

/// A file as it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Path from the root of the repository.
    pub path: String,
    /// What it has to hold.
    pub content: String,
}

/// A file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read or written.
    #[error("{path}: {source}")]
    System {
        /// Path from the root of the repository.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It lacks the lines between which something is written.
    #[error("{path}: has no lines `{name}: written by `make services`` and, below, `end of {name}`")]
    NoRegion {
        /// Path from the root of the repository.
        path: String,
        /// Name of the region.
        name: String,
    },
}

pub(crate) fn read(root: &Path, path: &str) -> Result<String, FileError> {
    std::fs::read_to_string(root.join(path)).map_err(|source| FileError::System { path: path.to_owned(), source })
}

/// The file at `path` with new text in its regions, which stand between two lines, comments in the language of the file.
pub(crate) fn with_regions(root: &Path, path: &str, regions: &[(&str, String)]) -> Result<Output, FileError> {
    let mut content = read(root, path)?;
    for (name, text) in regions {
        content = replaced(&content, name, text)
            .ok_or_else(|| FileError::NoRegion { path: path.to_owned(), name: (*name).to_owned() })?;
    }
    Ok(Output { path: path.to_owned(), content })
}

fn replaced(content: &str, name: &str, text: &str) -> Option<String> {
    let after = |marker: &str, from: usize| {
        let found = from + content[from..].find(marker)?;
        let end = content[found..].find('\n').map_or(content.len(), |end| found + end + 1);
        Some((content[..found].rfind('\n').map_or(0, |line| line + 1), end))
    };
    let (_, begin) = after(&format!("{name}: written by `make services`"), 0)?;
    let (end, _) = after(&format!("end of {name}"), begin)?;
    Some(format!("{}{text}{}", &content[..begin], &content[end..]))
}

/// Paths of the files that are not on disk as they have to be.
#[must_use]
pub fn drift<'a>(root: &Path, outputs: &'a [Output]) -> Vec<&'a str> {
    let stale = |output: &&Output| read(root, &output.path).map_or(true, |content| content != output.content);
    outputs.iter().filter(stale).map(|output| output.path.as_str()).collect()
}

/// Writes the files that are not on disk as they have to be, and answers their paths.
///
/// # Errors
/// If a file cannot be written.
pub fn write<'a>(root: &Path, outputs: &'a [Output]) -> Result<Vec<&'a str>, FileError> {
    let stale = drift(root, outputs);
    for output in outputs.iter().filter(|output| stale.contains(&output.path.as_str())) {
        let file = root.join(&output.path);
        let done = std::fs::create_dir_all(file.parent().unwrap_or(root))
            .and_then(|()| std::fs::write(&file, &output.content));
        done.map_err(|source| FileError::System { path: output.path.clone(), source })?;
    }
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_replaced_and_everything_around_it_stays() {
        let file = "a\n  # x: written by `make services`\n  old\n  # end of x\nb\n";
        let new = "a\n  # x: written by `make services`\nnew\n  # end of x\nb\n";
        assert_eq!(replaced(file, "x", "new\n").as_deref(), Some(new));
        assert_eq!(replaced(file, "y", "new\n"), None);
        assert_eq!(replaced("# x: written by `make services`\n", "x", "new\n"), None, "it has no end");
    }

    #[test]
    fn what_is_written_does_not_differ_any_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let outputs = [Output { path: "deep/file".to_owned(), content: "text".to_owned() }];
        assert_eq!(drift(folder.path(), &outputs), ["deep/file"]);
        assert_eq!(write(folder.path(), &outputs).expect("written"), ["deep/file"]);
        assert!(drift(folder.path(), &outputs).is_empty());
        assert!(write(folder.path(), &outputs).expect("nothing to do").is_empty());
    }
}
