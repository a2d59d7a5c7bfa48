//! A trace drawn as text: one line a span, indented by depth, with its bar on the common time axis, and the
//! log lines under the span that wrote them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use telemetry::LogRecord;

use crate::trace_rows::{Row, rows, total};
use crate::traces::Trace;

/// Characters of the time axis.
const AXIS: usize = 40;

/// Characters of the name column.
const NAME: usize = 58;

/// Draws `trace`.
#[must_use]
pub fn draw(trace: &Trace) -> String {
    let Some(root) = trace.root() else { return String::new() };
    let mut lines: HashMap<&str, Vec<&LogRecord>> = HashMap::new();
    for line in &trace.lines {
        lines.entry(&line.span_id).or_default().push(line);
    }
    let mut text = format!("trace {}  {}  {}\n", root.trace_id, root.name, millis(total(trace)));
    for row in rows(trace) {
        let indent = "  ".repeat(row.depth);
        let mark = if row.span.error { " !" } else { "" };
        let label = format!("{indent}{} · {}{mark}", row.span.service, row.span.name);
        let _ = writeln!(text, "{} |{}| {:>9}", fit(&label), bar(&row), millis(row.span.duration));
        for line in lines.get(row.span.span_id.as_str()).into_iter().flatten() {
            let values: Vec<_> = line.fields.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let _ = writeln!(text, "{indent}  {:5} {} {}", line.level, line.message, values.join(" "));
        }
    }
    text
}

fn bar(row: &Row<'_>) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "0 to 40")]
    let cell = |share: f64| (share * AXIS as f64).round() as usize;
    let begin = cell(row.offset).min(AXIS - 1);
    let width = cell(row.length).clamp(1, AXIS - begin);
    format!("{}{}{}", " ".repeat(begin), "█".repeat(width), " ".repeat(AXIS - begin - width))
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
