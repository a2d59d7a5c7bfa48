//! The list of a service's migrations, per database.

/// The migrations of a service: `(file name, text)` per database, in order, with equal names.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// Those for SQLite.
    pub sqlite: &'static [(&'static str, &'static str)],
    /// Those for Postgres.
    pub postgres: &'static [(&'static str, &'static str)],
}

impl Migrations {
    /// Version of the schema after all of them.
    #[must_use]
    pub fn latest(self) -> i64 {
        self.postgres.iter().map(|(file, _)| version(file)).max().unwrap_or(0)
    }
}

/// Version of a migration: the number its file name begins with; 0 for a name without one.
pub(super) fn version(file: &str) -> i64 {
    file.split_once('_').and_then(|(version, _)| version.parse().ok()).unwrap_or(0)
}
