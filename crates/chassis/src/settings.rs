//! Configuration sections that services share. Each service's `config.toml` holds and explains their keys.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

/// Sections every service has.
#[derive(Clone, Debug, Deserialize)]
pub struct Common {
    /// `[admin]`
    pub admin: Admin,
    /// `[telemetry]`
    pub telemetry: Telemetry,
    /// `[runtime]`
    pub runtime: Runtime,
    /// `[shutdown]`
    pub shutdown: Shutdown,
}

/// The admin port.
#[derive(Clone, Debug, Deserialize)]
pub struct Admin {
    /// Where it listens.
    pub address: SocketAddr,
}

/// Logs and traces.
#[derive(Clone, Debug, Deserialize)]
pub struct Telemetry {
    /// Levels, such as `info,sqlx=warn`.
    pub log_level: String,
    /// `json` or `pretty`.
    pub log_format: LogFormat,
    /// Share of new traces to record, 0 to 1.
    pub sampling_ratio: f64,
    /// OTLP gRPC endpoint; empty for none.
    pub otlp_endpoint: String,
    /// `deployment.environment.name`.
    pub environment: String,
    /// `service.instance.id`; empty for a random one.
    pub instance: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

impl From<LogFormat> for telemetry::LogFormat {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Json => Self::Json,
            LogFormat::Pretty => Self::Pretty,
        }
    }
}

/// The tokio runtime.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Runtime {
    /// Worker threads; 0 for one per core.
    pub worker_threads: usize,
}

/// How the process ends.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Shutdown {
    /// Milliseconds between turning unready and refusing connections, for load balancers to notice.
    pub unready_ms: u64,
    /// Milliseconds that running requests may take to finish.
    pub drain_ms: u64,
}

/// A public HTTP server.
#[derive(Clone, Debug, Deserialize)]
pub struct Http {
    /// Where it listens.
    pub address: SocketAddr,
    /// Milliseconds a request may take.
    pub timeout_ms: u64,
    /// Requests the whole server has at work at a time; more are refused at once.
    pub max_in_flight: usize,
    /// Milliseconds a client may take to send its headers.
    pub header_timeout_ms: u64,
    /// Bytes of all headers together.
    pub max_header_bytes: usize,
    /// Bytes of a request body.
    pub max_body_bytes: usize,
    /// Connections served at once; more wait in the accept queue.
    pub max_connections: usize,
}

/// A gRPC server.
#[derive(Clone, Debug, Deserialize)]
pub struct Grpc {
    /// Where it listens.
    pub address: SocketAddr,
    /// Milliseconds a call may take, whatever its caller allows.
    pub timeout_ms: u64,
    /// Calls the whole server has at work at a time; more are refused at once.
    pub max_in_flight: usize,
    /// Bytes of one message.
    pub max_message_bytes: usize,
    /// Calls one connection may have open.
    pub max_concurrent_streams: u32,
    /// Seconds between HTTP/2 keep-alive pings.
    pub keepalive_s: u64,
    /// Seconds after which a connection is asked to reconnect, so that load spreads; 0 for never.
    pub max_connection_age_s: u64,
}

/// Another service. What the numbers do, and what stands beside them as constants, is in `docs/resilience.md`.
#[derive(Clone, Debug, Deserialize)]
pub struct Callee {
    /// URL such as `http://127.0.0.1:50051`, or several separated by commas.
    pub url: String,
    /// Milliseconds a call may take.
    pub timeout_ms: u64,
    /// Calls to it that may run at a time.
    pub max_in_flight: usize,
    /// Attempts of a call that may be repeated, the first included; 1 for no retries.
    pub retry_attempts: u32,
    /// Share of failed calls that opens the circuit breaker, above 0 and up to 1.
    pub breaker_failure_ratio: f64,
    /// Milliseconds an open breaker waits before it tries again.
    pub breaker_open_ms: u64,
    /// Seconds between look-ups of a host name.
    pub resolve_interval_s: u64,
}

impl Callee {
    /// A callee for tests and tools: the limits that services have by default, and no retries.
    #[must_use]
    pub fn new(url: impl Into<String>, timeout_ms: u64) -> Self {
        Self {
            url: url.into(),
            timeout_ms,
            max_in_flight: 128,
            retry_attempts: 1,
            breaker_failure_ratio: 0.5,
            breaker_open_ms: 5_000,
            resolve_interval_s: 10,
        }
    }
}

/// A database.
#[derive(Clone, Debug, Deserialize)]
pub struct Database {
    /// `sqlite:<file>` or `postgres://user:password@host/database`, with `?sslmode=verify-full` for TLS.
    pub url: String,
    /// File with the PEM certificates of the authorities that sign the server's; empty for those of the system.
    pub ca_file: String,
    /// Connections of the pool (of its readers with SQLite, which has one writer).
    pub max_connections: u32,
    /// Milliseconds to wait for a connection.
    pub acquire_timeout_ms: u64,
    /// Milliseconds a statement may run (Postgres) or wait for a lock (both).
    pub statement_timeout_ms: u64,
    /// Whether to apply migrations at start.
    pub migrate: bool,
}

/// A Redis server.
#[derive(Clone, Debug, Deserialize)]
pub struct Redis {
    /// `redis://[:password@]host:port/db`, `rediss:` for TLS; empty for none.
    pub url: String,
    /// As [`Database::ca_file`].
    pub ca_file: String,
    /// Milliseconds a command may take.
    pub timeout_ms: u64,
}

/// Milliseconds as a duration.
#[must_use]
pub fn millis(value: u64) -> Duration {
    Duration::from_millis(value)
}
