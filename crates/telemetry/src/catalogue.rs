//! Every metric there is: name, type, unit, labels, buckets and help. Nothing else may be emitted;
//! dashboards, rules and documents may use only what stands here.

use crate::catalogue_entries::ENTRIES;

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

/// All metrics, in the order in which the documents list them.
#[must_use]
pub fn all() -> &'static [Metric] {
    ENTRIES
}

/// The metric of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    ENTRIES.iter().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_follow_the_conventions() {
        let mut seen = HashSet::new();
        for metric in all() {
            assert!(seen.insert(metric.name), "{} stands twice", metric.name);
            assert!(metric.help.ends_with('.'), "{}: help is a sentence", metric.name);
            assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}: _total", metric.name);
            if metric.unit == "s" {
                let stem = metric.name.trim_end_matches("_total");
                assert!(stem.ends_with("_seconds"), "{}: unit suffix", metric.name);
            }
            if metric.unit == "By" {
                assert!(metric.name.ends_with("_bytes"), "{}: unit suffix", metric.name);
            }
        }
    }

    #[test]
    fn histograms_and_only_they_have_rising_buckets() {
        for metric in all() {
            assert_eq!(metric.kind == Kind::Histogram, !metric.buckets.is_empty(), "{}", metric.name);
            assert!(metric.buckets.windows(2).all(|pair| pair[0] < pair[1]), "{}", metric.name);
        }
    }

    #[test]
    fn no_label_can_grow_without_bound() {
        let forbidden = ["user", "email", "id", "path", "query", "message", "ip", "trace_id", "span_id"];
        for metric in all() {
            for label in metric.labels {
                assert!(!forbidden.contains(label), "{}: {label}", metric.name);
            }
        }
    }
}
