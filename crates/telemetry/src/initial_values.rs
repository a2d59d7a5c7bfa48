//! Series that exist before anything has happened.
//!
//! A series that appears with its first event appears at 1, and a rate or an increase over it sees nothing: the first
//! error of a kind would be missed by every rule. So whoever counts outcomes names them all when it starts.

use metrics::Label;

use crate::catalogue::{self, Kind};

/// Lets every combination of the values of `labels` exist with zero. Call it on a thread of the service. A metric that
/// the catalogue does not have is refused in the log.
pub fn init_to_zero(name: &'static str, labels: &[(&'static str, &[&str])]) {
    let Some(metric) = catalogue::find(name) else {
        tracing::error!(metric = name, "a metric that is not in the catalogue cannot begin");
        return;
    };
    for labels in combinations(labels) {
        match metric.kind {
            Kind::Counter => metrics::counter!(name, labels).increment(0),
            Kind::Gauge => metrics::gauge!(name, labels).set(0.0),
            Kind::Histogram => drop(metrics::histogram!(name, labels)),
        }
    }
}

fn combinations(labels: &[(&'static str, &[&str])]) -> Vec<Vec<Label>> {
    labels.iter().fold(vec![Vec::new()], |sets, (name, values)| {
        let with = |set: &Vec<Label>, value: &str| [set.clone(), vec![Label::new(*name, value.to_owned())]].concat();
        sets.iter().flat_map(|set| values.iter().map(move |value| with(set, value))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder;

    #[test]
    fn every_combination_begins_with_zero_and_histograms_stay_histograms() {
        let recorder = recorder::build().expect("a recorder");
        metrics::with_local_recorder(&recorder, || {
            init_to_zero(
                "messaging_connections_total",
                &[("purpose", &["publish", "consume"]), ("outcome", &["failed"])],
            );
            init_to_zero("panics_total", &[]);
            init_to_zero("mail_send_duration_seconds", &[("transport", &["file"])]);
            init_to_zero("nothing_of_ours_total", &[]);
            // What is counted goes into the series that has begun.
            metrics::counter!("messaging_connections_total", "purpose" => "consume", "outcome" => "failed")
                .increment(1);
        });
        let text = recorder.handle().render();
        for line in [
            "messaging_connections_total{purpose=\"publish\",outcome=\"failed\"} 0",
            "messaging_connections_total{purpose=\"consume\",outcome=\"failed\"} 1",
            "panics_total 0",
            "# TYPE mail_send_duration_seconds histogram",
            "mail_send_duration_seconds_bucket{transport=\"file\",le=\"+Inf\"} 0",
            "mail_send_duration_seconds_sum{transport=\"file\"} 0",
            "mail_send_duration_seconds_count{transport=\"file\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "no `{line}` in\n{text}");
        }
        assert!(!text.contains("quantile") && !text.contains("nothing_of_ours"), "{text}");
    }
}
