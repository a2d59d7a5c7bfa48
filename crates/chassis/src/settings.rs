//! Configuration sections that services share. Each service's `config.toml` holds and explains their keys, and the ranges
//! of the numbers; here they are what they stand for, durations for one.

use std::net::SocketAddr;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// What a refusal ends with that is about a server whose client is not part of the program.
pub const NOT_BUILT: &str = "this program was built without; build it with `--features backing-services`";

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
    /// Time between turning unready and refusing connections, for load balancers to notice.
    #[serde(rename = "unready_ms", deserialize_with = "millis")]
    pub unready: Duration,
    /// Time that running requests may take to finish.
    #[serde(rename = "drain_ms", deserialize_with = "millis")]
    pub drain: Duration,
}

/// A public HTTP server.
#[derive(Clone, Debug, Deserialize)]
pub struct Http {
    /// Where it listens.
    pub address: SocketAddr,
    /// Time a request may take.
    #[serde(rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Duration,
    /// Requests the whole server has at work at a time; more are refused at once.
    pub max_in_flight: usize,
    /// Time a client may take to send its headers.
    #[serde(rename = "header_timeout_ms", deserialize_with = "millis")]
    pub header_timeout: Duration,
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
    /// Time a call may take, whatever its caller allows.
    #[serde(rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Duration,
    /// Calls the whole server has at work at a time; more are refused at once.
    pub max_in_flight: usize,
    /// Bytes of one message.
    pub max_message_bytes: usize,
    /// Calls one connection may have open.
    pub max_concurrent_streams: u32,
    /// Time between HTTP/2 keep-alive pings.
    #[serde(rename = "keepalive_s", deserialize_with = "seconds")]
    pub keepalive: Duration,
    /// Time after which a connection is asked to reconnect, so that load spreads.
    #[serde(rename = "max_connection_age_s", deserialize_with = "seconds_or_none")]
    pub max_connection_age: Option<Duration>,
}

/// For fields: a number of milliseconds.
///
/// # Errors
/// If it is no whole number.
pub fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

/// For fields: a number of seconds.
///
/// # Errors
/// If it is no whole number.
pub fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
}

/// For fields: a number of seconds, 0 for none.
///
/// # Errors
/// If it is no whole number.
pub fn seconds_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    seconds(deserializer).map(|time| Some(time).filter(|time| !time.is_zero()))
}

/// For fields: a text that stands for something, empty for none.
///
/// # Errors
/// If it does not parse.
pub fn parsed_or_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(D::Error::custom) }
}

/// For fields: a text that stands for something.
///
/// # Errors
/// If it does not parse.
pub fn parsed<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}
