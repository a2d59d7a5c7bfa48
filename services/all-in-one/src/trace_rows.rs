//! The rows of a drawn trace: every span below its parent, in order of start, with its place on the time axis.

use std::time::{Duration, SystemTime};

use telemetry::SpanRecord;

use crate::traces::Trace;

/// One span of a drawing.
pub(crate) struct Row<'a> {
    pub(crate) span: &'a SpanRecord,
    /// Parents above it.
    pub(crate) depth: usize,
    /// Where it begins, as a share of the whole, 0 to 1.
    pub(crate) offset: f64,
    /// How long it is, as a share of the whole, 0 to 1.
    pub(crate) length: f64,
}

/// The rows of `trace`, top to bottom.
pub(crate) fn rows(trace: &Trace) -> Vec<Row<'_>> {
    let mut spans: Vec<_> = trace.spans.iter().collect();
    spans.sort_by_key(|span| span.start);
    let start = spans.first().map_or(SystemTime::UNIX_EPOCH, |span| span.start);
    let drawing = Drawing { start, whole: total(trace).as_secs_f64().max(1e-9), spans };
    let mut rows = Vec::with_capacity(drawing.spans.len());
    for span in drawing.roots() {
        drawing.below(span, 0, &mut rows);
    }
    rows
}

/// Time from the first start to the last end.
pub(crate) fn total(trace: &Trace) -> Duration {
    let start = trace.spans.iter().map(|span| span.start).min();
    let end = trace.spans.iter().map(|span| span.start + span.duration).max();
    start.zip(end).and_then(|(start, end)| end.duration_since(start).ok()).unwrap_or_default()
}

struct Drawing<'a> {
    start: SystemTime,
    whole: f64,
    spans: Vec<&'a SpanRecord>,
}

impl<'a> Drawing<'a> {
    /// Spans whose parent is not here.
    fn roots(&self) -> impl Iterator<Item = &'a SpanRecord> {
        let known = |id: &str| self.spans.iter().any(|span| span.span_id == id);
        self.spans.iter().copied().filter(move |span| !known(&span.parent_span_id))
    }

    fn below(&self, span: &'a SpanRecord, depth: usize, rows: &mut Vec<Row<'a>>) {
        let offset = span.start.duration_since(self.start).unwrap_or_default().as_secs_f64() / self.whole;
        let length = span.duration.as_secs_f64() / self.whole;
        rows.push(Row { span, depth, offset, length });
        for child in self.spans.iter().filter(|child| child.parent_span_id == span.span_id) {
            self.below(child, depth + 1, rows);
        }
    }
}
