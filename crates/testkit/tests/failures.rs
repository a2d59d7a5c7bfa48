//! Neighbours that hang, break off or are gone: the client gets an answer, in time, and the others go on.

use chassis::config::Layers;
use chassis::{HostOptions, Running};
use testkit::{Client, FakeService, TestStack, eventually, value_of};
use toml::{Table, toml};

/// A gateway whose product service is the stand-in.
async fn gateway(stack: &TestStack, fake: &FakeService) -> (Running, Client) {
    gateway_with(stack, fake, Table::new()).await
}

/// The same with other settings.
async fn gateway_with(stack: &TestStack, fake: &FakeService, settings: Table) -> (Running, Client) {
    let auth = format!("http://{}", stack.stack.address("auth", "grpc").expect("auth listens"));
    let product = fake.url();
    let table = toml! {
        http.address = "127.0.0.1:0"
        admin.address = "127.0.0.1:0"
        auth.url = (auth)
        product = { url = (product), timeout_ms = 200 }
    };
    let layers = Layers::new("gateway", gateway::SPEC.defaults).and_then(|layers| layers.table("test", table));
    let layers = layers.and_then(|layers| layers.table("case", settings)).expect("valid overrides");
    let running = chassis::start(&gateway::SPEC, &layers, HostOptions::default()).await.expect("a gateway");
    let client = Client::new(running.address("http").expect("it listens"));
    (running, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_hangs_is_given_up_in_time() {
    let (stack, fake) = (TestStack::start().await, FakeService::start().await);
    let (_running, client) = gateway(&stack, &fake).await;
    fake.hang();
    let answer = client.get("/v1/products").await.expect(504);
    assert_eq!(answer.code(), "deadline_exceeded");
    let _ = client.get("/ping").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_breaks_off_is_unavailable_or_failed_but_never_a_hang() {
    let (stack, fake) = (TestStack::start().await, FakeService::start().await);
    // Long enough for every attempt on a busy machine.
    let (_running, client) = gateway_with(&stack, &fake, toml! { product.timeout_ms = 5000 }).await;
    fake.panic();
    let answer = client.get("/v1/products").await;
    assert!([500, 503].contains(&answer.status.as_u16()), "{} {}", answer.status, answer.text());
    assert!(!answer.text().contains("asked to"), "internals leak: {}", answer.text());
    fake.refuse(tonic::Code::NotFound);
    let _ = client.get("/v1/products/01990000-0000-7000-8000-00000000dead").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_gone_takes_only_its_own_routes_along() {
    let mut stack = TestStack::start().await;
    let (user, _) = stack.client.sign_up("outage@example.com", "correct horse battery").await;
    assert!(stack.stack.stop_service("product").await);
    let gone = stack.client.get("/v1/products").await.expect(503);
    assert_eq!(gone.code(), "unavailable");
    let _ = user.get("/v1/users/me").await.expect(200);
    assert!(stack.stack.stop_service("auth").await);
    let _ = user.get("/v1/users/me").await.expect(200);
    let credentials = serde_json::json!({ "email": "outage@example.com", "password": "correct horse battery" });
    let _ = stack.client.post("/v1/auth/login", &credentials).await.expect(503);
    let _ = stack.client.get("/ping").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_opens_the_breaker_and_its_end_closes_it() {
    let (stack, fake) = (TestStack::start().await, FakeService::start().await);
    let (running, client) = gateway_with(&stack, &fake, toml! { product.breaker_open_ms = 100 }).await;
    let mut asked = 0;
    let refused = loop {
        let answer = client.get("/v1/products").await.expect(503);
        assert_eq!(answer.code(), "unavailable");
        asked += 1;
        if !answer.header("retry-after").is_empty() {
            break answer;
        }
    };
    assert_eq!(refused.header("retry-after"), "1");
    assert!((10..=20).contains(&asked), "{asked} requests");
    assert!(fake.timeouts().len() <= 20, "{} attempts until it opened", fake.timeouts().len());
    let metrics = running.metrics();
    assert!(metrics.contains("rpc_client_breaker_transitions_total{callee=\"product\",state=\"open\"} 1"), "{metrics}");
    let _ = client.get("/ping").await.expect(200);

    fake.refuse(tonic::Code::NotFound);
    let missing = "/v1/products/01990000-0000-7000-8000-00000000dead";
    eventually("the breaker to close", || async {
        let _ = client.get(missing).await;
        running.metrics().contains("breaker_state{callee=\"product\",state=\"closed\"} 1").then_some(())
    })
    .await;
    let _ = client.get(missing).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_gateway_refuses_at_once_and_says_when_to_come_back() {
    let (stack, fake) = (TestStack::start().await, FakeService::start().await);
    let settings = toml! {
        http = { max_in_flight = 2, timeout_ms = 30000 }
        product.timeout_ms = 30000
    };
    let (running, client) = gateway_with(&stack, &fake, settings).await;
    fake.hang();
    let stuck: Vec<_> = (0..2)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.get("/v1/products").await })
        })
        .collect();
    let metrics = || running.metrics();
    eventually("both requests to be at work", || async {
        metrics().contains("server_active_requests{protocol=\"http\"} 2").then_some(())
    })
    .await;
    let refused = client.get("/ping").await.expect(503);
    assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("overloaded", "1"));
    assert!(!refused.header("x-request-id").is_empty() && !refused.header("traceparent").is_empty());
    let metrics_now = metrics();
    assert!(metrics_now.contains("server_shed_requests_total{protocol=\"http\"} 1"), "{metrics_now}");
    let refused = [("http_route", "/ping"), ("http_response_status_code", "503")];
    assert!(value_of(&metrics_now, "http_server_request_duration_seconds_count", &refused) >= 1.0, "{metrics_now}");
    let admin = Client::new(running.address("admin").expect("an admin port"));
    let _ = admin.get(chassis::paths::LIVEZ).await.expect(200);
    for request in stuck {
        request.abort();
    }
    eventually("room again", || async { client.get("/ping").await.status.is_success().then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_told_what_is_left_of_the_requests_time() {
    let (stack, fake) = (TestStack::start().await, FakeService::start().await);
    let settings = toml! {
        http.timeout_ms = 400
        product.timeout_ms = 30000
    };
    let (_running, client) = gateway_with(&stack, &fake, settings).await;
    fake.hang();
    let answer = client.get("/v1/products").await.expect(504);
    assert_eq!(answer.code(), "deadline_exceeded");
    let told = fake.timeouts();
    let left: u64 = told[0].strip_suffix('m').and_then(|text| text.parse().ok()).expect("milliseconds");
    assert!(left > 0 && left <= 390, "{told:?}");
}
