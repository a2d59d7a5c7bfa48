//! A file that is generated from sources: its path and what it has to hold.

/// One generated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Path from the root of the project.
    pub path: String,
    /// What it has to hold.
    pub content: String,
}
