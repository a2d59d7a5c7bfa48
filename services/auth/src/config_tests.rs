//! The defaults and the checks of [`super`].

use chassis::config::Layers;

use super::*;

const DEFAULTS: &str = include_str!("../config.toml");

fn with(overrides: &str) -> Config {
    let table = overrides.parse().expect("TOML");
    let layers = Layers::new("auth", DEFAULTS).and_then(|layers| layers.table("test", table));
    layers.and_then(|layers| layers.read()).expect("it fits")
}

fn refused(overrides: &str) -> String {
    let config = with(overrides);
    let error = config.check().and_then(|()| config.admin().map(|_| ())).expect_err("refused");
    match error {
        StartError::Invalid { key, .. } => key,
        other => panic!("unexpected: {other}"),
    }
}

#[test]
fn the_defaults_are_valid_and_strong() {
    let config = with("");
    config.check().expect("valid");
    assert!(config.admin().expect("valid").is_none());
    let password = &config.password;
    assert_eq!((password.memory_kib, password.iterations, password.parallelism), (19_456, 2, 1));
    let wait = password.wait + config.user.timeout;
    assert!(wait < config.grpc.timeout, "a call has time for the wait and the user service");
}

#[test]
fn every_key_is_explained() {
    let mut above = "";
    for line in DEFAULTS.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(above.starts_with('#'), "no comment above `{line}`");
        }
        above = line;
    }
}

#[test]
fn values_that_do_not_go_together_name_their_key() {
    assert_eq!(refused("[token]\nkey_overlap_s = 1"), "token.key_overlap_s");
    assert_eq!(refused("[token]\nkey_rotation_s = 3600"), "token.key_rotation_s");
}

#[test]
fn a_bootstrap_admin_keeps_the_rules() {
    let admin = with("[bootstrap]\nadmin_email = \"root@example.com\"\nadmin_password = \"correct horse\"").admin();
    assert_eq!(admin.expect("valid").expect("there is one").name(), "Administrator");
    assert_eq!(refused("[bootstrap]\nadmin_email = \"root@example.com\""), "bootstrap.admin_password");
    assert_eq!(refused("[bootstrap]\nadmin_password = \"correct horse\""), "bootstrap.admin_email");
}

#[test]
fn the_admin_password_is_not_printed() {
    let config = with("[bootstrap]\nadmin_password = \"correct horse\"");
    assert!(!format!("{config:?}").contains("correct horse"));
}
