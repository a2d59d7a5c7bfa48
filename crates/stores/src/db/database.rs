//! A pool on either database: connections, transactions, and the span, duration and gauges of what runs on them.

use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Database, Pool, Transaction};

use super::connect;
use super::connection::{Conn, Tx};
use super::error::DbError;
use super::failure::error_type;
use super::migrations::Migrations;
use super::pools::Pools;
use super::schema;
use crate::on;
use crate::settings::{self, DatabaseUrl};

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

impl Db {
    /// Opens the pool and, if configured, brings the schema up to date. `name` labels its metrics.
    ///
    /// # Errors
    /// If the database is not reachable, or its schema not the one of this program.
    pub async fn open(
        name: &'static str,
        settings: &settings::Database,
        migrations: Migrations,
    ) -> Result<Self, DbError> {
        let (pools, system) = match &settings.url {
            DatabaseUrl::Sqlite { file } => (connect::open_sqlite(file, settings).await?, "sqlite"),
            #[cfg(feature = "postgres")]
            DatabaseUrl::Postgres { options, .. } => {
                (Pools::Pg(super::postgres::open(options, settings).await?), "postgresql")
            }
        };
        if settings.migrate {
            schema::migrate(&pools, settings, migrations).await?;
        }
        let schema = schema::check(&pools, settings, migrations).await?;
        telemetry::init_to_zero("db_client_connection_timeouts_total", &[(POOL, &[name])]);
        let observer = telemetry::Database { system, namespace: name.to_owned() };
        Ok(Self { pools, name, observer, schema })
    }

    /// Version of the schema when the database was opened.
    pub(super) fn schema_version(&self) -> i64 {
        self.schema
    }

    /// A connection for reading.
    ///
    /// # Errors
    /// If none becomes free in time or the database is gone.
    pub async fn reader(&self) -> Result<Conn, sqlx::Error> {
        match &self.pools {
            Pools::Lite { readers, .. } => self.acquire(readers).await.map(Conn::Lite),
            #[cfg(feature = "postgres")]
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
            #[cfg(feature = "postgres")]
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
            #[cfg(feature = "postgres")]
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
                #[cfg(feature = "postgres")]
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
