//! For the tests of services: what is in an outbox.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::envelope::Envelope;
use crate::errors::PublishError;
use crate::outbox::Outbox;
use crate::ports::Publisher;
use crate::relay::{Relay, RelaySettings};

#[derive(Default)]
struct RecordingPublisher(Mutex<Vec<Envelope>>);

#[async_trait]
impl Publisher for RecordingPublisher {
    async fn publish(&self, events: &[Envelope]) -> Vec<Result<(), PublishError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(events);
        vec![Ok(()); events.len()]
    }
}

/// Takes all unsent events out of an outbox, as a relay does; those of one aggregate are in their order.
///
/// # Errors
/// If the database refuses or is gone.
pub async fn drain(outbox: &Outbox) -> Result<Vec<Envelope>, sqlx::Error> {
    let published = Arc::new(RecordingPublisher::default());
    let relay = Relay::new(outbox.clone(), Arc::clone(&published) as Arc<dyn Publisher>, RelaySettings::default());
    while relay.round().await?.sent > 0 {}
    Ok(std::mem::take(&mut *published.0.lock().unwrap_or_else(PoisonError::into_inner)))
}
