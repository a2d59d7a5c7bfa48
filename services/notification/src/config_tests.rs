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
    assert_eq!(config.mail.origin().expect("valid").domain(), "signalbox.example");
    assert_eq!(config.mail.catalogue_to().expect("valid"), None);
    let tuned: Vec<_> = crate::events::subscriptions().expect("valid").into_iter().map(|s| config.tune(s)).collect();
    let tuned = tuned.into_iter().collect::<Result<Vec<_>, _>>().expect("valid");
    let queues: Vec<_> = tuned.iter().map(|s| (s.queue(), s.ordered, s.ladder.steps().len())).collect();
    let queue = |name: &str, ordered| (format!("notification.{name}"), ordered, 4);
    assert_eq!(queues, [queue("user", true), queue("auth", false), queue("product", false)]);
}

#[test]
fn values_that_make_no_sense_are_refused_by_their_key() {
    for (text, key) in [
        ("consumer.prefetch = 0", "consumer.prefetch"),
        ("consumer.concurrency = 65", "consumer.concurrency"),
        ("consumer.timeout_ms = 0", "consumer.timeout_ms"),
        ("mail.concurrency = 0", "mail.concurrency"),
        ("mail.poll_ms = 0", "mail.poll_ms"),
        ("mail.attempt_timeout_ms = 0", "mail.attempt_timeout_ms"),
        ("mail.lease_s = 30", "mail.lease_s"),
        ("mail.retry_first_ms = 0", "mail.retry_first_ms"),
        ("mail.retry_max_s = 1\nmail.retry_first_ms = 2000", "mail.retry_max_s"),
        ("mail.give_up_after_s = 0", "mail.give_up_after_s"),
        ("mail.keep_days = 0", "mail.keep_days"),
    ] {
        let error = with(text).check().expect_err(text).to_string();
        assert!(error.starts_with(&format!("key `{key}`: must ")), "{error}");
    }
}

#[test]
fn addresses_and_names_are_refused_by_their_key() {
    for from in ["", "nobody", "Shop <shop@example.com", "Shop\r\nBcc: eve@example.com <shop@example.com>"] {
        let mut config = with("");
        from.clone_into(&mut config.mail.from);
        let error = config.mail.origin().err().expect(from).to_string();
        assert!(error.starts_with("key `mail.from`: is no sender such as"), "{error}");
    }
    let error = with("mail.catalogue_to = \"all of us\"").mail.catalogue_to().expect_err("no address").to_string();
    assert!(error.starts_with("key `mail.catalogue_to`: is no e-mail address"), "{error}");
    let error = with("mail.shop = \" \"").mail.shop().expect_err("no name").to_string();
    assert_eq!(error, "key `mail.shop`: must not be empty");
}

#[test]
fn the_retry_ladder_comes_from_a_file_or_a_variable() {
    let subscription = || crate::events::subscriptions().expect("valid").remove(0);
    let layers = Layers::new(crate::SPEC.name, crate::SPEC.defaults).expect("TOML");
    let variable = ("SIGNALBOX_NOTIFICATION_CONSUMER_RETRY_MS".to_owned(), "10, 200".to_owned());
    let config: Config = layers.env([variable]).expect("a key").read().expect("own sections");
    let tuned = config.tune(subscription()).expect("valid");
    assert_eq!(tuned.ladder.steps(), [millis(10), millis(200)]);
    for text in ["[1000, 1000]", "[0]", "[\"soon\"]"] {
        let error = with(&format!("consumer.retry_ms = {text}")).tune(subscription()).expect_err(text).to_string();
        assert!(error.starts_with("key `consumer.retry_ms`: "), "{error}");
    }
}

#[test]
fn secrets_are_not_printed() {
    let config = with("smtp.password = \"correct horse\"\nbroker.url = \"amqp://guest:battery@host/\"");
    let printed = format!("{config:?}");
    assert!(!printed.contains("correct horse") && !printed.contains("battery"), "{printed}");
}
