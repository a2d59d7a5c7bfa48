//! What `config.toml` says, as a struct. The keys are explained there.

use chassis::StartError;
use chassis::settings::{Database, Grpc, Redis, millis};
use serde::Deserialize;
use std::time::Duration;

use crate::adapters::cache::Limits;

/// Longest time to live, in seconds.
const MAX_TTL_S: u64 = 86_400;

/// The service's own sections.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// `[grpc]`
    pub grpc: Grpc,
    /// `[database]`
    pub database: Database,
    /// `[catalogue]`
    pub catalogue: Catalogue,
    /// `[cache]`
    pub cache: Cache,
    /// `[broker]`
    pub broker: messaging::settings::Broker,
    /// `[outbox]`
    pub outbox: messaging::settings::Outbox,
    /// `[redis]`
    pub redis: Redis,
}

/// `[catalogue]`
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Catalogue {
    /// Whether to put in the demo products once.
    pub seed: bool,
}

/// `[cache]`
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Cache {
    /// Seconds a product is kept.
    pub ttl_s: u64,
    /// Seconds a page is kept.
    pub list_ttl_s: u64,
    /// Seconds it is kept that a product does not exist.
    pub negative_ttl_s: u64,
    /// Seconds a copy is kept after its time.
    pub stale_ttl_s: u64,
    /// Products kept, and products in kept pages.
    pub max_entries: u64,
    /// Milliseconds a shared read may take.
    pub load_timeout_ms: u64,
}

impl Cache {
    /// The limits of the cache.
    ///
    /// # Errors
    /// If a time to live is out of range; the message names the key.
    pub fn limits(&self) -> Result<Limits, StartError> {
        Ok(Limits {
            product_ttl: ttl("cache.ttl_s", self.ttl_s)?,
            page_ttl: ttl("cache.list_ttl_s", self.list_ttl_s)?,
            negative_ttl: ttl("cache.negative_ttl_s", self.negative_ttl_s)?,
            stale_ttl: ttl("cache.stale_ttl_s", self.stale_ttl_s)?,
            max_entries: self.max_entries,
            load_timeout: millis(self.load_timeout_ms),
        })
    }
}

fn ttl(key: &str, seconds: u64) -> Result<Duration, StartError> {
    if seconds > MAX_TTL_S {
        let reason = format!("{seconds} is too long, at most {MAX_TTL_S} seconds are allowed");
        return Err(StartError::Invalid { key: key.to_owned(), reason });
    }
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use chassis::config::Layers;

    use super::*;

    #[test]
    fn the_defaults_are_complete() {
        let layers = Layers::new(crate::SPEC.name, crate::SPEC.defaults).expect("TOML");
        let config: Config = layers.read().expect("every key");
        assert!(config.catalogue.seed);
        assert!(config.cache.limits().is_ok());
        layers.read::<chassis::settings::Common>().expect("every common key");
    }

    #[test]
    fn a_ttl_out_of_range_names_its_key() {
        let cache = Cache {
            ttl_s: 30,
            list_ttl_s: 86_401,
            negative_ttl_s: 1,
            stale_ttl_s: 1,
            max_entries: 1,
            load_timeout_ms: 1,
        };
        let error = cache.limits().expect_err("too long").to_string();
        assert_eq!(error, "key `cache.list_ttl_s`: 86401 is too long, at most 86400 seconds are allowed");
    }
}
