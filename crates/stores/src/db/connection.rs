//! Connections and transactions on either database, and the macro that runs one query on whichever it is.

use sqlx::pool::PoolConnection;
#[cfg(feature = "postgres")]
use sqlx::postgres::{PgConnection, PgQueryResult, Postgres};
use sqlx::sqlite::{SqliteConnection, SqliteQueryResult};
use sqlx::{Sqlite, Transaction};

/// A connection on loan.
pub enum Conn {
    /// From SQLite.
    Lite(PoolConnection<Sqlite>),
    /// From Postgres.
    #[cfg(feature = "postgres")]
    Pg(PoolConnection<Postgres>),
}

/// A transaction; dropping it rolls back.
pub enum Tx {
    /// On SQLite.
    Lite(Transaction<'static, Sqlite>),
    /// On Postgres.
    #[cfg(feature = "postgres")]
    Pg(Transaction<'static, Postgres>),
}

/// What [`on!`](crate::on) matches on.
pub enum ConnRef<'a> {
    /// To SQLite.
    Lite(&'a mut SqliteConnection),
    /// To Postgres.
    #[cfg(feature = "postgres")]
    Pg(&'a mut PgConnection),
}

impl Conn {
    /// For [`on!`](crate::on).
    pub fn by_ref(&mut self) -> ConnRef<'_> {
        match self {
            Self::Lite(conn) => ConnRef::Lite(conn),
            #[cfg(feature = "postgres")]
            Self::Pg(conn) => ConnRef::Pg(conn),
        }
    }
}

impl Tx {
    /// For [`on!`](crate::on).
    pub fn by_ref(&mut self) -> ConnRef<'_> {
        match self {
            Self::Lite(tx) => ConnRef::Lite(tx),
            #[cfg(feature = "postgres")]
            Self::Pg(tx) => ConnRef::Pg(tx),
        }
    }

    /// Makes it lasting.
    ///
    /// # Errors
    /// If the database refuses or is gone; nothing has happened then.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Lite(tx) => tx.commit().await,
            #[cfg(feature = "postgres")]
            Self::Pg(tx) => tx.commit().await,
        }
    }
}

/// Runs one query on a [`Conn`] or [`Tx`]: `on!(conn, |c| sqlx::query(SQL).bind(id).execute(c)).await`.
#[cfg(not(feature = "postgres"))]
#[macro_export]
macro_rules! on {
    ($conn:expr, |$c:ident| $query:expr) => {
        async {
            let $crate::db::ConnRef::Lite($c) = $conn.by_ref();
            $query.await.map(|done| $crate::db::Done::from(done).0)
        }
    };
}

/// Runs one query on a [`Conn`] or [`Tx`]: `on!(conn, |c| sqlx::query(SQL).bind(id).execute(c)).await`.
#[cfg(feature = "postgres")]
#[macro_export]
macro_rules! on {
    ($conn:expr, |$c:ident| $query:expr) => {
        async {
            match $conn.by_ref() {
                $crate::db::ConnRef::Lite($c) => $query.await.map(|done| $crate::db::Done::from(done).0),
                $crate::db::ConnRef::Pg($c) => $query.await.map(|done| $crate::db::Done::from(done).0),
            }
        }
    };
}

/// Brings the results of the two drivers to one type.
pub struct Done<T>(pub T);

impl From<SqliteQueryResult> for Done<u64> {
    fn from(result: SqliteQueryResult) -> Self {
        Self(result.rows_affected())
    }
}

#[cfg(feature = "postgres")]
impl From<PgQueryResult> for Done<u64> {
    fn from(result: PgQueryResult) -> Self {
        Self(result.rows_affected())
    }
}

impl<T> From<Vec<T>> for Done<Vec<T>> {
    fn from(rows: Vec<T>) -> Self {
        Self(rows)
    }
}

impl<T> From<Option<T>> for Done<Option<T>> {
    fn from(row: Option<T>) -> Self {
        Self(row)
    }
}
