//! Metrics on their way out: one recorder for the process that hands each update to the recorder of the
//! running thread's service.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

use crate::catalogue::{self, Kind};
use crate::error::StartError;
use crate::identity::Identity;

/// The process-wide recorder. Threads of no service measure nothing.
pub(crate) struct RoutingRecorder;

impl RoutingRecorder {
    fn current() -> Option<&'static PrometheusRecorder> {
        Identity::current().map(|identity| &identity.service().recorder)
    }
}

impl Recorder for RoutingRecorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        if let Some(recorder) = Self::current() {
            recorder.describe_counter(key, unit, help);
        }
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        if let Some(recorder) = Self::current() {
            recorder.describe_gauge(key, unit, help);
        }
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        if let Some(recorder) = Self::current() {
            recorder.describe_histogram(key, unit, help);
        }
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        Self::current().map_or_else(Counter::noop, |recorder| recorder.register_counter(key, metadata))
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        Self::current().map_or_else(Gauge::noop, |recorder| recorder.register_gauge(key, metadata))
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        Self::current().map_or_else(Histogram::noop, |recorder| recorder.register_histogram(key, metadata))
    }
}

/// A recorder with the buckets and help texts of the catalogue.
pub(crate) fn build() -> Result<PrometheusRecorder, StartError> {
    let mut builder = PrometheusBuilder::new();
    for metric in catalogue::all().iter().filter(|metric| metric.kind == Kind::Histogram) {
        // Without buckets the exporter would write a summary, which cannot be aggregated.
        builder = builder
            .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), metric.buckets)
            .map_err(|source| StartError::Recorder(source.into()))?;
    }
    let recorder = builder.build_recorder();
    for metric in catalogue::all() {
        let (name, help) = (KeyName::from_const_str(metric.name), SharedString::const_str(metric.help));
        match metric.kind {
            Kind::Counter => recorder.describe_counter(name, None, help),
            Kind::Gauge => recorder.describe_gauge(name, None, help),
            Kind::Histogram => recorder.describe_histogram(name, None, help),
        }
    }
    Ok(recorder)
}
