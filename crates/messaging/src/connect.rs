//! Opens the broker that the configuration names.

use std::sync::Arc;

use chassis::StartError;

use crate::in_process::InProcess;
use crate::ports::Broker;
#[cfg(feature = "rabbitmq")]
use crate::rabbit::{RabbitMq, RabbitSettings};
use crate::settings::{self, BrokerUrl};

/// The broker of `settings`. `in-process:<name>` is one broker for all who ask for that name in this process, as long
/// as one of them uses it; `in-process:` without a name is one for the caller alone. RabbitMQ is not connected yet:
/// a service starts, serves and fills its outbox without it.
///
/// # Errors
/// If RabbitMQ's URL cannot be read or TLS cannot be had as configured; the error does not show the URL, which may hold a
/// password.
#[cfg_attr(not(feature = "rabbitmq"), allow(unused_variables, reason = "only RabbitMQ shows it"))]
pub fn connect(service: &str, settings: &settings::Broker) -> Result<Arc<dyn Broker>, StartError> {
    match &settings.url {
        BrokerUrl::InProcess(name) if name.is_empty() => Ok(Arc::new(InProcess::default())),
        BrokerUrl::InProcess(name) => Ok(Arc::new(InProcess::named(name))),
        #[cfg(feature = "rabbitmq")]
        BrokerUrl::RabbitMq(url) => rabbit(service, url, settings),
    }
}

#[cfg(feature = "rabbitmq")]
fn rabbit(service: &str, url: &str, settings: &settings::Broker) -> Result<Arc<dyn Broker>, StartError> {
    let secured = url.starts_with("amqps:");
    let request = stores::tls::TlsRequest {
        section: "broker",
        encrypted: secured,
        verified: secured,
        example_url: "amqps://user:password@host:5671/%2f",
        ca_file: settings.ca_file.as_deref(),
    };
    let rabbit = RabbitSettings {
        authorities: request.authorities()?,
        connect_timeout: settings.connect_timeout,
        confirm_timeout: settings.confirm_timeout,
        ..RabbitSettings::new(url, service)
    };
    let invalid = |error: crate::errors::BrokerError| StartError::Invalid {
        key: settings::BROKER_URL.to_owned(),
        reason: error.to_string(),
    };
    Ok(Arc::new(RabbitMq::new(rabbit).map_err(invalid)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Envelope;
    use crate::errors::PublishError;
    use crate::failure::Failure;
    use crate::ports::Handler;
    use crate::subscription::Subscription;

    fn settings(url: &str) -> settings::Broker {
        settings::Broker::new(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    fn open(url: &str) -> Arc<dyn Broker> {
        connect("test", &settings(url)).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    struct Accepting;

    #[async_trait::async_trait]
    impl Handler for Accepting {
        async fn handle(&self, _: &Envelope) -> Result<(), Failure> {
            Ok(())
        }
    }

    async fn taken(broker: &Arc<dyn Broker>) -> bool {
        let event = Envelope::new("user.registered", 1, "1", serde_json::json!({})).expect("valid");
        match broker.publisher("user").expect("a name").publish(&[event]).await.remove(0) {
            Ok(()) => true,
            Err(PublishError::Returned(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    #[tokio::test]
    async fn a_name_is_shared_as_long_as_somebody_uses_it() {
        let wanted = Subscription::new("user", "mail", &[("user.registered", 1)]).expect("valid");
        let (subscriber, publisher) = (open("in-process:shop"), open("in-process:shop"));
        let consumer = subscriber.subscribe(wanted, Arc::new(Accepting));
        consumer.ready().await;
        assert!(taken(&publisher).await);
        for stranger in ["in-process:shop2", "in-process:", "in-process:"] {
            assert!(!taken(&open(stranger)).await, "{stranger}");
        }
        drop((subscriber, publisher));
        assert!(taken(&open("in-process:shop")).await, "its consumer still uses it");
        assert!(consumer.stop(std::time::Duration::from_secs(5)).await);
        assert!(!taken(&open("in-process:shop")).await, "it went with its last user");
    }

    #[tokio::test]
    async fn a_broker_that_is_down_is_no_reason_not_to_start() {
        let broker = open("amqp://guest:secret@127.0.0.1:1/%2f");
        assert!(broker.check().await.is_err());
    }

    #[test]
    fn wrong_urls_show_no_secret() {
        for url in ["", "rabbit", "in-proces:x", "redis://u:secret@h"] {
            let error = settings::Broker::new(url).expect_err(url).to_string();
            assert!(error.contains("amqp://user:password@host:5672/%2f"), "{url}: {error}");
        }
        let settings = settings("amqp://u:secret@h:port");
        let error = connect("test", &settings).err().expect("no port").to_string();
        assert!(error.starts_with("key `broker.url`: "), "{error}");
        assert!(!error.contains("secret") && !format!("{settings:?}").contains("secret"), "{error} {settings:?}");
    }
}
