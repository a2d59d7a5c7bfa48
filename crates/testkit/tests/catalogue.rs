//! The metric catalogue and what the services really emit agree, in both directions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use all_in_one::SERVICES;
use telemetry::catalogue::{self, Kind};
use telemetry::exposition::{Exposition, Sample};
use telemetry::{LogRecord, SpanRecord, Tap};
use testkit::{TestStack, eventually, value_of};

/// Metrics that this stack does not emit, with the reason.
const ABSENT: [(&str, &str); 6] = [
    ("http_client_request_duration_seconds", "only the built-in shopper is an HTTP client; its test is in all-in-one"),
    ("messaging_connections_total", NO_CONNECTION),
    ("messaging_connection_blocked", NO_CONNECTION),
    ("redis_connected", NO_REDIS),
    ("redis_connections_total", NO_REDIS),
    ("session_store_fallbacks_total", NO_REDIS),
];

const NO_CONNECTION: &str = "the broker inside the process needs none; the tests of messaging look at it";
const NO_REDIS: &str = "this stack runs without Redis; the services' own tests have one";

/// Takes spans and lines, and keeps none.
#[derive(Debug)]
struct Taker;

impl Tap for Taker {
    fn spans(&self, _: Vec<SpanRecord>) {}
    fn log(&self, _: LogRecord) {}
}

/// Label names by metric, as a scrape shows them; suffixes of histograms are taken off.
fn emitted(metrics: &Exposition, into: &mut BTreeMap<String, BTreeSet<String>>) {
    let histogram = |name: &str| metrics.types.get(name).is_some_and(|kind| kind == "histogram");
    for Sample { name, labels, .. } in &metrics.samples {
        let stem = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        let name = stem.filter(|stem| histogram(stem)).unwrap_or(name);
        into.entry(name.to_owned()).or_default().extend(labels.keys().filter(|label| *label != "le").cloned());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_and_the_services_agree() {
    // Something has to take the spans, so that there is a queue for them.
    let stack = TestStack::builder().tap(Arc::new(Taker)).start().await;
    let admin = stack.admin().await;
    let (user, tokens) = stack.client.sign_up("catalogue@example.com", "correct horse battery").await;
    let _ = user.get("/v1/users/me").await.expect(200);
    let refresh = serde_json::json!({ "refresh_token": tokens["refresh_token"] });
    let _ = stack.client.post("/v1/auth/refresh", &refresh).await.expect(200);
    let page = stack.client.get("/v1/products?limit=1").await.expect(200).json();
    let id = page["items"][0]["id"].as_str().expect("a product");
    let _ = stack.client.get(&format!("/v1/products/{id}")).await.expect(200);
    let _ = admin.get("/v1/users").await.expect(200);
    eventually("a welcome mail", || async {
        let sent = value_of(&stack.metrics("notification"), "mail_send_duration_seconds_count", &[]);
        (sent > 0.0).then_some(())
    })
    .await;
    let mut found = BTreeMap::new();
    for service in SERVICES {
        let scrape = stack.admin_port(service).get("/metrics").await.expect(200).text();
        let scrape = Exposition::parse(&scrape).expect("metrics");
        check_help_and_types(&scrape);
        emitted(&scrape, &mut found);
    }
    for (name, labels) in &found {
        let entry = catalogue::find(name).unwrap_or_else(|| panic!("{name} is emitted but not in the catalogue"));
        for label in labels {
            assert!(
                entry.labels.contains(&label.as_str()),
                "{name} carries {label}, which the catalogue does not list"
            );
        }
    }
    for metric in catalogue::all() {
        let excused = ABSENT.iter().any(|(name, _)| *name == metric.name);
        assert_eq!(found.contains_key(metric.name), !excused, "{}: emitted, or excused, but not both", metric.name);
    }
    backends::print_uncaptured(&format!(
        "{} metrics in the catalogue, {} emitted, {} excused",
        catalogue::all().len(),
        found.len(),
        ABSENT.len()
    ));
}

fn check_help_and_types(scrape: &Exposition) {
    for (name, kind) in &scrape.types {
        let Some(entry) = catalogue::find(name) else { panic!("{name} is emitted but not in the catalogue") };
        let expected = match entry.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        assert_eq!(kind, expected, "{name}");
        let help = scrape.help.get(name).map(String::as_str);
        assert_eq!(help, Some(entry.help), "{name}: help differs from the catalogue");
    }
}
