//! An OTLP collector stand-in: receives spans over gRPC as a collector would and keeps them as plain records.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Map, Value};
use tonic::{Request, Response, Status};

use crate::tap::SpanRecord;

/// A span and the `(trace id, span id)` it links to.
type Received = Arc<Mutex<Vec<(SpanRecord, Vec<(String, String)>)>>>;

/// A running stand-in. It stops when it is dropped.
pub struct Collector {
    address: SocketAddr,
    spans: Received,
    /// Its end is that of the server and of the connections it has.
    _running: tokio::sync::oneshot::Sender<()>,
}

impl Collector {
    /// Listens on a free loopback port of the current runtime.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn start() -> std::io::Result<Self> {
        Self::listen(tokio::net::TcpListener::bind("127.0.0.1:0").await?)
    }

    /// Listens where the caller says.
    ///
    /// # Errors
    /// If the listener does not know its address.
    pub fn listen(listener: tokio::net::TcpListener) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let spans = Received::default();
        let service = TraceServiceServer::new(Receiver(Arc::clone(&spans)));
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let (running, dropped) = tokio::sync::oneshot::channel::<()>();
        tokio::spawn(async move {
            let end = async { drop(dropped.await) };
            let server = tonic::transport::Server::builder().add_service(service);
            // How it ends tells nothing.
            let _ = server.serve_with_incoming_shutdown(incoming, end).await;
        });
        Ok(Self { address, spans, _running: running })
    }

    /// Endpoint to configure as `telemetry.otlp_endpoint`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans received so far of one trace, in the order in which they came.
    #[must_use]
    pub fn trace(&self, trace_id: &str) -> Vec<SpanRecord> {
        self.all().into_iter().filter(|span| span.trace_id == trace_id).collect()
    }

    /// All spans received so far.
    #[must_use]
    pub fn all(&self) -> Vec<SpanRecord> {
        let spans = self.spans.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        spans.iter().map(|(span, _)| span.clone()).collect()
    }

    /// What the span of that id links to, as `(trace id, span id)`.
    #[must_use]
    pub fn links(&self, span_id: &str) -> Vec<(String, String)> {
        let spans = self.spans.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        spans.iter().filter(|(span, _)| span.span_id == span_id).flat_map(|(_, links)| links.clone()).collect()
    }
}

struct Receiver(Received);

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for resource_spans in request.into_inner().resource_spans {
            let resource = attributes(&resource_spans.resource.unwrap_or_default().attributes);
            let service = resource.get("service.name").and_then(Value::as_str).unwrap_or_default();
            let received = resource_spans.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.extend(received.map(|span| (record(service, &span), links(&span))));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn record(service: &str, span: &Span) -> SpanRecord {
    let nanos = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano);
    SpanRecord {
        service: service.to_owned(),
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent_span_id: hex(&span.parent_span_id),
        name: span.name.clone(),
        kind: match span.kind {
            2 => "server",
            3 => "client",
            4 => "producer",
            5 => "consumer",
            _ => "internal",
        },
        start: SystemTime::UNIX_EPOCH + Duration::from_nanos(span.start_time_unix_nano),
        duration: Duration::from_nanos(nanos),
        error: span.status.as_ref().is_some_and(|status| status.code == 2),
        attributes: attributes(&span.attributes),
    }
}

fn links(span: &Span) -> Vec<(String, String)> {
    span.links.iter().map(|link| (hex(&link.trace_id), hex(&link.span_id))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(pairs: &[KeyValue]) -> Map<String, Value> {
    pairs.iter().map(|pair| (pair.key.clone(), value(pair))).collect()
}

fn value(pair: &KeyValue) -> Value {
    match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone().into(),
        Some(any_value::Value::BoolValue(truth)) => (*truth).into(),
        Some(any_value::Value::IntValue(number)) => (*number).into(),
        Some(any_value::Value::DoubleValue(number)) => (*number).into(),
        _ => Value::Null,
    }
}
