//! Wires the sending side into a service: an outbox, the relay behind it, and the connection it needs.

use std::sync::Arc;
use std::time::Duration;

use chassis::ports::Ports;
use chassis::{App, StartError};
use stores::db::Db;

use crate::outbox::Outbox;
use crate::ports::Broker;
use crate::relay::{Relay, RelaySettings};
use crate::settings;

/// Between two checks whether a broker that was out of reach can be reached; the connection itself waits longer
/// after several failures.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

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
    app.background("broker connection", connect_early(Arc::clone(broker), outbox.ports().clone()));
    let settings = RelaySettings { retention: settings.retention, ..RelaySettings::default() };
    app.background("outbox relay", Relay::new(outbox.clone(), publisher, settings).run());
    Ok(outbox)
}

/// Connects at start and not with the first event, so that a wrong configuration shows at once. Why it does not
/// work is logged by the connection, whenever the reason changes.
async fn connect_early(broker: Arc<dyn Broker>, ports: Ports) {
    while broker.check().await.is_err() {
        ports.clock.sleep(CHECK_INTERVAL).await;
    }
    // From here on the relay reconnects when it needs to.
    std::future::pending().await
}
