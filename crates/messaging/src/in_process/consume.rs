//! Consumes one queue of the in-process broker: receives, handles, acknowledges, and gives back what it did not finish.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, watch};

use super::queues::{Message, Queues};
use crate::process::{Disposition, Incoming, Processor};
use crate::time::utc;
use crate::workers::{KeyedWorkers, Work};

/// What a channel is to a real broker: what is not acknowledged on it goes back all at once, in order, when the last
/// delivery of it has been let go; only then may the next instance of an ordered consumer begin.
struct Channel {
    queues: Arc<Queues>,
    processor: Arc<Processor>,
    unacknowledged: Mutex<Vec<Message>>,
    _active: Option<OwnedMutexGuard<()>>,
}

impl Drop for Channel {
    fn drop(&mut self) {
        let messages = std::mem::take(self.unacknowledged.get_mut().unwrap_or_else(PoisonError::into_inner));
        for _ in &messages {
            self.processor.count(Disposition::Requeue.label());
        }
        self.queues.requeue(self.processor.queue(), messages, utc(&*self.processor.ports().clock));
    }
}

/// A delivered message.
struct Delivery {
    channel: Arc<Channel>,
    message: Option<Message>,
    incoming: Incoming,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(message) = self.message.take() {
            self.channel.unacknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        }
    }
}

impl Delivery {
    async fn handle(mut self, stop: watch::Receiver<bool>) {
        let (queues, processor) = (Arc::clone(&self.channel.queues), Arc::clone(&self.channel.processor));
        let disposition = processor.process(&self.incoming, &stop).await;
        if disposition == Disposition::Requeue {
            return; // Its channel takes it back, and counts it.
        }
        let Some(message) = self.message.take() else { return };
        let queue = processor.queue().to_owned();
        processor.count(disposition.label());
        match disposition {
            Disposition::Done | Disposition::Ignored | Disposition::Requeue => queues.acknowledge(&queue),
            Disposition::Park { headers } => queues.park(&queue, message.with(headers)),
            Disposition::Retry { wait, headers } => {
                let waited = processor.ports().clock.sleep(wait);
                tokio::spawn(async move {
                    waited.await;
                    queues.enqueue_retry(&queue, message.with(headers));
                });
            }
        }
    }
}

/// Consumes until it is told to stop.
pub(super) async fn run(
    queues: Arc<Queues>,
    processor: Arc<Processor>,
    ready: watch::Sender<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let (prefetch, concurrency) = (processor.subscription().prefetch.max(1), processor.subscription().concurrency);
    let permits = Arc::new(Semaphore::new(prefetch.into()));
    let stopping = stop.clone();
    let work: Work<Delivery> = Arc::new(move |delivery| Box::pin(delivery.handle(stopping.clone())));
    let workers = KeyedWorkers::start(concurrency, prefetch.into(), &work);
    ready.send_replace(true);
    let receive = async {
        let ordered = processor.subscription().ordered;
        let active = if ordered { Some(queues.become_active(processor.queue()).await) } else { None };
        let (queues, unacknowledged) = (Arc::clone(&queues), Mutex::default());
        let channel = Channel { queues, processor: Arc::clone(&processor), unacknowledged, _active: active };
        let channel = Arc::new(channel);
        // The semaphore is never closed.
        while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
            let message = channel.queues.next(processor.queue()).await;
            let incoming = Incoming::new(message.id.clone(), message.headers.clone(), &message.body);
            let key = incoming.key().to_owned();
            let channel = Arc::clone(&channel);
            workers.submit(&key, Delivery { channel, message: Some(message), incoming, _permit: permit }).await;
        }
    };
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => {}
        () = receive => {}
    }
    ready.send_replace(false);
    workers.drain().await;
}
