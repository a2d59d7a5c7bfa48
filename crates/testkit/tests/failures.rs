//! Neighbours that hang, break off or are gone: the client gets an answer, in time, and the others go on.

use chassis::config::Layers;
use chassis::{Extras, Running};
use testkit::{Client, FakeService, TestStack};
use toml::toml;

/// A gateway whose product service is the stand-in.
async fn gateway(stack: &TestStack, fake: &FakeService) -> (Running, Client) {
    let auth = format!("http://{}", stack.stack.address("auth", "grpc").expect("auth listens"));
    let product = fake.url();
    let table = toml! {
        http.address = "127.0.0.1:0"
        admin.address = "127.0.0.1:0"
        auth.url = (auth)
        product = { url = (product), timeout_ms = 200 }
    };
    let layers = Layers::new("gateway", gateway::SPEC.defaults).and_then(|layers| layers.table("test", table));
    let layers = layers.expect("valid overrides");
    let running = chassis::start(&gateway::SPEC, &layers, Extras::default()).await.expect("a gateway");
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
    let (_running, client) = gateway(&stack, &fake).await;
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
