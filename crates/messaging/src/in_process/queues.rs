//! The queues of the in-process broker: one lock over all of them, so that an event reaches all its queues or none.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::{Notify, OwnedMutexGuard};

use crate::errors::PublishError;
use crate::headers::{self, Headers, Parking};
use crate::subscription::Subscription;

/// A message in a queue.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: Option<String>,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
    /// Its position among the messages of all queues.
    sequence: u64,
    /// Deliveries that ended without an acknowledgement.
    failed_deliveries: u32,
}

impl Message {
    pub(super) fn new(id: Option<String>, headers: Headers, body: Vec<u8>) -> Self {
        Self { id, headers, body, sequence: 0, failed_deliveries: 0 }
    }

    /// The same with other headers.
    pub(super) fn with(self, headers: Headers) -> Self {
        Self { headers, ..self }
    }
}

/// All queues.
pub(super) struct Queues {
    state: Mutex<State>,
    capacity: usize,
    delivery_limit: u32,
}

#[derive(Default)]
pub(super) struct State {
    queues: BTreeMap<String, Queue>,
    pub(super) dead: VecDeque<Message>,
    last_sequence: u64,
}

#[derive(Default)]
struct Queue {
    context: String,
    ready: BTreeMap<u64, Message>,
    /// Messages that are ready, delivered and not acknowledged, or waiting for another attempt.
    size: usize,
    added: Arc<Notify>,
    /// Locked by the single active consumer, if only one instance may work.
    active: Arc<tokio::sync::Mutex<()>>,
}

impl Queues {
    pub(super) fn new(capacity: usize, delivery_limit: u32) -> Self {
        Self { state: Mutex::default(), capacity, delivery_limit }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the queue of a subscription, or takes the one there is.
    pub(super) fn declare(&self, subscription: &Subscription) {
        let mut state = self.lock();
        let queue = state.queues.entry(subscription.queue()).or_default();
        subscription.context().clone_into(&mut queue.context);
    }

    /// Puts an event into every queue of its context.
    pub(super) fn route(&self, context: &str, message: &Message) -> Result<(), PublishError> {
        let mut state = self.lock();
        let wants = |queue: &Queue| queue.context == context;
        let names: Vec<_> =
            state.queues.iter().filter(|(_, queue)| wants(queue)).map(|(name, _)| name.clone()).collect();
        if names.is_empty() {
            return Err(PublishError::Returned(format!("no queue is bound to `{context}`")));
        }
        for name in &names {
            self.check_room(&state, name)?;
        }
        for name in &names {
            state.add(name, message.clone());
        }
        Ok(())
    }

    /// Puts a message into one queue.
    pub(super) fn put(&self, queue: &str, message: Message) -> Result<(), PublishError> {
        self.put_locked(&mut self.lock(), queue, message)
    }

    /// As [`Queues::put`], for whoever holds the lock.
    pub(super) fn put_locked(&self, state: &mut State, queue: &str, message: Message) -> Result<(), PublishError> {
        self.check_room(state, queue)?;
        state.add(queue, message);
        Ok(())
    }

    fn check_room(&self, state: &State, name: &str) -> Result<(), PublishError> {
        match state.queues.get(name) {
            None => Err(PublishError::Returned(format!("there is no queue `{name}`"))),
            Some(queue) if queue.size >= self.capacity => {
                Err(PublishError::Refused(format!("queue `{name}` is full with {} messages", self.capacity)))
            }
            Some(_) => Ok(()),
        }
    }

    /// Waits to become the single active consumer of a queue.
    pub(super) async fn become_active(&self, name: &str) -> OwnedMutexGuard<()> {
        let active = self.lock().queues.entry(name.to_owned()).or_default().active.clone();
        active.lock_owned().await
    }

    /// The next message of a queue; waits for one.
    pub(super) async fn next(&self, name: &str) -> Message {
        let added = self.lock().queues.entry(name.to_owned()).or_default().added.clone();
        loop {
            let notified = added.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            let first = self.lock().queues.get_mut(name).and_then(|queue| queue.ready.pop_first());
            if let Some((_, message)) = first {
                return message;
            }
            notified.await;
        }
    }

    /// Delivered messages that nobody acknowledged go back to where they were, or to the dead letters if that happens too
    /// often.
    pub(super) fn requeue(&self, name: &str, messages: Vec<Message>, now: DateTime<Utc>) {
        let mut state = self.lock();
        for mut message in messages {
            message.failed_deliveries += 1;
            if message.failed_deliveries >= self.delivery_limit {
                let failures = headers::failures(&message.headers);
                let parking = Parking { queue: name, reason: "delivery_limit", at: now };
                message.headers = headers::for_parking(&message.headers, failures, &parking);
                tracing::error!(queue = name, event.id = message.id, "a message was parked, its consumers died of it");
                self.park_locked(&mut state, name, message);
            } else {
                state.ready(name, message);
            }
        }
    }

    /// A message comes back from the retry ladder, to the end of the queue.
    pub(super) fn enqueue_retry(&self, name: &str, message: Message) {
        let mut state = self.lock();
        let sequence = state.next_sequence();
        state.ready(name, Message { sequence, failed_deliveries: 0, ..message });
    }

    /// A delivered message has been dealt with.
    pub(super) fn acknowledge(&self, name: &str) {
        self.lock().forget(name);
    }

    /// A delivered message goes to the dead letters. If there is no room, the oldest of them is lost.
    pub(super) fn park(&self, name: &str, message: Message) {
        self.park_locked(&mut self.lock(), name, message);
    }

    fn park_locked(&self, state: &mut State, name: &str, message: Message) {
        state.forget(name);
        if state.dead.len() >= self.capacity {
            let lost = state.dead.pop_front();
            let id = lost.and_then(|lost| lost.id);
            tracing::error!(event.id = id, "the dead letters are full, the oldest was dropped");
        }
        state.dead.push_back(message);
    }
}

impl State {
    fn next_sequence(&mut self) -> u64 {
        self.last_sequence += 1;
        self.last_sequence
    }

    fn add(&mut self, name: &str, message: Message) {
        let sequence = self.next_sequence();
        if let Some(queue) = self.queues.get_mut(name) {
            queue.size += 1;
        }
        self.ready(name, Message { sequence, failed_deliveries: 0, ..message });
    }

    fn ready(&mut self, name: &str, message: Message) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.ready.insert(message.sequence, message);
            queue.added.notify_waiters();
        }
    }

    fn forget(&mut self, name: &str) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.size = queue.size.saturating_sub(1);
        }
    }
}
