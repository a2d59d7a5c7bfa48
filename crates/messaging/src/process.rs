//! What both adapters do with a delivered message: read it, handle it in its span, decide what becomes of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chassis::ports::Ports;
use futures_util::FutureExt;
use telemetry::{Destination, Gauge};
use tokio::sync::watch;

use crate::envelope::{Envelope, Malformed};
use crate::headers::{self, Headers, Parking};
use crate::ports::Handler;
use crate::process_error::ProcessError;
use crate::subscription::Subscription;
use crate::time::{timeout, utc};

const SETTLED_TOTAL: &str = "messaging_settled_messages_total";

const HELD_GAUGE: &str = "messaging_held_messages";

/// How deliveries end.
const OUTCOMES: [&str; 5] = ["done", "ignored", "retried", "parked", "requeued"];

/// A delivered message.
pub(crate) struct Incoming {
    /// Id as the transport knows it.
    pub(crate) message_id: Option<String>,
    pub(crate) headers: Headers,
    pub(crate) event: Result<Envelope, Malformed>,
}

impl Incoming {
    pub(crate) fn new(message_id: Option<String>, headers: Headers, body: &[u8]) -> Self {
        Self { message_id, headers, event: Envelope::decode(body) }
    }

    /// What its order is kept within: its aggregate.
    pub(crate) fn key(&self) -> &str {
        self.event.as_ref().map_or("", Envelope::key)
    }

    /// Its id, as far as known.
    pub(crate) fn id(&self) -> String {
        let id = self.event.as_ref().map_or_else(|malformed| malformed.id, |event| Some(event.id()));
        id.map(|id| id.to_string()).or_else(|| self.message_id.clone()).unwrap_or_default()
    }
}

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// Handled.
    Done,
    /// Not meant for us any more.
    Ignored,
    /// To be delivered again with these headers after a while.
    Retry { wait: Duration, headers: Headers },
    /// To be put to the dead letters with these headers.
    Park { headers: Headers },
    /// To go back to its place, because the consumer stops while what the handler needs is down.
    Requeue,
}

impl Disposition {
    /// Bounded name for metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Ignored => "ignored",
            Self::Retry { .. } => "retried",
            Self::Park { .. } => "parked",
            Self::Requeue => "requeued",
        }
    }
}

/// Handles the messages of one subscription.
pub(crate) struct Processor {
    subscription: Subscription,
    handler: Arc<dyn Handler>,
    system: &'static str,
    queue: String,
    ports: Ports,
    /// Whether what the handler needs was down when it was last asked.
    dependency_down: AtomicBool,
}

/// A message that waits for what its handler needs, for as long as this lives.
struct HeldMessage(Gauge);

impl HeldMessage {
    fn new(queue: &str) -> Self {
        let gauge = telemetry::gauge!(HELD_GAUGE, "messaging_destination_name" => queue.to_owned());
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for HeldMessage {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl Processor {
    pub(crate) fn new(
        subscription: Subscription,
        handler: Arc<dyn Handler>,
        system: &'static str,
        ports: &Ports,
    ) -> Self {
        let queue = subscription.queue();
        telemetry::init_to_zero(SETTLED_TOTAL, &[("messaging_destination_name", &[&queue]), ("outcome", &OUTCOMES)]);
        telemetry::init_to_zero(HELD_GAUGE, &[("messaging_destination_name", &[&queue])]);
        for kind in subscription.types() {
            telemetry::init_messages_to_zero(&destination(&subscription, system, kind), "failed");
        }
        let (ports, dependency_down) = (ports.clone(), AtomicBool::new(false));
        Self { subscription, handler, system, queue, ports, dependency_down }
    }

    pub(crate) fn queue(&self) -> &str {
        &self.queue
    }

    pub(crate) fn ports(&self) -> &Ports {
        &self.ports
    }

    pub(crate) fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    /// Handles one message and decides. While what the handler needs is down this goes on, until `stop`.
    pub(crate) async fn process(&self, message: &Incoming, stop: &watch::Receiver<bool>) -> Disposition {
        let event = match &message.event {
            Ok(event) if !self.subscription.wants(event.kind()) => return Disposition::Ignored,
            event => event.as_ref(),
        };
        let kind = event.as_ref().map_or("_OTHER", |event| event.kind());
        let destination = destination(&self.subscription, self.system, kind);
        let id = message.id();
        if *stop.borrow() && self.dependency_down.load(Ordering::Relaxed) {
            return Disposition::Requeue;
        }
        let outcome = telemetry::process_message(&destination, &id, &message.headers, error_type, async {
            let outcome = self.attempts(event.map_err(Clone::clone), &id, stop.clone()).await;
            outcome.map_err(|error| self.decide(message, error))
        });
        match outcome.await {
            Ok(()) => Disposition::Done,
            Err(decision) => decision.disposition,
        }
    }

    /// One attempt, and more as long as what the handler needs is down.
    async fn attempts(
        &self,
        event: Result<&Envelope, Malformed>,
        id: &str,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), ProcessError> {
        let mut held = None;
        loop {
            let outcome = self.attempt(event.clone()).await;
            let down = outcome.as_ref().err().filter(|error| error.is_dependency_down());
            self.dependency_down.store(down.is_some(), Ordering::Relaxed);
            let Some(down) = down else { return outcome };
            if held.is_none() {
                let (queue, reason) = (self.queue.as_str(), down.to_string());
                tracing::warn!(event.id = id, queue, reason, "a message is held until what it needs is back");
                held = Some(HeldMessage::new(queue));
            }
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return outcome,
                () = self.ports.clock.sleep(self.subscription.dependency_retry_interval) => {}
            }
        }
    }

    async fn attempt(&self, event: Result<&Envelope, Malformed>) -> Result<(), ProcessError> {
        let event = event.map_err(|malformed| ProcessError::Malformed(malformed.to_string()))?;
        if let Some(newest) = self.subscription.too_old_for(event) {
            return Err(ProcessError::UnsupportedVersion(format!(
                "version {} is newer than {newest}",
                event.version()
            )));
        }
        let handling = AssertUnwindSafe(self.handler.handle(event)).catch_unwind();
        match timeout(&*self.ports.clock, self.subscription.timeout, handling).await {
            Ok(Ok(outcome)) => outcome.map_err(ProcessError::Failed),
            Ok(Err(_)) => Err(ProcessError::Panicked),
            Err(_) => Err(ProcessError::TimedOut(self.subscription.timeout)),
        }
    }

    /// What becomes of a message that could not be handled. Logs it, inside its span.
    fn decide(&self, message: &Incoming, error: ProcessError) -> Decision {
        if error.is_dependency_down() {
            return Decision { disposition: Disposition::Requeue, error_type: error.error_type() };
        }
        let failures = headers::failures(&message.headers).saturating_add(1);
        let wait = if error.is_retryable() { self.subscription.ladder.wait(failures) } else { None };
        let (id, queue, reason) = (message.id(), self.queue.as_str(), error.to_string());
        let disposition = match wait {
            Some(wait) => {
                tracing::warn!(event.id = id, queue, failures, reason, "a message will be tried again");
                Disposition::Retry { wait, headers: headers::for_retry(&message.headers, failures) }
            }
            None => {
                let reason = if error.is_retryable() { format!("attempts exhausted: {reason}") } else { reason };
                tracing::error!(event.id = id, queue, failures, reason, "a message was parked");
                let parking = Parking { queue, reason: &reason, at: utc(&*self.ports.clock) };
                Disposition::Park { headers: headers::for_parking(&message.headers, failures, &parking) }
            }
        };
        Decision { disposition, error_type: error.error_type() }
    }

    /// Counts how a delivery ended.
    pub(crate) fn count(&self, outcome: &'static str) {
        telemetry::counter!(
            SETTLED_TOTAL,
            "messaging_destination_name" => self.queue.clone(),
            "outcome" => outcome
        )
        .increment(1);
    }
}

fn destination(subscription: &Subscription, system: &'static str, kind: &str) -> Destination {
    Destination {
        system,
        exchange: subscription.context().to_owned(),
        routing_key: kind.to_owned(),
        queue: subscription.queue(),
    }
}

struct Decision {
    disposition: Disposition,
    error_type: &'static str,
}

fn error_type(outcome: &Result<(), Decision>) -> Option<&'static str> {
    outcome.as_ref().err().map(|decision| decision.error_type)
}
