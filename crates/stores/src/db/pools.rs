//! The connections to either database.

#[cfg(feature = "postgres")]
use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;

/// SQLite has one writer and a few readers; Postgres has one pool for both.
#[derive(Clone)]
pub(super) enum Pools {
    Lite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    #[cfg(feature = "postgres")]
    Pg(PgPool),
}
