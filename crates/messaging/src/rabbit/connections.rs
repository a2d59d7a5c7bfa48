//! What publishers, consumers and dead letters have in common: the settings, and a connection each for publishing and
//! consuming, so that a broker that holds back publishers does not hold back acknowledgements.

use std::sync::Arc;

use chassis::ports::Ports;
use lapin::uri::AMQPUri;
use tokio::sync::Mutex;

use super::connector::Connector;
use super::sender::Sender;
use super::settings::RabbitSettings;
use crate::errors::BrokerError;

/// `messaging.system` of this broker.
pub(super) const SYSTEM: &str = "rabbitmq";

/// See the module.
pub(super) struct Connections {
    pub(super) settings: RabbitSettings,
    pub(super) ports: Ports,
    pub(super) publishing: Arc<Connector>,
    pub(super) consuming: Arc<Connector>,
    /// Moves messages to the retry ladder, to the dead letters and back.
    pub(super) mover: Sender,
    /// Held by the one browser of the dead letters there is.
    pub(super) browsing: Mutex<()>,
}

impl Connections {
    /// Connections as in `settings`, made when they are needed.
    pub(super) fn new(settings: RabbitSettings, ports: Ports) -> Result<Self, BrokerError> {
        let uri = parse(&settings)?;
        let publishing = Arc::new(Connector::new("publish", uri.clone(), &settings, &ports));
        let consuming = Arc::new(Connector::new("consume", uri, &settings, &ports));
        let mover = Sender::new(Arc::clone(&publishing), None, &settings);
        Ok(Self { settings, ports, publishing, consuming, mover, browsing: Mutex::default() })
    }
}

fn parse(settings: &RabbitSettings) -> Result<AMQPUri, BrokerError> {
    // The text of the URL holds a password and stays out of the error.
    let mut uri: AMQPUri = settings.url.parse().map_err(BrokerError::Url)?;
    let heartbeat = u16::try_from(settings.heartbeat.as_secs()).unwrap_or(u16::MAX);
    uri.query.heartbeat.get_or_insert(heartbeat);
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_come_from_the_url_or_the_settings() {
        let heartbeat = |url: &str| parse(&RabbitSettings::new(url, "test")).expect("valid").query.heartbeat;
        assert_eq!(heartbeat("amqp://localhost"), Some(10));
        assert_eq!(heartbeat("amqp://localhost/%2f?heartbeat=3"), Some(3));
    }
}
