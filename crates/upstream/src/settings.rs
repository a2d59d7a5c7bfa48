//! The configuration section of a called service. Each service's `config.toml` holds and explains its keys, and the ranges
//! of the numbers.

use std::time::Duration;

use chassis::settings::{millis, parsed, seconds};
use serde::Deserialize;

use crate::target::{BadTarget, Targets};

/// Another service. What the numbers do, and what stands beside them as constants, is in `docs/resilience.md`.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// Its addresses: a URL such as `http://127.0.0.1:50051`, or several separated by commas.
    #[serde(rename = "url", deserialize_with = "parsed")]
    pub targets: Targets,
    /// Time a call may take.
    #[serde(rename = "timeout_ms", deserialize_with = "millis")]
    pub timeout: Duration,
    /// Calls to it that may run at a time.
    pub max_in_flight: usize,
    /// Attempts of a call that may be repeated, the first included; 1 for no retries.
    pub retry_attempts: u32,
    /// Share of failed calls that opens the circuit breaker.
    pub breaker_failure_ratio: f64,
    /// Time an open breaker waits before it tries again.
    #[serde(rename = "breaker_open_ms", deserialize_with = "millis")]
    pub breaker_open: Duration,
    /// Time between look-ups of a host name.
    #[serde(rename = "resolve_interval_s", deserialize_with = "seconds")]
    pub resolve_interval: Duration,
}

impl Settings {
    /// Settings for tests and tools: more calls at a time than services allow by default, and no retries.
    ///
    /// # Errors
    /// If `urls` are none.
    pub fn new(urls: &str, timeout: Duration) -> Result<Self, BadTarget> {
        Ok(Self {
            targets: urls.parse()?,
            timeout,
            max_in_flight: 128,
            retry_attempts: 1,
            breaker_failure_ratio: 0.5,
            breaker_open: Duration::from_secs(5),
            resolve_interval: Duration::from_secs(10),
        })
    }
}
