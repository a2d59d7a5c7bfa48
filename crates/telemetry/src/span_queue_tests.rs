//! What becomes of spans while an exporter hangs, fails, and is shut down.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use metrics_exporter_prometheus::PrometheusHandle;
use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};

use super::*;

const CAPACITY: usize = 16;
const BATCH: usize = 4;
const LIMIT: Duration = Duration::from_secs(20);

/// Says when it has a batch, and ends as it is told.
#[derive(Debug)]
struct ScriptedExporter {
    begun: Sender<usize>,
    end: Mutex<Receiver<OTelSdkResult>>,
}

impl SpanExporter for ScriptedExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.begun.send(batch.len()).expect("a test that waits");
        self.end.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(LIMIT).expect("an end")
    }
}

/// Takes everything.
#[derive(Debug)]
struct AcceptingExporter;

impl SpanExporter for AcceptingExporter {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Ok(())
    }
}

struct Harness {
    provider: SdkTracerProvider,
    begun: Receiver<usize>,
    end: Sender<OTelSdkResult>,
    metrics: PrometheusHandle,
}

impl Harness {
    fn new() -> Self {
        let recorder = crate::recorder::build().expect("a recorder");
        let ((begins, begun), (end, ends)) = (channel(), channel());
        let queue = SpanQueue::new(CAPACITY, &recorder);
        let exporter = queue.exporter(ScriptedExporter { begun: begins, end: Mutex::new(ends) });
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(CAPACITY)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(Duration::from_hours(1))
            .build();
        let batches = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
        let provider = SdkTracerProvider::builder().with_span_processor(queue.processor(batches)).build();
        Self { provider, begun, end, metrics: recorder.handle() }
    }

    fn end_spans(&self, count: usize) {
        let tracer = self.provider.tracer("test");
        for _ in 0..count {
            tracer.start("span").end();
        }
    }

    fn expect(&self, lines: &[&str]) {
        let text = self.metrics.render();
        for line in lines {
            assert!(text.lines().any(|found| found == format!("otel_sdk_{line}")), "no `{line}` in\n{text}");
        }
    }
}

#[test]
fn what_finds_no_room_is_dropped_and_counted_while_an_exporter_hangs() {
    let harness = Harness::new();
    harness.expect(&[
        "processor_span_processed_total 0",
        "processor_span_processed_total{error_type=\"queue_full\"} 0",
        "processor_span_processed_total{error_type=\"already_shutdown\"} 0",
        "exporter_span_exported_total 0",
        "exporter_span_exported_total{error_type=\"failed\"} 0",
        "exporter_span_exported_total{error_type=\"timeout\"} 0",
        "processor_span_queue_size 0",
        "processor_span_queue_capacity 16",
    ]);
    harness.end_spans(BATCH);
    assert_eq!(harness.begun.recv_timeout(LIMIT).expect("a batch"), BATCH);
    // The exporter has its batch and hangs; the queue is empty again.
    harness.end_spans(CAPACITY + 7);
    harness.expect(&[
        "processor_span_processed_total 4",
        "processor_span_processed_total{error_type=\"queue_full\"} 7",
        "processor_span_queue_size 16",
        "exporter_span_exported_total 0",
    ]);
    // The first batch fails, the second takes too long, the others get through.
    harness.end.send(Err(OTelSdkError::InternalFailure("refused".to_owned()))).expect("an exporter");
    harness.end.send(Err(OTelSdkError::Timeout(LIMIT))).expect("an exporter");
    for _ in 0..3 {
        harness.end.send(Ok(())).expect("an exporter");
    }
    // How the failed exports end is in the metrics.
    let _ = harness.provider.force_flush();
    harness.expect(&[
        "processor_span_processed_total 20",
        "processor_span_processed_total{error_type=\"queue_full\"} 7",
        "processor_span_queue_size 0",
        "exporter_span_exported_total 12",
        "exporter_span_exported_total{error_type=\"failed\"} 4",
        "exporter_span_exported_total{error_type=\"timeout\"} 4",
    ]);
}

#[test]
fn what_ends_after_the_shutdown_is_counted_as_such() {
    let recorder = crate::recorder::build().expect("a recorder");
    let queue = SpanQueue::new(CAPACITY, &recorder);
    assert!(queue.admit());
    let batches = BatchSpanProcessor::builder(AcceptingExporter).build();
    queue.processor(batches).shutdown_with_timeout(LIMIT).expect("a shutdown");
    assert!(!queue.admit());
    let line = "otel_sdk_processor_span_processed_total{error_type=\"already_shutdown\"} 1";
    assert!(recorder.handle().render().contains(line));
}
