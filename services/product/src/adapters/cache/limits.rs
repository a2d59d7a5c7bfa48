//! What a cache may hold, and for how long: the section `[cache]` of the configuration.

use std::time::Duration;

use chassis::settings::{millis, seconds};
use serde::Deserialize;

/// See the module.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Limits {
    /// How long a product is kept.
    #[serde(rename = "ttl_s", deserialize_with = "seconds")]
    pub product_ttl: Duration,
    /// How long a page is kept.
    #[serde(rename = "list_ttl_s", deserialize_with = "seconds")]
    pub page_ttl: Duration,
    /// How long it is kept in Redis that a product does not exist.
    #[serde(rename = "negative_ttl_s", deserialize_with = "seconds")]
    pub negative_ttl: Duration,
    /// How long a copy is kept in Redis after its time, for when the store fails.
    #[serde(rename = "stale_ttl_s", deserialize_with = "seconds")]
    pub stale_ttl: Duration,
    /// Products kept in memory at most, and products in kept pages.
    pub max_entries: u64,
    /// How long a read from the store may take.
    #[serde(rename = "load_timeout_ms", deserialize_with = "millis")]
    pub load_timeout: Duration,
}
