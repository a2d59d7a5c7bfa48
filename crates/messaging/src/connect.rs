//! Opens the broker that the configuration names.

use std::sync::Arc;
use std::time::Duration;

use chassis::StartError;
use chassis::tls::Wanted;

use crate::in_process::InProcess;
use crate::ports::Broker;
use crate::rabbit::{RabbitMq, RabbitSettings};
use crate::settings;

/// The broker of `settings`. `in-process:<name>` is one broker for all who ask for that name in this process, as long
/// as one of them uses it; `in-process:` without a name is one for the caller alone. RabbitMQ is not connected yet:
/// a service starts, serves and fills its outbox without it.
///
/// # Errors
/// If the URL names no broker; the error does not show it, for it may hold a password.
pub fn connect(service: &str, settings: &settings::Broker) -> Result<Arc<dyn Broker>, StartError> {
    let invalid = |reason: String| StartError::Invalid { key: settings::BROKER_URL.to_owned(), reason };
    if let Some(name) = settings.url.strip_prefix("in-process:") {
        return Ok(Arc::new(if name.is_empty() { InProcess::default() } else { InProcess::named(name) }));
    }
    if ["amqp://", "amqps://"].iter().any(|scheme| settings.url.starts_with(scheme)) {
        let broker = RabbitMq::new(rabbit(service, settings)?).map_err(|error| invalid(error.to_string()))?;
        return Ok(Arc::new(broker));
    }
    Err(invalid("it is neither in-process:, in-process:<name> nor amqp://user:password@host:5672/%2f".to_owned()))
}

fn rabbit(service: &str, settings: &settings::Broker) -> Result<RabbitSettings, StartError> {
    let secured = settings.url.starts_with("amqps:");
    let like = "amqps://user:password@host:5671/%2f";
    let wanted = Wanted { section: "broker", asked: secured, checked: secured, like, ca_file: &settings.ca_file };
    Ok(RabbitSettings {
        authorities: wanted.authorities()?,
        connect_timeout: Duration::from_millis(settings.connect_timeout_ms),
        confirm_timeout: Duration::from_millis(settings.confirm_timeout_ms),
        ..RabbitSettings::new(&settings.url, service)
    })
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
        settings::Broker {
            url: url.to_owned(),
            ca_file: String::new(),
            connect_timeout_ms: 1_000,
            confirm_timeout_ms: 1_000,
        }
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
        assert!(consumer.stop(Duration::from_secs(5)).await);
        assert!(!taken(&open("in-process:shop")).await, "it went with its last user");
    }

    #[tokio::test]
    async fn a_broker_that_is_down_is_no_reason_not_to_start() {
        let broker = open("amqp://guest:secret@127.0.0.1:1/%2f");
        assert!(broker.check().await.is_err());
    }

    #[test]
    fn wrong_urls_name_the_key_and_show_no_secret() {
        for url in ["", "rabbit", "in-proces:x", "redis://u:secret@h", "amqp://u:secret@h:port"] {
            let error = connect("test", &settings(url)).err().unwrap_or_else(|| panic!("{url} works")).to_string();
            assert!(error.starts_with("key `broker.url`: "), "{url}: {error}");
            assert!(error.contains("amqp://user:password@host:5672/%2f"), "{url}: {error}");
            assert!(!error.contains("secret") && !format!("{:?}", settings(url)).contains("secret"), "{error}");
        }
    }
}
