//! Why a database cannot be used at start.

use sqlx::migrate::MigrateError;

use super::failure::is_unavailable;

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// TLS to it cannot be had as the configuration says.
    #[error("{0}")]
    Tls(String),
    /// It cannot be opened.
    #[error("cannot open the database {target} (key `database.url`): {source}")]
    Open {
        /// Where it should be, without a password.
        target: String,
        /// Why.
        source: sqlx::Error,
    },
    /// Its schema cannot be brought up to date.
    #[error("cannot migrate the database {target} (key `database.url`): {source}")]
    Migrate {
        /// Where it is.
        target: String,
        /// Why.
        source: MigrateError,
    },
    /// Its schema is of a later version of this program and lacks what this one needs.
    #[error(
        "the schema of the database {target} (key `database.url`) is at version {found} and has lost what this program \
         needs, which knows versions up to {known}; start a program that knows version {needed}"
    )]
    Newer {
        /// Where it is.
        target: String,
        /// Version of the schema.
        found: i64,
        /// Latest version this program knows.
        known: i64,
        /// Version a program has to know to run on it.
        needed: i64,
    },
    /// Its schema is of an earlier version of this program, which may not change it (key `database.migrate`).
    #[error(
        "the schema of the database {target} (key `database.url`) is at version {found}, older than {known}, which \
         this program needs; run its subcommand `migrate`, or set `database.migrate`"
    )]
    Older {
        /// Where it is.
        target: String,
        /// Version of the schema; 0 if there is none.
        found: i64,
        /// Version this program needs.
        known: i64,
    },
}

impl DbError {
    /// Whether the same attempt may succeed later without anybody changing the configuration.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Open { source, .. } => is_unavailable(source),
            Self::Migrate { source: MigrateError::Execute(source), .. } => is_unavailable(source),
            Self::Older { .. } => true,
            Self::Tls(_) | Self::Migrate { .. } | Self::Newer { .. } => false,
        }
    }
}

impl From<DbError> for chassis::StartError {
    fn from(error: DbError) -> Self {
        Self::Dependency(Box::new(error))
    }
}
