//! Wires the sending side into a service: an outbox, the relay behind it, and the connection it needs.

use std::sync::Arc;
use std::time::Duration;

use chassis::{App, StartError};
use stores::db::Db;

use crate::outbox::Outbox;
use crate::ports::Broker;
use crate::relay::Relay;
use crate::settings;

/// Between two looks whether a broker that was out of reach can be reached; the connection itself waits longer
/// after several failures.
const LOOK: Duration = Duration::from_secs(1);

/// The outbox of a service in `db`, which has the table of [`crate::schema`]. In the background of `app` what is
/// appended to it is published as events of `context`, sent events are deleted after the time they are kept, and what
/// waits is measured. The broker is no readiness check: without it the service works, and its events wait.
///
/// # Errors
/// If `context` is no name.
pub fn start_outbox(
    app: &mut App,
    db: Db,
    broker: &Arc<dyn Broker>,
    context: &str,
    settings: settings::Outbox,
) -> Result<Outbox, StartError> {
    let publisher = broker.publisher(context).map_err(|error| StartError::System {
        what: "the publisher of events",
        source: std::io::Error::other(error),
    })?;
    let outbox = Outbox::new(db);
    app.background("broker connection", reach(Arc::clone(broker)));
    app.background("outbox relay", Relay::new(outbox.clone(), publisher, settings.relay()).run());
    Ok(outbox)
}

/// Connects at start and not with the first event, so that a wrong configuration shows at once. Why it does not
/// work is told by the connection, whenever the reason changes.
async fn reach(broker: Arc<dyn Broker>) {
    let mut pace = tokio::time::interval(LOOK);
    loop {
        pace.tick().await;
        if broker.check().await.is_ok() {
            // From here on the relay reconnects when it needs to.
            return std::future::pending().await;
        }
    }
}
