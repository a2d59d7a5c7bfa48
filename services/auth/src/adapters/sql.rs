//! The database: its migrations and [`SqlStore`], which is every store the use cases need, a module each.

mod credentials;
mod keys;
mod sessions;

use messaging::{Outbox, schema};
use stores::db::{Db, Migrations, is_unavailable};

use crate::domain::Error;

/// The schema, in order.
pub const MIGRATIONS: Migrations = Migrations {
    sqlite: &[
        ("0001_auth.sql", include_str!("../../migrations/sqlite/0001_auth.sql")),
        ("0002_outbox.sql", schema::OUTBOX_SQLITE),
    ],
    postgres: &[
        ("0001_auth.sql", include_str!("../../migrations/postgres/0001_auth.sql")),
        ("0002_outbox.sql", schema::OUTBOX_POSTGRES),
    ],
};

/// The stores of auth on either database. Cloning it shares the pool.
#[derive(Clone)]
pub struct SqlStore {
    db: Db,
    outbox: Outbox,
}

impl SqlStore {
    /// On a database with the schema of [`MIGRATIONS`], and its outbox.
    #[must_use]
    pub fn new(db: Db, outbox: Outbox) -> Self {
        Self { db, outbox }
    }
}

fn failed(error: sqlx::Error) -> Error {
    if is_unavailable(&error) { Error::Unavailable(error.into()) } else { Error::Internal(error.into()) }
}

/// A stored word that no version of ours has written.
fn unknown(column: &'static str, word: &str) -> Error {
    Error::Internal(format!("unknown {column} `{word}` in the database").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &str) -> Vec<String> {
        let path = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_dir(path).expect("the folder exists");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn both_databases_have_the_same_migrations() {
        let names = |list: &[(&str, &str)]| list.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(names(MIGRATIONS.sqlite), names(MIGRATIONS.postgres));
        assert!(MIGRATIONS.sqlite.is_sorted() && MIGRATIONS.sqlite.len() == files("sqlite").len() + 1);
        // The outbox's text stands in messaging.
        let own = |list: &[(&'static str, &'static str)], shared: &str| {
            names(&list.iter().filter(|(_, text)| *text != shared).copied().collect::<Vec<_>>())
        };
        assert_eq!(files("sqlite"), own(MIGRATIONS.sqlite, schema::OUTBOX_SQLITE));
        assert_eq!(files("postgres"), own(MIGRATIONS.postgres, schema::OUTBOX_POSTGRES));
    }
}
