//! What both adapters do with a delivered message: read it, handle it in its span, decide what becomes of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use telemetry::{Destination, Gauge};
use tokio::sync::watch;

use crate::envelope::{Envelope, Malformed};
use crate::headers::{self, Headers};
use crate::ports::{Failure, Handler};
use crate::subscription::Subscription;

const SETTLED: &str = "messaging_settled_messages_total";

const HELD: &str = "messaging_held_messages";

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

    /// What decides its place in line: its aggregate.
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
pub(crate) enum Verdict {
    /// Handled.
    Done,
    /// Not meant for us any more.
    Ignored,
    /// To be delivered again with these headers after a while.
    Retry { wait: Duration, headers: Headers },
    /// To be put to the dead letters with these headers.
    Park { headers: Headers },
    /// To go back to its place, because the consumer stops while what the handler needs is away.
    GiveBack,
}

/// Handles the messages of one subscription.
pub(crate) struct Processor {
    subscription: Subscription,
    handler: Arc<dyn Handler>,
    system: &'static str,
    queue: String,
    /// Whether what the handler needs was away when it was last asked.
    away: AtomicBool,
}

/// A message that waits for what its handler needs, for as long as this lives.
struct Held(Gauge);

impl Held {
    fn new(queue: &str) -> Self {
        let gauge = telemetry::gauge!(HELD, "messaging_destination_name" => queue.to_owned());
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl Processor {
    pub(crate) fn new(subscription: Subscription, handler: Arc<dyn Handler>, system: &'static str) -> Self {
        let queue = subscription.queue();
        telemetry::init_to_zero(SETTLED, &[("messaging_destination_name", &[&queue]), ("outcome", &OUTCOMES)]);
        telemetry::init_to_zero(HELD, &[("messaging_destination_name", &[&queue])]);
        for kind in subscription.types() {
            telemetry::init_messages_to_zero(&destination(&subscription, system, kind), "failed");
        }
        Self { subscription, handler, system, queue, away: AtomicBool::new(false) }
    }

    pub(crate) fn queue(&self) -> &str {
        &self.queue
    }

    pub(crate) fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    /// Handles one message and decides. While what the handler needs is away this goes on, until `stop`.
    pub(crate) async fn process(&self, message: &Incoming, stop: &watch::Receiver<bool>) -> Verdict {
        let event = match &message.event {
            Ok(event) if !self.subscription.wants(event.kind()) => return Verdict::Ignored,
            event => event.as_ref(),
        };
        let kind = event.as_ref().map_or("_OTHER", |event| event.kind());
        let destination = destination(&self.subscription, self.system, kind);
        let id = message.id();
        if *stop.borrow() && self.away.load(Ordering::Relaxed) {
            return Verdict::GiveBack;
        }
        let outcome = telemetry::process_message(&destination, &id, &message.headers, error_type, async {
            let outcome = self.attempts(event.map_err(Clone::clone), &id, stop.clone()).await;
            outcome.map_err(|error| self.decide(message, error))
        });
        match outcome.await {
            Ok(()) => Verdict::Done,
            Err(decision) => decision.verdict,
        }
    }

    /// One attempt, and more as long as what the handler needs is away.
    async fn attempts(
        &self,
        event: Result<&Envelope, Malformed>,
        id: &str,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), Trouble> {
        let mut held = None;
        loop {
            let outcome = self.attempt(event.clone()).await;
            let absent = outcome.as_ref().err().filter(|trouble| trouble.is_absence());
            self.away.store(absent.is_some(), Ordering::Relaxed);
            let Some(absent) = absent else { return outcome };
            if held.is_none() {
                let (queue, reason) = (self.queue.as_str(), absent.to_string());
                tracing::warn!(event.id = id, queue, reason, "a message is held until what it needs is back");
                held = Some(Held::new(queue));
            }
            tokio::select! {
                () = tokio::time::sleep(self.subscription.pause) => {}
                _ = stop.wait_for(|stop| *stop) => return outcome,
            }
        }
    }

    async fn attempt(&self, event: Result<&Envelope, Malformed>) -> Result<(), Trouble> {
        let event = event.map_err(|malformed| Trouble::Malformed(malformed.to_string()))?;
        if let Some(newest) = self.subscription.too_old_for(event) {
            return Err(Trouble::TooNew(format!("version {} is newer than {newest}", event.version())));
        }
        let handling = AssertUnwindSafe(self.handler.handle(event)).catch_unwind();
        match tokio::time::timeout(self.subscription.timeout, handling).await {
            Ok(Ok(outcome)) => outcome.map_err(Trouble::Failed),
            Ok(Err(_)) => Err(Trouble::Panicked),
            Err(_) => Err(Trouble::TimedOut(self.subscription.timeout)),
        }
    }

    /// What becomes of a message that could not be handled. Logs it, inside its span.
    fn decide(&self, message: &Incoming, trouble: Trouble) -> Decision {
        if trouble.is_absence() {
            return Decision { verdict: Verdict::GiveBack, error_type: trouble.error_type() };
        }
        let failures = headers::failures(&message.headers).saturating_add(1);
        let wait = if trouble.may_pass() { self.subscription.ladder.wait(failures) } else { None };
        let (id, queue, reason) = (message.id(), self.queue.as_str(), trouble.to_string());
        let verdict = match wait {
            Some(wait) => {
                tracing::warn!(event.id = id, queue, failures, reason, "a message will be tried again");
                Verdict::Retry { wait, headers: headers::retried(&message.headers, failures) }
            }
            None => {
                let reason = if trouble.may_pass() { format!("attempts exhausted: {reason}") } else { reason };
                tracing::error!(event.id = id, queue, failures, reason, "a message was parked");
                Verdict::Park { headers: headers::parked(&message.headers, failures, queue, &reason) }
            }
        };
        Decision { verdict, error_type: trouble.error_type() }
    }

    /// Counts how a delivery ended.
    pub(crate) fn count(&self, outcome: &'static str) {
        telemetry::counter!(
            SETTLED,
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
    verdict: Verdict,
    error_type: &'static str,
}

fn error_type(outcome: &Result<(), Decision>) -> Option<&'static str> {
    outcome.as_ref().err().map(|decision| decision.error_type)
}

/// Why a message was not handled.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("malformed: {0}")]
    Malformed(String),
    #[error("unsupported version: {0}")]
    TooNew(String),
    #[error("{0}")]
    Failed(Failure),
    #[error("the handler panicked")]
    Panicked,
    #[error("the handler took longer than {0:?}")]
    TimedOut(Duration),
}

impl Trouble {
    fn may_pass(&self) -> bool {
        match self {
            Self::Malformed(_) | Self::TooNew(_) => false,
            Self::Failed(failure) => failure.is_passing(),
            Self::Panicked | Self::TimedOut(_) => true,
        }
    }

    fn is_absence(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is_absence())
    }

    fn error_type(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::TooNew(_) => "unsupported_version",
            Self::Failed(failure) if failure.is_absence() => "unavailable",
            Self::Failed(failure) if failure.is_passing() => "failed",
            Self::Failed(_) => "rejected",
            Self::Panicked => "panic",
            Self::TimedOut(_) => "timeout",
        }
    }
}
