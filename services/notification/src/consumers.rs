//! The running consumers: whether they receive, and how they are stopped.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use messaging::{Broker, Consumer, Handler, Subscription};
use tokio_util::sync::CancellationToken;

use crate::events::Events;

/// Longest time the events in hand may take; the app's own limit cuts earlier.
const STOP_TIMEOUT: Duration = Duration::from_hours(1);

/// See the module. Cloning it shares it.
#[derive(Clone)]
pub(crate) struct Consumers(Arc<Mutex<Vec<(String, Consumer)>>>);

impl Consumers {
    /// Starts to consume.
    pub(crate) fn start(broker: &dyn Broker, subscriptions: Vec<Subscription>, events: &Arc<Events>) -> Self {
        let start = |subscription: Subscription| {
            let handler = Arc::clone(events) as Arc<dyn Handler>;
            (subscription.queue(), broker.subscribe(subscription, handler))
        };
        Self(Arc::new(Mutex::new(subscriptions.into_iter().map(start).collect())))
    }

    /// Whether all receive; if not, which do not.
    pub(crate) fn check(&self) -> Result<(), String> {
        let consumers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let not_ready: Vec<_> = consumers.iter().filter(|(_, consumer)| !consumer.is_ready()).collect();
        let names: Vec<_> = not_ready.iter().map(|(queue, _)| queue.as_str()).collect();
        if names.is_empty() { Ok(()) } else { Err(format!("receiving nothing from {}", names.join(", "))) }
    }

    /// Waits until it is told to stop, then takes no more and finishes what is in hand.
    pub(crate) async fn run(self, stop: CancellationToken) {
        stop.cancelled().await;
        let consumers = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        join_all(consumers.into_iter().map(|(_, consumer)| consumer.stop(STOP_TIMEOUT))).await;
    }
}
