//! A broker inside the process, for the mode with nothing installed. It keeps the contract of the real one: bounded
//! queues, mandatory routing, redelivery, the retry ladder, dead letters. What it holds dies with the process.

mod consume;
mod dead_letters;
mod queues;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use chassis::ports::Ports;
use telemetry::{Destination, PublishGuard};

use crate::consumer::Consumer;
use crate::envelope::Envelope;
use crate::errors::{BrokerError, PublishError};
use crate::headers::Headers;
use crate::ports::{Broker, DeadLetters, Handler, Publisher};
use crate::process::Processor;
use crate::subscription::{BadSubscription, Subscription, check_name};
use queues::{Message, Queues};

/// `messaging.system` of this broker.
const SYSTEM: &str = "in_process";

/// How often a message is delivered to consumers that die of it before it is parked.
const DELIVERY_LIMIT: u32 = 20;

/// Messages a queue holds, and as many dead letters, unless told otherwise. A full queue refuses, and then events
/// wait in the outbox.
const CAPACITY: usize = 10_000;

/// The brokers that have a name and are in use, by broker, publisher or consumer.
static NAMED: LazyLock<Mutex<HashMap<String, Weak<Queues>>>> = LazyLock::new(Mutex::default);

/// See the module. Cloning it shares it.
#[derive(Clone)]
pub struct InProcess {
    queues: Arc<Queues>,
    ports: Ports,
}

impl InProcess {
    /// A broker whose queues, the dead letters among them, hold `capacity` messages each.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::with_ports(capacity, Ports::default())
    }

    /// As [`InProcess::new`], on that clock.
    #[must_use]
    pub fn with_ports(capacity: usize, ports: Ports) -> Self {
        Self { queues: Arc::new(Queues::new(capacity, DELIVERY_LIMIT)), ports }
    }

    /// The broker of that name, shared by all who ask for it in this process; gone when the last of them is.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        named.retain(|_, queues| queues.strong_count() > 0);
        if let Some(queues) = named.get(name).and_then(Weak::upgrade) {
            return Self { queues, ports: Ports::default() };
        }
        let broker = Self::default();
        named.insert(name.to_owned(), Arc::downgrade(&broker.queues));
        broker
    }

    /// Puts a message of any content into a queue, as a foreign producer might.
    ///
    /// # Errors
    /// If there is no such queue or it is full.
    pub fn inject(&self, queue: &str, message_id: Option<&str>, body: &[u8]) -> Result<(), PublishError> {
        self.queues.put(queue, Message::new(message_id.map(str::to_owned), Headers::new(), body.to_vec()))
    }
}

impl Default for InProcess {
    fn default() -> Self {
        Self::new(CAPACITY)
    }
}

#[async_trait]
impl Broker for InProcess {
    async fn check(&self) -> Result<(), BrokerError> {
        Ok(())
    }

    fn publisher(&self, context: &str) -> Result<Arc<dyn Publisher>, BadSubscription> {
        check_name(context).map_err(BadSubscription::new)?;
        Ok(Arc::new(InProcessPublisher { queues: Arc::clone(&self.queues), context: context.to_owned() }))
    }

    fn subscribe(&self, subscription: Subscription, handler: Arc<dyn Handler>) -> Consumer {
        self.queues.declare(&subscription);
        let processor = Arc::new(Processor::new(subscription, handler, SYSTEM, &self.ports));
        let queues = Arc::clone(&self.queues);
        Consumer::spawn(&self.ports, |ready, stop| consume::run(queues, processor, ready, stop))
    }

    fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        Arc::clone(&self.queues) as Arc<dyn DeadLetters>
    }
}

struct InProcessPublisher {
    queues: Arc<Queues>,
    context: String,
}

#[async_trait]
impl Publisher for InProcessPublisher {
    async fn publish(&self, events: &[Envelope]) -> Vec<Result<(), PublishError>> {
        let publish = |event: &Envelope| {
            let destination = Destination {
                system: SYSTEM,
                exchange: self.context.clone(),
                routing_key: event.kind().to_owned(),
                queue: String::new(),
            };
            let (id, mut headers) = (event.id().to_string(), Headers::new());
            let guard = PublishGuard::start(&destination, &id, event.cause(), &mut headers);
            let message = Message::new(Some(id), headers, event.encode());
            let outcome = self.queues.route(&self.context, &message);
            guard.finish(outcome.as_ref().err().map(PublishError::error_type));
            outcome
        };
        events.iter().map(publish).collect()
    }
}
