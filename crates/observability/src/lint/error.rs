//! Why dashboards cannot be checked.

use crate::sources::SourceError;

/// Why the dashboards cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum LintError {
    /// A source is missing or malformed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A dashboard is not JSON.
    #[error("{file}: {problem}")]
    Json {
        /// Path of the dashboard.
        file: String,
        /// What the parser says.
        problem: String,
    },
}
