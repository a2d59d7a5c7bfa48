//! The tables of outbox and inbox. A service adds these texts to its own lists of migrations, under its own numbers:
//! `("0003_outbox.sql", messaging::schema::OUTBOX_SQLITE)`.

/// The outbox, for SQLite.
pub const OUTBOX_SQLITE: &str = include_str!("../migrations/sqlite/outbox.sql");

/// The outbox, for Postgres.
pub const OUTBOX_POSTGRES: &str = include_str!("../migrations/postgres/outbox.sql");

/// The inbox, for SQLite.
pub const INBOX_SQLITE: &str = include_str!("../migrations/sqlite/inbox.sql");

/// The inbox, for Postgres.
pub const INBOX_POSTGRES: &str = include_str!("../migrations/postgres/inbox.sql");
