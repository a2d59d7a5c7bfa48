//! Log lines: JSON or pretty, each with time, level, target, service and trace ids, written by a thread of its own.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::SystemTime;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::context::TraceContext;
use crate::identity::Identity;
use crate::log_file::RollingFile;
use crate::tap::{LogRecord, Tap};

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// Short and aligned, for people.
    Pretty,
}

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogOutput {
    /// Standard output.
    Stdout,
    /// A file that is rolled by size, so that it never grows without bound.
    File(PathBuf),
    /// Nowhere; a tap still gets the lines of recorded traces.
    Off,
}

/// Lines that may wait for the writer; above that they are dropped and counted.
const QUEUE_LINES: usize = 32 * 1024;

static TAPS: RwLock<Vec<Arc<dyn Tap>>> = RwLock::new(Vec::new());

/// Hands the log lines of recorded traces to `tap` too.
pub(crate) fn add_tap(tap: Arc<dyn Tap>) {
    let mut taps = TAPS.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !taps.iter().any(|known| Arc::ptr_eq(known, &tap)) {
        taps.push(tap);
    }
}

/// The layer that writes log lines.
pub(crate) struct LogLayer {
    format: LogFormat,
    writer: Option<NonBlocking>,
}

impl LogLayer {
    /// Opens the output. The guard writes what is left when it is dropped.
    pub(crate) fn open(format: LogFormat, output: &LogOutput) -> std::io::Result<(Self, Option<WorkerGuard>)> {
        let builder = || NonBlockingBuilder::default().buffered_lines_limit(QUEUE_LINES).lossy(true);
        let (writer, guard) = match output {
            LogOutput::Stdout => builder().finish(std::io::stdout()),
            LogOutput::File(path) => builder().finish(RollingFile::open(path)?),
            LogOutput::Off => return Ok((Self { format, writer: None }, None)),
        };
        crate::process::count_dropped_lines(writer.error_counter());
        Ok((Self { format, writer: Some(writer) }, Some(guard)))
    }

    fn write(&self, line: &LogLine<'_>) {
        let Some(writer) = &self.writer else { return };
        let text = match self.format {
            LogFormat::Json => line.json(),
            LogFormat::Pretty => line.pretty(),
        };
        // The writer only queues; a full queue is counted there.
        let _ = writer.clone().write_all(text.as_bytes());
    }
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = LogLine {
            time: SystemTime::now(),
            level: event.metadata().level().as_str(),
            target: event.metadata().target(),
            service: Identity::current_name(),
            trace: trace_of(event, &cx),
            fields,
        };
        self.write(&line);
        if let Some(context) = line.trace.filter(|context| context.sampled) {
            let taps = TAPS.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            for tap in taps.iter() {
                tap.log(line.record(context));
            }
        }
    }
}

/// The ids of the innermost recorded span, else of the request.
fn trace_of<S>(event: &Event<'_>, cx: &Context<'_, S>) -> Option<TraceContext>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let current = TraceContext::current();
    if !current.is_some_and(|context| context.sampled) {
        return current;
    }
    cx.event_span(event)
        .and_then(|span| {
            let id = span.id();
            drop(span);
            tracing::dispatcher::get_default(|dispatch| tracing_opentelemetry::get_otel_context(&id, dispatch))
        })
        .and_then(|context| crate::trace::from_otel(&context))
        .or(current)
}

/// One line before it is written.
struct LogLine<'a> {
    time: SystemTime,
    level: &'static str,
    target: &'a str,
    service: &'static str,
    trace: Option<TraceContext>,
    fields: Fields,
}

impl LogLine<'_> {
    fn json(&self) -> String {
        let mut line = String::with_capacity(256);
        line.push_str("{\"timestamp\":\"");
        line.push_str(&timestamp(self.time));
        for (key, value) in [("level", self.level), ("service.name", self.service), ("target", self.target)] {
            line.push_str("\",\"");
            line.push_str(key);
            line.push_str("\":\"");
            line.push_str(value);
        }
        line.push('"');
        // Always there, so that a query on them never meets a line without: empty outside of requests.
        let (trace, span) = self.ids();
        line.push_str(&format!(",\"trace_id\":\"{trace}\",\"span_id\":\"{span}\",\"message\":"));
        line.push_str(&Value::from(self.fields.message.as_str()).to_string());
        for (key, value) in &self.fields.values {
            line.push_str(&format!(",{}:{value}", Value::from(key.as_str())));
        }
        line.push_str("}\n");
        line
    }

    fn pretty(&self) -> String {
        let time = timestamp(self.time);
        let mut line = format!("{} {:5} {:12} {}", &time[11..23], self.level, self.service, self.fields.message);
        for (key, value) in &self.fields.values {
            line.push_str(&format!(" {key}={value}"));
        }
        let (trace, span) = self.ids();
        if !trace.is_empty() {
            line.push_str(&format!(" trace_id={trace} span_id={span}"));
        }
        line.push('\n');
        line
    }

    fn ids(&self) -> (String, String) {
        self.trace
            .map_or_else(Default::default, |context| (context.trace_id_hex(), format!("{:016x}", context.span_id)))
    }

    fn record(&self, context: TraceContext) -> LogRecord {
        LogRecord {
            time: self.time,
            level: self.level,
            service: self.service,
            trace_id: context.trace_id_hex(),
            span_id: format!("{:016x}", context.span_id),
            message: self.fields.message.clone(),
            fields: self.fields.values.clone(),
        }
    }
}

fn timestamp(time: SystemTime) -> String {
    chrono::DateTime::<chrono::Utc>::from(time).to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// The message and the values of an event.
#[derive(Default)]
struct Fields {
    message: String,
    values: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        } else {
            self.values.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        self.put(field, text.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str, key: &str, value: Value) -> LogLine<'static> {
        let fields = Fields { message: message.to_owned(), values: Map::from_iter([(key.to_owned(), value)]) };
        let trace = TraceContext { trace_id: 0xabc, span_id: 0xdef, sampled: true };
        LogLine {
            time: SystemTime::UNIX_EPOCH,
            level: "INFO",
            target: "t",
            service: "auth",
            trace: Some(trace),
            fields,
        }
    }

    #[test]
    fn a_json_line_is_one_valid_object_with_all_ids() {
        let text = line("quote \" and\nnewline", "k", "v\u{1b}[31m\n".into()).json();
        assert_eq!(text.matches('\n').count(), 1, "an injected newline must stay inside the string");
        let value: Value = serde_json::from_str(&text).expect("valid JSON");
        assert_eq!(value["timestamp"], "1970-01-01T00:00:00.000000Z");
        assert_eq!(value["service.name"], "auth");
        assert_eq!(value["trace_id"], format!("{:032x}", 0xabc));
        assert_eq!(value["span_id"], format!("{:016x}", 0xdef));
        assert_eq!(value["message"], "quote \" and\nnewline");
    }

    #[test]
    fn a_pretty_line_shows_message_values_and_trace() {
        let text = line("login refused", "reason", "unknown".into()).pretty();
        assert!(text.contains("login refused reason=\"unknown\" trace_id="), "{text}");
    }
}
