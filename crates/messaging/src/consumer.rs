//! The handle of a running consumer.

use std::time::Duration;

use chassis::ports::Ports;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::time::timeout;

/// A running consumer. Dropping it stops it at once, and what it had in hand is delivered again, here or elsewhere;
/// [`Consumer::stop`] lets it finish that first.
#[must_use = "dropping the consumer stops it"]
pub struct Consumer {
    task: JoinHandle<()>,
    ready: watch::Receiver<bool>,
    stop: watch::Sender<bool>,
    ports: Ports,
}

impl Consumer {
    /// Runs what `work` makes of the signals: it announces each time it begins (`true`) or ceases (`false`) to
    /// receive, and ends soon after it is told to stop.
    pub(crate) fn spawn<F>(ports: &Ports, work: impl FnOnce(watch::Sender<bool>, watch::Receiver<bool>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (announce, ready) = watch::channel(false);
        let (stop, stopped) = watch::channel(false);
        Self { task: tokio::spawn(work(announce, stopped)), ready, stop, ports: ports.clone() }
    }

    /// Waits until messages are being received.
    pub async fn ready(&self) {
        let mut ready = self.ready.clone();
        // It fails only if the consumer has ended, and then nobody waits for messages.
        let _ = ready.wait_for(|ready| *ready).await;
    }

    /// Whether messages are being received now; for readiness checks.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Runs for ever, as background tasks do.
    pub async fn run(mut self) {
        // It ends only by a panic, which has been logged where it happened.
        let _ = (&mut self.task).await;
    }

    /// Takes no more messages and finishes those in hand, within `limit`; answers whether that was enough.
    pub async fn stop(mut self, limit: Duration) -> bool {
        self.stop.send_replace(true);
        timeout(&*self.ports.clock, limit, &mut self.task).await.is_ok()
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
