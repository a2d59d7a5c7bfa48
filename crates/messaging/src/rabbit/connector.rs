//! One connection to the broker, made when it is needed and again when it broke, with growing waits in between.

use std::mem::Discriminant;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, DefaultConnectionBuilder, Event};
use rand::RngExt;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{BrokerError, RabbitSettings};

/// The wait after the first failed attempt; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Waits that double, each shortened by chance so that clients do not come back all at once.
pub(super) fn backoff(failures: u32) -> Duration {
    let longest = FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(MAX_WAIT);
    longest.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// See the module.
pub(super) struct Connector {
    purpose: &'static str,
    uri: AMQPUri,
    authorities: Option<String>,
    name: String,
    timeout: Duration,
    state: Mutex<State>,
    /// Why the broker takes no messages, while it does not.
    blocked: watch::Sender<Option<String>>,
}

#[derive(Default)]
struct State {
    link: Option<Link>,
    failures: u32,
    /// When to try again, and what went wrong last.
    wait: Option<(Instant, BrokerError)>,
    /// What the log was told of, until it works.
    told: Option<Discriminant<BrokerError>>,
}

struct Link {
    connection: Connection,
    listener: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Connector {
    pub(super) fn new(purpose: &'static str, uri: AMQPUri, settings: &RabbitSettings) -> Self {
        let name = format!("{} {purpose}", settings.name);
        let timeout = settings.connect_timeout;
        let (purposes, outcomes) = ([purpose], ["connected", "failed"]);
        telemetry::init_to_zero("messaging_connections_total", &[("purpose", &purposes), ("outcome", &outcomes)]);
        telemetry::init_to_zero("messaging_connection_blocked", &[("purpose", &purposes)]);
        let authorities = settings.authorities.clone();
        let (state, blocked) = (Mutex::default(), watch::Sender::new(None));
        Self { purpose, uri, authorities, name, timeout, state, blocked }
    }

    /// A new channel, on the connection there is or on a new one. Fails at once while the next attempt is not due.
    pub(super) async fn channel(&self) -> Result<Channel, BrokerError> {
        let mut state = self.state.lock().await;
        let link = match state.link.take().filter(|link| link.connection.status().connected()) {
            Some(link) => link,
            None => self.connect(&mut state).await?,
        };
        let channel = tokio::time::timeout(self.timeout, link.connection.create_channel()).await;
        // Put back only now: a connection that fails at this is not worth keeping.
        let channel = channel.map_err(|_| BrokerError::slow(&self.uri))??;
        state.link = Some(link);
        Ok(channel)
    }

    /// Why the broker takes no messages now, if it does not.
    pub(super) fn blocked(&self) -> watch::Receiver<Option<String>> {
        self.blocked.subscribe()
    }

    async fn connect(&self, state: &mut State) -> Result<Link, BrokerError> {
        if let Some((due, error)) = &state.wait
            && *due > Instant::now()
        {
            return Err(BrokerError::Waiting(error.to_string()));
        }
        let outcome = self.try_connect().await;
        let label = if outcome.is_ok() { "connected" } else { "failed" };
        telemetry::counter!("messaging_connections_total", "purpose" => self.purpose, "outcome" => label).increment(1);
        match outcome {
            Ok(link) => {
                tracing::info!(purpose = self.purpose, "connected to the broker");
                (state.failures, state.wait, state.told) = (0, None, None);
                Ok(link)
            }
            Err(error) => {
                // Once, until something else is wrong: it is tried every few seconds.
                let reason = std::mem::discriminant(&error);
                if state.told.replace(reason) != Some(reason) {
                    self.report(&error);
                }
                state.failures = state.failures.saturating_add(1);
                state.wait = Some((Instant::now() + backoff(state.failures), error.clone()));
                Err(error)
            }
        }
    }

    fn report(&self, error: &BrokerError) {
        let (purpose, key, cause) = (self.purpose, crate::connect::KEY, error as &dyn std::error::Error);
        if error.is_refusal() {
            tracing::error!(purpose, key, error = cause, "the broker refuses this service; correct the key");
        } else {
            tracing::warn!(purpose, key, error = cause, "the broker cannot be reached and is tried again");
        }
    }

    async fn try_connect(&self) -> Result<Link, BrokerError> {
        let properties = ConnectionProperties::default().with_connection_name(self.name.clone().into());
        let security = OwnedTLSConfig { cert_chain: self.authorities.clone(), identity: None };
        let connecting = async {
            let builder = DefaultConnectionBuilder::new()?.with_uri(self.uri.clone()).with_properties(properties);
            builder.with_tls_config(security).connect().await
        };
        let connection = tokio::time::timeout(self.timeout, connecting).await;
        let connection = connection.map_err(|_| BrokerError::slow(&self.uri))?;
        let connection = connection.map_err(|error| BrokerError::connecting(&self.uri, &error))?;
        report_blocked(self.purpose, &self.blocked, None);
        let (events, blocked, purpose) = (connection.events_listener(), self.blocked.clone(), self.purpose);
        let listener = tokio::spawn(telemetry::in_current_trace(async move {
            let mut events = std::pin::pin!(events);
            while let Some(event) = events.next().await {
                match event {
                    Event::ConnectionBlocked(reason) => report_blocked(purpose, &blocked, Some(reason)),
                    Event::ConnectionUnblocked => report_blocked(purpose, &blocked, None),
                    Event::Error(error) => {
                        tracing::warn!(
                            purpose,
                            error = &error as &dyn std::error::Error,
                            "the connection to the broker broke"
                        );
                    }
                    _ => {}
                }
            }
        }));
        Ok(Link { connection, listener })
    }
}

fn report_blocked(purpose: &'static str, blocked: &watch::Sender<Option<String>>, reason: Option<String>) {
    telemetry::gauge!("messaging_connection_blocked", "purpose" => purpose).set(f64::from(u8::from(reason.is_some())));
    if let Some(reason) = &reason {
        tracing::warn!(purpose, reason, "the broker takes no messages");
    }
    blocked.send_replace(reason);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_vary() {
        for (failures, longest) in [(1, 100), (2, 200), (4, 800), (7, 5_000), (u32::MAX, 5_000)] {
            let wait = backoff(failures);
            assert!(wait <= Duration::from_millis(longest), "{failures}: {wait:?}");
            assert!(wait >= Duration::from_millis(longest / 2), "{failures}: {wait:?}");
        }
    }
}
