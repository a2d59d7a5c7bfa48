//! The bounded queue in front of the exporter of spans, and what becomes of the spans.
//!
//! The batch processor of the SDK drops silently when its queue is full. So whether there is room is decided here, by
//! a count of what was let in and not taken out yet: the SDK's queue is as large and never has to refuse. A span is
//! taken out when its batch is handed to the exporter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use metrics::{Counter, Gauge};
use metrics_exporter_prometheus::PrometheusRecorder;
use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};

/// Both ends of the queue know it.
#[derive(Clone)]
pub(crate) struct SpanQueue(Arc<State>);

/// The handles are bound to the service: the exporter works on a thread of the SDK.
struct State {
    capacity: usize,
    waiting: AtomicUsize,
    closed: AtomicBool,
    size: Gauge,
    processed: Counter,
    dropped_full: Counter,
    dropped_closed: Counter,
    exported: Counter,
    failed: Counter,
    timed_out: Counter,
}

impl SpanQueue {
    /// Room for `capacity` spans, counted by `recorder` from zero on.
    pub(crate) fn new(capacity: usize, recorder: &PrometheusRecorder) -> Self {
        metrics::with_local_recorder(recorder, || {
            let processed = |error: &'static str| metrics::counter!(PROCESSED, "error_type" => error);
            let exported = |error: &'static str| metrics::counter!(EXPORTED, "error_type" => error);
            #[allow(clippy::cast_precision_loss, reason = "thousands")]
            metrics::gauge!("otel_sdk_processor_span_queue_capacity").set(capacity as f64);
            Self(Arc::new(State {
                capacity,
                waiting: AtomicUsize::new(0),
                closed: AtomicBool::new(false),
                size: metrics::gauge!("otel_sdk_processor_span_queue_size"),
                processed: metrics::counter!(PROCESSED),
                dropped_full: processed("queue_full"),
                dropped_closed: processed("already_shutdown"),
                exported: metrics::counter!(EXPORTED),
                failed: exported("failed"),
                timed_out: exported("timeout"),
            }))
        })
    }

    /// The end where spans come in; `inner` must have room for as many.
    pub(crate) fn processor<P>(&self, inner: P) -> AdmittingProcessor<P> {
        AdmittingProcessor { queue: self.clone(), inner }
    }

    /// The end where batches go out.
    pub(crate) fn exporter<E>(&self, inner: E) -> CountingExporter<E> {
        CountingExporter { queue: self.clone(), inner }
    }

    /// Whether a span may come in; counts it either way.
    fn admit(&self) -> bool {
        let state = &self.0;
        if state.closed.load(Ordering::Relaxed) {
            state.dropped_closed.increment(1);
            return false;
        }
        let one_more = |waiting| (waiting < state.capacity).then_some(waiting + 1);
        if state.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_err() {
            state.dropped_full.increment(1);
            return false;
        }
        state.size.increment(1.0);
        true
    }

    fn release(&self, spans: usize) {
        self.0.waiting.fetch_sub(spans, Ordering::Relaxed);
        #[allow(clippy::cast_precision_loss, reason = "thousands")]
        self.0.size.decrement(spans as f64);
        self.0.processed.increment(spans as u64);
    }
}

const PROCESSED: &str = "otel_sdk_processor_span_processed_total";

const EXPORTED: &str = "otel_sdk_exporter_span_exported_total";

impl std::fmt::Debug for SpanQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpanQueue").field("waiting", &self.0.waiting).finish_non_exhaustive()
    }
}

/// See [`SpanQueue::processor`].
#[derive(Debug)]
pub(crate) struct AdmittingProcessor<P> {
    queue: SpanQueue,
    inner: P,
}

impl<P: SpanProcessor> SpanProcessor for AdmittingProcessor<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.queue.admit() {
            self.inner.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        // What ends while the last batches leave may still go with them, so the door closes after that.
        let outcome = self.inner.shutdown_with_timeout(timeout);
        self.queue.0.closed.store(true, Ordering::Relaxed);
        outcome
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// See [`SpanQueue::exporter`].
#[derive(Debug)]
pub(crate) struct CountingExporter<E> {
    queue: SpanQueue,
    inner: E,
}

impl<E: SpanExporter> SpanExporter for CountingExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.queue.release(spans);
        let outcome = self.inner.export(batch).await;
        let state = &self.queue.0;
        let counter = match &outcome {
            Ok(()) => &state.exported,
            Err(OTelSdkError::Timeout(_)) => &state.timed_out,
            Err(_) => &state.failed,
        };
        counter.increment(spans as u64);
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[cfg(test)]
#[path = "span_queue_tests.rs"]
mod tests;
