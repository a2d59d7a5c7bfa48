//! Log lines and spans of recorded traces, as a host inside the process sees them.

use std::sync::{Mutex, PoisonError};

use telemetry::{LogRecord, SpanRecord, Tap};

/// Keeps every log line of recorded traces.
#[derive(Debug, Default)]
pub struct Lines(Mutex<Vec<LogRecord>>);

impl Lines {
    /// The lines of one trace, oldest first.
    #[must_use]
    pub fn of(&self, trace_id: &str) -> Vec<LogRecord> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().filter(|line| line.trace_id == trace_id).cloned().collect()
    }
}

impl Tap for Lines {
    fn spans(&self, _: Vec<SpanRecord>) {}

    fn log(&self, line: LogRecord) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}
