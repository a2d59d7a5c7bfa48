//! The sections of `config.toml` that only this service reads; the file explains each key.

use chassis::settings;
use serde::Deserialize;

/// Configuration of the user service.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// `[grpc]`
    pub grpc: settings::Grpc,
    /// `[database]`
    pub database: stores::settings::Database,
    /// `[broker]`
    pub broker: messaging::settings::Broker,
    /// `[outbox]`
    pub outbox: messaging::settings::Outbox,
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
        assert_eq!(config.grpc.address.port(), 50052);
        assert_eq!(common.admin.address.port(), 9082);
    }

    #[test]
    fn every_key_and_section_is_explained() {
        let lines: Vec<_> = crate::SPEC.defaults.lines().collect();
        let mut explained = 0;
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(" = ") || line.starts_with('['))
        {
            if !line.starts_with('#') {
                assert!(
                    number > 0 && lines[number - 1].starts_with("# "),
                    "line {}: `{line}` has no comment",
                    number + 1
                );
                explained += 1;
            }
        }
        assert!(explained > 20, "only {explained} keys found");
    }

    #[test]
    fn a_mistyped_key_is_named() {
        let layers = Layers::new(crate::SPEC.name, crate::SPEC.defaults).expect("TOML");
        let wrong = [("SIGNALBOX_USER_DATABASE_ULR".to_owned(), "sqlite:x.db".to_owned())];
        let error = layers.env(wrong).expect_err("unknown").to_string();
        assert!(error.contains("did you mean `database.url`?"), "{error}");
    }
}
