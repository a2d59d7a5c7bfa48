//! A collector that accepts and never reads: requests go on as before, and the spans it costs are counted.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::TcpListener;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{Request, Response};
use telemetry::exposition::Exposition;
use telemetry::{HttpServerLayer, Identity, LogFormat, LogOutput, ServiceSettings};
use tower::{Layer, Service};

/// More than the queue holds, the batch in hand included.
const REQUESTS: usize = 6_000;

/// An export is given up after 5 s and then repeated, so requests that waited for one would take far longer together.
const LIMIT: Duration = Duration::from_secs(5);

struct Fine;

impl Service<Request<()>> for Fine {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(())))
    }
}

fn value(identity: Identity, series: &str) -> f64 {
    let metrics = Exposition::parse(&identity.render_metrics()).expect("metrics");
    metrics.value(series).expect("a series").unwrap_or_else(|| panic!("no {series}"))
}

#[tokio::test]
async fn it_costs_spans_and_no_time() {
    let collector = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", collector.local_addr().expect("an address"));
    drop(telemetry::install(LogFormat::Json, &LogOutput::Off));
    let settings = ServiceSettings {
        name: "demo".to_owned(),
        version: String::new(),
        instance: String::new(),
        environment: "test".to_owned(),
        log_level: "off".to_owned(),
        sampling_ratio: 1.0,
        otlp_endpoint: endpoint,
        tap: None,
    };
    let telemetry = telemetry::register(&settings).expect("registered");
    let identity = telemetry.identity();
    identity.enter_thread();
    assert!(value(identity, "otel_sdk_processor_span_processed_total{error_type=\"queue_full\"}") < 0.5);

    let mut service = HttpServerLayer::new(|_: &Request<()>| Some("/demo")).layer(Fine);
    let start = Instant::now();
    for _ in 0..REQUESTS {
        service.call(Request::new(())).await.expect("an answer");
    }
    let took = start.elapsed();
    assert!(took < LIMIT, "{REQUESTS} requests took {took:?}");

    // From then on the exporter hangs with its first batch, and the numbers stand still.
    while value(identity, "otel_sdk_processor_span_processed_total") < 1.0 {
        assert!(start.elapsed() < LIMIT, "no batch was handed on");
        tokio::task::yield_now().await;
    }
    let dropped = value(identity, "otel_sdk_processor_span_processed_total{error_type=\"queue_full\"}");
    let handed_on = value(identity, "otel_sdk_processor_span_processed_total");
    let waiting = value(identity, "otel_sdk_processor_span_queue_size");
    assert!(dropped > 0.0, "{handed_on} handed on, {waiting} waiting");
    #[allow(clippy::cast_precision_loss, reason = "thousands")]
    let lost_count = (dropped + handed_on + waiting - REQUESTS as f64).abs();
    assert!(lost_count < 0.5, "{dropped} dropped, {handed_on} handed on, {waiting} waiting: every span is one of them");
    assert!(waiting <= value(identity, "otel_sdk_processor_span_queue_capacity"));
    assert!(value(identity, "otel_sdk_exporter_span_exported_total") < 0.5, "nothing arrived");
}
