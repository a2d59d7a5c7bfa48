//! Several addresses behind one callee, on real sockets: all are used, one may die, another may appear.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contracts::product::v1::CreateProductRequest;
use contracts::product::v1::product_service_client::ProductServiceClient;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::service_fn;
use upstream::{Channel, Resolve, Settings};

/// A server that counts calls and refuses them as not found.
struct Server {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (calls, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let counted = Arc::clone(&calls);
        let service = Counting(service_fn(move |_: http::Request<Body>| {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, std::convert::Infallible>(Status::not_found("stand-in").into_http::<Body>()) }
        }));
        let stopped = stop.clone().cancelled_owned();
        let serving = tokio::spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            let server = tonic::transport::Server::builder().add_service(service);
            server.serve_with_incoming_shutdown(incoming, stopped).await.expect("served");
        });
        Self { address, calls, stop, serving }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Closes its connections and gives the port up.
    async fn stop(self) -> SocketAddr {
        self.stop.cancel();
        self.serving.await.expect("no panic");
        self.address
    }
}

/// Gives a plain service the name of a gRPC service.
#[derive(Clone)]
struct Counting<S>(S);

impl<S> tonic::server::NamedService for Counting<S> {
    const NAME: &'static str = "product.v1.ProductService";
}

impl<S: tower::Service<http::Request<Body>>> tower::Service<http::Request<Body>> for Counting<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> S::Future {
        self.0.call(request)
    }
}

/// Sends calls that may not be repeated; all must arrive.
async fn send(client: &ProductServiceClient<Channel>, count: usize) {
    for _ in 0..count {
        let status = client.clone().create_product(CreateProductRequest::default()).await.expect_err("refused");
        assert_eq!(status.code(), Code::NotFound, "{status:?}");
    }
}

/// Sends calls until the condition holds.
async fn send_until(client: &ProductServiceClient<Channel>, condition: impl Fn() -> bool) {
    let sending = async {
        while !condition() {
            send(client, 1).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), sending).await.expect("the condition holds in time");
}

fn client(settings: &Settings, resolve: Resolve) -> ProductServiceClient<Channel> {
    ProductServiceClient::new(upstream::connect_with("demo", settings, resolve))
}

fn settings(urls: &str) -> Settings {
    Settings::new(urls, Duration::from_secs(5)).expect("URLs")
}

/// Looks up a list that the test can change, and counts how often.
fn resolver(addresses: Vec<SocketAddr>) -> (Arc<Mutex<Vec<SocketAddr>>>, Arc<AtomicUsize>, Resolve) {
    let (list, asked) = (Arc::new(Mutex::new(addresses)), Arc::new(AtomicUsize::new(0)));
    let (answer, count) = (Arc::clone(&list), Arc::clone(&asked));
    let resolve: Resolve = Arc::new(move |host, port| {
        assert_eq!((host.as_str(), port), ("demo.test", 50051));
        count.fetch_add(1, Ordering::SeqCst);
        let addresses = answer.lock().expect("not poisoned").clone();
        Box::pin(async move { Ok(addresses) })
    });
    (list, asked, resolve)
}

#[tokio::test]
async fn two_urls_share_the_calls_and_one_is_enough() {
    let (one, two) = (Server::start("127.0.0.1:0").await, Server::start("127.0.0.1:0").await);
    let url = format!("http://{}, http://{}", one.address, two.address);
    let client = client(&settings(&url), upstream::system_resolver());
    send(&client, 200).await;
    assert_eq!(one.calls() + two.calls(), 200);
    assert!(one.calls() > 50 && two.calls() > 50, "{} and {}", one.calls(), two.calls());
    let before = two.calls();
    let address = one.stop().await;
    send(&client, 200).await;
    assert_eq!(two.calls() - before, 200, "not one call was lost");
    // It comes back without anybody asking for it.
    let back = Server::start(&address.to_string()).await;
    send_until(&client, || back.calls() > 20).await;
}

#[tokio::test]
async fn a_name_stands_for_its_addresses_as_they_come_and_go() {
    let (one, two, three) =
        (Server::start("127.0.0.1:0").await, Server::start("127.0.0.1:0").await, Server::start("127.0.0.1:0").await);
    let (list, asked, resolve) = resolver(vec![one.address, two.address]);
    let settings = Settings { resolve_interval: Duration::from_secs(1), ..settings("http://demo.test:50051") };
    let client = client(&settings, resolve);
    while asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    send(&client, 100).await;
    assert!(one.calls() > 20 && two.calls() > 20, "{} and {}", one.calls(), two.calls());

    *list.lock().expect("not poisoned") = vec![two.address, three.address];
    send_until(&client, || three.calls() > 20).await;
    let before = one.calls();
    send(&client, 100).await;
    assert_eq!(one.calls(), before, "an address that is gone from the name gets no calls");

    // An empty answer is no reason to forget what is known.
    list.lock().expect("not poisoned").clear();
    let looked_up = asked.load(Ordering::SeqCst);
    send_until(&client, || asked.load(Ordering::SeqCst) >= looked_up + 2).await;
    send(&client, 20).await;

    drop(client);
    let weak = Arc::downgrade(&asked);
    drop(asked);
    let gone = async {
        while weak.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the look-ups end with the client");
}

#[tokio::test]
async fn an_address_that_never_answered_costs_no_call() {
    let alive = Server::start("127.0.0.1:0").await;
    let dead = Server::start("127.0.0.1:0").await.stop().await;
    let url = format!("http://{dead},http://{}", alive.address);
    let client = client(&settings(&url), upstream::system_resolver());
    send(&client, 50).await;
    assert_eq!(alive.calls(), 50);
}

#[tokio::test]
async fn an_address_that_breaks_calls_off_is_left_alone_for_a_while() {
    let alive = Server::start("127.0.0.1:0").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{},http://{}", listener.local_addr().expect("an address"), alive.address);
    let hanging_up = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let client = client(&settings(&url), upstream::system_resolver());
    let mut lost = 0;
    for _ in 0..100 {
        let status = client.clone().create_product(CreateProductRequest::default()).await.expect_err("refused");
        lost += usize::from(status.code() == Code::Unavailable);
    }
    // It is tried again now and then, since it can be connected to; used like the other it would lose half of them.
    assert!((1..30).contains(&lost), "{lost} calls lost");
    hanging_up.abort();
}

#[tokio::test]
async fn a_callee_that_is_down_is_unavailable_and_back_at_once() {
    let address = Server::start("127.0.0.1:0").await.stop().await;
    let client = client(&settings(&format!("http://{address}")), upstream::system_resolver());
    let status = client.clone().create_product(CreateProductRequest::default()).await.expect_err("down");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("refused"), "the log has to say why: {status:?}");
    let back = Server::start(&address.to_string()).await;
    send(&client, 5).await;
    assert_eq!(back.calls(), 5);
}
