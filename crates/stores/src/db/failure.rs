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
            _ => error.code().map_or("database", |code| transient(&code)),
        },
        _ => "client",
    })
}

/// Tells states that pass by themselves from the rest, by SQLSTATE or SQLite result code.
fn transient(code: &str) -> &'static str {
    match code {
        // SQLITE_BUSY and SQLITE_LOCKED with their extended codes; lock_not_available.
        "5" | "6" | "261" | "262" | "517" | "518" | "55P03" => "lock_timeout",
        // query_canceled is how statement_timeout ends a statement.
        "57014" => "statement_timeout",
        "40001" | "40P01" => "serialization_failure",
        "53300" | "57P01" | "57P02" | "57P03" => "connection",
        code if code.len() == 5 && code.starts_with("08") => "connection",
        _ => "database",
    }
}

/// Whether the database itself is out of reach or too busy, so that trying again later may help.
#[must_use]
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    const PASSING: [&str; 5] =
        ["pool_timed_out", "connection", "lock_timeout", "statement_timeout", "serialization_failure"];
    error_type(error).is_some_and(|class| PASSING.contains(&class))
}

/// Whether the database is out of reach altogether: what fails so is not to blame, and nothing else fares better.
#[must_use]
pub fn is_away(error: &sqlx::Error) -> bool {
    matches!(error_type(error), Some("pool_timed_out" | "connection"))
}

/// Whether a value that must be unique exists already.
#[must_use]
pub fn is_duplicate(error: &sqlx::Error) -> bool {
    error_type(error) == Some("unique_violation")
}
