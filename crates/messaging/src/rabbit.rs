//! RabbitMQ, from 3.10 on: durable quorum queues, publisher confirms, a retry ladder of queues whose messages expire,
//! and one queue of dead letters. Publishing and consuming have a connection each, so that a broker that holds
//! back publishers does not hold back acknowledgements.

mod connector;
mod consume;
mod dead_letters;
mod error;
mod look;
mod publisher;
mod sender;
mod topology;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::uri::AMQPUri;

pub use error::BrokerError;

use crate::consumer::Consumer;
use crate::dead_letter::DeadLetters;
use crate::ports::{Broker, Handler, Publisher};
use crate::process::Processor;
use crate::subscription::{BadSubscription, Subscription, check_name};
use connector::Connector;
use sender::Sender;

/// `messaging.system` of this broker.
const SYSTEM: &str = "rabbitmq";

/// How to reach and use RabbitMQ.
#[derive(Clone)]
pub struct RabbitSettings {
    /// `amqp://user:password@host:5672/%2f`; the last part is the virtual host, `%2f` or none for the default one.
    pub url: String,
    /// PEM certificates of the authorities that sign the server's, for `amqps:`; `None` for those of the system.
    pub authorities: Option<String>,
    /// Name of the connections in the broker's lists: the service.
    pub name: String,
    /// Longest time to connect, and to declare queues.
    pub connect_timeout: Duration,
    /// Longest time the broker may take to confirm a batch of messages.
    pub confirm_timeout: Duration,
    /// Interval of heartbeats; a silent broker is given up after about two.
    pub heartbeat: Duration,
    /// Deliveries after which the broker parks a message whose consumers died of it. Part of the queues' identity.
    pub delivery_limit: u32,
    /// The queue of dead letters, shared by all consumers.
    pub dead_letters: String,
}

impl RabbitSettings {
    /// The usual settings: 5 s to connect, 5 s to confirm, heartbeats every 10 s, 20 deliveries, `dead-letters`.
    #[must_use]
    pub fn new(url: &str, name: &str) -> Self {
        Self {
            url: url.to_owned(),
            authorities: None,
            name: name.to_owned(),
            connect_timeout: Duration::from_secs(5),
            confirm_timeout: Duration::from_secs(5),
            heartbeat: Duration::from_secs(10),
            delivery_limit: 20,
            dead_letters: "dead-letters".to_owned(),
        }
    }
}

/// A RabbitMQ broker. Nothing is connected before it is needed; what breaks is connected and declared again.
#[derive(Clone)]
pub struct RabbitMq {
    shared: Arc<Shared>,
}

/// What publishers, consumers and dead letters have in common.
struct Shared {
    settings: RabbitSettings,
    publishing: Arc<Connector>,
    consuming: Arc<Connector>,
    /// Moves messages to the retry ladder, to the dead letters and back.
    mover: Sender,
    /// Held by the one look at the dead letters there is.
    looking: tokio::sync::Mutex<()>,
}

impl RabbitMq {
    /// A broker as in `settings`.
    ///
    /// # Errors
    /// If the URL is none of AMQP.
    pub fn new(settings: RabbitSettings) -> Result<Self, BrokerError> {
        let uri = parse(&settings)?;
        let publishing = Arc::new(Connector::new("publish", uri.clone(), &settings));
        let consuming = Arc::new(Connector::new("consume", uri, &settings));
        let mover = Sender::new(Arc::clone(&publishing), None, &settings);
        let looking = tokio::sync::Mutex::default();
        Ok(Self { shared: Arc::new(Shared { settings, publishing, consuming, mover, looking }) })
    }
}

fn parse(settings: &RabbitSettings) -> Result<AMQPUri, BrokerError> {
    // The text of the URL holds a password and stays out of the error.
    let mut uri: AMQPUri = settings.url.parse().map_err(BrokerError::Url)?;
    let heartbeat = u16::try_from(settings.heartbeat.as_secs()).unwrap_or(u16::MAX);
    uri.query.heartbeat.get_or_insert(heartbeat);
    Ok(uri)
}

#[async_trait]
impl Broker for RabbitMq {
    async fn check(&self) -> Result<(), BrokerError> {
        self.shared.publishing.channel().await.map(|_| ())
    }

    fn publisher(&self, context: &str) -> Result<Arc<dyn Publisher>, BadSubscription> {
        check_name(context).map_err(BadSubscription::new)?;
        let connector = Arc::clone(&self.shared.publishing);
        let sender = Sender::new(connector, Some(context.to_owned()), &self.shared.settings);
        Ok(Arc::new(publisher::RabbitPublisher { sender, context: context.to_owned() }))
    }

    fn subscribe(&self, subscription: Subscription, handler: Arc<dyn Handler>) -> Consumer {
        let processor = Arc::new(Processor::new(subscription, handler, SYSTEM));
        let shared = Arc::clone(&self.shared);
        Consumer::spawn(|ready, stop| consume::run(shared, processor, ready, stop))
    }

    fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(dead_letters::RabbitDeadLetters { shared: Arc::clone(&self.shared) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_cannot_work_are_refused_without_showing_the_password() {
        for url in ["rabbit", "http://guest:secret@localhost", "amqp://guest:secret@localhost:port"] {
            let error = RabbitMq::new(RabbitSettings::new(url, "test")).err().expect("refused").to_string();
            assert!(error.contains("amqp://user:password@host:5672/%2f"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn heartbeats_come_from_the_url_or_the_settings() {
        let heartbeat = |url: &str| parse(&RabbitSettings::new(url, "test")).expect("valid").query.heartbeat;
        assert_eq!(heartbeat("amqp://localhost"), Some(10));
        assert_eq!(heartbeat("amqp://localhost/%2f?heartbeat=3"), Some(3));
    }
}
