//! A service on real sockets: admin port, health, panics, limits, and how it stops.

use chassis::config::Layers;
use chassis::{App, Contract, HostOptions, Running, Spec, StartError, settings};
use contracts::product::v1::product_service_client::ProductServiceClient;
use contracts::product::v1::product_service_server::{ProductService, ProductServiceServer};
use contracts::product::v1::*;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

const DEFAULTS: &str = r#"
[http]
address = "127.0.0.1:0"
timeout_ms = 1000
max_in_flight = 100 # 1 to 1000
header_timeout_ms = 300
max_header_bytes = 4096
max_body_bytes = 1024
max_connections = 100
[grpc]
address = "127.0.0.1:0"
timeout_ms = 200
max_in_flight = 100 # 1 to 1000
max_message_bytes = 4096
max_concurrent_streams = 16
keepalive_s = 30
max_connection_age_s = 0
[admin]
address = "127.0.0.1:0"
[telemetry]
log_level = "info"
log_format = "json"
sampling_ratio = 0.0
otlp_endpoint = ""
environment = "test"
instance = ""
[runtime]
worker_threads = 1
[shutdown]
unready_ms = 0
drain_ms = 10000
"#;

#[derive(Deserialize)]
struct Config {
    http: settings::Http,
    grpc: settings::Grpc,
}

static SPEC: Spec =
    Spec { name: "demo", defaults: DEFAULTS, migrate: None, prepare: |layers| chassis::prepare(layers, build) };

/// What a test and the handler it calls tell each other.
static HELD: Notify = Notify::const_new();
static RELEASE: Notify = Notify::const_new();
static STUCK: Notify = Notify::const_new();

async fn build(config: Config, mut app: App) -> Result<App, StartError> {
    let router = axum::Router::new()
        .route("/fast", axum::routing::get(|| async { "fast" }))
        .route(
            "/held",
            axum::routing::get(|| async {
                HELD.notify_one();
                RELEASE.notified().await;
                "held"
            }),
        )
        .route(
            "/stuck",
            axum::routing::get(|| async {
                STUCK.notify_one();
                std::future::pending::<&'static str>().await
            }),
        );
    app.serve_http(&config.http, router)?;
    app.serve_grpc(
        &config.grpc,
        Contract {
            service: "product.v1.ProductService",
            methods: contracts::methods(),
            known_method: contracts::known_method,
        },
        tonic::service::Routes::new(ProductServiceServer::new(Odd)),
    )?;
    Ok(app)
}

/// Panics, hangs or refuses, depending on the call.
struct Odd;

#[tonic::async_trait]
impl ProductService for Odd {
    async fn get_product(&self, _: Request<GetProductRequest>) -> Result<Response<GetProductResponse>, Status> {
        panic!("a bug")
    }
    async fn list_products(&self, _: Request<ListProductsRequest>) -> Result<Response<ListProductsResponse>, Status> {
        std::future::pending().await
    }
    async fn create_product(
        &self,
        _: Request<CreateProductRequest>,
    ) -> Result<Response<CreateProductResponse>, Status> {
        Err(Status::permission_denied("no"))
    }
    async fn update_product(
        &self,
        _: Request<UpdateProductRequest>,
    ) -> Result<Response<UpdateProductResponse>, Status> {
        Err(Status::permission_denied("no"))
    }
    async fn delete_product(
        &self,
        _: Request<DeleteProductRequest>,
    ) -> Result<Response<DeleteProductResponse>, Status> {
        Ok(Response::new(DeleteProductResponse {}))
    }
}

async fn start() -> Running {
    start_with("").await
}

async fn start_with(settings: &str) -> Running {
    drop(telemetry::install(telemetry::LogFormat::Json, &telemetry::LogOutput::Off));
    let table = settings.parse().expect("toml");
    let layers = Layers::new("demo", DEFAULTS).and_then(|layers| layers.table("test", table)).expect("layers");
    chassis::start(&SPEC, &layers, HostOptions::default()).await.expect("it starts")
}

async fn client(running: &Running) -> ProductServiceClient<Channel> {
    let url = format!("http://{}", running.address("grpc").expect("grpc"));
    ProductServiceClient::connect(url).await.expect("a connection")
}

/// One exchange on a connection of its own; answers what came until the server closed.
async fn exchange(running: &Running, kind: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(running.address(kind).expect("an address")).await.expect("connect");
    stream.write_all(request.as_bytes()).await.expect("write");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("read");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn admin(running: &Running, method: &str, path: &str, body: &str) -> String {
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    exchange(running, "admin", &head).await
}

#[tokio::test]
async fn a_panic_ends_one_call_and_is_counted() {
    let running = start().await;
    let mut client = client(&running).await;
    for _ in 0..2 {
        let status = client.get_product(GetProductRequest::default()).await.expect_err("a failure");
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("bug"), "{}", status.message());
    }
    client.delete_product(DeleteProductRequest::default()).await.expect("still serving");
    assert!(running.metrics().contains("panics_total 2"), "{}", running.metrics());
    assert!(running.stop().await);
}

#[tokio::test]
async fn a_call_that_hangs_ends_at_the_servers_limit() {
    let running = start().await;
    let status = client(&running).await.list_products(ListProductsRequest::default()).await.expect_err("a failure");
    assert_eq!(status.code(), Code::DeadlineExceeded);
    let metrics = running.metrics();
    let method = "rpc_method=\"product.v1.ProductService/ListProducts\",rpc_response_status_code=\"DEADLINE_EXCEEDED\"";
    let count = |line: &&str| line.starts_with("rpc_server_call_duration_seconds_count") && line.contains(method);
    assert!(metrics.lines().find(count).is_some_and(|line| line.ends_with(" 1")), "{metrics}");
}

#[tokio::test]
async fn the_admin_port_answers_operators() {
    let running = start().await;
    assert!(admin(&running, "GET", chassis::paths::LIVEZ, "").await.ends_with("ok"));
    let ready = admin(&running, "GET", chassis::paths::READYZ, "").await;
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("\"serving\""), "{ready}");
    let metrics = admin(&running, "GET", "/metrics", "").await;
    for name in ["build_info{", "process_resident_memory_bytes ", "tokio_workers 1"] {
        assert!(metrics.contains(name), "{name} is missing:\n{metrics}");
    }
    assert!(admin(&running, "GET", "/build", "").await.contains("\"rustc\""));
    assert!(admin(&running, "GET", chassis::paths::LOG_LEVEL, "").await.contains("\"level\":\"info\""));
    assert!(admin(&running, "PUT", chassis::paths::LOG_LEVEL, "warn,demo=debug").await.contains("warn,demo=debug"));
    let refused = admin(&running, "PUT", chassis::paths::LOG_LEVEL, "loud").await;
    assert!(refused.starts_with("HTTP/1.1 400") && refused.contains("invalid_log_level"), "{refused}");
    assert!(
        admin(&running, "GET", chassis::paths::LOG_LEVEL, "").await.contains("warn,demo=debug"),
        "a bad level changes nothing"
    );
    assert!(admin(&running, "GET", "/nowhere", "").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_client_that_never_finishes_its_headers_is_let_go() {
    let running = start().await;
    let answer = exchange(&running, "http", "GET /fast HTTP/1.1\r\nhost: x\r\n").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn headers_beyond_the_limit_are_refused() {
    let running = start().await;
    let large = format!("GET /fast HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "x".repeat(20_000));
    let answer = exchange(&running, "http", &large).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_running_request_finishes_while_the_service_stops() {
    let running = start().await;
    let address = running.address("http").expect("http");
    let mut stream = TcpStream::connect(address).await.expect("connect");
    stream.write_all(b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("write");
    HELD.notified().await;
    let stopping = tokio::spawn(running.stop());
    // The port is given up while the request is still held.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    RELEASE.notify_one();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains("200 OK") && answer.ends_with("held"), "{answer}");
    assert!(stopping.await.expect("no panic"), "everything drained");
}

#[tokio::test]
async fn a_stuck_request_cannot_hold_the_process() {
    let running = start_with("shutdown.drain_ms = 100").await;
    let mut stream = TcpStream::connect(running.address("http").expect("http")).await.expect("connect");
    stream.write_all(b"GET /stuck HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("write");
    STUCK.notified().await;
    assert!(!running.stop().await, "the stop must say that a request was cut");
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_key() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let table = format!("http.address = \"{address}\"").parse().expect("toml");
    let layers = Layers::new("demo", DEFAULTS).and_then(|layers| layers.table("test", table)).expect("layers");
    let error =
        chassis::start(&SPEC, &layers, HostOptions::default()).await.err().expect("it cannot start").to_string();
    assert!(error.contains(&address) && error.contains("`http.address`"), "{error}");
}

#[test]
fn servers_that_could_serve_nothing_are_refused() {
    for key in ["http.max_in_flight", "grpc.max_in_flight"] {
        let table = format!("{key} = 0").parse().expect("toml");
        let layers = Layers::new("demo", DEFAULTS).and_then(|layers| layers.table("test", table));
        let error = layers.expect_err(key).to_string();
        assert_eq!(error, format!("test: `{key}` must be 1 to 1000, not 0"));
    }
}

#[tokio::test]
async fn wrong_telemetry_settings_are_named() {
    for (key, value, hint) in [
        ("sampling_ratio", "2.0", "telemetry.sampling_ratio"),
        ("log_level", "\"loud\"", "telemetry.log_level"),
        ("otlp_endpoint", "\"::::\"", "telemetry.otlp_endpoint"),
    ] {
        let table = format!("telemetry.{key} = {value}").parse().expect("toml");
        let layers = Layers::new("demo", DEFAULTS).and_then(|layers| layers.table("test", table)).expect("layers");
        let error = chassis::start(&SPEC, &layers, HostOptions::default()).await.err().expect(key).to_string();
        assert!(error.contains(hint), "{error}");
    }
}

#[tokio::test]
async fn the_health_service_speaks_for_the_process_and_by_name() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_client::HealthClient;
    let running = start().await;
    let url = format!("http://{}", running.address("grpc").expect("grpc"));
    let channel = tonic::transport::Endpoint::from_shared(url).expect("a URL").connect().await.expect("connect");
    let mut health = HealthClient::new(channel);
    for service in ["", "product.v1.ProductService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let mut updates = health.watch(request).await.expect("a stream").into_inner();
        loop {
            let update = updates.message().await.expect("an update").expect("the stream goes on");
            if update.status() == ServingStatus::Serving {
                break;
            }
        }
    }
    let unknown = health.check(HealthCheckRequest { service: "nobody".into() }).await.expect_err("unknown");
    assert_eq!(unknown.code(), Code::NotFound);
    assert!(!running.metrics().contains("grpc.health"), "health checks are not measured");
}
