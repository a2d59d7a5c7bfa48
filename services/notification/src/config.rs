//! The sections of `config.toml` that only this service reads; the file explains each key.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use chassis::StartError;
use chassis::settings::{self, millis};
use messaging::{Ladder, Subscription};
use serde::Deserialize;

use crate::adapters::mime::Origin;
use crate::adapters::smtp::SmtpSettings;
use crate::domain::{Address, RetryPolicy, SingleLine};
use crate::sender::SenderSettings;

/// Configuration of the notification service.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// `[database]`
    pub database: settings::Database,
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
    /// Milliseconds an attempt may take.
    pub timeout_ms: u64,
    /// Milliseconds between attempts.
    pub retry_ms: Vec<Millis>,
}

/// Milliseconds as a number, or as the text that a variable holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Millis {
    /// From a file.
    Number(u64),
    /// From the environment.
    Text(String),
}

/// What is sent, how, and for how long it is tried.
#[derive(Clone, Debug, Deserialize)]
pub struct Mail {
    /// How mails leave.
    pub transport: Transport,
    /// Folder of the files.
    pub folder: PathBuf,
    /// Sender.
    pub from: String,
    /// Name of the shop.
    pub shop: String,
    /// Address told of products; empty for none.
    pub catalogue_to: String,
    /// Mails sent at once.
    pub concurrency: usize,
    /// Milliseconds an attempt may take.
    pub attempt_timeout_ms: u64,
    /// Seconds a claim lasts.
    pub lease_s: u64,
    /// Milliseconds between looks.
    pub poll_ms: u64,
    /// Milliseconds after the first failure.
    pub retry_first_ms: u64,
    /// Seconds between attempts at most.
    pub retry_max_s: u64,
    /// Seconds until a mail is given up.
    pub give_up_after_s: u64,
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
    /// Checks what types cannot.
    ///
    /// # Errors
    /// Names the key.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let (consumer, mail) = (&self.consumer, &self.mail);
        within("consumer.prefetch", consumer.prefetch.into(), 1..=2000)?;
        within("consumer.concurrency", count(consumer.concurrency), 1..=64)?;
        within("consumer.timeout_ms", consumer.timeout_ms, 1..=u64::MAX)?;
        within("mail.concurrency", count(mail.concurrency), 1..=64)?;
        within("mail.attempt_timeout_ms", mail.attempt_timeout_ms, 1..=3_600_000)?;
        within("mail.lease_s", mail.lease_s, 1..=86_400)?;
        within("mail.poll_ms", mail.poll_ms, 10..=3_600_000)?;
        within("mail.retry_first_ms", mail.retry_first_ms, 1..=86_400_000)?;
        within("mail.retry_max_s", mail.retry_max_s, 1..=86_400)?;
        within("mail.give_up_after_s", mail.give_up_after_s, 1..=31_536_000)?;
        within("mail.keep_days", mail.keep_days.into(), 1..=u64::from(u16::MAX))?;
        if mail.lease_s * 1000 <= mail.attempt_timeout_ms {
            return Err(invalid("mail.lease_s", "must be longer than `mail.attempt_timeout_ms`"));
        }
        if mail.retry_max_s * 1000 < mail.retry_first_ms {
            return Err(invalid("mail.retry_max_s", "must not be shorter than `mail.retry_first_ms`"));
        }
        Ok(())
    }

    /// A subscription with the configured limits.
    ///
    /// # Errors
    /// If `consumer.retry_ms` is no ladder.
    pub(crate) fn tune(&self, mut subscription: Subscription) -> Result<Subscription, StartError> {
        let consumer = &self.consumer;
        let wrong = |reason: String| invalid("consumer.retry_ms", reason);
        let steps = consumer.retry_ms.iter().map(|step| match step {
            Millis::Number(number) => Ok(millis(*number)),
            Millis::Text(text) => text.parse().map(millis).map_err(|_| wrong(format!("`{text}` is not a number"))),
        });
        let ladder = Ladder::new(steps.collect::<Result<_, _>>()?).map_err(|error| wrong(error.to_string()))?;
        subscription.ladder = ladder;
        subscription.prefetch = consumer.prefetch;
        subscription.concurrency = consumer.concurrency;
        subscription.timeout = millis(consumer.timeout_ms);
        Ok(subscription)
    }
}

impl Mail {
    /// The sender.
    ///
    /// # Errors
    /// If it is none.
    pub(crate) fn origin(&self) -> Result<Origin, StartError> {
        Origin::parse(&self.from)
            .map_err(|reason| invalid("mail.from", format!("is no sender such as `Shop <shop@example.com>`: {reason}")))
    }

    /// The name of the shop.
    ///
    /// # Errors
    /// If it is empty.
    pub(crate) fn shop(&self) -> Result<SingleLine, StartError> {
        let shop = SingleLine::of(&self.shop);
        if shop.as_str().is_empty() { Err(invalid("mail.shop", "must not be empty")) } else { Ok(shop) }
    }

    /// Who is told of products.
    ///
    /// # Errors
    /// If it is neither empty nor an address.
    pub(crate) fn catalogue_to(&self) -> Result<Option<Address>, StartError> {
        let address = (!self.catalogue_to.is_empty()).then(|| Address::parse(&self.catalogue_to));
        address.transpose().map_err(|error| invalid("mail.catalogue_to", error.to_string()))
    }

    pub(crate) fn sender(&self) -> SenderSettings {
        SenderSettings {
            concurrency: self.concurrency,
            timeout: millis(self.attempt_timeout_ms),
            lease: Duration::from_secs(self.lease_s),
            poll: millis(self.poll_ms),
            policy: RetryPolicy {
                first: millis(self.retry_first_ms),
                longest: Duration::from_secs(self.retry_max_s),
                give_up: Duration::from_secs(self.give_up_after_s),
            },
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn within(key: &str, value: u64, range: RangeInclusive<u64>) -> Result<(), StartError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(invalid(
        key,
        match *range.end() {
            u64::MAX => format!("must be at least {}", range.start()),
            end => format!("must be {} to {end}", range.start()),
        },
    ))
}

/// A value that parsed but makes no sense.
pub(crate) fn invalid(key: &str, reason: impl Into<String>) -> StartError {
    StartError::Invalid { key: key.to_owned(), reason: reason.into() }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
