//! What users send never becomes a label: the number of series does not depend on them.

use http::Method;
use telemetry::exposition::Exposition;
use testkit::{TestStack, value_of};

fn series(metrics: &str) -> usize {
    Exposition::parse(metrics).expect("metrics").samples.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_random_paths_add_no_series() {
    let stack = TestStack::start().await;
    let client = &stack.client;
    let odd = Method::from_bytes(b"BREW").expect("a method");
    // One of each kind first: the series of a kind may appear, those of a path may not.
    let _ = client.get("/never/heard/of").await.expect(404);
    let _ = client.send(odd.clone(), "/never/heard/of", None).await.expect(404);
    let _ = client.get("/v1/products/00000000-0000-0000-0000-000000000000").await.expect(404);
    let _ = client.get("/v1/products?q=nothing").await.expect(200);
    let before = ["gateway", "product"].map(|service| series(&stack.metrics(service)));
    for number in 0..200 {
        let id = uuid::Uuid::new_v4();
        let path = match number % 4 {
            0 => format!("/{id}"),
            1 => format!("/v1/products/{id}"),
            2 => format!("/v1/{id}/{number}"),
            _ => format!("/v1/products?q={id}"),
        };
        let _ = client.get(&path).await;
        if number % 10 == 0 {
            let _ = client.send(odd.clone(), &path, None).await;
            let _ = client.with_header("host", &format!("{id}.example")).get("/never").await;
        }
    }
    let _ = client.get("/never/heard/of").await.expect(404);
    let after = ["gateway", "product"].map(|service| series(&stack.metrics(service)));
    // `BREW` on a real path is refused with 405, which is one more status of one more route.
    assert!(after[0] <= before[0] + 17 * 2, "gateway: {} series became {}", before[0], after[0]);
    assert_eq!(before[1], after[1], "product");
    let other = value_of(
        &stack.metrics("gateway"),
        "http_server_request_duration_seconds_count",
        &[("http_request_method", "_OTHER")],
    );
    assert!(other >= 20.0, "odd methods share one label value: {other}");
}
