//! The configuration; `config.toml` explains every key.

use std::time::Duration;

use chassis::StartError;
use chassis::settings::{self, millis, seconds};
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::domain::Error;
use crate::domain::account::NewAccount;
use crate::domain::keys::KeyPolicy;
use crate::domain::sessions::Lifetimes;

/// Verifiers accept a token this long after it expired, for clocks that differ.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(60);

/// Sections of auth beside those every service has.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// `[grpc]`
    pub grpc: settings::Grpc,
    /// `[database]`
    pub database: stores::settings::Database,
    /// `[redis]`
    pub redis: stores::settings::Redis,
    /// `[user]`
    pub user: upstream::Settings,
    /// `[password]`
    pub password: Password,
    /// `[registration]`
    pub registration: Registration,
    /// `[token]`
    pub token: Token,
    /// `[bootstrap]`
    pub bootstrap: Bootstrap,
    /// `[broker]`
    pub broker: messaging::settings::Broker,
    /// `[outbox]`
    pub outbox: messaging::settings::Outbox,
}

/// Password hashing.
#[derive(Clone, Debug, Deserialize)]
pub struct Password {
    /// Argon2id memory in KiB.
    pub memory_kib: u32,
    /// Argon2id passes.
    pub iterations: u32,
    /// Argon2id lanes.
    pub parallelism: u32,
    /// Hashes computed at the same time.
    pub workers: usize,
    /// Hashes that may wait.
    pub queue: usize,
    /// Time a hash may wait.
    #[serde(rename = "wait_ms", deserialize_with = "millis")]
    pub wait: Duration,
}

/// Registrations that do not finish.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Registration {
    /// Time until one is rolled back.
    #[serde(rename = "pending_ttl_s", deserialize_with = "seconds")]
    pub pending_ttl: Duration,
    /// Time between two sweeps.
    #[serde(rename = "sweep_interval_s", deserialize_with = "seconds")]
    pub sweep_interval: Duration,
}

/// Tokens and the keys that sign them.
#[derive(Clone, Debug, Deserialize)]
pub struct Token {
    /// `iss`
    pub issuer: String,
    /// `aud`
    pub audience: String,
    /// Time an access token is valid.
    #[serde(rename = "access_ttl_s", deserialize_with = "seconds")]
    pub access_ttl: Duration,
    /// Time a session lasts.
    #[serde(rename = "refresh_ttl_s", deserialize_with = "seconds")]
    pub refresh_ttl: Duration,
    /// Time an unused refresh token is valid.
    #[serde(rename = "refresh_idle_s", deserialize_with = "seconds")]
    pub refresh_idle: Duration,
    /// Time between clean-ups.
    #[serde(rename = "purge_interval_s", deserialize_with = "seconds")]
    pub purge_interval: Duration,
    /// Time a key signs.
    #[serde(rename = "key_rotation_s", deserialize_with = "seconds")]
    pub key_rotation: Duration,
    /// Time a key is published before it signs.
    #[serde(rename = "key_overlap_s", deserialize_with = "seconds")]
    pub key_overlap: Duration,
    /// Time between two checks of the keys.
    #[serde(rename = "key_check_interval_s", deserialize_with = "seconds")]
    pub key_check_interval: Duration,
}

/// The first admin.
#[derive(Clone, Debug, Deserialize)]
pub struct Bootstrap {
    /// E-mail address; empty for none.
    pub admin_email: String,
    /// Password.
    pub admin_password: SecretString,
    /// Display name.
    pub admin_name: String,
}

impl Config {
    /// Checks which values go together.
    ///
    /// # Errors
    /// Names the key.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let token = &self.token;
        if token.key_overlap < token.key_check_interval {
            return Err(invalid("token.key_overlap_s", "must not be shorter than `token.key_check_interval_s`"));
        }
        if token.key_rotation <= token.key_overlap {
            return Err(invalid("token.key_rotation_s", "must be longer than `token.key_overlap_s`"));
        }
        Ok(())
    }

    pub(crate) fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            access: delta(self.token.access_ttl),
            session: delta(self.token.refresh_ttl),
            idle: delta(self.token.refresh_idle),
        }
    }

    pub(crate) fn key_policy(&self) -> KeyPolicy {
        let token = &self.token;
        KeyPolicy {
            rotation: delta(token.key_rotation),
            overlap: delta(token.key_overlap),
            // Another replica may sign with the old key until its next look.
            retention: delta(token.access_ttl) + delta(token.key_check_interval) + CLOCK_SKEW,
        }
    }

    /// The admin to create, if one is configured.
    ///
    /// # Errors
    /// If it breaks the rules for accounts; names the key.
    pub(crate) fn admin(&self) -> Result<Option<NewAccount>, StartError> {
        let Bootstrap { admin_email, admin_password, admin_name } = &self.bootstrap;
        if admin_email.is_empty() && admin_password.expose_secret().is_empty() {
            return Ok(None);
        }
        NewAccount::new(admin_email, admin_password.clone(), admin_name).map(Some).map_err(|error| match error {
            Error::Invalid(fields) => {
                let first = fields.into_iter().next();
                let (field, reason) = first.map_or_else(Default::default, |field| (field.field, field.message));
                StartError::Invalid { key: format!("bootstrap.admin_{field}"), reason }
            }
            other => invalid("bootstrap", other.to_string()),
        })
    }
}

/// A span of time as the domain counts it.
pub(crate) fn delta(time: Duration) -> TimeDelta {
    TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)
}

/// A value that parsed but makes no sense.
pub(crate) fn invalid(key: &str, reason: impl Into<String>) -> StartError {
    StartError::Invalid { key: key.to_owned(), reason: reason.into() }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
