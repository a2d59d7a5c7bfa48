//! A bounded store of recent traces with their log lines, and of how long requests took.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use telemetry::{LogRecord, SpanRecord, Tap};

/// Traces kept; the oldest goes first.
const TRACES: usize = 200;

/// Spans kept of one trace.
const SPANS: usize = 200;

/// Log lines kept of one trace.
const LINES: usize = 100;

/// Durations kept of one operation, for its percentiles.
const DURATIONS: usize = 2048;

/// Operations told apart; more means that a name is not bounded, and those are left out.
const OPERATIONS: usize = 512;

/// Receives spans and log lines of all services.
#[derive(Debug, Default)]
pub struct Traces(Mutex<Store>);

#[derive(Debug, Default)]
struct Store {
    traces: HashMap<String, Trace>,
    order: VecDeque<String>,
    slowest: Option<Trace>,
    durations: HashMap<(String, String), RecentDurations>,
}

/// One trace, as far as it is known.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Trace {
    /// Spans in the order in which they arrived.
    pub spans: Vec<SpanRecord>,
    /// Log lines in the order in which they were written.
    pub lines: Vec<LogRecord>,
}

/// The latest durations of one operation in microseconds.
#[derive(Debug, Default)]
struct RecentDurations {
    values: VecDeque<u32>,
    fresh: usize,
}

impl Trace {
    /// The span that began it all.
    #[must_use]
    pub fn root(&self) -> Option<&SpanRecord> {
        self.spans
            .iter()
            .find(|span| span.parent_span_id.is_empty())
            .or_else(|| self.spans.iter().min_by_key(|s| s.start))
    }

    /// Whether a user waited for it; background work makes traces too.
    fn is_request(&self) -> bool {
        self.spans.iter().any(|span| span.service == "gateway" && span.kind == "server")
    }

    /// Whether its first span has arrived; a caller that sends `traceparent` keeps the root to itself.
    fn is_complete(&self) -> bool {
        self.is_request() || self.root().is_some_and(|span| span.parent_span_id.is_empty())
    }

    fn duration(&self) -> Duration {
        self.root().map(|span| span.duration).unwrap_or_default()
    }
}

impl Traces {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trace of that id.
    #[must_use]
    pub fn get(&self, trace_id: &str) -> Option<Trace> {
        let store = self.store();
        let slowest = || store.slowest.iter().find(|trace| trace.spans.iter().any(|span| span.trace_id == trace_id));
        store.traces.get(trace_id).or_else(slowest).cloned()
    }

    /// The latest traces that have a root, newest first.
    #[must_use]
    pub fn recent(&self, limit: usize) -> Vec<Trace> {
        let store = self.store();
        let known = store.order.iter().rev().filter_map(|id| store.traces.get(id));
        known.filter(|trace| trace.is_complete()).take(limit).cloned().collect()
    }

    /// The slowest trace of a request since the start.
    #[must_use]
    pub fn slowest(&self) -> Option<Trace> {
        let mut store = self.store();
        store.update_slowest();
        store.slowest.clone()
    }

    /// Median and 99th percentile of the latest durations of an operation: since the last call with `fresh`, else of
    /// all that are kept.
    pub fn percentiles(&self, service: &str, operation: &str, fresh: bool) -> Option<(Duration, Duration)> {
        let mut store = self.store();
        let recent = store.durations.get_mut(&(service.to_owned(), operation.to_owned()))?;
        let count = if fresh { recent.fresh.min(recent.values.len()) } else { recent.values.len() };
        if fresh {
            recent.fresh = 0;
        }
        let mut values: Vec<u32> = recent.values.iter().rev().take(count).copied().collect();
        values.sort_unstable();
        // The smallest value with at least that share of the observations at or below it.
        let at = |share: usize| values.get((values.len() * share).div_ceil(100).saturating_sub(1)).copied();
        Some((Duration::from_micros(at(50)?.into()), Duration::from_micros(at(99)?.into())))
    }
}

impl Tap for Traces {
    fn spans(&self, spans: Vec<SpanRecord>) {
        let mut store = self.store();
        for span in spans {
            store.observe(&span);
            let trace = store.trace(&span.trace_id);
            if trace.spans.len() < SPANS {
                trace.spans.push(span);
            }
        }
    }

    fn log(&self, line: LogRecord) {
        let mut store = self.store();
        let trace = store.trace(&line.trace_id);
        if trace.lines.len() < LINES {
            trace.lines.push(line);
        }
    }
}

impl Store {
    fn trace(&mut self, id: &str) -> &mut Trace {
        if !self.traces.contains_key(id) {
            if self.order.len() >= TRACES {
                self.update_slowest();
                if let Some(oldest) = self.order.pop_front() {
                    self.traces.remove(&oldest);
                }
            }
            self.order.push_back(id.to_owned());
        }
        self.traces.entry(id.to_owned()).or_default()
    }

    /// Keeps the slowest trace safe before it can be evicted.
    fn update_slowest(&mut self) {
        let complete = self.traces.values().filter(|trace| trace.is_request() && trace.is_complete());
        let Some(candidate) = complete.max_by_key(|trace| trace.duration()) else { return };
        // The same trace may have grown since.
        if self.slowest.as_ref().is_none_or(|slowest| candidate.duration() >= slowest.duration()) {
            self.slowest = Some(candidate.clone());
        }
    }

    fn observe(&mut self, span: &SpanRecord) {
        if span.kind != "server" {
            return;
        }
        let key = (span.service.clone(), span.name.clone());
        if self.durations.len() >= OPERATIONS && !self.durations.contains_key(&key) {
            return;
        }
        let recent = self.durations.entry(key).or_default();
        if recent.values.len() >= DURATIONS {
            recent.values.pop_front();
        }
        recent.values.push_back(u32::try_from(span.duration.as_micros()).unwrap_or(u32::MAX));
        recent.fresh += 1;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::SystemTime;

    use super::*;

    pub(crate) fn span(trace: usize, id: &str, parent: &str, millis: u64) -> SpanRecord {
        SpanRecord {
            service: "gateway".into(),
            trace_id: format!("{trace:032x}"),
            span_id: id.into(),
            parent_span_id: parent.into(),
            name: "GET /ping".into(),
            kind: "server",
            start: SystemTime::UNIX_EPOCH,
            duration: Duration::from_millis(millis),
            error: false,
            attributes: serde_json::Map::new(),
        }
    }

    #[test]
    fn the_store_is_bounded_and_keeps_the_slowest() {
        let traces = Traces::default();
        traces.spans(vec![span(0, "a", "", 999)]);
        for number in 1..5 * TRACES {
            traces.spans(vec![span(number, "a", "", 1)]);
        }
        assert_eq!(traces.recent(usize::MAX).len(), TRACES);
        assert_eq!(traces.slowest().expect("one").duration(), Duration::from_millis(999));
        assert!(traces.get(&format!("{:032x}", 0)).is_some(), "the slowest can still be looked up");
        assert!(traces.get(&format!("{:032x}", 1)).is_none(), "the others are gone");
    }

    #[test]
    fn percentiles_are_those_of_the_interval_or_of_all() {
        let traces = Traces::default();
        traces.spans((1..=100).map(|ms| span(ms as usize, "a", "", ms)).collect());
        let all = (Duration::from_millis(50), Duration::from_millis(99));
        assert_eq!(traces.percentiles("gateway", "GET /ping", true), Some(all));
        assert_eq!(traces.percentiles("gateway", "GET /ping", true), None);
        assert_eq!(traces.percentiles("gateway", "GET /ping", false), Some(all));
    }
}
