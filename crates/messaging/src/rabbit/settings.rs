//! How to reach and use RabbitMQ.

use std::time::Duration;

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
