//! Objectives: what they may say, and the expression that measures one over a window.

use std::collections::BTreeSet;

use telemetry::catalogue::{self, Kind};
use topology::Topology;

use crate::duration::Span;
use crate::promql::Query;
use crate::sources::{Slo, SloFile, SourceError};
use crate::vocabulary::Vocabulary;

/// Where objectives stand.
pub const FILE: &str = "observability/slo.toml";

/// How fast a budget may burn over a pair of windows before somebody has to know.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Times the speed that empties the budget in exactly one period.
    pub factor: f64,
    /// The window that shows that enough was spent.
    pub long: Span,
    /// The window that shows that it goes on; a twelfth of the long one.
    pub short: Span,
    /// How long both have to be above.
    pub hold: Span,
    /// `critical` or `warning`.
    pub severity: &'static str,
}

/// Fastest first: 2 %, 5 %, 10 % and 10 % of the budget of 30 days spent in the long window.
pub const ROWS: [Row; 4] = [
    Row { factor: 14.4, long: HOUR, short: minutes(5), hold: minutes(2), severity: "critical" },
    Row { factor: 6.0, long: hours(6), short: minutes(30), hold: minutes(15), severity: "critical" },
    Row { factor: 3.0, long: hours(24), short: hours(2), hold: HOUR, severity: "warning" },
    Row { factor: 1.0, long: hours(72), short: hours(6), hold: hours(3), severity: "warning" },
];

const HOUR: Span = hours(1);

const fn minutes(count: u64) -> Span {
    Span::seconds(count * 60)
}

const fn hours(count: u64) -> Span {
    minutes(count * 60)
}

/// Every window of [`ROWS`], from short to long.
#[must_use]
pub fn windows() -> BTreeSet<Span> {
    ROWS.iter().flat_map(|row| [row.short, row.long]).collect()
}

impl Slo {
    /// Share of events that may be bad, to ten digits: `0.001`, not `0.0010000000000000009`.
    #[must_use]
    pub fn budget(&self) -> f64 {
        ((1.0 - self.objective) * 1e10).round() / 1e10
    }

    /// The objective in percent, such as `99.95`.
    #[must_use]
    pub fn percent(&self) -> String {
        ((self.objective * 1e12).round() / 1e10).to_string()
    }

    /// Its name within its service: `latency` of `gateway-latency`.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.id.strip_prefix(&self.service).and_then(|rest| rest.strip_prefix('-')).unwrap_or(&self.id)
    }

    /// Share of bad events over `window`. Both sides are summed before they are divided, and without a bad event the
    /// result is zero, not nothing. Without any event it is nothing, not 0/0: one NaN would stay in the average over
    /// the period until the period is over. Without the bucket of the threshold everything is bad: loud, not silent.
    #[must_use]
    pub fn error_ratio(&self, window: Span) -> String {
        let (metric, valid) = (&self.metric, &self.valid);
        let all = format!("sum(rate({metric}_count{{{valid}}}[{window}]))");
        match (&self.threshold, &self.bad) {
            (Some(threshold), _) => {
                let good = format!("sum(rate({metric}_bucket{{{valid},le=\"{threshold}\"}}[{window}]))");
                format!("(\n  {all}\n  - ({good} or {all} * 0)\n)\n/ ({all} > 0)")
            }
            (None, bad) => {
                let bad = bad.as_deref().unwrap_or_default();
                let bad = format!("sum(rate({metric}_count{{{valid},{bad}}}[{window}]))");
                format!("(\n  {bad}\n  or {all} * 0\n)\n/ ({all} > 0)")
            }
        }
    }
}

/// Checks every objective.
///
/// # Errors
///
/// If one cannot be kept track of: objective and field are named.
pub fn check(file: &SloFile, known: &Vocabulary) -> Result<(), SourceError> {
    let mut names = BTreeSet::new();
    for slo in &file.slo {
        for (field, name) in [("id", &slo.id), ("alert", &slo.alert)] {
            if !names.insert(name) {
                return Err(wrong(slo, field, format!("`{name}` stands twice")));
            }
        }
        check_words(slo)?;
        check_measure(slo, known)?;
    }
    Ok(())
}

fn wrong(slo: &Slo, field: &'static str, problem: impl Into<String>) -> SourceError {
    SourceError::Field { file: FILE.to_owned(), item: slo.id.clone(), field, problem: problem.into() }
}

fn check_words(slo: &Slo) -> Result<(), SourceError> {
    // Who can hold an objective: the scrape jobs of our services.
    let services: Vec<_> = Topology::ours().services().iter().map(|service| service.name.as_str()).collect();
    if !services.contains(&slo.service.as_str()) {
        return Err(wrong(slo, "service", format!("`{}` is none of {}", slo.service, services.join(", "))));
    }
    if !slo.alert.ends_with("BudgetBurn") {
        return Err(wrong(slo, "alert", "the name has to end in `BudgetBurn`"));
    }
    for (field, text) in [("promise", &slo.promise), ("feels", &slo.feels)] {
        if !text.ends_with('.') {
            return Err(wrong(slo, field, "has to be a sentence that ends in a full stop"));
        }
    }
    Ok(())
}

fn check_measure(slo: &Slo, known: &Vocabulary) -> Result<(), SourceError> {
    if !(slo.objective > 0.0 && slo.objective < 1.0) {
        return Err(wrong(slo, "objective", format!("{} is not between 0 and 1, both excluded", slo.objective)));
    }
    let metric = catalogue::find(&slo.metric)
        .filter(|metric| metric.kind == Kind::Histogram)
        .ok_or_else(|| wrong(slo, "metric", format!("`{}` is no histogram of the catalogue", slo.metric)))?;
    match (&slo.bad, slo.threshold) {
        (Some(_), Some(_)) | (None, None) => return Err(wrong(slo, "bad", "write either `bad` or `threshold`")),
        (Some(_), None) => {}
        (None, Some(threshold)) => {
            if threshold.fract() == 0.0 {
                let problem =
                    "is a whole number: Prometheus 2 writes le=\"1\" and 3 writes le=\"1.0\"; take another bucket";
                return Err(wrong(slo, "threshold", format!("{threshold} {problem}")));
            }
            if !metric.buckets.contains(&threshold) {
                return Err(wrong(slo, "threshold", format!("{threshold} is no bucket bound: {:?}", metric.buckets)));
            }
        }
    }
    for (field, text) in [("valid", Some(&slo.valid)), ("bad", slo.bad.as_ref())] {
        let Some(text) = text else { continue };
        let query = format!("{}_count{{{text}}}", slo.metric);
        let query = Query::parse(&query).map_err(|error| wrong(slo, field, error.to_string()))?;
        if let Some(problem) = known.problems(&query).into_iter().next() {
            return Err(wrong(slo, field, problem));
        }
    }
    Ok(())
}
