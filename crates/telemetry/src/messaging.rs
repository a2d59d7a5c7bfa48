//! Spans and metrics of messages, and the trace context in their headers.
//!
//! A producer span hangs below whatever caused the event. A consumer span starts a trace of its own and links to the
//! producer span: a message may wait for hours and be handled by many, so one trace would have no end. The
//! consumer's trace is recorded if the producer's was, so that links lead somewhere.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Instant;

use metrics::Label;
use opentelemetry::trace::{SpanContext, TraceState};
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::context::{TRACEPARENT, TraceContext};

/// Headers of a message, as text.
pub type MessageHeaders = BTreeMap<String, String>;

/// Where a message goes to or comes from. All parts must be bounded: they become labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// `messaging.system`: `rabbitmq` or `in_process`.
    pub system: &'static str,
    /// Exchange; empty for the default one.
    pub exchange: String,
    /// Routing key; empty for none.
    pub routing_key: String,
    /// Queue, on the consuming side; empty on the producing side.
    pub queue: String,
}

impl Destination {
    /// `messaging.destination.name`: the parts that are set, joined by colons.
    #[must_use]
    pub fn name(&self) -> String {
        let parts = [&self.exchange, &self.routing_key, &self.queue];
        let set: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect();
        if set.is_empty() { "amq.default".to_owned() } else { set.join(":") }
    }
}

impl TraceContext {
    /// Reads the context from message headers.
    #[must_use]
    pub fn extract_from_message(headers: &MessageHeaders) -> Option<Self> {
        Self::parse(headers.get(TRACEPARENT)?)
    }

    /// Writes the context into message headers.
    pub fn inject_into_message(self, headers: &mut MessageHeaders) {
        headers.insert(TRACEPARENT.to_owned(), self.to_string());
    }
}

/// The sending of one message: a producer span, a duration, a count. Dropping it unfinished reports `cancelled`.
#[must_use = "finish it with the outcome"]
pub struct PublishGuard {
    system: &'static str,
    name: String,
    span: Span,
    start: Instant,
    reported: bool,
}

impl PublishGuard {
    /// Starts below `cause`, or below what runs now, or as a trace of its own; writes its context into `headers`.
    pub fn start(
        destination: &Destination,
        message_id: &str,
        cause: Option<TraceContext>,
        headers: &mut MessageHeaders,
    ) -> Self {
        let name = destination.name();
        let parent = cause.or_else(TraceContext::current);
        let mut context = parent.map_or_else(TraceContext::root, TraceContext::child);
        let mut span = Span::none();
        if context.sampled {
            span = context.scope(|| producer_span(destination, &name, message_id));
            context = crate::trace::set_parent(&span, parent).unwrap_or(context);
        }
        context.inject_into_message(headers);
        Self { system: destination.system, name, span, start: Instant::now(), reported: false }
    }

    /// Ends it; `error_type` names a failure in a bounded way.
    pub fn finish(mut self, error_type: Option<&'static str>) {
        self.report(error_type);
    }

    fn report(&mut self, error_type: Option<&'static str>) {
        self.reported = true;
        fail(&self.span, error_type);
        let labels = labels(self.system, "publish", &self.name, error_type);
        metrics::counter!("messaging_client_sent_messages_total", labels.clone()).increment(1);
        let labels = with_type(labels, "send");
        metrics::histogram!("messaging_client_operation_duration_seconds", labels)
            .record(self.start.elapsed().as_secs_f64());
    }
}

impl Drop for PublishGuard {
    fn drop(&mut self) {
        if !self.reported {
            self.report(Some("cancelled"));
        }
    }
}

/// Runs the handling of one message in a consumer span that links to the producer named in `headers`, and
/// measures it. `error_type` names a failure in a bounded way.
pub async fn process_message<T, F>(
    destination: &Destination,
    message_id: &str,
    headers: &MessageHeaders,
    error_type: fn(&T) -> Option<&'static str>,
    work: F,
) -> T
where
    F: Future<Output = T>,
{
    let name = destination.name();
    let producer = TraceContext::extract_from_message(headers);
    let root = TraceContext::root();
    let mut context = TraceContext { sampled: producer.map_or(root.sampled, |producer| producer.sampled), ..root };
    let mut span = Span::none();
    if context.sampled {
        span = context.scope(|| consumer_span(destination, &name, message_id));
        if let Some(producer) = producer {
            span.add_link(remote(producer));
        }
        context = crate::trace::set_parent(&span, None).unwrap_or(context);
    }
    metrics::counter!("messaging_client_consumed_messages_total", labels(destination.system, "process", &name, None))
        .increment(1);
    let start = Instant::now();
    let outcome = context.attach(work.instrument(span.clone())).await;
    let error = error_type(&outcome);
    fail(&span, error);
    let labels = with_type(labels(destination.system, "process", &name, error), "process");
    metrics::histogram!("messaging_process_duration_seconds", labels).record(start.elapsed().as_secs_f64());
    outcome
}

/// Lets the messages from `destination` exist with zero, those that are handled and those that fail with `error_type`,
/// so that the first one is seen.
pub fn init_messages_to_zero(destination: &Destination, error_type: &'static str) {
    let (system, name) = (destination.system, destination.name());
    metrics::counter!("messaging_client_consumed_messages_total", labels(system, "process", &name, None)).increment(0);
    for error in [None, Some(error_type)] {
        let labels = with_type(labels(system, "process", &name, error), "process");
        drop(metrics::histogram!("messaging_process_duration_seconds", labels));
    }
}

fn remote(context: TraceContext) -> SpanContext {
    let (trace, span) = (context.trace_id.into(), context.span_id.into());
    let flags = if context.sampled { opentelemetry::TraceFlags::SAMPLED } else { opentelemetry::TraceFlags::default() };
    SpanContext::new(trace, span, flags, true, TraceState::NONE)
}

fn fail(span: &Span, error_type: Option<&'static str>) {
    if let Some(error) = error_type {
        span.record("error.type", error);
        span.record("otel.status_code", "ERROR");
    }
}

fn labels(system: &'static str, operation: &'static str, name: &str, error: Option<&'static str>) -> Vec<Label> {
    let mut labels = vec![
        Label::from_static_parts("messaging_system", system),
        Label::from_static_parts("messaging_operation_name", operation),
        Label::new("messaging_destination_name", name.to_owned()),
    ];
    if let Some(error) = error {
        labels.push(Label::from_static_parts("error_type", error));
    }
    labels
}

fn with_type(mut labels: Vec<Label>, operation_type: &'static str) -> Vec<Label> {
    labels.push(Label::from_static_parts("messaging_operation_type", operation_type));
    labels
}

fn producer_span(destination: &Destination, name: &str, message_id: &str) -> Span {
    tracing::info_span!(
        parent: None,
        "messaging.publish",
        otel.name = format!("publish {name}"),
        otel.kind = "producer",
        otel.status_code = tracing::field::Empty,
        messaging.system = destination.system,
        messaging.operation.name = "publish",
        messaging.operation.type = "send",
        messaging.destination.name = name,
        messaging.rabbitmq.destination.routing_key = destination.routing_key,
        messaging.message.id = message_id,
        error.type = tracing::field::Empty,
    )
}

fn consumer_span(destination: &Destination, name: &str, message_id: &str) -> Span {
    tracing::info_span!(
        parent: None,
        "messaging.process",
        otel.name = format!("process {name}"),
        otel.kind = "consumer",
        otel.status_code = tracing::field::Empty,
        messaging.system = destination.system,
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.name = name,
        messaging.rabbitmq.destination.routing_key = destination.routing_key,
        messaging.message.id = message_id,
        error.type = tracing::field::Empty,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(exchange: &str, routing_key: &str, queue: &str) -> Destination {
        let [exchange, routing_key, queue] = [exchange, routing_key, queue].map(str::to_owned);
        Destination { system: "rabbitmq", exchange, routing_key, queue }
    }

    #[test]
    fn destinations_are_named_by_the_parts_that_are_set() {
        assert_eq!(destination("user", "user.registered", "").name(), "user:user.registered");
        assert_eq!(destination("user", "user.registered", "mail.user").name(), "user:user.registered:mail.user");
        assert_eq!(destination("", "", "mail.user").name(), "mail.user");
        assert_eq!(destination("", "", "").name(), "amq.default");
    }

    #[test]
    fn the_context_survives_the_headers_and_rubbish_is_absent() {
        let context = TraceContext::root();
        let mut headers = MessageHeaders::new();
        context.inject_into_message(&mut headers);
        assert_eq!(TraceContext::extract_from_message(&headers), Some(context));
        headers.insert(TRACEPARENT.to_owned(), "rubbish".to_owned());
        assert_eq!(TraceContext::extract_from_message(&headers), None);
        assert_eq!(TraceContext::extract_from_message(&MessageHeaders::new()), None);
    }

    #[test]
    fn a_publication_keeps_the_trace_of_its_cause() {
        let cause = TraceContext { sampled: false, ..TraceContext::root() };
        let mut headers = MessageHeaders::new();
        PublishGuard::start(&destination("user", "user.registered", ""), "1", Some(cause), &mut headers).finish(None);
        let context = TraceContext::extract_from_message(&headers).expect("a context");
        assert_eq!((context.trace_id, context.sampled), (cause.trace_id, false));
        assert_ne!(context.span_id, cause.span_id);
    }
}
