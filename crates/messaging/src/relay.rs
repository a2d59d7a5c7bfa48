//! The relay: publishes what is in the outbox and marks it sent once the broker has confirmed it.
//!
//! An event that no queue wants, or that a full queue refuses, stays and is tried again with growing waits; the later
//! events of its aggregate wait behind it, those of others do not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};

use crate::outbox::{Claim, Outbox};
use crate::ports::{PublishError, Publisher};

/// The wait after the first failed attempt to publish; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How often the gauges are brought up to date.
const GAUGES: Duration = Duration::from_secs(1);

/// How often old rows are looked for.
const PURGE: Duration = Duration::from_secs(60);

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
    /// Longest wait between attempts to publish an event.
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

/// See the module. Any number may work on one outbox.
pub struct Relay {
    outbox: Outbox,
    publisher: Arc<dyn Publisher>,
    settings: RelaySettings,
}

impl Relay {
    /// From `outbox` to `publisher`.
    #[must_use]
    pub fn new(outbox: Outbox, publisher: Arc<dyn Publisher>, settings: RelaySettings) -> Self {
        Self { outbox, publisher, settings }
    }

    /// Relays for ever. Events in flight when it is dropped are published again after the lease.
    pub async fn run(self) {
        let mut gauges = Due::now(GAUGES);
        let mut purge = Due::now(PURGE);
        loop {
            let outcome = self.beat(&mut gauges, &mut purge).await;
            match outcome {
                Ok(round) if round.sent > 0 => tokio::task::yield_now().await,
                Ok(_) => self.outbox.woken(self.settings.poll).await,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the outbox cannot be read");
                    tokio::time::sleep(DATABASE_WAIT).await;
                }
            }
        }
    }

    async fn beat(&self, gauges: &mut Due, purge: &mut Due) -> Result<Round, sqlx::Error> {
        if gauges.is_due() {
            self.measure().await?;
        }
        if purge.is_due() {
            let age = TimeDelta::from_std(self.settings.retention).unwrap_or(TimeDelta::MAX);
            self.outbox.purge(Utc::now() - age).await?;
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
        let events: Vec<_> = claims.iter().filter_map(|claim| claim.event.clone().ok()).collect();
        let mut published = self.publisher.publish(&events).await.into_iter();
        let outcomes: Vec<_> = claims
            .iter()
            .map(|claim| {
                let result = match &claim.event {
                    Ok(_) => published.next().unwrap_or(Err(PublishError::Timeout)),
                    Err(malformed) => Err(PublishError::Refused(malformed.to_string())),
                };
                (claim.seq, self.judge(claim, result.err().as_ref(), &mut round))
            })
            .collect();
        self.outbox.settle(&outcomes).await?;
        Ok(round)
    }

    /// Counts an outcome and answers how long to wait before the next attempt, if there has to be one.
    fn judge(&self, claim: &Claim, error: Option<&PublishError>, round: &mut Round) -> Option<Duration> {
        let (count, outcome) = match error {
            None => (&mut round.sent, "sent"),
            Some(PublishError::Returned(_)) => (&mut round.returned, "returned"),
            Some(_) => (&mut round.failed, "failed"),
        };
        *count += 1;
        telemetry::counter!("outbox_relayed_messages_total", "outcome" => outcome).increment(1);
        let Some(error) = error else {
            let lag = (Utc::now() - claim.appended_at).to_std().unwrap_or_default();
            telemetry::histogram!("outbox_relay_lag_seconds").record(lag.as_secs_f64());
            return None;
        };
        let id = claim.event.as_ref().map_or_else(|error| error.id, |event| Some(event.id()));
        let id = id.map(|id| id.to_string()).unwrap_or_default();
        tracing::warn!(
            event.id = id,
            event.attempts = claim.attempts,
            error = error as &dyn std::error::Error,
            "an event was not published and stays in the outbox"
        );
        Some(FIRST_WAIT.saturating_mul(1 << claim.attempts.saturating_sub(1).min(16)).min(self.settings.max_wait))
    }
}

/// Something to be done every so often.
struct Due {
    next: Instant,
    every: Duration,
}

impl Due {
    fn now(every: Duration) -> Self {
        Self { next: Instant::now(), every }
    }

    fn is_due(&mut self) -> bool {
        let due = self.next <= Instant::now();
        if due {
            self.next = Instant::now() + self.every;
        }
        due
    }
}
