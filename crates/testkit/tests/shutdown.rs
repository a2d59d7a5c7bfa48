//! Stopping under load: what was accepted is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::Request;
use http_body_util::Full;
use testkit::{Client, TestStack, eventually, value_of};
use toml::toml;

const CLIENTS: usize = 16;

#[derive(Default)]
struct Tally {
    answered: AtomicU64,
    refused: AtomicU64,
    lost: std::sync::Mutex<Vec<String>>,
    done: AtomicBool,
}

async fn load(client: Client, tally: Arc<Tally>) {
    while !tally.done.load(Ordering::Relaxed) {
        let request =
            Request::get(format!("{}/v1/products?limit=5", client.base())).body(Full::default()).expect("request");
        match client.try_raw(request).await {
            Ok(answer) if answer.status == 200 => {
                tally.answered.fetch_add(1, Ordering::Relaxed);
            }
            Ok(answer) => tally.lost.lock().expect("lock").push(answer.text()),
            Err(error) if error.refused => {
                tally.refused.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Err(error) => tally.lost.lock().expect("lock").push(error.reason),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_under_load_loses_no_request() {
    let grace = toml! { gateway.shutdown = { unready_ms = 300, drain_ms = 10000 } };
    let stack = TestStack::builder().configure(grace).start().await;
    let tally = Arc::new(Tally::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            // A connection pool each, as separate programs have.
            let address = stack.stack.address("gateway", "http").expect("gateway");
            tokio::spawn(load(Client::new(address), Arc::clone(&tally)))
        })
        .collect();
    eventually("the load to run", || async { (tally.answered.load(Ordering::Relaxed) > 500).then_some(()) }).await;
    let TestStack { stack, .. } = stack;
    assert!(stack.stop().await, "every service drained in time");
    tally.done.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("no panic");
    }
    let lost = tally.lost.lock().expect("lock").clone();
    assert!(lost.is_empty(), "{} requests lost, first: {}", lost.len(), lost[0]);
    println!(
        "{} requests answered, {} clients then refused a new connection, 0 lost",
        tally.answered.load(Ordering::Relaxed),
        tally.refused.load(Ordering::Relaxed)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_sends_the_last_spans_and_counts_every_request() {
    let collector = testkit::Collector::start().await.expect("a collector");
    let stack = TestStack::builder().otlp(&collector.endpoint()).start().await;
    for _ in 0..50 {
        let _ = stack.client.get("/v1/products?limit=1").await.expect(200);
    }
    let counted = value_of(
        &stack.metrics("gateway"),
        "http_server_request_duration_seconds_count",
        &[("http_route", "/v1/products"), ("http_response_status_code", "200")],
    );
    let TestStack { stack, .. } = stack;
    assert!(stack.stop().await);
    // No waiting here: after the stop everything must have left.
    let spans =
        collector.all().into_iter().filter(|span| span.name == "GET /v1/products" && span.kind == "server").count();
    assert_eq!(counted, 50.0);
    assert_eq!(spans, 50, "metrics and traces agree");
}
