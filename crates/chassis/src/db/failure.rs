//! Database errors told apart by kind, the same on both databases and never by constraint name.

/// The class of a database error, bounded and the same on both databases. An empty result is no error.
#[must_use]
pub fn error_type(error: &sqlx::Error) -> Option<&'static str> {
    use sqlx::error::ErrorKind;
    Some(match error {
        sqlx::Error::RowNotFound => return None,
        sqlx::Error::PoolTimedOut => "pool_timed_out",
        sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => "connection",
        sqlx::Error::Database(error) => match error.kind() {
            ErrorKind::UniqueViolation => "unique_violation",
            ErrorKind::ForeignKeyViolation => "foreign_key_violation",
            ErrorKind::NotNullViolation => "not_null_violation",
            ErrorKind::CheckViolation => "check_violation",
            _ => "database",
        },
        _ => "client",
    })
}

/// Whether the database itself is out of reach or too busy, so that trying again later may help.
#[must_use]
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    matches!(error_type(error), Some("pool_timed_out" | "connection"))
}

/// Whether a value that must be unique exists already.
#[must_use]
pub fn is_duplicate(error: &sqlx::Error) -> bool {
    error_type(error) == Some("unique_violation")
}
