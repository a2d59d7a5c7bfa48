//! The section `[smtp]` of the configuration.

use std::time::Duration;

use chassis::settings::millis;
use secrecy::SecretString;
use serde::Deserialize;

/// `[smtp]`: the mail server.
#[derive(Clone, Debug, Deserialize)]
pub struct SmtpSettings {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Empty for no sign-in.
    pub username: String,
    /// Password.
    pub password: SecretString,
    /// Name we greet with; empty for the domain of `mail.from`.
    pub hello: String,
    /// Time to connect.
    #[serde(rename = "connect_timeout_ms", deserialize_with = "millis")]
    pub connect_timeout: Duration,
}

/// Protection of the connection.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// None.
    None,
    /// Upgraded after the greeting; without the upgrade nothing is sent.
    Starttls,
    /// From the first byte on.
    Implicit,
}
