//! What a service is to its host: a name, its defaults, and functions that read its configuration, build it and migrate its
//! database. The host runs it.

use std::future::Future;
use std::pin::Pin;

use serde::de::DeserializeOwned;

use crate::app::App;
use crate::config::Layers;
use crate::start_error::StartError;

/// An app that is being completed.
pub type Building = Pin<Box<dyn Future<Output = Result<App, StartError>> + Send>>;

/// Completes the app of a service whose configuration has been read.
pub type Build = Box<dyn FnOnce(App) -> Building + Send>;

/// Is told why something failed that will be tried again.
pub type OnRetry = dyn Fn(&dyn std::error::Error) + Send + Sync;

/// Brings the schema of the configured database up to date and answers its version.
pub type Migrate = fn(Layers, Box<OnRetry>) -> Pin<Box<dyn Future<Output = Result<i64, StartError>> + Send>>;

/// A service as its crate offers it, in a `static`: what its functions need is compiled once, with the crate, and not again
/// in every program and test that starts the service.
pub struct Spec {
    /// `service.name`, also part of the variables that configure it.
    pub name: &'static str,
    /// Its `config.toml`.
    pub defaults: &'static str,
    /// What its subcommand `migrate` does, if it has a database.
    pub migrate: Option<Migrate>,
    /// Reads the configuration, for which there is [`prepare`]. What it answers runs on the service's own runtime, while the
    /// admin port answers already.
    pub prepare: fn(&Layers) -> Result<Build, StartError>,
}

/// Reads a configuration of type `C`; `build` completes the app with it.
///
/// # Errors
/// If a value is missing or wrong.
pub fn prepare<C, F>(layers: &Layers, build: fn(C, App) -> F) -> Result<Build, StartError>
where
    C: DeserializeOwned + Send + 'static,
    F: Future<Output = Result<App, StartError>> + Send + 'static,
{
    let config: C = layers.read()?;
    Ok(Box::new(move |app| Box::pin(build(config, app))))
}
