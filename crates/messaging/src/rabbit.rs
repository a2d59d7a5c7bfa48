//! RabbitMQ, from 3.10 on: durable quorum queues, publisher confirms, a retry ladder of queues whose messages expire,
//! and one queue of dead letters.

mod browser;
mod connections;
mod connector;
mod consume;
mod dead_letters;
mod error;
mod message;
mod publisher;
mod sender;
mod settings;
mod topology;

use std::sync::Arc;

use async_trait::async_trait;
use chassis::ports::Ports;

pub use settings::RabbitSettings;

use crate::consumer::Consumer;
use crate::errors::BrokerError;
use crate::ports::{Broker, DeadLetters, Handler, Publisher};
use crate::process::Processor;
use crate::subscription::{BadSubscription, Subscription, check_name};
use connections::{Connections, SYSTEM};
use dead_letters::RabbitDeadLetters;
use publisher::RabbitPublisher;
use sender::Sender;

/// A RabbitMQ broker. Nothing is connected before it is needed; what breaks is connected and declared again.
#[derive(Clone)]
pub struct RabbitMq {
    connections: Arc<Connections>,
}

impl RabbitMq {
    /// A broker as in `settings`.
    ///
    /// # Errors
    /// If the URL is none of AMQP.
    pub fn new(settings: RabbitSettings) -> Result<Self, BrokerError> {
        Self::with_ports(settings, Ports::default())
    }

    /// As [`RabbitMq::new`], with waits and limits on that clock. The client library keeps the machine's.
    ///
    /// # Errors
    /// As [`RabbitMq::new`].
    pub fn with_ports(settings: RabbitSettings, ports: Ports) -> Result<Self, BrokerError> {
        Ok(Self { connections: Arc::new(Connections::new(settings, ports)?) })
    }
}

#[async_trait]
impl Broker for RabbitMq {
    async fn check(&self) -> Result<(), BrokerError> {
        self.connections.publishing.channel().await.map(|_| ())
    }

    fn publisher(&self, context: &str) -> Result<Arc<dyn Publisher>, BadSubscription> {
        check_name(context).map_err(BadSubscription::new)?;
        let connector = Arc::clone(&self.connections.publishing);
        let sender = Sender::new(connector, Some(context.to_owned()), &self.connections.settings);
        Ok(Arc::new(RabbitPublisher { sender, context: context.to_owned() }))
    }

    fn subscribe(&self, subscription: Subscription, handler: Arc<dyn Handler>) -> Consumer {
        let ports = &self.connections.ports;
        let processor = Arc::new(Processor::new(subscription, handler, SYSTEM, ports));
        let connections = Arc::clone(&self.connections);
        Consumer::spawn(ports, |ready, stop| consume::run(connections, processor, ready, stop))
    }

    fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(RabbitDeadLetters { connections: Arc::clone(&self.connections) })
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
}
