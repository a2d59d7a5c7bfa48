//! Metrics: what the contract has done shows in the metrics of the catalogue, with its labels and no others.

use std::collections::BTreeSet;

use telemetry::Identity;
use telemetry::catalogue;
use telemetry::exposition::{Exposition, Sample};

pub fn what_happened_was_measured() {
    let text = Identity::current().unwrap().render_metrics();
    let mut seen = BTreeSet::new();
    let of_messaging = |sample: &Sample| sample.name.starts_with("messaging_") || sample.name.starts_with("outbox_");
    for Sample { name, labels, .. } in
        Exposition::parse(&text).unwrap().samples.iter().filter(|sample| of_messaging(sample))
    {
        let metric = catalogue::metric_of(name).unwrap_or_else(|| panic!("{name} is in no catalogue"));
        for label in labels.keys() {
            assert!(label == "le" || metric.labels.contains(&label.as_str()), "{name} carries {label}");
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
