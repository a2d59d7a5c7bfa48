//! Consumes one queue: declares, receives, handles, settles, and starts again when the connection breaks.

use std::sync::Arc;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::FieldTable;
use lapin::{Acker, Channel};
use tokio::sync::watch;

use super::connector::backoff;
use super::wire::{self, Outgoing, short};
use super::{BrokerError, Shared, topology};
use crate::lanes::{Lanes, Work};
use crate::process::{Incoming, Processor, Verdict};

/// A delivery on its way through the lanes. Its channel goes back to the broker with everything that was not settled.
struct InHand {
    incoming: Incoming,
    body: Vec<u8>,
    acker: Acker,
    shared: Arc<Shared>,
    processor: Arc<Processor>,
}

pub(super) async fn run(
    shared: Arc<Shared>,
    processor: Arc<Processor>,
    ready: watch::Sender<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let (mut failures, mut told) = (0_u32, None);
    loop {
        let Err(error) = session(&shared, &processor, &ready, &mut stop).await else { return };
        let received = ready.send_replace(false);
        failures = if received { 1 } else { failures.saturating_add(1) };
        if received {
            told = None;
        }
        // Once, until it works or something else is wrong: it is tried every few seconds.
        let reason = std::mem::discriminant(&error);
        if !matches!(error, BrokerError::Waiting(_)) && told.replace(reason) != Some(reason) {
            tracing::warn!(
                queue = processor.queue(),
                error = &error as &dyn std::error::Error,
                "consuming was interrupted and will start again"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(backoff(failures)) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Consumes until it is told to stop (`Ok`) or something breaks.
async fn session(
    shared: &Arc<Shared>,
    processor: &Arc<Processor>,
    ready: &watch::Sender<bool>,
    stop: &mut watch::Receiver<bool>,
) -> Result<(), BrokerError> {
    let starting = tokio::time::timeout(shared.settings.connect_timeout * 2, start(shared, processor));
    let started = tokio::select! {
        started = starting => started,
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
    };
    let (channel, mut deliveries) = started.map_err(|_| BrokerError::Failed("no answer in time".to_owned()))??;
    let stopping = stop.clone();
    let work: Work<InHand> = Arc::new(move |in_hand| Box::pin(in_hand.handle(stopping.clone())));
    let subscription = processor.subscription();
    let lanes = Lanes::start(subscription.concurrency, subscription.prefetch.into(), &work);
    ready.send_replace(true);
    loop {
        let delivery = tokio::select! {
            delivery = deliveries.next() => delivery,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let delivery = delivery.ok_or_else(|| BrokerError::Failed("the queue was deleted".to_owned()))??;
        let in_hand = InHand::new(delivery, shared, processor);
        let key = in_hand.incoming.key().to_owned();
        lanes.put(&key, in_hand).await;
    }
    ready.send_replace(false);
    // What arrives until the broker has heard of it is not handled and goes back with the channel.
    let _ = channel.basic_cancel(deliveries.tag(), BasicCancelOptions::default()).await;
    lanes.finish().await;
    Ok(())
}

async fn start(shared: &Shared, processor: &Processor) -> Result<(Channel, lapin::Consumer), BrokerError> {
    let subscription = processor.subscription();
    let channel = shared.consuming.channel().await?;
    topology::declare(&channel, subscription, &shared.settings).await?;
    channel.basic_qos(subscription.prefetch.clamp(1, 2_000), BasicQosOptions::default()).await?;
    let (queue, options) = (short(processor.queue()), BasicConsumeOptions::default());
    let deliveries = channel.basic_consume(queue, short(""), options, FieldTable::default()).await?;
    Ok((channel, deliveries))
}

impl InHand {
    fn new(delivery: Delivery, shared: &Arc<Shared>, processor: &Arc<Processor>) -> Self {
        let message_id = delivery.properties.message_id().as_ref().map(|id| id.as_str().to_owned());
        let incoming = Incoming::new(message_id, wire::read(&delivery.properties), &delivery.data);
        let (shared, processor) = (Arc::clone(shared), Arc::clone(processor));
        Self { incoming, body: delivery.data, acker: delivery.acker, shared, processor }
    }

    async fn handle(self, stop: watch::Receiver<bool>) {
        let (verdict, queue) = (self.processor.process(&self.incoming, &stop).await, self.processor.queue());
        let (outcome, moving) = match verdict {
            Verdict::Done => ("done", None),
            Verdict::Ignored => ("ignored", None),
            Verdict::Retry { wait, headers } => ("retried", Some((topology::retry_queue(queue, wait), headers))),
            Verdict::Park { headers } => ("parked", Some((self.shared.settings.dead_letters.clone(), headers))),
            // It goes back with the channel, which is about to close.
            Verdict::GiveBack => return self.processor.count("requeued"),
        };
        let Some((target, headers)) = moving else { return self.acknowledge(outcome).await };
        let (message_id, body) = (self.incoming.message_id.clone(), self.body.clone());
        let copy = Outgoing { exchange: String::new(), routing_key: target, message_id, headers, body };
        match self.shared.mover.send_one(copy).await {
            Ok(()) => self.acknowledge(outcome).await,
            Err(error) => {
                tracing::warn!(queue, error = &error as &dyn std::error::Error, "a message could not be moved on");
                self.give_back().await;
            }
        }
    }

    async fn acknowledge(&self, outcome: &'static str) {
        self.processor.count(outcome);
        // If it fails, the channel is broken: its session ends, and the message is delivered again.
        let _ = self.acker.ack(BasicAckOptions::default()).await;
    }

    /// By reject: it counts as a delivery on every version, which a negative acknowledgement does not.
    async fn give_back(&self) {
        self.processor.count("requeued");
        tokio::time::sleep(backoff(u32::MAX)).await;
        let _ = self.acker.reject(BasicRejectOptions { requeue: true }).await;
    }
}
