//! The service levels as goose rules: which request has to be how fast, how often it may fail, and where that is said.

use std::fmt;

use goose::threshold::ThresholdResult;

use crate::journeys::routes::{self, Route};

/// One objective of the design and the requests it speaks about.
struct Objective {
    /// The goose rule without its request, `<metric><op><value>`.
    rule: &'static str,
    /// The requests it is judged on one by one; none means all requests together.
    requests: &'static [Route],
    /// The objective in the design's words.
    source: &'static str,
}

/// Every objective a client can see.
const OBJECTIVES: [Objective; 4] = [
    Objective {
        rule: "error-rate<0.1%",
        requests: &[],
        source: "gateway availability: 99.9 % of requests are answered without a server error",
    },
    Objective {
        rule: "p99<250ms",
        requests: &[
            routes::LIST_PRODUCTS,
            routes::VIEW_PRODUCT,
            routes::LIST_PRODUCTS_V2,
            routes::READ_PROFILE,
            routes::RENAME,
            routes::REFRESH,
            routes::LOGOUT,
        ],
        source: "gateway latency: 99 % under 250 ms, without login and register",
    },
    Objective {
        rule: "p95<1s",
        requests: &[routes::LOGIN],
        source: "login latency: 95 % under 1 s, password hash included",
    },
    Objective {
        rule: "p95<1s",
        requests: &[routes::REGISTER],
        source: "login latency, lent to register: it has no objective of its own and hashes a password too",
    },
];

/// One rule as goose reads it.
pub(crate) struct Rule {
    /// Such as `p99<250ms for GET /v1/products/{id}`.
    pub(crate) text: String,
    /// The objective it stands for.
    pub(crate) source: &'static str,
}

/// All rules, in the order they are judged and shown.
pub(crate) fn rules() -> impl Iterator<Item = Rule> {
    OBJECTIVES.iter().flat_map(|Objective { rule, requests, source }| {
        let all_together = requests.is_empty().then(|| Rule { text: (*rule).to_owned(), source });
        let one_by_one =
            requests.iter().map(move |route| Rule { text: format!("{rule} for {}", route.name()), source });
        all_together.into_iter().chain(one_by_one)
    })
}

/// A threshold that was not met.
#[derive(Clone, Debug, PartialEq)]
pub struct Missed {
    /// The rule as goose reads it.
    pub rule: String,
    /// What was seen instead, or `no samples`.
    pub observed: String,
    /// The objective behind the rule.
    pub source: &'static str,
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.observed.as_str() {
            "no samples" => write!(f, "{} was not met: no such request was made", self.rule)?,
            observed => write!(f, "{} was not met: observed {observed}", self.rule)?,
        }
        write!(f, " ({})", self.source)
    }
}

/// How a run did against all thresholds.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// How many thresholds were judged.
    pub judged: usize,
    /// Those that were not met.
    pub missed: Vec<Missed>,
}

impl Verdict {
    /// Collect what goose judged.
    pub(crate) fn new(results: &[ThresholdResult]) -> Self {
        let source = |text: &str| rules().find(|rule| rule.text == text).map_or("", |rule| rule.source);
        let missed = results.iter().filter(|result| !result.passed).map(|result| Missed {
            rule: result.rule.clone(),
            observed: result.observed.clone(),
            source: source(&result.rule),
        });
        Self { judged: results.len(), missed: missed.collect() }
    }

    /// Whether every threshold was judged and met. A run without results proves nothing.
    pub fn passed(&self) -> bool {
        self.missed.is_empty() && self.judged == rules().count()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.passed() {
            return write!(f, "All {} thresholds were met.", self.judged);
        }
        if self.missed.is_empty() {
            return write!(f, "only {} of {} thresholds could be judged.", self.judged, rules().count());
        }
        write!(f, "{} of {} thresholds were missed:", self.missed.len(), self.judged)?;
        self.missed.iter().try_for_each(|missed| write!(f, "\n  {missed}"))
    }
}

#[cfg(test)]
mod tests {
    use goose::threshold::Threshold;

    use super::*;

    #[test]
    fn goose_understands_every_rule() {
        for rule in rules() {
            assert_eq!(rule.text.parse::<Threshold>().unwrap().to_string(), rule.text);
        }
    }

    #[test]
    fn every_request_of_the_journeys_has_exactly_one_latency_rule() {
        for route in routes::ALL {
            let suffix = format!(" for {}", route.name());
            let count = rules().filter(|rule| rule.text.ends_with(&suffix)).count();
            assert_eq!(count, 1, "{}", route.name());
        }
        assert_eq!(rules().count(), routes::ALL.len() + 1);
    }

    #[test]
    fn a_missed_threshold_is_named_with_its_objective() {
        let mut results: Vec<ThresholdResult> = rules().map(|rule| result(&rule.text, "1ms", true)).collect();
        assert!(Verdict::new(&results).passed());

        results[2] = result(&results[2].rule, "812ms", false);
        let verdict = Verdict::new(&results);
        assert!(!verdict.passed());
        let text = verdict.to_string();
        assert!(text.starts_with("1 of 10 thresholds were missed:"), "{text}");
        assert!(text.contains("p99<250ms for GET /v1/products/{id} was not met: observed 812ms"), "{text}");
        assert!(text.contains("gateway latency"), "{text}");
    }

    #[test]
    fn a_run_without_results_does_not_pass() {
        assert!(!Verdict::new(&[]).passed());
    }

    fn result(rule: &str, observed: &str, passed: bool) -> ThresholdResult {
        ThresholdResult { rule: rule.to_owned(), observed: observed.to_owned(), value: None, passed, aborted: false }
    }
}
