//! SQL once, two databases: queries are written with `$n` parameters and run on SQLite and on Postgres.
//!
//! SQLite has one writer and a few readers; Postgres one pool for both. [`on!`](crate::on) runs the same
//! query on whichever connection there is. Errors are told apart by kind, never by constraint name.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use sqlx::{ConnectOptions, Database, Pool, Postgres, Sqlite, Transaction};

use crate::settings::{self, millis};

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The URL is of no database we know.
    #[error("key `database.url`: `{0}` is neither sqlite:<file> nor postgres://user:password@host/database")]
    Url(String),
    /// It cannot be opened.
    #[error("cannot open the database {target} (key `database.url`): {source}")]
    Open {
        /// Where it should be, without a password.
        target: String,
        /// Why.
        source: sqlx::Error,
    },
    /// Its schema cannot be brought up to date.
    #[error("cannot migrate the database {target}: {source}")]
    Migrate {
        /// Where it is.
        target: String,
        /// Why.
        source: sqlx::migrate::MigrateError,
    },
}

/// The migrations of a service: `(file name, text)` per database, in order, with equal names.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// Those for SQLite.
    pub sqlite: &'static [(&'static str, &'static str)],
    /// Those for Postgres.
    pub postgres: &'static [(&'static str, &'static str)],
}

/// A pool on either database. Cloning it shares it.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    name: &'static str,
    observer: telemetry::Database,
}

#[derive(Clone)]
enum Pools {
    Lite { writer: SqlitePool, readers: SqlitePool },
    Pg(PgPool),
}

/// A connection on loan.
pub enum Conn {
    /// From SQLite.
    Lite(PoolConnection<Sqlite>),
    /// From Postgres.
    Pg(PoolConnection<Postgres>),
}

/// A transaction; dropping it rolls back.
pub enum Tx {
    /// On SQLite.
    Lite(Transaction<'static, Sqlite>),
    /// On Postgres.
    Pg(Transaction<'static, Postgres>),
}

/// What [`on!`](crate::on) matches on.
pub enum ConnRef<'a> {
    /// To SQLite.
    Lite(&'a mut SqliteConnection),
    /// To Postgres.
    Pg(&'a mut PgConnection),
}

impl Conn {
    /// For [`on!`](crate::on).
    pub fn by_ref(&mut self) -> ConnRef<'_> {
        match self {
            Self::Lite(conn) => ConnRef::Lite(conn),
            Self::Pg(conn) => ConnRef::Pg(conn),
        }
    }
}

impl Tx {
    /// For [`on!`](crate::on).
    pub fn by_ref(&mut self) -> ConnRef<'_> {
        match self {
            Self::Lite(tx) => ConnRef::Lite(tx),
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
            Self::Pg(tx) => tx.commit().await,
        }
    }
}

/// Runs one query on a [`Conn`] or [`Tx`]: `on!(conn, |c| sqlx::query(SQL).bind(id).execute(c)).await`.
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

impl From<sqlx::sqlite::SqliteQueryResult> for Done<u64> {
    fn from(result: sqlx::sqlite::SqliteQueryResult) -> Self {
        Self(result.rows_affected())
    }
}

impl From<sqlx::postgres::PgQueryResult> for Done<u64> {
    fn from(result: sqlx::postgres::PgQueryResult) -> Self {
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

impl Db {
    /// Opens the pool and, if configured, brings the schema up to date. `name` labels its metrics.
    ///
    /// # Errors
    /// If the URL is wrong, the database not reachable, or its schema newer than this program.
    pub async fn open(
        name: &'static str,
        settings: &settings::Database,
        migrations: Migrations,
    ) -> Result<Self, DbError> {
        let url = settings.url.as_str();
        let (pools, system) = match url.split_once(':') {
            Some(("sqlite", path)) => (open_sqlite(path.trim_start_matches("//"), settings).await?, "sqlite"),
            Some(("postgres" | "postgresql", _)) => (open_postgres(settings).await?, "postgresql"),
            _ => return Err(DbError::Url(url.split('@').next_back().unwrap_or_default().to_owned())),
        };
        let db = Self { pools, name, observer: telemetry::Database { system, namespace: name.to_owned() } };
        if settings.migrate {
            db.migrate(migrations).await?;
        }
        telemetry::counter!("db_client_connection_timeouts_total", "db_client_connection_pool_name" => name).absolute(0);
        Ok(db)
    }

    async fn migrate(&self, migrations: Migrations) -> Result<(), DbError> {
        let migrator = |files: &[(&'static str, &'static str)]| Migrator {
            migrations: Cow::Owned(files.iter().map(|(file, text)| migration(file, text)).collect()),
            ..Migrator::DEFAULT
        };
        let result = match &self.pools {
            Pools::Lite { writer, .. } => migrator(migrations.sqlite).run(writer).await,
            Pools::Pg(pool) => migrator(migrations.postgres).run(pool).await,
        };
        result.map_err(|source| DbError::Migrate { target: self.name.to_owned(), source })
    }

    /// A connection for reading.
    ///
    /// # Errors
    /// If none becomes free in time or the database is gone.
    pub async fn reader(&self) -> Result<Conn, sqlx::Error> {
        match &self.pools {
            Pools::Lite { readers, .. } => self.acquire(readers).await.map(Conn::Lite),
            Pools::Pg(pool) => self.acquire(pool).await.map(Conn::Pg),
        }
    }

    /// A connection for writing one statement.
    ///
    /// # Errors
    /// As [`Db::reader`].
    pub async fn writer(&self) -> Result<Conn, sqlx::Error> {
        match &self.pools {
            Pools::Lite { writer, .. } => self.acquire(writer).await.map(Conn::Lite),
            Pools::Pg(pool) => self.acquire(pool).await.map(Conn::Pg),
        }
    }

    /// A transaction for writing.
    ///
    /// # Errors
    /// As [`Db::reader`].
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        match self.writer().await? {
            Conn::Lite(conn) => Transaction::begin(conn, None).await.map(Tx::Lite),
            Conn::Pg(conn) => Transaction::begin(conn, None).await.map(Tx::Pg),
        }
    }

    /// Runs a query in its span; `summary` is its name in traces and metrics, such as `SELECT users`.
    ///
    /// # Errors
    /// Those of the query.
    pub async fn observe<T, F>(&self, summary: &'static str, query: F) -> Result<T, sqlx::Error>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        self.observer.observe(summary, error_type, query).await
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Why not, in words.
    pub async fn ping(&self) -> Result<(), String> {
        let mut conn = self.reader().await.map_err(|error| error.to_string())?;
        let answer = on!(conn, |c| sqlx::query_as::<_, (i32,)>("SELECT 1").fetch_optional(c)).await;
        answer.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Keeps the pool's gauges current, for ever.
    pub async fn watch(self) {
        let mut timer = tokio::time::interval(Duration::from_secs(2));
        loop {
            timer.tick().await;
            let (size, idle, max) = match &self.pools {
                Pools::Lite { writer, readers } => (
                    writer.size() + readers.size(),
                    writer.num_idle() + readers.num_idle(),
                    writer.options().get_max_connections() + readers.options().get_max_connections(),
                ),
                Pools::Pg(pool) => (pool.size(), pool.num_idle(), pool.options().get_max_connections()),
            };
            let idle = u32::try_from(idle).unwrap_or(size).min(size);
            let pool = "db_client_connection_pool_name";
            for (state, count) in [("idle", idle), ("used", size - idle)] {
                telemetry::gauge!("db_client_connection_count", pool => self.name, "db_client_connection_state" => state)
                    .set(f64::from(count));
            }
            telemetry::gauge!("db_client_connection_max", pool => self.name).set(f64::from(max));
        }
    }

    async fn acquire<D: Database>(&self, pool: &Pool<D>) -> Result<PoolConnection<D>, sqlx::Error> {
        const POOL: &str = "db_client_connection_pool_name";
        let start = Instant::now();
        let waiting = Waiting::new(telemetry::gauge!("db_client_connection_pending_requests", POOL => self.name));
        let result = pool.acquire().await;
        drop(waiting);
        let waited = start.elapsed().as_secs_f64();
        telemetry::histogram!("db_client_connection_wait_time_seconds", POOL => self.name).record(waited);
        if matches!(result, Err(sqlx::Error::PoolTimedOut)) {
            telemetry::counter!("db_client_connection_timeouts_total", POOL => self.name).increment(1);
        }
        result
    }
}

/// Counts a waiter for as long as it lives, also if its request is cancelled.
struct Waiting(telemetry::Gauge);

impl Waiting {
    fn new(gauge: telemetry::Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

async fn open_sqlite(path: &str, settings: &settings::Database) -> Result<Pools, DbError> {
    let failed = |source| DbError::Open { target: path.to_owned(), source };
    let options = SqliteConnectOptions::from_str(path)
        .map_err(failed)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(millis(settings.statement_timeout_ms))
        .foreign_keys(true)
        .disable_statement_logging();
    // SQLite admits one writer anyway; waiting in our queue is cheaper and fairer than on its lock.
    let writer = pool_options(1, settings).connect_with(options.clone()).await.map_err(failed)?;
    let readers =
        pool_options(settings.max_connections, settings).connect_with(options.read_only(true)).await.map_err(failed)?;
    Ok(Pools::Lite { writer, readers })
}

async fn open_postgres(settings: &settings::Database) -> Result<Pools, DbError> {
    let shown = settings.url.split('@').next_back().unwrap_or_default().to_owned();
    let failed = |source| DbError::Open { target: shown.clone(), source };
    let limit = settings.statement_timeout_ms.to_string();
    let options = PgConnectOptions::from_str(&settings.url)
        .map_err(failed)?
        .options([("statement_timeout", limit.as_str()), ("lock_timeout", limit.as_str())])
        .disable_statement_logging();
    let pool = pool_options(settings.max_connections, settings)
        .min_connections(settings.max_connections)
        .connect_with(options)
        .await
        .map_err(failed)?;
    Ok(Pools::Pg(pool))
}

fn pool_options<D: Database>(max: u32, settings: &settings::Database) -> PoolOptions<D> {
    PoolOptions::new()
        .max_connections(max)
        .acquire_timeout(millis(settings.acquire_timeout_ms))
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

fn migration(file: &'static str, text: &'static str) -> Migration {
    let (version, rest) = file.split_once('_').unwrap_or((file, ""));
    let description = rest.trim_end_matches(".sql").replace('_', " ");
    let sql = sqlx::AssertSqlSafe(text);
    let sql = sqlx::SqlSafeStr::into_sql_str(sql);
    Migration::new(version.parse().unwrap_or(0), description.into(), MigrationType::Simple, sql, false)
}

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
