//! One connection to the broker, made when it is needed and again when it broke, with growing waits in between.

use std::mem::Discriminant;
use std::time::Duration;

use chassis::backoff::{Backoff, Jitter};
use chassis::ports::Ports;
use futures_util::StreamExt;
use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, DefaultConnectionBuilder, Event};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::error;
use super::settings::RabbitSettings;
use crate::errors::BrokerError;
use crate::settings::BROKER_URL;
use crate::time::timeout;

/// The waits between attempts that fail, each shortened by chance so that clients do not come back all at once.
pub(super) const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), Jitter::Half);

/// See the module.
pub(super) struct Connector {
    purpose: &'static str,
    uri: AMQPUri,
    authorities: Option<String>,
    name: String,
    timeout: Duration,
    ports: Ports,
    state: Mutex<State>,
    /// Why the broker takes no messages, while it does not.
    blocked: watch::Sender<Option<String>>,
}

#[derive(Default)]
struct State {
    connected: Option<Connected>,
    failures: u32,
    /// When to try again, and what went wrong last.
    retry_at: Option<(Instant, BrokerError)>,
    /// What was logged last, until it works.
    logged: Option<Discriminant<BrokerError>>,
}

struct Connected {
    connection: Connection,
    listener: JoinHandle<()>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Connector {
    pub(super) fn new(purpose: &'static str, uri: AMQPUri, settings: &RabbitSettings, ports: &Ports) -> Self {
        let name = format!("{} {purpose}", settings.name);
        let timeout = settings.connect_timeout;
        let (purposes, outcomes) = ([purpose], ["connected", "failed"]);
        telemetry::init_to_zero("messaging_connections_total", &[("purpose", &purposes), ("outcome", &outcomes)]);
        telemetry::init_to_zero("messaging_connection_blocked", &[("purpose", &purposes)]);
        let authorities = settings.authorities.clone();
        let (ports, state, blocked) = (ports.clone(), Mutex::default(), watch::Sender::new(None));
        Self { purpose, uri, authorities, name, timeout, ports, state, blocked }
    }

    /// A new channel, on the connection there is or on a new one. Fails at once while the next attempt is not due.
    pub(super) async fn channel(&self) -> Result<Channel, BrokerError> {
        let mut state = self.state.lock().await;
        let connected = match state.connected.take().filter(|connected| connected.connection.status().connected()) {
            Some(connected) => connected,
            None => self.connect(&mut state).await?,
        };
        let channel = self.limited(connected.connection.create_channel()).await;
        // Put back only now: a connection that fails at this is not worth keeping.
        let channel = channel??;
        state.connected = Some(connected);
        Ok(channel)
    }

    /// Time as this connection sees it.
    pub(super) fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Gives the broker the time there is for an answer.
    async fn limited<F: Future>(&self, work: F) -> Result<F::Output, BrokerError> {
        let answer = timeout(&*self.ports.clock, self.timeout, work).await;
        answer.map_err(|_| error::connect_timed_out(&self.uri))
    }

    /// Why the broker takes no messages now, if it does not.
    pub(super) fn blocked(&self) -> watch::Receiver<Option<String>> {
        self.blocked.subscribe()
    }

    async fn connect(&self, state: &mut State) -> Result<Connected, BrokerError> {
        if let Some((due, error)) = &state.retry_at
            && *due > self.ports.clock.now()
        {
            return Err(BrokerError::Waiting(error.to_string()));
        }
        let outcome = self.try_connect().await;
        let label = if outcome.is_ok() { "connected" } else { "failed" };
        telemetry::counter!("messaging_connections_total", "purpose" => self.purpose, "outcome" => label).increment(1);
        match outcome {
            Ok(connected) => {
                tracing::info!(purpose = self.purpose, "connected to the broker");
                (state.failures, state.retry_at, state.logged) = (0, None, None);
                Ok(connected)
            }
            Err(error) => {
                // Once, until something else is wrong: it is tried every few seconds.
                let reason = std::mem::discriminant(&error);
                if state.logged.replace(reason) != Some(reason) {
                    self.log_failure(&error);
                }
                state.failures = state.failures.saturating_add(1);
                let wait = BACKOFF.wait(state.failures, &*self.ports.random);
                state.retry_at = Some((self.ports.clock.now() + wait, error.clone()));
                Err(error)
            }
        }
    }

    fn log_failure(&self, error: &BrokerError) {
        let (purpose, key, cause) = (self.purpose, BROKER_URL, error as &dyn std::error::Error);
        if error.is_refusal() {
            tracing::error!(purpose, key, error = cause, "the broker refuses this service; correct the key");
        } else {
            tracing::warn!(purpose, key, error = cause, "the broker cannot be reached and is tried again");
        }
    }

    async fn try_connect(&self) -> Result<Connected, BrokerError> {
        let properties = ConnectionProperties::default().with_connection_name(self.name.clone().into());
        let security = OwnedTLSConfig { cert_chain: self.authorities.clone(), identity: None };
        let connecting = async {
            let builder = DefaultConnectionBuilder::new()?.with_uri(self.uri.clone()).with_properties(properties);
            builder.with_tls_config(security).connect().await
        };
        let connection = self.limited(connecting).await?;
        let connection = connection.map_err(|cause| error::connecting(&self.uri, &cause))?;
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
        Ok(Connected { connection, listener })
    }
}

fn report_blocked(purpose: &'static str, blocked: &watch::Sender<Option<String>>, reason: Option<String>) {
    telemetry::gauge!("messaging_connection_blocked", "purpose" => purpose).set(f64::from(u8::from(reason.is_some())));
    if let Some(reason) = &reason {
        tracing::warn!(purpose, reason, "the broker takes no messages");
    }
    blocked.send_replace(reason);
}
