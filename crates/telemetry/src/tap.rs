//! Plain records of spans and log lines, for everyone outside the OpenTelemetry fence.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{Map, Value};

/// A finished span.
#[derive(Clone, Debug, Serialize)]
pub struct SpanRecord {
    /// `service.name` of the resource.
    pub service: String,
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// 16 hexadecimal digits; empty for a root.
    pub parent_span_id: String,
    /// Span name.
    pub name: String,
    /// `server`, `client`, `producer`, `consumer` or `internal`.
    pub kind: &'static str,
    /// Start of the span.
    #[serde(serialize_with = "as_micros")]
    pub start: SystemTime,
    /// Length of the span.
    #[serde(rename = "duration_us", serialize_with = "duration_micros")]
    pub duration: Duration,
    /// Whether the status is Error.
    pub error: bool,
    /// Attributes with their types.
    pub attributes: Map<String, Value>,
}

impl SpanRecord {
    /// An attribute as text; numbers and booleans are printed.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<String> {
        self.attributes.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }
}

/// A log line of a recorded trace.
#[derive(Clone, Debug, Serialize)]
pub struct LogRecord {
    /// When it was written.
    #[serde(serialize_with = "as_micros")]
    pub time: SystemTime,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub level: &'static str,
    /// `service.name`.
    pub service: &'static str,
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// The fixed message.
    pub message: String,
    /// The values beside it.
    pub fields: Map<String, Value>,
}

/// Receives what the process records, beside or instead of an OTLP collector.
pub trait Tap: Send + Sync + std::fmt::Debug {
    /// Finished spans of one service, in the order in which they ended.
    fn spans(&self, spans: Vec<SpanRecord>);
    /// A log line that belongs to a recorded trace.
    fn log(&self, line: LogRecord);
}

fn as_micros<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    duration_micros(&since, serializer)
}

fn duration_micros<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}
