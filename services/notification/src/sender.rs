//! Sends what waits: claims mails for a while, sends them a few at a time, notes what became of each. Told when a mail
//! is queued here, and looking every so often for those that others queued or that are due again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::adapters::templates::Templates;
use crate::domain::{Claim, Error, RetryPolicy, Verdict};
use crate::metrics;
use crate::ports::{Mailer, SendError, Store};

/// Pause after the database failed.
const DATABASE_WAIT: Duration = Duration::from_secs(1);

/// Pauses between attempts to note what became of a mail. What cannot be noted is sent again when the claim ends.
const SETTLE_WAITS: [Duration; 3] = [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5)];

/// How the sender works.
#[derive(Clone, Copy, Debug)]
pub struct SenderSettings {
    /// Mails sent at once.
    pub concurrency: usize,
    /// Longest time one attempt may take.
    pub timeout: Duration,
    /// Time after which the mails of a sender that died are sent by another. Longer than an attempt.
    pub lease: Duration,
    /// Longest time a due mail waits to be noticed; those queued in this process do not wait.
    pub poll: Duration,
    /// What becomes of a mail after a failed attempt.
    pub policy: RetryPolicy,
}

/// See the module. Any number may work on one store.
#[derive(Clone)]
pub struct Sender {
    store: Arc<dyn Store>,
    mailer: Arc<dyn Mailer>,
    templates: Arc<Templates>,
    settings: SenderSettings,
    wake: Arc<Notify>,
}

impl Sender {
    /// Sends the mails of `store` through `mailer`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        mailer: Arc<dyn Mailer>,
        templates: Arc<Templates>,
        settings: SenderSettings,
    ) -> Self {
        Self { store, mailer, templates, settings, wake: Arc::default() }
    }

    /// To be told of each queued mail.
    #[must_use]
    pub fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Sends until it is told to stop, then finishes the mails in hand.
    pub async fn run(self, stop: CancellationToken) {
        let mut sending = JoinSet::new();
        while !stop.is_cancelled() {
            let wait = match self.start(&mut sending).await {
                Ok(()) => self.settings.poll,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "mails cannot be read");
                    DATABASE_WAIT
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified(), if sending.len() < self.settings.concurrency => {}
                Some(_) = sending.join_next() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        while sending.join_next().await.is_some() {}
    }

    /// Starts to send as many as there is room for.
    async fn start(&self, sending: &mut JoinSet<()>) -> Result<(), Error> {
        let room = self.settings.concurrency.saturating_sub(sending.len());
        for claim in self.store.claim(room, self.settings.lease).await? {
            let sender = self.clone();
            sending.spawn(async move { sender.deliver(claim).await });
        }
        Ok(())
    }

    /// Sends one mail in its span and notes the outcome.
    async fn deliver(&self, claim: Claim) {
        let id = claim.id.to_string();
        let span = telemetry::MailSpan {
            kind: claim.kind.as_str(),
            transport: self.mailer.name(),
            id: &id,
            attempt: claim.attempts,
            cause: claim.traceparent.as_deref().and_then(telemetry::TraceContext::parse),
        };
        let error_type = |error: &Option<SendError>| error.as_ref().map(|error| error.class);
        span.observe(error_type, async {
            let (verdict, error) = self.attempt(&claim).await;
            self.settle(&claim, &verdict).await;
            metrics::count_outcome(claim.kind, verdict.outcome());
            if matches!(verdict, Verdict::Sent | Verdict::Failed { .. } | Verdict::Expired { .. }) {
                metrics::observe_freshness(claim.kind.as_str(), claim.occurred_at);
            }
            error
        })
        .await;
    }

    async fn attempt(&self, claim: &Claim) -> (Verdict, Option<SendError>) {
        let Some(recipient) = &claim.recipient else { return (Verdict::Cancelled, None) };
        let start = Instant::now();
        let sending = async {
            let letter = self.templates.compose(claim, recipient);
            // A bug of ours, which the next release may mend while the mail waits.
            let letter = letter.map_err(|error| SendError::passing("template", error.to_string()))?;
            self.mailer.send(&letter).await
        };
        let sending = tokio::time::timeout(self.settings.timeout, AssertUnwindSafe(sending).catch_unwind());
        let outcome = match sending.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(SendError::passing("panic", "sending it panicked")),
            Err(_) => Err(SendError::passing("timeout", format!("not sent within {:?}", self.settings.timeout))),
        };
        let error = outcome.err();
        metrics::observe_attempt(self.mailer.name(), error.as_ref().map(|error| error.class), start.elapsed());
        let verdict = error.as_ref().map_or(Verdict::Sent, |error| self.after_failure(claim, error));
        (verdict, error)
    }

    /// What becomes of a mail that was not sent. Logs it.
    fn after_failure(&self, claim: &Claim, error: &SendError) -> Verdict {
        let (id, kind, attempts) = (claim.id, claim.kind.as_str(), claim.attempts);
        let reason = error.to_string();
        if error.is_final {
            tracing::error!(mail.id = %id, mail.kind = kind, attempts, reason, "a mail was refused for good");
            return Verdict::Failed { reason };
        }
        let next = self.settings.policy.next_attempt(attempts, claim.queued_at, Utc::now(), rand::random());
        match next {
            Some(due_at) => {
                tracing::warn!(mail.id = %id, mail.kind = kind, attempts, reason, "a mail will be tried again");
                Verdict::Retry { due_at, reason }
            }
            None => {
                tracing::error!(mail.id = %id, mail.kind = kind, attempts, reason, "a mail was given up");
                Verdict::Expired { reason: format!("given up: {reason}") }
            }
        }
    }

    async fn settle(&self, claim: &Claim, verdict: &Verdict) {
        let mut waits = SETTLE_WAITS.into_iter();
        while let Err(error) = self.store.settle(claim, verdict).await {
            let wait = waits.next();
            log_settle_failure(claim, &error, wait.is_some());
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return,
            }
        }
    }
}

fn log_settle_failure(claim: &Claim, error: &Error, again: bool) {
    let error = error as &dyn std::error::Error;
    if again {
        tracing::warn!(mail.id = %claim.id, error, "the outcome of a mail could not be noted yet");
    } else {
        tracing::error!(mail.id = %claim.id, error, "the outcome of a mail was not noted");
    }
}
