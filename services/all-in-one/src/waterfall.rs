//! A trace drawn as text: one line a span, indented by depth, with its bar on the common time axis, and the
//! log lines under the span that wrote them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use telemetry::{LogRecord, SpanRecord};

use crate::traces::Trace;

/// Characters of the time axis.
const AXIS: usize = 40;

/// Characters of the name column.
const NAME: usize = 58;

/// Draws `trace`.
#[must_use]
pub fn draw(trace: &Trace) -> String {
    let mut text = String::new();
    let (Some(root), Some(start)) = (trace.root(), trace.spans.iter().map(|span| span.start).min()) else {
        return text;
    };
    let end = trace.spans.iter().map(|span| span.start + span.duration).max().unwrap_or(start);
    let total = end.duration_since(start).unwrap_or_default();
    let _ = writeln!(text, "trace {}  {}  {}", root.trace_id, root.name, millis(total));
    let picture = Picture::new(trace, start, total);
    for span in picture.roots() {
        picture.span(&mut text, span, 0);
    }
    text
}

struct Picture<'a> {
    start: SystemTime,
    total: Duration,
    spans: Vec<&'a SpanRecord>,
    lines: HashMap<&'a str, Vec<&'a LogRecord>>,
}

impl<'a> Picture<'a> {
    fn new(trace: &'a Trace, start: SystemTime, total: Duration) -> Self {
        let mut spans: Vec<_> = trace.spans.iter().collect();
        spans.sort_by_key(|span| span.start);
        let mut lines: HashMap<&str, Vec<&LogRecord>> = HashMap::new();
        for line in &trace.lines {
            lines.entry(&line.span_id).or_default().push(line);
        }
        Self { start, total, spans, lines }
    }

    /// Spans whose parent is not here.
    fn roots(&self) -> impl Iterator<Item = &'a SpanRecord> {
        let known: Vec<&str> = self.spans.iter().map(|span| span.span_id.as_str()).collect();
        self.spans.clone().into_iter().filter(move |span| !known.contains(&span.parent_span_id.as_str()))
    }

    fn span(&self, text: &mut String, span: &'a SpanRecord, depth: usize) {
        let indent = "  ".repeat(depth);
        let mark = if span.error { " !" } else { "" };
        let label = format!("{indent}{} · {}{mark}", span.service, span.name);
        let _ = writeln!(text, "{} |{}| {:>9}", fit(&label), self.bar(span), millis(span.duration));
        for line in self.lines.get(span.span_id.as_str()).into_iter().flatten() {
            let values: Vec<_> = line.fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let _ = writeln!(text, "{indent}  {:5} {} {}", line.level, line.message, values.join(" "));
        }
        for child in self.spans.iter().filter(|child| child.parent_span_id == span.span_id) {
            self.span(text, child, depth + 1);
        }
    }

    fn bar(&self, span: &SpanRecord) -> String {
        let whole = self.total.as_secs_f64().max(1e-9);
        let offset = span.start.duration_since(self.start).unwrap_or_default().as_secs_f64() / whole;
        let length = span.duration.as_secs_f64() / whole;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "0 to 40"
        )]
        let cell = |share: f64| (share * AXIS as f64).round() as usize;
        let begin = cell(offset).min(AXIS - 1);
        let width = cell(length).clamp(1, AXIS - begin);
        format!("{}{}{}", " ".repeat(begin), "█".repeat(width), " ".repeat(AXIS - begin - width))
    }
}

/// A duration in milliseconds with the precision a person wants.
#[must_use]
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1e3)
}

fn fit(label: &str) -> String {
    let count = label.chars().count();
    if count <= NAME {
        format!("{label}{}", " ".repeat(NAME - count))
    } else {
        label.chars().take(NAME - 1).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::tests::span;

    #[test]
    fn children_stand_under_their_parents_with_bars_to_scale() {
        let mut child = span(1, "b", "a", 50);
        child.start += Duration::from_millis(50);
        child.service = "product".into();
        let trace = Trace { spans: vec![child, span(1, "a", "", 100)], lines: Vec::new() };
        let drawn = draw(&trace);
        let lines: Vec<_> = drawn.lines().collect();
        assert!(lines[0].contains("GET /ping  100.00 ms"), "{drawn}");
        assert!(lines[1].starts_with("gateway") && lines[1].matches('█').count() == AXIS, "{drawn}");
        assert!(lines[2].starts_with("  product") && lines[2].matches('█').count() == AXIS / 2, "{drawn}");
    }
}
