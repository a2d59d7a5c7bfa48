//! SQL once, two databases: queries are written with `$n` parameters and run on SQLite and on Postgres.
//!
//! SQLite has one writer and a few readers; Postgres one pool for both. [`on!`](crate::on) runs the same
//! query on whichever connection there is. Errors are told apart by kind, never by constraint name.

mod attach;
mod connect;
mod connection;
mod failure;
mod schema;

use std::time::{Duration, Instant};

use sqlx::migrate::MigrateError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;
use sqlx::{Database, Pool, Transaction};

pub use attach::{OnWait, attach, migrate};
pub use connection::{Conn, ConnRef, Done, Tx};
pub use failure::{error_type, is_away, is_duplicate, is_unavailable};

use crate::on;
use crate::settings;

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The URL is of no database we know.
    #[error("key `database.url`: `{0}` is neither sqlite:<file> nor postgres://user:password@host/database")]
    Url(String),
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
        source: sqlx::migrate::MigrateError,
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
            Self::Url(_) | Self::Tls(_) | Self::Migrate { .. } | Self::Newer { .. } => false,
        }
    }
}

/// The migrations of a service: `(file name, text)` per database, in order, with equal names.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// Those for SQLite.
    pub sqlite: &'static [(&'static str, &'static str)],
    /// Those for Postgres.
    pub postgres: &'static [(&'static str, &'static str)],
}

/// Label of the metrics of a pool.
const POOL: &str = "db_client_connection_pool_name";

/// A pool on either database. Cloning it shares it.
#[derive(Clone)]
pub struct Db {
    pools: Pools,
    name: &'static str,
    observer: telemetry::Database,
    /// Version of the schema when it was opened.
    schema: i64,
}

#[derive(Clone)]
enum Pools {
    Lite { writer: SqlitePool, readers: SqlitePool },
    Pg(PgPool),
}

impl Db {
    /// Opens the pool and, if configured, brings the schema up to date. `name` labels its metrics.
    ///
    /// # Errors
    /// If the URL is wrong, the database not reachable, or its schema not the one of this program.
    pub async fn open(
        name: &'static str,
        settings: &settings::Database,
        migrations: Migrations,
    ) -> Result<Self, DbError> {
        let url = settings.url.as_str();
        let (pools, system) = match url.split_once(':') {
            Some(("sqlite", path)) => (connect::open_sqlite(path.trim_start_matches("//"), settings).await?, "sqlite"),
            Some(("postgres" | "postgresql", _)) => (connect::open_postgres(settings).await?, "postgresql"),
            _ => return Err(DbError::Url(url.split('@').next_back().unwrap_or_default().to_owned())),
        };
        if settings.migrate {
            schema::migrate(&pools, settings, migrations).await?;
        }
        let schema = schema::check(&pools, settings, migrations).await?;
        telemetry::init_to_zero("db_client_connection_timeouts_total", &[(POOL, &[name])]);
        let observer = telemetry::Database { system, namespace: name.to_owned() };
        Ok(Self { pools, name, observer, schema })
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
