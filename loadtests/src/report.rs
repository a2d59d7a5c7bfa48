//! Where the reports of a run go: one folder with HTML for people, Markdown for pull requests and JSON for programs.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The file names; goose picks the kind of report by their endings.
const FILES: [&str; 3] = ["report.html", "report.md", "report.json"];

/// The reports of one run.
#[derive(Clone, Debug)]
pub struct Reports {
    paths: Vec<PathBuf>,
}

impl Reports {
    /// Reports inside `folder`, which is made when it is missing.
    pub(crate) fn prepare(folder: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder).map_err(|cause| Failure::ReportDir { folder: folder.to_owned(), cause })?;
        Ok(Self { paths: FILES.iter().map(|file| folder.join(file)).collect() })
    }

    /// The paths as goose takes them.
    pub(crate) fn goose_paths(&self) -> Vec<String> {
        self.paths.iter().map(|path| path.display().to_string()).collect()
    }
}

impl fmt::Display for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reports:")?;
        self.paths.iter().try_for_each(|path| write!(f, "\n  {}", path.display()))
    }
}
