//! Every metric there is: name, type, unit, labels, buckets and help. Nothing else may be emitted;
//! dashboards, rules and documents may use only what stands here.

use crate::catalogue_entries::ENTRIES;
pub use crate::metric::{D9, FRESHNESS, H14, Kind, Metric};

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

/// The metric that a series belongs to: `x_bucket`, `x_count` and `x_sum` to the histogram `x`.
#[must_use]
pub fn metric_of(series: &str) -> Option<&'static Metric> {
    let histogram = |suffix| series.strip_suffix(suffix).and_then(find).filter(|metric| metric.kind == Kind::Histogram);
    let other = find(series).filter(|metric| metric.kind != Kind::Histogram);
    other.or_else(|| ["_bucket", "_count", "_sum"].into_iter().find_map(histogram))
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
