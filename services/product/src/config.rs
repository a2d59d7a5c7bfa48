//! What `config.toml` says, as a struct. The keys are explained there.

use chassis::settings::Grpc;
use serde::Deserialize;
use stores::settings::{Database, Redis};

use crate::adapters::cache::Limits;

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
    pub cache: Limits,
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

#[cfg(test)]
mod tests {
    use chassis::config::Layers;

    use super::*;

    #[test]
    fn the_defaults_are_complete() {
        let layers = Layers::new(crate::SPEC.name, crate::SPEC.defaults).expect("TOML");
        let config: Config = layers.read().expect("every key");
        assert!(config.catalogue.seed);
        layers.read::<chassis::settings::Common>().expect("every common key");
    }
}
