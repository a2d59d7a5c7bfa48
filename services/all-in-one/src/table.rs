//! What each service did, per route: rates and errors from its metrics, percentiles from its spans.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use chassis::Running;
use telemetry::exposition::Exposition;

use crate::stack::Stack;
use crate::traces::Traces;

/// Histograms that count served requests, with the label that names the route.
const SOURCES: [(&str, &str); 2] = [
    ("http_server_request_duration_seconds_count", "http_route"),
    ("rpc_server_call_duration_seconds_count", "rpc_method"),
];

/// The metrics of a service; none if they cannot be read, which is a bug and is logged.
pub(crate) fn metrics(service: &Running) -> Exposition {
    Exposition::parse(&service.metrics()).unwrap_or_else(|error| {
        tracing::error!(error = %error, "metrics of a service cannot be read");
        Exposition::default()
    })
}

/// Requests and errors by service and operation since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<(String, String), Count>);

/// Requests of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// All.
    pub requests: u64,
    /// Those that were our fault.
    pub errors: u64,
}

impl Counts {
    /// Reads the metrics of every service.
    #[must_use]
    pub fn of(stack: &Stack) -> Self {
        let mut counts = Self::default();
        for service in stack.services() {
            counts.add(service.name(), &metrics(service));
        }
        counts
    }

    /// Requests that were our fault, over all services.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.0.values().map(|count| count.errors).sum()
    }

    fn add(&mut self, service: &str, metrics: &Exposition) {
        for (name, route) in SOURCES {
            for sample in metrics.named(name) {
                let template = sample.labels.get(route);
                let operation = match sample.labels.get("http_request_method") {
                    Some(method) => template.map_or_else(|| method.clone(), |route| format!("{method} {route}")),
                    None => template.cloned().unwrap_or_default(),
                };
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the count of a histogram")]
                let requests = sample.value as u64;
                let count = self.0.entry((service.to_owned(), operation)).or_default();
                count.requests += requests;
                if sample.labels.get("error_type").is_some_and(|error| error != "cancelled") {
                    count.errors += requests;
                }
            }
        }
    }

    fn since(&self, before: &Self) -> BTreeMap<&(String, String), Count> {
        let earlier = |key| before.0.get(key).copied().unwrap_or_default();
        let difference = self.0.iter().map(|(key, now)| {
            let then = earlier(key);
            (key, Count { requests: now.requests - then.requests, errors: now.errors - then.errors })
        });
        difference.filter(|(_, count)| count.requests > 0).collect()
    }

    /// The table of what happened after `before`, which lies `elapsed` back. With `whole`, percentiles are those of
    /// all kept durations instead of the interval's.
    #[must_use]
    pub fn table(&self, before: &Self, elapsed: Duration, traces: &Traces, whole: bool) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{:<10} {:<44} {:>8} {:>8} {:>10} {:>10}",
            "service", "operation", "req/s", "error %", "p50", "p99"
        );
        for ((service, operation), count) in self.since(before) {
            #[allow(clippy::cast_precision_loss, reason = "counts shown with one decimal")]
            let (requests, errors) = (count.requests as f64, count.errors as f64);
            let (p50, p99) = traces
                .percentiles(service, operation, !whole)
                .map_or_else(|| ("-".into(), "-".into()), |(p50, p99)| (short(p50), short(p99)));
            let _ = writeln!(
                text,
                "{service:<10} {operation:<44} {:>8.1} {:>8.2} {p50:>10} {p99:>10}",
                requests / elapsed.as_secs_f64().max(1e-3),
                100.0 * errors / requests,
            );
        }
        text
    }
}

fn short(duration: Duration) -> String {
    crate::waterfall::millis(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = r#"
http_server_request_duration_seconds_count{http_request_method="GET",url_scheme="http",http_route="/v1/products/{id}",http_response_status_code="200"} 7
http_server_request_duration_seconds_count{http_request_method="GET",url_scheme="http",http_route="/v1/products/{id}",http_response_status_code="503",error_type="503"} 2
http_server_request_duration_seconds_count{http_request_method="GET",url_scheme="http",http_response_status_code="404"} 1
rpc_server_call_duration_seconds_count{rpc_system_name="grpc",rpc_method="a.v1.A/B",rpc_response_status_code="OK"} 5
up 1
"#;

    fn metrics() -> Exposition {
        Exposition::parse(METRICS).expect("metrics")
    }

    #[test]
    fn counts_are_read_per_route_with_errors() {
        let mut counts = Counts::default();
        counts.add("gateway", &metrics());
        let get = |operation: &str| counts.0[&("gateway".to_owned(), operation.to_owned())];
        assert_eq!(get("GET /v1/products/{id}"), Count { requests: 9, errors: 2 });
        assert_eq!(get("GET"), Count { requests: 1, errors: 0 });
        assert_eq!(get("a.v1.A/B"), Count { requests: 5, errors: 0 });
        assert_eq!(counts.errors(), 2);
    }

    #[test]
    fn the_table_shows_the_difference() {
        let mut before = Counts::default();
        before.add("gateway", &metrics());
        let mut now = before.clone();
        now.add("gateway", &metrics());
        let table = now.table(&before, Duration::from_secs(2), &Traces::default(), false);
        assert!(table.contains("GET /v1/products/{id}"), "{table}");
        assert!(table.lines().any(|line| line.contains("4.5") && line.contains("22.22")), "{table}");
    }
}
