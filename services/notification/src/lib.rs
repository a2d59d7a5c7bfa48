//! The notification service: it learns from events who registered and what happened to them, and sends e-mails about
//! it. Nobody calls it.
//!
//! An event has its effect once: the note that it was handled, what it tells about the recipient, and the mail that it
//! causes are one transaction. From there the sender takes over: a mail server that is down delays mails and
//! loses none.

pub mod adapters;
mod config;
mod consumers;
pub mod domain;
pub mod events;
mod maintenance;
mod metrics;
mod name;
pub mod ports;
pub mod sender;

use std::sync::Arc;

#[cfg(not(feature = "backing-services"))]
use chassis::settings::NOT_BUILT;
use chassis::{App, Spec, StartError};
use chrono::TimeDelta;
use stores::db;

pub use crate::config::Config;

use crate::adapters::file::FileMailer;
#[cfg(feature = "backing-services")]
use crate::adapters::smtp::SmtpMailer;
use crate::adapters::sql::{MIGRATIONS, SqlStore};
use crate::adapters::templates::Templates;
use crate::config::{Transport, invalid};
use crate::consumers::Consumers;
use crate::events::Events;
use crate::name::NAME;
use crate::ports::{Mailer, Store};
use crate::sender::Sender;

/// The service as its host runs it.
pub static SPEC: Spec = Spec {
    name: NAME,
    defaults: include_str!("../config.toml"),
    migrate: Some(|layers, on_retry| Box::pin(db::migrate(NAME, layers, MIGRATIONS, on_retry))),
    prepare: |layers| chassis::prepare(layers, build),
};

/// Puts the service together.
///
/// # Errors
/// If the configuration makes no sense, or the database or the folder for mails cannot be used.
pub async fn build(config: Config, mut app: App) -> Result<App, StartError> {
    config.check()?;
    let broker = messaging::connect(NAME, &config.broker)?;
    let templates = Templates::new(config.mail.shop.clone());
    let templates = templates.map_err(|error| system("with its templates", error))?;
    let mailer = mailer(&config)?;
    let db = db::attach(&mut app, NAME, &config.database, MIGRATIONS).await?;
    let store: Arc<dyn Store> = Arc::new(SqlStore::new(db));
    metrics::init(mailer.name());

    app.background("mail metrics", maintenance::gauges(store.clone()));
    app.background("mail purge", maintenance::purge(store.clone(), TimeDelta::days(config.mail.keep_days.into())));
    let sender = Sender::new(store.clone(), mailer, Arc::new(templates), config.mail.sender());
    let events = Arc::new(Events::new(store, config.mail.catalogue_to.clone(), sender.wake()));
    let subscriptions = events::subscriptions().map_err(|error| system("with its subscriptions", error))?;
    let subscriptions = subscriptions.into_iter().map(|subscription| config.tune(subscription));
    let consumers = Consumers::start(broker.as_ref(), subscriptions.collect(), &events);
    let watched = consumers.clone();
    // Without a broker nothing new comes in, but what waits is sent: the service is worse, not unready.
    app.readiness().degrading("broker", move || std::future::ready(watched.check()));
    app.worker(|stop| consumers.run(stop));
    app.worker(|stop| sender.run(stop));
    Ok(app)
}

fn mailer(config: &Config) -> Result<Arc<dyn Mailer>, StartError> {
    let origin = config.mail.from.clone();
    match config.mail.transport {
        Transport::File => {
            let folder = &config.mail.folder;
            let mailer = FileMailer::open(folder, origin).map_err(|error| {
                let shown = folder.display();
                invalid("mail.folder", format!("cannot write to `{shown}`: {error}; name a folder of this service"))
            })?;
            Ok(Arc::new(mailer))
        }
        #[cfg(not(feature = "backing-services"))]
        Transport::Smtp => {
            Err(invalid("mail.transport", format!("`smtp` needs a client of mail servers, which {NOT_BUILT}")))
        }
        #[cfg(feature = "backing-services")]
        Transport::Smtp => {
            let mailer = SmtpMailer::new(config.smtp.clone(), origin);
            Ok(Arc::new(mailer.map_err(|reason| invalid("smtp.tls", reason))?))
        }
    }
}

fn system(what: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> StartError {
    StartError::System { what, source: std::io::Error::other(error) }
}
