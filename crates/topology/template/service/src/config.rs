//! The sections of `config.toml` that only this service reads; the file explains each key.

use chassis::settings;
use serde::Deserialize;

/// Configuration of the service.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// `[grpc]`
    pub grpc: settings::Grpc,
    /// `[database]`
    pub database: stores::settings::Database,
}

#[cfg(test)]
mod tests {
    use chassis::config::Layers;
    use chassis::settings::Common;

    use super::*;

    #[test]
    fn the_defaults_are_complete() {
        let layers = Layers::new(crate::SPEC.name, crate::SPEC.defaults).expect("TOML");
        let config: Config = layers.read().expect("own sections");
        let common: Common = layers.read().expect("common sections");
        assert_eq!(config.grpc.address.port(), 50099);
        assert_eq!(common.admin.address.port(), 9099);
    }

    #[test]
    fn a_mistyped_key_is_named() {
        let layers = Layers::new(crate::SPEC.name, crate::SPEC.defaults).expect("TOML");
        let wrong = [("SIGNALBOX_SAMPLE_ITEM_DATABASE_ULR".to_owned(), "sqlite:x.db".to_owned())];
        let error = layers.env(wrong).expect_err("unknown").to_string();
        assert!(error.contains("did you mean `database.url`?"), "{error}");
    }
}
