//! The relay: publishes what is in the outbox and marks it sent once the broker has confirmed it.
//!
//! An event that no queue wants, or that a full queue refuses, stays and is tried again with growing waits, and so is
//! its type ([`crate::type_breaker`]); the later events of its aggregate wait behind it, other types do not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chassis::ports::Clock;
use tokio::time::Instant;

use crate::envelope::Envelope;
use crate::errors::PublishError;
use crate::outbox::{Claim, Outbox};
use crate::ports::Publisher;
use crate::time::{delta, utc};
use crate::type_breaker::{State, TypeBreakers};

/// How often the gauges are brought up to date.
const GAUGE_INTERVAL: Duration = Duration::from_secs(1);

/// How often old rows are looked for.
const PURGE_INTERVAL: Duration = Duration::from_secs(60);

/// The wait after the database failed.
const DATABASE_WAIT: Duration = Duration::from_secs(1);

/// How a relay works.
#[derive(Clone, Copy, Debug)]
pub struct RelaySettings {
    /// Events claimed and published at once.
    pub batch: u16,
    /// Longest time an event waits to be noticed; those committed by [`Outbox::commit`] do not wait.
    pub poll: Duration,
    /// Time after which events claimed by a relay that died are published by another. Longer than publishing takes.
    pub lease: Duration,
    /// Longest wait between attempts to publish a type of events, and of an event that some queue wants.
    pub max_wait: Duration,
    /// How long sent events are kept, for people who look for them.
    pub retention: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            batch: 128,
            poll: Duration::from_millis(100),
            lease: Duration::from_secs(15),
            max_wait: Duration::from_secs(5),
            retention: Duration::from_hours(24),
        }
    }
}

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Confirmed by the broker.
    pub sent: u64,
    /// Wanted by no queue, kept.
    pub returned: u64,
    /// Not confirmed for another reason, kept.
    pub failed: u64,
}

/// See the module. Any number may work on one outbox, each on the clock of its outbox.
pub struct Relay {
    outbox: Outbox,
    publisher: Arc<dyn Publisher>,
    settings: RelaySettings,
    breakers: Mutex<TypeBreakers>,
}

/// What is to be noted of a claimed event: its place, and how long it waits if it was not sent.
type Outcome = (i64, Option<Duration>);

impl Relay {
    /// From `outbox` to `publisher`.
    #[must_use]
    pub fn new(outbox: Outbox, publisher: Arc<dyn Publisher>, settings: RelaySettings) -> Self {
        let breakers = Mutex::new(TypeBreakers::new(settings.max_wait));
        Self { outbox, publisher, settings, breakers }
    }

    /// Relays for ever. Events in flight when it is dropped are published again after the lease.
    pub async fn run(self) {
        telemetry::init_to_zero("outbox_relayed_messages_total", &[("outcome", &["sent", "returned", "failed"])]);
        telemetry::init_to_zero("outbox_relay_lag_seconds", &[]);
        let clock = Arc::clone(&self.outbox.ports().clock);
        let mut gauges = Periodic::starting(clock.now(), GAUGE_INTERVAL);
        let mut purge = Periodic::starting(clock.now(), PURGE_INTERVAL);
        loop {
            let outcome = self.tick(&mut gauges, &mut purge).await;
            match outcome {
                Ok(round) if round.sent > 0 => tokio::task::yield_now().await,
                Ok(_) => self.outbox.wait_for_commit(self.settings.poll).await,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the outbox cannot be read");
                    clock.sleep(DATABASE_WAIT).await;
                }
            }
        }
    }

    async fn tick(&self, gauges: &mut Periodic, purge: &mut Periodic) -> Result<Round, sqlx::Error> {
        if gauges.is_due(self.clock().now()) {
            self.measure().await?;
        }
        if purge.is_due(self.clock().now()) {
            self.outbox.purge(utc(self.clock()) - delta(self.settings.retention)).await?;
        }
        self.round().await
    }

    async fn measure(&self) -> Result<(), sqlx::Error> {
        let backlog = self.outbox.backlog().await?;
        #[allow(clippy::cast_precision_loss, reason = "a gauge")]
        telemetry::gauge!("outbox_unsent_messages").set(backlog.count as f64);
        telemetry::gauge!("outbox_oldest_unsent_age_seconds").set(backlog.oldest.as_secs_f64());
        Ok(())
    }

    /// Claims once, publishes, notes the outcome.
    ///
    /// # Errors
    /// If the database refuses or is gone; what was published by then is published again.
    pub async fn round(&self) -> Result<Round, sqlx::Error> {
        let claims = self.outbox.claim(self.settings.batch, self.settings.lease).await?;
        let mut round = Round::default();
        if claims.is_empty() {
            return Ok(round);
        }
        let (first, rest) = self.admit(claims);
        let mut outcomes = self.publish(first, &mut round).await;
        let (second, held): (Vec<_>, Vec<_>) = rest.into_iter().partition(|claim| self.is_closed(claim));
        outcomes.extend(self.publish(second, &mut round).await);
        outcomes.extend(held.iter().map(|claim| self.delayed(claim)));
        self.outbox.record_outcomes(&outcomes).await?;
        Ok(round)
    }

    fn clock(&self) -> &dyn Clock {
        &*self.outbox.ports().clock
    }

    fn breakers(&self) -> MutexGuard<'_, TypeBreakers> {
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the breaker of its type is closed, so that it may be published.
    fn is_closed(&self, claim: &Claim) -> bool {
        self.breakers().state(claim.kind(), self.clock().now()) == State::Closed
    }

    /// Those that may be published now, one for a type that is tried again, and the rest.
    fn admit(&self, claims: Vec<Claim>) -> (Vec<Claim>, Vec<Claim>) {
        let (breakers, now) = (self.breakers(), self.clock().now());
        let mut probed: Vec<String> = Vec::new();
        claims.into_iter().partition(|claim| match breakers.state(claim.kind(), now) {
            State::Closed => true,
            State::Open => false,
            State::HalfOpen if probed.iter().any(|kind| kind == claim.kind()) => false,
            State::HalfOpen => {
                probed.push(claim.kind().to_owned());
                true
            }
        })
    }

    async fn publish(&self, claims: Vec<Claim>, round: &mut Round) -> Vec<Outcome> {
        let (valid, malformed): (Vec<_>, Vec<_>) = claims.into_iter().partition(|claim| claim.event.is_ok());
        let mut outcomes: Vec<_> = malformed.iter().map(|claim| self.skip_malformed(claim, round)).collect();
        let events: Vec<Envelope> = valid.iter().filter_map(|claim| claim.event.clone().ok()).collect();
        let mut published = if events.is_empty() { Vec::new() } else { self.publisher.publish(&events).await };
        published.resize(valid.len(), Err(PublishError::Timeout));
        // What was taken first: the breaker of a type of which one event failed opens, whatever became of the others.
        for (claim, _) in valid.iter().zip(&published).filter(|(_, result)| result.is_ok()) {
            outcomes.push(self.sent(claim, round));
        }
        for (claim, error) in valid.iter().zip(published).filter_map(|(claim, result)| Some((claim, result.err()?))) {
            outcomes.push(self.failed(claim, &error, round));
        }
        outcomes
    }

    fn sent(&self, claim: &Claim, round: &mut Round) -> Outcome {
        round.sent += 1;
        count("sent");
        let lag = (utc(self.clock()) - claim.appended_at).to_std().unwrap_or_default();
        telemetry::histogram!("outbox_relay_lag_seconds").record(lag.as_secs_f64());
        if self.breakers().record_success(claim.kind()) {
            tracing::info!(event.r#type = claim.kind(), "events of a type are published again");
        }
        (claim.seq, None)
    }

    fn failed(&self, claim: &Claim, error: &PublishError, round: &mut Round) -> Outcome {
        let (counter, outcome) = match error {
            PublishError::Returned(_) => (&mut round.returned, "returned"),
            _ => (&mut round.failed, "failed"),
        };
        *counter += 1;
        count(outcome);
        if self.breakers().record_failure(claim.kind(), error, self.clock().now()) {
            tracing::warn!(
                event.r#type = claim.kind(),
                event.id = claim.id(),
                error = error as &dyn std::error::Error,
                "events of a type are not published and stay in the outbox"
            );
        }
        self.delayed(claim)
    }

    /// A row that is no event says nothing about its type.
    fn skip_malformed(&self, claim: &Claim, round: &mut Round) -> Outcome {
        round.failed += 1;
        count("failed");
        if let (1, Err(error)) = (claim.attempts, &claim.event) {
            let error = error as &dyn std::error::Error;
            tracing::error!(event.id = claim.id(), error, "a row of the outbox is no event and stays there");
        }
        self.delayed(claim)
    }

    /// To be claimed again after a while.
    fn delayed(&self, claim: &Claim) -> Outcome {
        (claim.seq, Some(self.breakers().retry_delay(claim.kind(), claim.attempts)))
    }
}

fn count(outcome: &'static str) {
    telemetry::counter!("outbox_relayed_messages_total", "outcome" => outcome).increment(1);
}

/// Something to be done every so often.
struct Periodic {
    next: Instant,
    interval: Duration,
}

impl Periodic {
    fn starting(now: Instant, interval: Duration) -> Self {
        Self { next: now, interval }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.next <= now;
        if due {
            self.next = now + self.interval;
        }
        due
    }
}
