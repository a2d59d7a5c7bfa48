//! Tests of the configuration.

use chassis::config::Layers;
use chassis::settings::Common;

use super::*;

fn with(text: &str) -> Config {
    let layers = Layers::new(crate::SPEC.name, crate::SPEC.defaults).expect("TOML");
    layers.table("test", text.parse().expect("TOML")).expect("known keys").read().expect("own sections")
}

#[test]
fn the_defaults_are_complete_and_make_sense() {
    let config = with("");
    config.check().expect("valid");
    let layers = Layers::new(crate::SPEC.name, crate::SPEC.defaults).expect("TOML");
    let common: Common = layers.read().expect("common sections");
    assert_eq!(common.admin.address.port(), 9084);
    assert_eq!(config.mail.from.domain(), "signalbox.example");
    assert_eq!(config.mail.catalogue_to, None);
    let tuned: Vec<_> = crate::events::subscriptions().expect("valid").into_iter().map(|s| config.tune(s)).collect();
    let queues: Vec<_> = tuned.iter().map(|s| (s.queue(), s.ordered, s.ladder.steps().len())).collect();
    let queue = |name: &str, ordered| (format!("notification.{name}"), ordered, 4);
    assert_eq!(queues, [queue("user", true), queue("auth", false), queue("product", false)]);
}

fn refused(text: &str) -> String {
    let layers = Layers::new(crate::SPEC.name, crate::SPEC.defaults).expect("TOML");
    let layers = layers.table("test", text.parse().expect("TOML")).expect("in range");
    layers.read::<Config>().expect_err(text).to_string()
}

#[test]
fn values_that_do_not_go_together_are_refused_by_their_key() {
    for (text, key) in [
        ("mail.lease_s = 30", "mail.lease_s"),
        ("mail.retry_max_s = 1\nmail.retry_first_ms = 2000", "mail.retry_max_s"),
    ] {
        let error = with(text).check().expect_err(text).to_string();
        assert!(error.starts_with(&format!("key `{key}`: must ")), "{error}");
    }
}

#[test]
fn addresses_and_names_are_refused_by_their_key() {
    for from in ["", "nobody", "Shop <shop@example.com", "Shop\\r\\nBcc: eve@example.com <shop@example.com>"] {
        let error = refused(&format!("mail.from = \"{from}\""));
        assert!(error.starts_with("key `mail.from`: is no sender such as"), "{error}");
    }
    let error = refused("mail.catalogue_to = \"all of us\"");
    assert!(error.starts_with("key `mail.catalogue_to`: is no e-mail address"), "{error}");
    assert_eq!(refused("mail.shop = \" \""), "key `mail.shop`: must not be empty");
}

#[test]
fn the_retry_ladder_comes_from_a_file_or_a_variable() {
    let layers = Layers::new(crate::SPEC.name, crate::SPEC.defaults).expect("TOML");
    let variable = |value: &str| [("SIGNALBOX_NOTIFICATION_CONSUMER_RETRY_MS".to_owned(), value.to_owned())];
    let config: Config = layers.clone().env(variable("10, 200")).expect("a key").read().expect("own sections");
    assert_eq!(config.consumer.ladder.steps(), [Duration::from_millis(10), Duration::from_millis(200)]);
    for value in ["0", "soon"] {
        let error = layers.clone().env(variable(value)).expect_err(value).to_string();
        assert!(error.contains("`consumer.retry_ms`"), "{error}");
    }
    assert!(refused("consumer.retry_ms = [1000, 1000]").starts_with("key `consumer.retry_ms`: retry ladder: "));
}

#[test]
fn secrets_are_not_printed() {
    let config = with("smtp.password = \"correct horse\"\nbroker.url = \"amqp://guest:battery@host/\"");
    let printed = format!("{config:?}");
    assert!(!printed.contains("correct horse") && !printed.contains("battery"), "{printed}");
}
