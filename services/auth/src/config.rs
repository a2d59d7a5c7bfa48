//! The configuration; `config.toml` explains every key.

use std::time::Duration;

use chassis::{StartError, settings};
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::domain::Error;
use crate::domain::account::NewAccount;
use crate::domain::keys::KeyPolicy;
use crate::domain::sessions::Lifetimes;

/// Workers beyond this would take the threads that other blocking work of the service needs.
const MAX_WORKERS: usize = 6;

/// Verifiers accept a token this long after it expired, for clocks that differ.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(60);

/// Sections of auth beside those every service has.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// `[grpc]`
    pub grpc: settings::Grpc,
    /// `[database]`
    pub database: settings::Database,
    /// `[redis]`
    pub redis: settings::Redis,
    /// `[user]`
    pub user: settings::Callee,
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
    /// Milliseconds a hash may wait.
    pub wait_ms: u64,
}

/// Registrations that do not finish.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Registration {
    /// Seconds until one is rolled back.
    pub pending_ttl_s: u32,
    /// Seconds between two looks.
    pub sweep_interval_s: u32,
}

/// Tokens and the keys that sign them.
#[derive(Clone, Debug, Deserialize)]
pub struct Token {
    /// `iss`
    pub issuer: String,
    /// `aud`
    pub audience: String,
    /// Seconds an access token is valid.
    pub access_ttl_s: u32,
    /// Seconds a session lasts.
    pub refresh_ttl_s: u32,
    /// Seconds an unused refresh token is valid.
    pub refresh_idle_s: u32,
    /// Seconds between clean-ups.
    pub purge_interval_s: u32,
    /// Seconds a key signs.
    pub key_rotation_s: u32,
    /// Seconds a key is published before it signs.
    pub key_overlap_s: u32,
    /// Seconds between looks at the keys.
    pub key_check_interval_s: u32,
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
    /// Checks what types cannot.
    ///
    /// # Errors
    /// Names the key.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let token = &self.token;
        for (key, seconds) in [
            ("registration.pending_ttl_s", self.registration.pending_ttl_s),
            ("registration.sweep_interval_s", self.registration.sweep_interval_s),
            ("token.access_ttl_s", token.access_ttl_s),
            ("token.refresh_ttl_s", token.refresh_ttl_s),
            ("token.refresh_idle_s", token.refresh_idle_s),
            ("token.purge_interval_s", token.purge_interval_s),
            ("token.key_check_interval_s", token.key_check_interval_s),
        ] {
            if seconds == 0 {
                return Err(invalid(key, "must be at least 1"));
            }
        }
        if !(1..=MAX_WORKERS).contains(&self.password.workers) {
            return Err(invalid("password.workers", format!("must be 1 to {MAX_WORKERS}")));
        }
        if token.key_overlap_s < token.key_check_interval_s {
            return Err(invalid("token.key_overlap_s", "must not be shorter than `token.key_check_interval_s`"));
        }
        if token.key_rotation_s <= token.key_overlap_s {
            return Err(invalid("token.key_rotation_s", "must be longer than `token.key_overlap_s`"));
        }
        Ok(())
    }

    pub(crate) fn lifetimes(&self) -> Lifetimes {
        Lifetimes {
            access: delta(self.token.access_ttl_s),
            session: delta(self.token.refresh_ttl_s),
            idle: delta(self.token.refresh_idle_s),
        }
    }

    pub(crate) fn key_policy(&self) -> KeyPolicy {
        let token = &self.token;
        KeyPolicy {
            rotation: delta(token.key_rotation_s),
            overlap: delta(token.key_overlap_s),
            // Another replica may sign with the old key until its next look.
            retention: delta(token.access_ttl_s) + delta(token.key_check_interval_s) + CLOCK_SKEW,
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

/// Seconds as a span of time.
pub(crate) fn delta(seconds: u32) -> TimeDelta {
    TimeDelta::seconds(seconds.into())
}

/// Seconds as a duration.
pub(crate) fn duration(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

/// A value that parsed but makes no sense.
pub(crate) fn invalid(key: &str, reason: impl Into<String>) -> StartError {
    StartError::Invalid { key: key.to_owned(), reason: reason.into() }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
