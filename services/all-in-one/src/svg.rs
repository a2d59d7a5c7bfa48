//! A trace drawn as a picture: the same rows as the text, one colour a service.

use std::fmt::Write as _;

use crate::trace_rows::{Row, rows};
use crate::traces::Trace;
use crate::waterfall::millis;

const ROW: usize = 26;
const LEFT: usize = 430;
const AXIS: usize = 560;
const RIGHT: usize = 90;
const TOP: usize = 44;

/// Colours by service, in the order of the request path; others share the last.
const COLOURS: [(&str, &str); 5] =
    [("shopper", "#8250df"), ("gateway", "#0969da"), ("auth", "#bf8700"), ("user", "#1a7f37"), ("product", "#bc4c00")];
const OTHER: &str = "#57606a";

/// Draws `trace` as SVG.
#[must_use]
pub(crate) fn picture(trace: &Trace) -> String {
    let rows = rows(trace);
    let (width, height) = (LEFT + AXIS + RIGHT, TOP + ROW * rows.len() + 12);
    let title = trace.root().map(|root| format!("{}  {}", root.name, millis(root.duration))).unwrap_or_default();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace,monospace\" \
         font-size=\"13\"><rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\
         <text x=\"12\" y=\"26\" font-size=\"15\" font-weight=\"bold\" fill=\"#1b1f24\">{}</text>\n",
        escape(&title)
    );
    for (number, row) in rows.iter().enumerate() {
        draw(&mut svg, row, TOP + ROW * number);
    }
    svg + "</svg>\n"
}

fn draw(svg: &mut String, row: &Row<'_>, y: usize) {
    #[allow(clippy::cast_precision_loss, reason = "pixels")]
    let (x, width) = (LEFT as f64 + row.offset * AXIS as f64, (row.length * AXIS as f64).max(2.0));
    let colour = COLOURS.iter().find(|(service, _)| *service == row.span.service).map_or(OTHER, |(_, colour)| colour);
    let colour = if row.span.error { "#cf222e" } else { colour };
    let (text, line) = (12 + 14 * row.depth, y + 17);
    let label = escape(&format!("{} · {}", row.span.service, row.span.name));
    let _ = writeln!(
        svg,
        "<text x=\"{text}\" y=\"{line}\" fill=\"#1b1f24\">{label}</text>\
         <rect x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"15\" rx=\"2\" fill=\"{colour}\"/>\
         <text x=\"{}\" y=\"{line}\" fill=\"#57606a\">{}</text>",
        y + 5,
        LEFT + AXIS + 8,
        millis(row.span.duration),
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::tests::span;

    #[test]
    fn every_span_has_a_bar_and_names_are_escaped() {
        let mut child = span(1, "b", "a", 50);
        child.name = "a < b & c".into();
        let svg = picture(&Trace { spans: vec![span(1, "a", "", 100), child], lines: Vec::new() });
        assert_eq!(svg.matches("rx=\"2\"").count(), 2);
        assert!(svg.contains("a &lt; b &amp; c") && svg.ends_with("</svg>\n"), "{svg}");
    }
}
