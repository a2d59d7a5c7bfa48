//! What a cache may hold, and for how long.

use std::time::Duration;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a product is kept.
    pub product_ttl: Duration,
    /// How long a page is kept.
    pub page_ttl: Duration,
    /// How long it is kept in Redis that a product does not exist.
    pub negative_ttl: Duration,
    /// How long a copy is kept in Redis after its time, for when the store fails.
    pub stale_ttl: Duration,
    /// Products kept in memory at most, and products in kept pages.
    pub max_entries: u64,
    /// How long a read from the store may take.
    pub load_timeout: Duration,
}
