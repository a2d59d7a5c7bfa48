//! What stands for Redis in a program that was built without its client: there is never one.

use chassis::{App, StartError};

use crate::settings;

/// A Redis server, of which there is none.
#[derive(Clone)]
pub enum Redis {}

impl Redis {
    /// None: what names a server is refused where the configuration is read.
    ///
    /// # Errors
    /// Never.
    pub fn attach(_: &App, settings: &settings::Redis) -> Result<Option<Self>, StartError> {
        match settings.url {
            None => Ok(None),
            Some(ref url) => match *url {},
        }
    }
}
