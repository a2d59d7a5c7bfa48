//! Every series a query may name, with its labels: ours by the catalogue, those of other programs by
//! `external-metrics.toml`, and those that recording rules write.

use std::collections::{BTreeMap, BTreeSet};

use telemetry::catalogue::{self, Kind};

use crate::promql::{LabelMatcher, MetricName, Operator, Query, Selector};
use crate::sources::External;

/// Labels that the scrape adds to every series. `service_namespace` stands on those of the services only.
pub const TARGET_LABELS: [&str; 3] = ["job", "instance", "service_namespace"];

/// Known series and their labels.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    series: BTreeMap<String, BTreeSet<String>>,
}

impl Vocabulary {
    /// The catalogue and what is not ours.
    #[must_use]
    pub fn new(external: &External) -> Self {
        let mut known = Self::default();
        for metric in catalogue::all() {
            if metric.kind == Kind::Histogram {
                known.add(format!("{}_bucket", metric.name), metric.labels.iter().chain(&["le"]));
                known.add(format!("{}_count", metric.name), metric.labels);
                known.add(format!("{}_sum", metric.name), metric.labels);
            } else {
                known.add(metric.name.to_owned(), metric.labels);
            }
        }
        for (name, labels) in external.values().flatten() {
            known.add(name.clone(), labels);
        }
        known
    }

    fn add(&mut self, name: String, labels: impl IntoIterator<Item = impl AsRef<str>>) {
        let labels = labels.into_iter().map(|label| label.as_ref().to_owned());
        self.insert(name, labels.chain(TARGET_LABELS.map(str::to_owned)));
    }

    /// Adds a series, or labels to one that is known.
    pub(crate) fn insert(&mut self, name: String, labels: impl IntoIterator<Item = String>) {
        self.series.entry(name).or_default().extend(labels);
    }

    /// Labels of a series; none if it is not known.
    #[must_use]
    pub fn labels(&self, series: &str) -> Option<&BTreeSet<String>> {
        self.series.get(series)
    }

    /// Names of the known series a selector means.
    #[must_use]
    pub fn matching(&self, metric: &MetricName) -> Vec<&str> {
        let known = self.series.keys().map(String::as_str);
        match metric {
            MetricName::Exact(name) => known.filter(|series| *series == name.as_str()).collect(),
            MetricName::Pattern(pattern) => {
                let pattern = LabelMatcher::pattern(pattern);
                known.filter(|series| pattern.as_ref().is_some_and(|pattern| pattern.is_match(series))).collect()
            }
            MetricName::Any => Vec::new(),
        }
    }

    /// What is wrong with the names in a query; nothing if every metric, label and bucket bound is known.
    #[must_use]
    pub fn problems(&self, query: &Query) -> Vec<String> {
        let mut problems: Vec<String> =
            query.selectors().iter().flat_map(|selector| self.selector_problems(selector)).collect();
        let made = query.made_labels();
        for grouping in query.groupings() {
            let known = self.labels_of(&grouping.selectors);
            let unknown = grouping.labels.iter().filter(|label| !known.contains(*label) && !made.contains(*label));
            problems.extend(unknown.map(|label| format!("grouped by `{label}`, which none of its series has")));
        }
        problems
    }

    fn labels_of(&self, selectors: &[Selector]) -> BTreeSet<String> {
        let names = selectors.iter().flat_map(|selector| self.matching(&selector.metric));
        names.filter_map(|name| self.labels(name)).flatten().cloned().collect()
    }

    fn selector_problems(&self, selector: &Selector) -> Vec<String> {
        let meant = self.matching(&selector.metric);
        if meant.is_empty() {
            return match &selector.metric {
                MetricName::Exact(name) => vec![format!(
                    "`{name}` is no series: it stands neither in the catalogue nor in external-metrics.toml, and no rule records it"
                )],
                MetricName::Pattern(pattern) => vec![format!("no known series is like `{pattern}`")],
                MetricName::Any => Vec::new(),
            };
        }
        let known = self.labels_of(std::slice::from_ref(selector));
        let mut problems = Vec::new();
        for matcher in &selector.matchers {
            if !known.contains(&matcher.label) {
                problems.push(format!("`{}` has no label `{}`", meant.join("` and `"), matcher.label));
            } else if matcher.label == "le" {
                problems.extend(meant.iter().filter_map(|series| misplaced_bound(series, matcher)));
            }
        }
        problems
    }
}

/// What is wrong with `le="..."` of one of our histograms.
fn misplaced_bound(series: &str, matcher: &LabelMatcher) -> Option<String> {
    let metric = catalogue::metric_of(series)?;
    if matcher.operator != Operator::Is || matcher.value == "+Inf" {
        return None;
    }
    let bound: Option<f64> = matcher.value.parse().ok();
    let known = bound.is_some_and(|bound| metric.buckets.iter().any(|known| (known - bound).abs() < f64::EPSILON));
    (!known).then(|| format!("`{series}` has no bucket le=\"{}\"", matcher.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rule;

    fn vocabulary() -> Vocabulary {
        let external = [("postgres".to_owned(), [("pg_up".to_owned(), vec!["server".to_owned()])].into())].into();
        let mut vocabulary = Vocabulary::new(&external);
        let rule = Rule {
            record: Some("job:mails:rate5m".to_owned()),
            expr: "sum by (job, kind) (rate(mails_total[5m]))".to_owned(),
            ..Rule::default()
        };
        vocabulary.record([&rule]);
        vocabulary
    }

    fn problems(text: &str) -> Vec<String> {
        vocabulary().problems(&Query::parse(text).unwrap())
    }

    #[test]
    fn known_names_pass() {
        for text in [
            r#"histogram_quantile(0.9, sum by (le, job) (rate(rpc_server_call_duration_seconds_bucket{rpc_method="a"}[5m])))"#,
            r#"pg_up{server="x", job="postgres"} == 0"#,
            r#"job:mails:rate5m{kind="welcome"}"#,
            r#"{__name__=~"mails_.+", job="notification"}"#,
            r#"rate(http_server_request_duration_seconds_bucket{le="0.25"}[5m])"#,
            r#"sum by (row) (label_replace(pg_up, "row", "$1", "server", "(.*)"))"#,
        ] {
            assert_eq!(problems(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn unknown_names_are_named() {
        for (text, part) in [
            ("mail_total", "`mail_total` is no series"),
            ("mails_total_count", "`mails_total_count` is no series"),
            ("rpc_server_call_duration_seconds", "is no series"),
            (r#"{__name__=~"mail_total.*"}"#, "is like `mail_total.*`"),
            (r#"mails_total{colour="red"}"#, "`mails_total` has no label `colour`"),
            ("sum by (colour) (mails_total)", "grouped by `colour`"),
            (r#"job:mails:rate5m{outcome="sent"}"#, "has no label `outcome`"),
            (r#"mail_send_duration_seconds_bucket{le="0.3"}"#, "no bucket le=\"0.3\""),
        ] {
            let found = problems(text).join("; ");
            assert!(found.contains(part), "{text}: {found:?}");
        }
    }
}
