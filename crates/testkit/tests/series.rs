//! The series of each service: failures can be seen from the first one on, and there are not too many of them.

use std::collections::HashSet;

use all_in_one::SERVICES;
use gateway::ACCESS_TABLE;
use http::Method;
use serde_json::json;
use telemetry::exposition::{Exposition, Sample};
use testkit::{Client, TestStack};

/// Series a service may have, buckets included. Whoever raises one raises the `sample_limit` of its scrape, too.
fn budget_of(service: &str) -> usize {
    match service {
        "gateway" => 3_000,
        "auth" | "notification" => 1_000,
        _ => 900,
    }
}

/// Values of the series of that name whose labels are exactly these.
fn values(metrics: &Exposition, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
    let exactly = |sample: &&Sample| sample.labels.len() == labels.len() && sample.has(labels);
    metrics.named(name).filter(exactly).map(|sample| sample.value).collect()
}

fn metrics(stack: &TestStack, service: &str) -> Exposition {
    Exposition::parse(&stack.metrics(service)).expect("metrics")
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_all_routes_and_calls_stand_at_zero_before_the_first_request() {
    let stack = TestStack::start().await;
    let gateway = metrics(&stack, "gateway");
    for (method, route, _) in ACCESS_TABLE {
        for status in ["500", "503", "504"] {
            let labels = [
                ("http_request_method", *method),
                ("url_scheme", "http"),
                ("http_route", *route),
                ("http_response_status_code", status),
                ("error_type", status),
            ];
            let found = values(&gateway, "http_server_request_duration_seconds_count", &labels);
            assert_eq!(found, [0.0], "{method} {route} {status}");
        }
    }
    for service in ["auth", "user", "product"] {
        let metrics = metrics(&stack, service);
        let package = format!("{service}.v1.");
        let methods: Vec<_> = contracts::methods().iter().filter(|method| method.starts_with(&package)).collect();
        assert!(!methods.is_empty(), "{service}");
        for method in methods {
            // What starts at the same time may have failed for once already, so the number may differ.
            for code in ["INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"] {
                let labels = [
                    ("rpc_system_name", "grpc"),
                    ("rpc_method", method),
                    ("rpc_response_status_code", code),
                    ("error_type", code),
                ];
                let found = values(&metrics, "rpc_server_call_duration_seconds_count", &labels);
                assert_eq!(found.len(), 1, "{method} {code}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_stand_at_zero_before_they_happen() {
    let stack = TestStack::start().await;
    let mut expected = vec![("gateway", "jwks_refreshes_total", vec![("outcome", "failed")])];
    let limited = vec![("outcome", "limited"), ("decided_by", "process")];
    expected.push(("gateway", "rate_limit_decisions_total", limited));
    for cache in ["product", "product_page"] {
        expected.push(("product", "cache_lookups_total", vec![("cache", cache), ("outcome", "hit")]));
    }
    for queue in ["notification.user", "notification.auth", "notification.product"] {
        for outcome in ["ignored", "retried", "parked", "requeued"] {
            let labels = vec![("messaging_destination_name", queue), ("outcome", outcome)];
            expected.push(("notification", "messaging_settled_messages_total", labels));
        }
    }
    let mut registered = vec![
        ("messaging_system", "in_process"),
        ("messaging_operation_name", "process"),
        ("messaging_destination_name", "user:user.deleted:notification.user"),
    ];
    expected.push(("notification", "messaging_client_consumed_messages_total", registered.clone()));
    registered.push(("messaging_operation_type", "process"));
    registered.push(("error_type", "failed"));
    expected.push(("notification", "messaging_process_duration_seconds_count", registered));
    for service in ["auth", "user", "product"] {
        expected.push((service, "outbox_relayed_messages_total", vec![("outcome", "failed")]));
        expected.push((
            service,
            "db_client_connection_timeouts_total",
            vec![("db_client_connection_pool_name", service)],
        ));
    }
    for service in SERVICES {
        expected.push((service, "panics_total", Vec::new()));
    }
    for (service, name, labels) in expected {
        assert_eq!(values(&metrics(&stack, service), name, &labels), [0.0], "{service}: {name} {labels:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_called_by_everybody_stays_within_the_budget() {
    let stack = TestStack::start().await;
    let (user, tokens) = stack.client.sign_up("budget@example.com", "correct horse battery").await;
    let _ = stack.client.post("/v1/auth/refresh", &json!({ "refresh_token": tokens["refresh_token"] })).await;
    let admin = stack.admin().await;
    let product = admin.get("/v1/products?limit=1").await.expect(200).json()["items"][0]["id"].clone();
    let product = product.as_str().expect("a product");
    for client in [&stack.client, &user, &admin, &user.with_token("rubbish")] {
        for (method, route, _) in ACCESS_TABLE {
            let method: Method = method.parse().expect("a method");
            for id in [product, "00000000-0000-0000-0000-000000000000", "rubbish"] {
                visit(client, &method, &route.replace("{id}", id)).await;
            }
        }
    }
    for service in SERVICES {
        let budget = budget_of(service);
        let metrics = metrics(&stack, service);
        let found = metrics.samples;
        backends::print_uncaptured(&format!("{service}: {} series of {budget}", found.len()));
        assert!(found.len() <= budget, "{service} has {} series, its budget is {budget}", found.len());
        let once: HashSet<_> = found.iter().map(|sample| (&sample.name, &sample.labels)).collect();
        assert_eq!(once.len(), found.len(), "{service} shows a series twice");
    }
}

async fn visit(client: &Client, method: &Method, path: &str) {
    for body in [None, Some(json!({}))] {
        let _ = client.send(method.clone(), path, body.as_ref()).await;
    }
}
