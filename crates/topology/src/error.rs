//! What is wrong with the list, and where.

/// Path of the list from the root of the repository.
pub const FILE: &str = "services.yaml";

/// The list is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{FILE}: {place}: {problem}")]
pub struct TopologyError {
    /// The entry, and the key if it is known.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

impl TopologyError {
    /// An error at `key` of `entry`.
    pub(crate) fn at(entry: &str, key: &str, problem: impl Into<String>) -> Self {
        Self { place: format!("{entry}: key `{key}`"), problem: problem.into() }
    }
}
