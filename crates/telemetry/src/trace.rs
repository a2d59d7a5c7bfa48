//! Spans on their way out: one OpenTelemetry layer for the process, one tracer and exporter per service.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusRecorder;
use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context as OtelContext, Key, KeyValue, Value as OtelValue};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter,
};
use serde_json::{Map, Value};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use crate::context::TraceContext;
use crate::error::StartError;
use crate::identity::Identity;
use crate::settings::ServiceSettings;
use crate::span_queue::SpanQueue;
use crate::tap::{SpanRecord, Tap};

/// Private attribute that fixes a span's service when it is made, whichever thread ends it.
const SERVICE_INDEX: &str = "signalbox.service.index";

/// Spans a service may have waiting for a collector; above that they are dropped and counted.
const QUEUE: usize = 4096;

/// The same where only a tap in the process takes them: it never makes a batch wait, and each place is paid for when the
/// queue is made (some 370 bytes, heaptrack 1.4).
const TAP_QUEUE: usize = 1024;

/// Longest time a finished span waits for its batch.
const EXPORT_DELAY: Duration = Duration::from_millis(500);

/// The layer that turns `tracing` spans into OpenTelemetry spans. Everything that costs and says little is off.
pub(crate) fn layer<S>() -> OpenTelemetryLayer<S, RoutingTracer>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    OpenTelemetryLayer::new(RoutingTracer { fallback: SdkTracerProvider::builder().build().tracer("signalbox") })
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false)
        .with_error_events_to_status(false)
}

/// Lets a span exist only inside a trace that was sampled. Independent of log levels.
pub(crate) struct SampledOnly;

impl<S: Subscriber> Filter<S> for SampledOnly {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        is_recordable(metadata) && TraceContext::current().is_some_and(|context| context.sampled)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_recordable(metadata) { Interest::sometimes() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }
}

fn is_recordable(metadata: &Metadata<'_>) -> bool {
    // Events live in the logs, with the same ids; on the span only warnings and errors are kept.
    let limit = if metadata.is_span() { LevelFilter::INFO } else { LevelFilter::WARN };
    *metadata.level() <= limit
}

/// Hands each span to the tracer of the service that made it.
pub(crate) struct RoutingTracer {
    fallback: SdkTracer,
}

impl Tracer for RoutingTracer {
    type Span = Span;

    fn span_builder<T: Into<std::borrow::Cow<'static, str>>>(&self, name: T) -> SpanBuilder {
        let index = Identity::current().and_then(|identity| i64::try_from(identity.service().index).ok());
        let mut attributes = Vec::with_capacity(16);
        attributes.push(KeyValue::new(Key::from_static_str(SERVICE_INDEX), index.unwrap_or(-1)));
        SpanBuilder::from_name(name).with_attributes(attributes)
    }

    fn build_with_context(&self, mut builder: SpanBuilder, parent: &OtelContext) -> Span {
        let index = builder.attributes.as_mut().and_then(|attributes| {
            let position = attributes.iter().position(|attribute| attribute.key.as_str() == SERVICE_INDEX)?;
            match attributes.swap_remove(position).value {
                OtelValue::I64(index) => usize::try_from(index).ok(),
                _ => None,
            }
        });
        let identity = index.and_then(Identity::by_index).or_else(Identity::current);
        let tracer = identity.map_or(&self.fallback, |identity| &identity.service().tracer);
        tracer.build_with_context(builder, parent)
    }
}

/// Makes the span that is current in `context` the parent of `span`, and answers the span's own context.
pub(crate) fn set_parent(span: &tracing::Span, parent: Option<TraceContext>) -> Option<TraceContext> {
    use tracing_opentelemetry::OpenTelemetrySpanExt;
    if let Some(parent) = parent {
        let remote = opentelemetry::trace::SpanContext::new(
            parent.trace_id.into(),
            parent.span_id.into(),
            opentelemetry::TraceFlags::SAMPLED,
            true,
            opentelemetry::trace::TraceState::NONE,
        );
        // Fails only if the span is disabled or already started, and then there is no parent to set.
        let _ = span.set_parent(OtelContext::new().with_remote_span_context(remote));
    }
    from_otel(&span.context())
}

/// Makes a span below the running one, or a root, if `context` is sampled; answers the ids to hand on.
pub(crate) fn start_span(context: TraceContext, make: impl FnOnce() -> tracing::Span) -> (tracing::Span, TraceContext) {
    if !context.sampled {
        return (tracing::Span::none(), context);
    }
    let span = context.scope(make);
    let context = set_parent(&span, None).unwrap_or(context);
    (span, context)
}

/// The ids of an OpenTelemetry context, if it has a valid span.
pub(crate) fn from_otel(context: &OtelContext) -> Option<TraceContext> {
    let span = context.span().span_context().clone();
    span.is_valid().then(|| TraceContext {
        trace_id: u128::from_be_bytes(span.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(span.span_id().to_bytes()),
        sampled: true,
    })
}

/// The provider of one service: its resource, its exporter, its queue. `recorder` counts what becomes of the spans.
pub(crate) fn provider(
    settings: &ServiceSettings,
    recorder: &PrometheusRecorder,
) -> Result<SdkTracerProvider, StartError> {
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", settings.name.clone()),
            KeyValue::new("service.namespace", "signalbox"),
            KeyValue::new("service.version", settings.version.clone()),
            KeyValue::new("service.instance.id", settings.instance.clone()),
            KeyValue::new("deployment.environment.name", settings.environment.clone()),
        ])
        .build();
    // The decision is taken before the span exists, so whatever reaches the SDK is recorded.
    let builder = SdkTracerProvider::builder().with_resource(resource).with_sampler(Sampler::AlwaysOn);
    let otlp = match settings.otlp_endpoint.as_str() {
        "" => None,
        endpoint => Some(
            opentelemetry_otlp::SpanExporter::builder()
                .with_tonic()
                .with_endpoint(endpoint)
                .with_timeout(Duration::from_secs(5))
                .build()
                .map_err(|source| StartError::Exporter { endpoint: endpoint.to_owned(), source: source.into() })?,
        ),
    };
    if otlp.is_none() && settings.tap.is_none() {
        return Ok(builder.build());
    }
    let capacity = if otlp.is_some() { QUEUE } else { TAP_QUEUE };
    let queue = SpanQueue::new(capacity, recorder);
    let exporter = Exporter { service: settings.name.clone(), otlp, tap: settings.tap.clone() };
    let exporter = queue.exporter(exporter);
    let batch = BatchConfigBuilder::default().with_max_queue_size(capacity).with_scheduled_delay(EXPORT_DELAY).build();
    let batches = BatchSpanProcessor::builder(exporter).with_batch_config(batch).build();
    Ok(builder.with_span_processor(queue.processor(batches)).build())
}

/// Sends each batch to the collector and to the tap, whichever there is.
#[derive(Debug)]
struct Exporter {
    service: String,
    otlp: Option<opentelemetry_otlp::SpanExporter>,
    tap: Option<Arc<dyn Tap>>,
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        if let Some(tap) = &self.tap {
            tap.spans(batch.iter().map(|span| to_record(&self.service, span)).collect());
        }
        match &self.otlp {
            Some(otlp) => otlp.export(batch).await,
            None => Ok(()),
        }
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.otlp.as_ref().map_or(Ok(()), |otlp| otlp.shutdown_with_timeout(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(otlp) = &mut self.otlp {
            otlp.set_resource(resource);
        }
    }
}

fn to_record(service: &str, span: &SpanData) -> SpanRecord {
    let root = span.parent_span_id == opentelemetry::trace::SpanId::INVALID;
    SpanRecord {
        service: service.to_owned(),
        trace_id: span.span_context.trace_id().to_string(),
        span_id: span.span_context.span_id().to_string(),
        parent_span_id: if root { String::new() } else { span.parent_span_id.to_string() },
        name: span.name.to_string(),
        kind: match span.span_kind {
            SpanKind::Server => "server",
            SpanKind::Client => "client",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
            SpanKind::Internal => "internal",
        },
        start: span.start_time,
        duration: span.end_time.duration_since(span.start_time).unwrap_or_default(),
        error: matches!(span.status, Status::Error { .. }),
        attributes: span.attributes.iter().map(|a| (a.key.to_string(), json(&a.value))).collect::<Map<_, _>>(),
    }
}

fn json(value: &OtelValue) -> Value {
    match value {
        OtelValue::Bool(value) => (*value).into(),
        OtelValue::I64(value) => (*value).into(),
        OtelValue::F64(value) => (*value).into(),
        other => other.as_str().into_owned().into(),
    }
}
