//! The sections of `config.toml` that only this service reads; the file explains each key.

use std::path::PathBuf;
use std::time::Duration;

use chassis::StartError;
use chassis::settings::{millis, parsed, seconds};
use messaging::{Ladder, Subscription};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::adapters::mime::Origin;
use crate::adapters::smtp::SmtpSettings;
use crate::domain::{Address, RetryPolicy, SingleLine};
use crate::sender::SenderSettings;

/// Configuration of the notification service.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// `[database]`
    pub database: stores::settings::Database,
    /// `[broker]`
    pub broker: messaging::settings::Broker,
    /// `[consumer]`
    pub consumer: Consumer,
    /// `[mail]`
    pub mail: Mail,
    /// `[smtp]`
    pub smtp: SmtpSettings,
}

/// How events are consumed.
#[derive(Clone, Debug, Deserialize)]
pub struct Consumer {
    /// Events handed out and not done.
    pub prefetch: u16,
    /// Events in work at once.
    pub concurrency: usize,
    /// Time an attempt may take.
    #[serde(rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Duration,
    /// Waits between attempts.
    #[serde(rename = "retry_ms", deserialize_with = "ladder")]
    pub ladder: Ladder,
}

/// What is sent, how, and for how long it is tried.
#[derive(Clone, Debug, Deserialize)]
pub struct Mail {
    /// How mails leave.
    pub transport: Transport,
    /// Folder of the files.
    pub folder: PathBuf,
    /// Sender.
    #[serde(deserialize_with = "parsed")]
    pub from: Origin,
    /// Name of the shop.
    #[serde(deserialize_with = "shop")]
    pub shop: SingleLine,
    /// Address told of products, if any.
    #[serde(deserialize_with = "address_or_none")]
    pub catalogue_to: Option<Address>,
    /// Mails sent at once.
    pub concurrency: usize,
    /// Time an attempt may take.
    #[serde(rename = "attempt_timeout_ms", deserialize_with = "millis")]
    pub attempt_timeout: Duration,
    /// Time a claim lasts.
    #[serde(rename = "lease_s", deserialize_with = "seconds")]
    pub lease: Duration,
    /// Time between two polls.
    #[serde(rename = "poll_ms", deserialize_with = "millis")]
    pub poll: Duration,
    /// Wait after the first failure.
    #[serde(rename = "retry_first_ms", deserialize_with = "millis")]
    pub retry_first: Duration,
    /// Longest wait between attempts.
    #[serde(rename = "retry_max_s", deserialize_with = "seconds")]
    pub retry_max: Duration,
    /// Time until a mail is given up.
    #[serde(rename = "give_up_after_s", deserialize_with = "seconds")]
    pub give_up_after: Duration,
    /// Days for which settled mails are kept.
    pub keep_days: u16,
}

/// How mails leave.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// As files.
    File,
    /// To a mail server.
    Smtp,
}

impl Config {
    /// Checks which values go together.
    ///
    /// # Errors
    /// Names the key.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let mail = &self.mail;
        if mail.lease <= mail.attempt_timeout {
            return Err(invalid("mail.lease_s", "must be longer than `mail.attempt_timeout_ms`"));
        }
        if mail.retry_max < mail.retry_first {
            return Err(invalid("mail.retry_max_s", "must not be shorter than `mail.retry_first_ms`"));
        }
        Ok(())
    }

    /// A subscription with the configured limits.
    pub(crate) fn tune(&self, mut subscription: Subscription) -> Subscription {
        let consumer = &self.consumer;
        subscription.ladder = consumer.ladder.clone();
        subscription.prefetch = consumer.prefetch;
        subscription.concurrency = consumer.concurrency;
        subscription.timeout = consumer.timeout;
        subscription
    }
}

impl Mail {
    pub(crate) fn sender(&self) -> SenderSettings {
        SenderSettings {
            concurrency: self.concurrency,
            timeout: self.attempt_timeout,
            lease: self.lease,
            poll: self.poll,
            policy: RetryPolicy { first: self.retry_first, longest: self.retry_max, give_up: self.give_up_after },
        }
    }
}

fn ladder<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ladder, D::Error> {
    let steps = Vec::<u64>::deserialize(deserializer)?;
    Ladder::new(steps.into_iter().map(Duration::from_millis).collect()).map_err(D::Error::custom)
}

fn shop<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SingleLine, D::Error> {
    let shop = SingleLine::of(&String::deserialize(deserializer)?);
    if shop.as_str().is_empty() { Err(D::Error::custom("must not be empty")) } else { Ok(shop) }
}

fn address_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
    let text = String::deserialize(deserializer)?;
    (!text.is_empty()).then(|| Address::parse(&text)).transpose().map_err(D::Error::custom)
}

/// A value that parsed but makes no sense.
pub(crate) fn invalid(key: &str, reason: impl Into<String>) -> StartError {
    StartError::Invalid { key: key.to_owned(), reason: reason.into() }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
