//! Metrics: what the contract has done shows in the metrics of the catalogue, with its labels and no others.

use std::collections::BTreeSet;

use telemetry::Identity;
use telemetry::catalogue;

pub fn what_happened_was_measured() {
    let text = Identity::current().unwrap().render_metrics();
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with("messaging_") || line.starts_with("outbox_")) {
        let series = line.rsplit_once(' ').unwrap().0;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let stems = ["_bucket", "_sum", "_count"].iter().filter_map(|suffix| name.strip_suffix(suffix));
        let metric =
            stems.chain([name]).find_map(catalogue::find).unwrap_or_else(|| panic!("{name} is in no catalogue"));
        for (label, _) in labels.trim_end_matches('}').split("\",").filter_map(|pair| pair.split_once("=\"")) {
            assert!(label == "le" || metric.labels.contains(&label), "{name} carries {label}");
        }
        seen.insert(metric.name);
    }
    for metric in catalogue::all().iter().filter(|metric| {
        let of_broker = metric.name.starts_with("messaging_connection");
        (metric.name.starts_with("messaging_") && !of_broker) || metric.name.starts_with("outbox_")
    }) {
        assert!(seen.contains(metric.name), "{} was not emitted", metric.name);
    }
    for part in [
        r#"outcome="parked""#,
        r#"outcome="retried""#,
        r#"outcome="ignored""#,
        r#"outcome="returned""#,
        r#"error_type="malformed""#,
        r#"error_type="unsupported_version""#,
        r#"error_type="panic""#,
        r#"error_type="timeout""#,
        r#"error_type="rejected""#,
        r#"error_type="returned""#,
    ] {
        assert!(text.contains(part), "no series has {part}");
    }
}
