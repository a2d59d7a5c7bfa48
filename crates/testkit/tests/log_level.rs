//! The log level is a matter of logs: turning them down, or off, takes nothing away from traces.

use std::sync::Arc;

use http::{Method, Request};
use http_body_util::Full;
use testkit::{Client, Collector, Lines, TestStack, eventually};

const PARENT: &str = "00f067aa0ba902b7";

async fn set_level(admin: &Client, level: &str) {
    let request = Request::builder().method(Method::PUT).uri(format!("{}/log-level", admin.base()));
    let answer = admin.raw(request.body(Full::from(level.to_owned())).expect("request")).await.expect(200);
    assert_eq!(answer.json()["level"], level);
}

/// Sends a traced request and waits until all its spans have arrived.
async fn trace(stack: &TestStack, collector: &Collector, trace_id: &str) -> usize {
    let client = stack.client.with_header("traceparent", &format!("00-{trace_id}-{PARENT}-01"));
    let _ = client.get("/v1/products?limit=1").await.expect(200);
    let spans = eventually("the trace", || async {
        stack.stack.flush().await;
        let spans = collector.trace(trace_id);
        // The gateway's server span ends last.
        spans.iter().any(|span| span.parent_span_id == PARENT).then_some(spans)
    })
    .await;
    spans.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn turning_logs_off_keeps_every_span() {
    let collector = Collector::start().await.expect("a collector");
    let lines = Arc::new(Lines::default());
    let stack = TestStack::builder().otlp(&collector.endpoint()).tap(lines.clone()).start().await;
    let [warm, loud, silent, again] = [1, 2, 3, 4].map(|number| format!("{number:032x}"));
    trace(&stack, &collector, &warm).await;
    let spans = trace(&stack, &collector, &loud).await;
    assert!(!lines.of(&loud).is_empty(), "at info there are lines");
    for service in ["gateway", "product"] {
        set_level(&stack.admin_port(service), "off").await;
    }
    assert_eq!(trace(&stack, &collector, &silent).await, spans, "as many spans without logs as with them");
    assert!(lines.of(&silent).is_empty(), "{:?}", lines.of(&silent));
    set_level(&stack.admin_port("product"), "info").await;
    trace(&stack, &collector, &again).await;
    let services: Vec<_> = lines.of(&again).iter().map(|line| line.service).collect();
    assert!(services.contains(&"product") && !services.contains(&"gateway"), "each service on its own: {services:?}");
}
