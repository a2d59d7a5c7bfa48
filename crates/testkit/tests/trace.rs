//! One request, everything it tells: the whole span tree as a collector receives it, the log lines of that trace,
//! and the metrics it moved. The three must agree.

use std::sync::Arc;

use serde_json::json;
use telemetry::SpanRecord;
use testkit::{Collector, Lines, TestStack, eventually, value_of};

const PARENT: &str = "00f067aa0ba902b7";

/// Waits until the server span under the caller's span has arrived, which ends last.
async fn spans(stack: &TestStack, collector: &Collector, trace_id: &str) -> Vec<SpanRecord> {
    eventually("the whole trace", || async {
        stack.stack.flush().await;
        let spans = collector.trace(trace_id);
        let whole = spans.iter().any(|span| span.parent_span_id == PARENT)
            && spans.iter().all(|span| span.parent_span_id == PARENT || parent(&spans, span).is_some());
        whole.then_some(spans)
    })
    .await
}

fn parent<'a>(spans: &'a [SpanRecord], of: &SpanRecord) -> Option<&'a SpanRecord> {
    spans.iter().find(|span| span.span_id == of.parent_span_id)
}

/// The tree as indented lines of `service kind name`, children in order of their start.
fn tree(spans: &[SpanRecord]) -> Vec<String> {
    fn below(spans: &[SpanRecord], id: &str, depth: usize, into: &mut Vec<String>) {
        let mut children: Vec<_> = spans.iter().filter(|span| span.parent_span_id == id).collect();
        children.sort_by_key(|span| span.start);
        for span in children {
            into.push(format!("{}{} {} {}", "  ".repeat(depth), span.service, span.kind, span.name));
            below(spans, &span.span_id, depth + 1, into);
        }
    }
    let mut lines = Vec::new();
    below(spans, PARENT, 0, &mut lines);
    lines
}

fn find<'a>(spans: &'a [SpanRecord], service: &str, kind: &str) -> &'a SpanRecord {
    spans.iter().find(|span| span.service == service && span.kind == kind).expect("the span")
}

fn assert_attributes(span: &SpanRecord, expected: &[(&str, serde_json::Value)]) {
    for (key, value) in expected {
        assert_eq!(
            span.attributes.get(*key),
            Some(value),
            "{key} of {} {}: {:?}",
            span.kind,
            span.name,
            span.attributes
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_told_the_same_by_trace_log_and_metrics() {
    let collector = Collector::start().await.expect("a collector");
    let lines = Arc::new(Lines::default());
    let stack = TestStack::builder().otlp(&collector.endpoint()).tap(lines.clone()).start().await;
    let id = "00000000-0000-7000-8000-000000000001";
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let client = stack.client.with_header("traceparent", &format!("00-{trace_id}-{PARENT}-01"));
    let client = client.with_header("user-agent", "trace-test");
    let answer = client.get(&format!("/v1/products/{id}")).await.expect(200);
    let spans = spans(&stack, &collector, trace_id).await;

    assert_eq!(
        tree(&spans),
        [
            "gateway server GET /v1/products/{id}",
            "  gateway client product.v1.ProductService/GetProduct",
            "    product server product.v1.ProductService/GetProduct",
            "      product client SELECT products",
        ]
    );
    let server = find(&spans, "gateway", "server");
    assert_eq!(answer.header("traceparent"), format!("00-{trace_id}-{}-01", server.span_id));
    attributes_follow_the_conventions(&stack, &spans);
    lines_tell_the_same(&lines.of(trace_id), &spans);
    metrics_tell_the_same(&stack);
}

fn attributes_follow_the_conventions(stack: &TestStack, spans: &[SpanRecord]) {
    let id = "00000000-0000-7000-8000-000000000001";
    assert_attributes(
        find(spans, "gateway", "server"),
        &[
            ("http.request.method", json!("GET")),
            ("http.route", json!("/v1/products/{id}")),
            ("http.response.status_code", json!(200)),
            ("url.path", json!(format!("/v1/products/{id}"))),
            ("url.scheme", json!("http")),
            ("server.address", json!("127.0.0.1")),
            ("network.protocol.version", json!("1.1")),
            ("user_agent.original", json!("trace-test")),
        ],
    );
    let port = stack.stack.address("product", "grpc").expect("product").port();
    let method = json!("product.v1.ProductService/GetProduct");
    assert_attributes(
        find(spans, "gateway", "client"),
        &[
            ("rpc.system.name", json!("grpc")),
            ("rpc.method", method.clone()),
            ("rpc.response.status_code", json!("OK")),
            ("server.address", json!("127.0.0.1")),
            ("server.port", json!(port)),
        ],
    );
    assert_attributes(
        find(spans, "product", "server"),
        &[("rpc.system.name", json!("grpc")), ("rpc.method", method), ("rpc.response.status_code", json!("OK"))],
    );
    assert_attributes(
        find(spans, "product", "client"),
        &[
            ("db.system.name", json!("sqlite")),
            ("db.namespace", json!("product")),
            ("db.query.summary", json!("SELECT products")),
        ],
    );
    assert!(spans.iter().all(|span| !span.error && !span.attributes.contains_key("error.type")));
    let private = spans.iter().flat_map(|span| span.attributes.keys()).find(|key| key.starts_with("signalbox."));
    assert_eq!(private, None, "the service mark must not leave the process");
}

fn lines_tell_the_same(written: &[telemetry::LogRecord], spans: &[SpanRecord]) {
    let told: Vec<_> = written.iter().map(|line| (line.service, line.message.as_str(), line.span_id.clone())).collect();
    assert_eq!(
        told,
        [
            ("product", "call served", find(spans, "product", "server").span_id.clone()),
            ("gateway", "request served", find(spans, "gateway", "server").span_id.clone()),
        ]
    );
    assert_eq!(written[1].fields["http.route"], "/v1/products/{id}");
}

fn metrics_tell_the_same(stack: &TestStack) {
    let gateway = stack.metrics("gateway");
    let labels =
        [("http_request_method", "GET"), ("http_route", "/v1/products/{id}"), ("http_response_status_code", "200")];
    assert_eq!(value_of(&gateway, "http_server_request_duration_seconds_count", &labels), 1.0);
    let call = [("rpc_method", "product.v1.ProductService/GetProduct"), ("rpc_response_status_code", "OK")];
    assert_eq!(value_of(&gateway, "rpc_client_call_duration_seconds_count", &call), 1.0);
    let product = stack.metrics("product");
    assert_eq!(value_of(&product, "rpc_server_call_duration_seconds_count", &call), 1.0);
    let query = [("db_query_summary", "SELECT products"), ("db_system_name", "sqlite")];
    assert_eq!(value_of(&product, "db_client_operation_duration_seconds_count", &query), 1.0);
    assert_eq!(value_of(&product, "product_views_total", &[]), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_is_one_trace_through_gateway_auth_and_user() {
    let collector = Collector::start().await.expect("a collector");
    let stack = TestStack::builder().otlp(&collector.endpoint()).start().await;
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4737";
    let client = stack.client.with_header("traceparent", &format!("00-{trace_id}-{PARENT}-01"));
    let account = json!({ "email": "canary-7f3a@example.com", "password": "canary-password-7f3a", "name": "Canary" });
    let _ = client.post("/v1/auth/register", &account).await.expect(201);
    let spans = spans(&stack, &collector, trace_id).await;
    let drawn = tree(&spans);
    let required = [
        "gateway server POST /v1/auth/register",
        "  gateway client auth.v1.AuthService/Register",
        "    auth server auth.v1.AuthService/Register",
    ];
    assert_eq!(drawn[..3], required, "{drawn:#?}");
    for below in ["auth client user.v1.UserService/CreateUser", "user server user.v1.UserService/CreateUser"] {
        assert!(drawn.iter().any(|line| line.trim() == below), "{below} is missing: {drawn:#?}");
    }
    for service in ["auth", "user"] {
        assert!(spans.iter().any(|span| span.service == service && span.attributes.contains_key("db.query.summary")));
    }
    let everything = format!("{spans:?}");
    assert!(!everything.contains("canary"), "addresses and passwords are not for traces");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_decision_not_to_sample_holds_for_every_service() {
    let collector = Collector::start().await.expect("a collector");
    let stack = TestStack::builder().otlp(&collector.endpoint()).start().await;
    let silent = "4bf92f3577b34da6a3ce929d0e0e4738";
    let client = stack.client.with_header("traceparent", &format!("00-{silent}-{PARENT}-00"));
    let answer = client.get("/v1/products?limit=1").await.expect(200);
    assert!(answer.header("traceparent").starts_with(&format!("00-{silent}-")), "the ids are kept");
    assert!(answer.header("traceparent").ends_with("-00"));
    // A sampled request after it: once that has arrived, the silent one would have too.
    let loud = "4bf92f3577b34da6a3ce929d0e0e4739";
    let client = stack.client.with_header("traceparent", &format!("00-{loud}-{PARENT}-01"));
    let _ = client.get("/v1/products?limit=1").await.expect(200);
    spans(&stack, &collector, loud).await;
    assert_eq!(collector.trace(silent).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_marks_the_right_spans_and_only_them() {
    let collector = Collector::start().await.expect("a collector");
    let stack = TestStack::builder().otlp(&collector.endpoint()).start().await;
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4740";
    let client = stack.client.with_header("traceparent", &format!("00-{trace_id}-{PARENT}-01"));
    let _ = client.get("/v1/products/01990000-0000-7000-8000-00000000dead").await.expect(404);
    let spans = spans(&stack, &collector, trace_id).await;
    let calls = find(&spans, "gateway", "client");
    assert!(calls.error, "every code but OK is an error of the client");
    assert_attributes(calls, &[("error.type", json!("NOT_FOUND")), ("rpc.response.status_code", json!("NOT_FOUND"))]);
    for served in [find(&spans, "gateway", "server"), find(&spans, "product", "server")] {
        assert!(!served.error, "NOT_FOUND is not an error of the server: {served:?}");
    }
}
