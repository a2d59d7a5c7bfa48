//! Consumes one queue: declares, receives, handles, acknowledges, and starts again when the connection breaks.

use std::sync::Arc;

use futures_util::StreamExt;
use lapin::message::Delivery as Received;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::FieldTable;
use lapin::{Acker, Channel};
use tokio::sync::watch;

use super::connections::Connections;
use super::connector::BACKOFF;
use super::message::{Outgoing, decode_headers, message_id, short_string};
use super::topology;
use crate::errors::BrokerError;
use crate::process::{Disposition, Incoming, Processor};
use crate::time::timeout;
use crate::workers::{KeyedWorkers, Work};

/// A message in the hands of a worker. What is not acknowledged when its channel closes is delivered again.
struct Delivery {
    incoming: Incoming,
    body: Vec<u8>,
    acker: Acker,
    connections: Arc<Connections>,
    processor: Arc<Processor>,
}

/// Consumes until it is told to stop, whatever breaks meanwhile.
pub(super) async fn run(
    connections: Arc<Connections>,
    processor: Arc<Processor>,
    ready: watch::Sender<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let (mut failures, mut logged) = (0_u32, None);
    loop {
        let Err(error) = consume(&connections, &processor, &ready, &mut stop).await else { return };
        let received = ready.send_replace(false);
        failures = if received { 1 } else { failures.saturating_add(1) };
        if received {
            logged = None;
        }
        // Once, until it works or something else is wrong: it is tried every few seconds.
        let reason = std::mem::discriminant(&error);
        if !matches!(error, BrokerError::Waiting(_)) && logged.replace(reason) != Some(reason) {
            tracing::warn!(
                queue = processor.queue(),
                error = &error as &dyn std::error::Error,
                "consuming was interrupted and will start again"
            );
        }
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = connections.ports.clock.sleep(BACKOFF.wait(failures, &*connections.ports.random)) => {}
        }
    }
}

/// Consumes until it is told to stop (`Ok`) or something breaks.
async fn consume(
    connections: &Arc<Connections>,
    processor: &Arc<Processor>,
    ready: &watch::Sender<bool>,
    stop: &mut watch::Receiver<bool>,
) -> Result<(), BrokerError> {
    let limit = connections.settings.connect_timeout * 2;
    let starting = timeout(&*connections.ports.clock, limit, start(connections, processor));
    let started = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
        started = starting => started,
    };
    let (channel, mut deliveries) = started.map_err(|_| BrokerError::Failed("no answer in time".to_owned()))??;
    let stopping = stop.clone();
    let work: Work<Delivery> = Arc::new(move |delivery| Box::pin(delivery.handle(stopping.clone())));
    let subscription = processor.subscription();
    let workers = KeyedWorkers::start(subscription.concurrency, subscription.prefetch.into(), &work);
    ready.send_replace(true);
    loop {
        let received = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            received = deliveries.next() => received,
        };
        let received = received.ok_or_else(|| BrokerError::Failed("the queue was deleted".to_owned()))??;
        let delivery = Delivery::new(received, connections, processor);
        let key = delivery.incoming.key().to_owned();
        workers.submit(&key, delivery).await;
    }
    ready.send_replace(false);
    // What arrives until the broker has heard of it is not handled and goes back with the channel.
    let _ = channel.basic_cancel(deliveries.tag(), BasicCancelOptions::default()).await;
    workers.drain().await;
    Ok(())
}

async fn start(connections: &Connections, processor: &Processor) -> Result<(Channel, lapin::Consumer), BrokerError> {
    let subscription = processor.subscription();
    let channel = connections.consuming.channel().await?;
    topology::declare(&channel, subscription, &connections.settings).await?;
    channel.basic_qos(subscription.prefetch.clamp(1, 2_000), BasicQosOptions::default()).await?;
    let (queue, options) = (short_string(processor.queue()), BasicConsumeOptions::default());
    let deliveries = channel.basic_consume(queue, short_string(""), options, FieldTable::default()).await?;
    Ok((channel, deliveries))
}

impl Delivery {
    fn new(received: Received, connections: &Arc<Connections>, processor: &Arc<Processor>) -> Self {
        let headers = decode_headers(&received.properties);
        let incoming = Incoming::new(message_id(&received), headers, &received.data);
        let (connections, processor) = (Arc::clone(connections), Arc::clone(processor));
        Self { incoming, body: received.data, acker: received.acker, connections, processor }
    }

    async fn handle(self, stop: watch::Receiver<bool>) {
        let (disposition, queue) = (self.processor.process(&self.incoming, &stop).await, self.processor.queue());
        let label = disposition.label();
        let (target, headers) = match disposition {
            Disposition::Done | Disposition::Ignored => return self.acknowledge(label).await,
            Disposition::Retry { wait, headers } => (topology::retry_queue(queue, wait), headers),
            Disposition::Park { headers } => (self.connections.settings.dead_letters.clone(), headers),
            // It goes back with the channel, which is about to close.
            Disposition::Requeue => return self.processor.count(label),
        };
        let (message_id, body) = (self.incoming.message_id.clone(), self.body.clone());
        let copy = Outgoing { exchange: String::new(), routing_key: target, message_id, headers, body };
        match self.connections.mover.send_one(copy).await {
            Ok(()) => self.acknowledge(label).await,
            Err(error) => {
                tracing::warn!(queue, error = &error as &dyn std::error::Error, "a message could not be moved on");
                self.requeue().await;
            }
        }
    }

    async fn acknowledge(&self, label: &'static str) {
        self.processor.count(label);
        // If it fails, the channel is broken: consuming starts again, and the message is delivered again.
        let _ = self.acker.ack(BasicAckOptions::default()).await;
    }

    /// By reject: it counts as a delivery on every version, which a negative acknowledgement does not.
    async fn requeue(&self) {
        self.processor.count(Disposition::Requeue.label());
        let ports = &self.connections.ports;
        ports.clock.sleep(BACKOFF.wait(u32::MAX, &*ports.random)).await;
        let _ = self.acker.reject(BasicRejectOptions { requeue: true }).await;
    }
}
