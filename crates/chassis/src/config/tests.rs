//! Tests of the configuration layers.

use serde::Deserialize;

use super::*;

const DEFAULTS: &str = r#"
name = "x"
[grpc]
address = "127.0.0.1:1"
port = 1
ratio = 0.5
origins = []
on = true
"#;

#[derive(Debug, Deserialize, PartialEq)]
struct Config {
    name: String,
    grpc: Grpc,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Grpc {
    port: u16,
    ratio: f64,
    origins: Vec<String>,
    on: bool,
}

fn layers() -> Layers {
    Layers::new("demo", DEFAULTS).expect("defaults parse")
}

fn env(pairs: &[(&str, &str)]) -> Result<Layers, ConfigError> {
    layers().env(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[test]
fn the_environment_overrides_the_file_and_the_file_the_defaults() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("demo.toml");
    std::fs::write(&path, "name = \"file\"\n[grpc]\nport = 2\nratio = 1\n").expect("write");
    let variables = [("SIGNALBOX_DEMO_GRPC_PORT", "3"), ("SIGNALBOX_DEMO_GRPC_ORIGINS", "a, b"), ("OTHER", "z")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config: Config = layers().file(&path).expect("file").env(variables).expect("env").read().expect("read");
    let grpc = Grpc { port: 3, ratio: 1.0, origins: vec!["a".into(), "b".into()], on: true };
    assert_eq!(config, Config { name: "file".into(), grpc });
}

#[test]
fn an_unknown_key_is_named_with_a_suggestion() {
    let table = "[grpc]\nprot = 2".parse().expect("toml");
    let error = layers().table("demo.toml", table).expect_err("unknown").to_string();
    assert_eq!(error, "demo.toml: unknown key `grpc.prot`; did you mean `grpc.port`?");
    let error = env(&[("SIGNALBOX_DEMO_GRPC_PROT", "2")]).expect_err("unknown").to_string();
    assert_eq!(error, "variable SIGNALBOX_DEMO_GRPC_PROT: unknown key `grpc.prot`; did you mean `grpc.port`?");
}

#[test]
fn a_value_of_the_wrong_type_is_named() {
    let error = env(&[("SIGNALBOX_DEMO_GRPC_PORT", "many")]).expect_err("type").to_string();
    assert_eq!(error, "variable SIGNALBOX_DEMO_GRPC_PORT: `many` is not an integer (key `grpc.port`)");
    let table = "grpc.on = 1".parse().expect("toml");
    let error = layers().table("demo.toml", table).expect_err("type").to_string();
    assert_eq!(error, "demo.toml: `grpc.on` must be a boolean, not integer");
}

#[test]
fn a_value_out_of_range_names_its_key() {
    let error = env(&[("SIGNALBOX_DEMO_GRPC_PORT", "70000")]).expect("integer").read::<Config>().expect_err("range");
    assert!(error.to_string().contains("port"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let error = layers().file(Path::new("/nowhere/demo.toml")).expect_err("missing").to_string();
    assert!(error.starts_with("cannot read the configuration file /nowhere/demo.toml"), "{error}");
}
