//! The figures for people and for programs.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::goodput::{Goodput, MAX_RECOVERY, MIN_RATIO, Pair};
use crate::outage::{MAX_RATIO, Outage};
use crate::stand::{SLOW_AT_A_TIME, SLOW_TIME};
use crate::tally::{Kind, median};

/// Writes all figures as JSON.
pub(crate) fn write(path: &Path, outages: &[Outage], goodputs: &[Goodput]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let figures = json!({
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "outages": outages.iter().map(Outage::json).collect::<Vec<_>>(),
        "overload": goodputs.iter().map(Goodput::json).collect::<Vec<_>>(),
    });
    fs::write(path, format!("{figures:#}\n"))
}

/// The tables, and what has to be known to read them.
pub(crate) fn text(outages: &[Outage], goodputs: &[Goodput]) -> String {
    let mut lines = Vec::new();
    if !outages.is_empty() {
        lines.extend(outage_table(outages));
    }
    if !goodputs.is_empty() {
        lines.extend(overload_table(goodputs));
    }
    lines.join("\n")
}

fn outage_table(outages: &[Outage]) -> Vec<String> {
    let mut lines = vec![
        format!("\nTotal outage of a callee: calls for each request, as a multiple of health (at most {MAX_RATIO})"),
        format!(
            "{:<8} {:<20} {:>10} {:>8} {:>8} {:>9} {:>9} {:>10}  {}",
            "callee",
            "",
            "until open",
            "whole",
            "worst s",
            "retries",
            "opened",
            "closed",
            "breaker: open, half open, closed"
        ),
    ];
    for outage in outages {
        let [open, half_open, closed] = outage.transitions;
        lines.push(format!(
            "{:<8} {:<20} {:>10.2} {:>8.2} {:>8.2} {:>9.0} {:>9} {:>10}  {open:.0}, {half_open:.0}, {closed:.0}",
            outage.callee,
            outage.failure(),
            outage.until_open,
            outage.whole,
            outage.worst_second,
            outage.retries,
            seconds(outage.opened),
            seconds(outage.closed),
        ));
    }
    lines
}

fn overload_table(goodputs: &[Goodput]) -> Vec<String> {
    let mut lines = vec![
        format!(
            "\nThree times capacity: goodput as a share of the peak (at least {MIN_RATIO}), recovery (at most {} s); \
             medians, ranges in brackets",
            MAX_RECOVERY.as_secs()
        ),
        "Load and services share these cores, nothing is pinned; rate limits are out of the way. Good is the right status \
         within the client's deadline."
            .to_owned(),
        format!(
            "The slow store is a stand-in before the real product service: {SLOW_AT_A_TIME} reads at a time, {} ms more \
             for each.",
            SLOW_TIME.as_millis()
        ),
    ];
    for goodput in goodputs {
        let all = |figure: fn(&Pair) -> f64| goodput.each(figure);
        lines.push(format!("\n{} ({} clients at the peak)", goodput.operation, goodput.clients));
        let rows = [
            ("peak", row(&all(|pair| pair.peak.goodput()), 1.0, "/s")),
            ("goodput at three times", row(&all(|pair| pair.overload.goodput()), 1.0, "/s")),
            ("share of the peak", row(&goodput.ratios(), 100.0, " %")),
            ("refused at once", row(&all(|pair| pair.overload.share(Kind::Refused)), 100.0, " %")),
            ("timed out", row(&all(|pair| pair.overload.share(Kind::Late)), 100.0, " %")),
            ("never sent, generator too late", row(&all(|pair| pair.overload.share(Kind::Unsent)), 100.0, " %")),
            ("failed otherwise", row(&all(|pair| pair.overload.share(Kind::Failed)), 100.0, " %")),
            ("p99 at the peak", row(&all(|pair| pair.peak.p99_ms(Kind::Good)), 1.0, " ms")),
            ("p99 of good answers at three times", row(&all(|pair| pair.overload.p99_ms(Kind::Good)), 1.0, " ms")),
            ("p99 of refusals", row(&all(|pair| pair.overload.p99_ms(Kind::Refused)), 1.0, " ms")),
            ("generator late by (p99)", row(&all(|pair| pair.overload.lag_p99_ms()), 1.0, " ms")),
            ("CPU of the gateway for a good answer", row(&all(Pair::answer_us), 1.0, " us")),
            ("CPU of the gateway for a refusal", row(&all(Pair::refusal_us), 1.0, " us")),
            ("recovered after", row(&all(recovery_s), 1.0, " s")),
        ];
        lines.extend(rows.into_iter().map(|(name, row)| format!("  {name:<38} {row}")));
    }
    lines
}

/// Infinite if it did not happen.
fn recovery_s(pair: &Pair) -> f64 {
    pair.recovery.map_or(f64::INFINITY, |time| time.as_secs_f64())
}

fn row(values: &[f64], factor: f64, unit: &str) -> String {
    let show = |value: f64| {
        let value = value * factor;
        if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
    };
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{}{unit} ({} to {})", show(median(values)), show(low), show(high))
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or_else(|| "never".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()))
}
