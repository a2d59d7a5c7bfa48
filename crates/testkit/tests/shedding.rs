//! A full server refuses cheaply: what it refuses is counted, and makes neither a span nor a log line.

use std::fs;

use chassis::config::Layers;
use chassis::{HostOptions, Running};
use telemetry::{LogFormat, LogOutput};
use testkit::{Client, FakeService, TestStack, eventually, local_ports, value_of};
use toml::toml;

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A gateway with room for one request.
async fn narrow_gateway(stack: &TestStack, product: &FakeService) -> (Running, Client) {
    let auth = format!("http://{}", stack.stack.address("auth", "grpc").expect("auth listens"));
    let product = product.url();
    let mut table = local_ports("gateway");
    table.insert("auth".to_owned(), toml! { url = auth }.into());
    table.insert("product".to_owned(), toml! { url = product }.into());
    let narrow = toml! { http.max_in_flight = 1 };
    let layers = Layers::new("gateway", gateway::SPEC.defaults).and_then(|layers| layers.table("test", table));
    let layers = layers.and_then(|layers| layers.table("case", narrow)).expect("valid overrides");
    let running = chassis::start(&gateway::SPEC, &layers, HostOptions::default()).await.expect("a gateway");
    let client = Client::new(running.address("http").expect("it listens"));
    (running, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_a_full_server_are_counted_and_neither_traced_nor_logged() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log.jsonl");
    // Before the stack, which would install telemetry without a log.
    let guard = telemetry::install(LogFormat::Json, &LogOutput::File(log.clone())).expect("telemetry");
    let (stack, product) = (TestStack::start().await, FakeService::start().await);
    product.hang();
    let (gateway, client) = narrow_gateway(&stack, &product).await;
    let stuck = tokio::spawn({
        let client = client.clone();
        async move { client.get("/v1/products").await }
    });
    let metrics = || gateway.metrics();
    eventually("a request to be at work", || async {
        metrics().contains("server_active_requests{protocol=\"http\"} 1").then_some(())
    })
    .await;

    let refused = client.with_header("traceparent", SAMPLED).get("/ping").await.expect(503);
    assert_eq!(refused.code(), "overloaded");
    let context = refused.header("traceparent");
    assert_eq!((&context[..35], &context[52..]), (&SAMPLED[..35], "-00"), "{context}");
    let counted = metrics();
    assert!(counted.contains("server_shed_requests_total{protocol=\"http\"} 1"), "{counted}");
    let refused = [("http_route", "/ping"), ("http_response_status_code", "503")];
    assert!(value_of(&counted, "http_server_request_duration_seconds_count", &refused) >= 1.0, "{counted}");

    stuck.abort();
    eventually("room again", || async { client.get("/ping").await.status.is_success().then_some(()) }).await;
    // Lines are written in order, so once the later one is there, the earlier one is not to come.
    let ping = |line: &&str| line.contains("\"http.route\":\"/ping\"");
    let text = || fs::read_to_string(&log).unwrap_or_default();
    eventually("the line of a request served", || async { text().lines().any(|line| ping(&line)).then_some(()) }).await;
    let text = text();
    let lines: Vec<_> = text.lines().filter(ping).collect();
    assert!(lines.iter().all(|line| line.contains("\"http.response.status_code\":200")), "{lines:?}");
    drop(guard);
}
