//! A total outage of one callee does not multiply the calls to it. Counts only: how long anything takes is not asked.

use chassis::config::Layers;
use chassis::{HostOptions, Running};
use testkit::{Answer, Client, FakeService, TestStack, local_ports, value_of};
use toml::{Table, toml};

/// Requests of each phase. Ten saved-up retries are what an outage begins with, so fewer would make the share of the
/// first burst large.
const REQUESTS: usize = 200;

/// Most calls for each request.
const MAX_RATIO: f64 = 1.2;

const PRODUCT: &str = "/v1/products/00000000-0000-7000-8000-000000000001";

/// A gateway whose product service is behind a door that counts.
struct Stand {
    _stack: TestStack,
    door: FakeService,
    gateway: Running,
    client: Client,
}

impl Stand {
    async fn start(settings: Table) -> Self {
        let stack = TestStack::start().await;
        let address = |service| stack.stack.address(service, "grpc").expect("it listens");
        let door = FakeService::start().await;
        door.forward(address("product"));
        let mut table = local_ports("gateway");
        let (auth, product) = (format!("http://{}", address("auth")), door.url());
        table.extend(toml! {
            rate_limit = { per_second = 100000, burst = 100000 }
            auth.url = (auth)
            product.url = (product)
        });
        let layers = Layers::new("gateway", gateway::SPEC.defaults).and_then(|layers| layers.table("test", table));
        let layers = layers.and_then(|layers| layers.table("case", settings)).expect("valid overrides");
        let gateway = chassis::start(&gateway::SPEC, &layers, HostOptions::default()).await.expect("a gateway");
        let client = Client::new(gateway.address("http").expect("it listens"));
        Self { _stack: stack, door, gateway, client }
    }

    /// Asks so many times, one after the other.
    async fn ask(&self, times: usize) -> Vec<Answer> {
        let mut answers = Vec::new();
        for _ in 0..times {
            answers.push(self.client.get(PRODUCT).await);
        }
        answers
    }

    fn count(&self, name: &str, label: (&str, &str)) -> f64 {
        value_of(&self.gateway.metrics(), name, &[("callee", "product"), label])
    }

    /// What the gateway has tried to send for so many requests.
    fn tried(&self, requests: usize) -> f64 {
        requests as f64 + self.count("rpc_client_retries_total", ("outcome", "repeated"))
            - self.count("rpc_client_rejections_total", ("reason", "breaker_open"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_health_a_request_is_one_call_and_in_an_outage_hardly_more() {
    // A breaker that opens only when nothing else has been seen for ten seconds: the budget has to do it alone.
    let stand = Stand::start(toml! { product.breaker_failure_ratio = 1.0 }).await;
    let healthy = stand.ask(REQUESTS).await;
    assert!(healthy.iter().all(|answer| answer.status == 200), "{healthy:?}");
    assert_eq!(stand.door.calls(), REQUESTS);

    stand.door.refuse(tonic::Code::Unavailable);
    let refused = stand.ask(REQUESTS).await;
    assert!(refused.iter().all(|answer| answer.status == 503), "{refused:?}");
    let ratio = (stand.door.calls() - REQUESTS) as f64 / REQUESTS as f64;
    assert!(ratio <= MAX_RATIO, "{ratio} calls for each request");
    assert!(stand.count("rpc_client_retries_total", ("outcome", "repeated")) > 0.0, "nothing was repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn once_the_breaker_is_open_no_call_arrives() {
    let stand = Stand::start(toml! { product.breaker_open_ms = 600000 }).await;
    stand.door.refuse(tonic::Code::Unavailable);
    let answers = stand.ask(REQUESTS).await;
    let calls = stand.door.calls();
    assert!(calls <= 20, "{calls} calls");
    assert_eq!(answers.last().map(|answer| answer.header("retry-after").is_empty()), Some(false));
    let _ = stand.ask(REQUESTS).await;
    assert_eq!(stand.door.calls(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_refuses_is_tried_no_more_often() {
    let mut stand = Stand::start(toml! { product.breaker_failure_ratio = 1.0 }).await;
    let healthy = stand.ask(REQUESTS).await;
    assert!(healthy.iter().all(|answer| answer.status == 200), "{healthy:?}");
    stand.door.close().await;
    let before = stand.tried(0);
    let refused = stand.ask(REQUESTS).await;
    assert!(refused.iter().all(|answer| answer.status == 503), "{refused:?}");
    assert_eq!(stand.door.calls(), REQUESTS);
    let ratio = (stand.tried(REQUESTS) - before) / REQUESTS as f64;
    assert!(ratio <= MAX_RATIO, "{ratio} attempts for each request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_hangs_is_asked_once() {
    let stand = Stand::start(toml! { product = { timeout_ms = 20, breaker_failure_ratio = 1.0 } }).await;
    stand.door.hang();
    let answers = stand.ask(15).await;
    assert!(answers.iter().all(|answer| answer.status == 504), "{answers:?}");
    assert_eq!(stand.door.calls(), 15);
}
