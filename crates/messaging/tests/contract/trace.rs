//! Traces: a consumer span links to its producer span, and what a handler publishes belongs to the handler's trace.

use std::sync::Arc;

use async_trait::async_trait;
use messaging::{Envelope, Failure, Handler, Publisher};
use uuid::Uuid;

use crate::world::{RecordingHandler, World, event, eventually, subscription};

/// Answers each event with another.
struct Echo(Arc<dyn Publisher>);

#[async_trait]
impl Handler for Echo {
    async fn handle(&self, _: &Envelope) -> Result<(), Failure> {
        let outcomes = self.0.publish(&[event("trace.answered", "1", 2)]).await;
        outcomes.into_iter().collect::<Result<(), _>>().map_err(|error| Failure::transient(error.to_string()))
    }
}

pub async fn consumer_spans_link_to_producer_spans(world: &World) {
    let handler = RecordingHandler::accepting();
    let echo = Arc::new(Echo(world.broker.publisher("trace").unwrap()));
    let first = world.broker.subscribe(subscription("trace", "echo", &["trace.asked"]), echo);
    let second = world.broker.subscribe(subscription("trace", "mail", &["trace.answered"]), handler.clone());
    first.ready().await;
    second.ready().await;
    let asked = event("trace.asked", "1", 1);
    world.publish("trace", std::slice::from_ref(&asked)).await;
    let answered = handler.at_least(1).await.remove(0);

    let produced = span(world, asked.id(), "producer").await;
    let consumed = span(world, asked.id(), "consumer").await;
    assert_eq!(produced.name, "publish trace:trace.asked");
    assert_eq!(consumed.name, "process trace:trace.asked:echo.trace");
    assert_ne!(produced.trace_id, consumed.trace_id, "a consumer starts a trace of its own");
    assert_eq!(consumed.parent_span_id, "");
    assert_eq!(world.collector.links(&consumed.span_id), [(produced.trace_id.clone(), produced.span_id.clone())]);
    assert_eq!(world.collector.links(&produced.span_id), []);
    assert_eq!(consumed.attribute("messaging.operation.type").as_deref(), Some("process"));

    let answer = span(world, answered.id(), "producer").await;
    assert_eq!((&answer.trace_id, &answer.parent_span_id), (&consumed.trace_id, &consumed.span_id));
    assert_eq!(answered.cause().map(|cause| cause.trace_id_hex()), Some(consumed.trace_id));
    let last = span(world, answered.id(), "consumer").await;
    assert_eq!(world.collector.links(&last.span_id), [(answer.trace_id, answer.span_id)]);
}

async fn span(world: &World, event: Uuid, kind: &str) -> telemetry::SpanRecord {
    let event = event.to_string();
    eventually("a span", || async {
        let of = |span: &telemetry::SpanRecord| span.attribute("messaging.message.id").as_ref() == Some(&event);
        world.collector.all().into_iter().find(|span| span.kind == kind && of(span))
    })
    .await
}
