//! What one row of the catalogue says about a metric, and the bucket boundaries that histograms share.

/// Boundaries in seconds that the semantic conventions advise for HTTP, gRPC and messaging durations.
pub const H14: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Boundaries in seconds that the semantic conventions advise for database durations.
pub const D9: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// Boundaries in seconds for what takes from an instant to days. 29.5 is the objective of the mails: a whole number is
/// spelled `30` by one version of Prometheus and `30.0` by the next, so no objective may stand on one.
pub const FRESHNESS: &[f64] =
    &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 29.5, 60.0, 120.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0];

/// What a metric counts or measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations in buckets.
    Histogram,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Name exactly as on `/metrics`.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// UCUM unit: `s`, `By`, or a noun in braces such as `{request}`.
    pub unit: &'static str,
    /// Every label it may carry.
    pub labels: &'static [&'static str],
    /// Upper bounds of a histogram; empty for the others.
    pub buckets: &'static [f64],
    /// Help text.
    pub help: &'static str,
}
