//! A broker inside the process, for the mode with nothing installed. It keeps the contract of the real one: bounded
//! queues, mandatory routing, redelivery, the retry ladder, dead letters. What it holds dies with the process.

mod dead_letters;
mod queues;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use telemetry::{Destination, PublishGuard};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, watch};

use crate::consumer::Consumer;
use crate::dead_letter::DeadLetters;
use crate::envelope::Envelope;
use crate::headers::Headers;
use crate::lanes::{Lanes, Work};
use crate::ports::{Broker, Handler, PublishError, Publisher};
use crate::process::{Incoming, Processor, Verdict};
use crate::rabbit::BrokerError;
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
}

impl InProcess {
    /// A broker whose queues, the dead letters among them, hold `capacity` messages each.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { queues: Arc::new(Queues::new(capacity, DELIVERY_LIMIT)) }
    }

    /// The broker of that name, shared by all who ask for it in this process; gone when the last of them is.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        named.retain(|_, queues| queues.strong_count() > 0);
        if let Some(queues) = named.get(name).and_then(Weak::upgrade) {
            return Self { queues };
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
        let processor = Arc::new(Processor::new(subscription, handler, SYSTEM));
        let queues = Arc::clone(&self.queues);
        Consumer::spawn(|ready, stop| consume(queues, processor, ready, stop))
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

/// One consumer at work, as a channel is to a real broker: what it has not settled goes back all at once, in order,
/// when the last message of it has been let go; only then may the next instance of an ordered consumer begin.
struct Session {
    queues: Arc<Queues>,
    processor: Arc<Processor>,
    unsettled: Mutex<Vec<Message>>,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Drop for Session {
    fn drop(&mut self) {
        let unsettled = std::mem::take(self.unsettled.get_mut().unwrap_or_else(PoisonError::into_inner));
        for _ in &unsettled {
            self.processor.count("requeued");
        }
        self.queues.give_back(self.processor.queue(), unsettled);
    }
}

/// A delivered message.
struct InHand {
    session: Arc<Session>,
    message: Option<Message>,
    incoming: Incoming,
    _permit: OwnedSemaphorePermit,
}

impl Drop for InHand {
    fn drop(&mut self) {
        if let Some(message) = self.message.take() {
            self.session.unsettled.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        }
    }
}

impl InHand {
    async fn handle(mut self, stop: watch::Receiver<bool>) {
        let (queues, processor) = (Arc::clone(&self.session.queues), Arc::clone(&self.session.processor));
        let verdict = processor.process(&self.incoming, &stop).await;
        let outcome = match verdict {
            Verdict::Done => "done",
            Verdict::Ignored => "ignored",
            Verdict::Retry { .. } => "retried",
            Verdict::Park { .. } => "parked",
            Verdict::GiveBack => return, // its session takes it back, and counts it
        };
        let Some(message) = self.message.take() else { return };
        let queue = processor.queue().to_owned();
        processor.count(outcome);
        match verdict {
            Verdict::Done | Verdict::Ignored | Verdict::GiveBack => queues.settled(&queue),
            Verdict::Park { headers } => queues.park(&queue, message.with(headers)),
            Verdict::Retry { wait, headers } => {
                tokio::spawn(async move {
                    tokio::time::sleep(wait).await;
                    queues.again(&queue, message.with(headers));
                });
            }
        }
    }
}

async fn consume(
    queues: Arc<Queues>,
    processor: Arc<Processor>,
    ready: watch::Sender<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let (prefetch, concurrency) = (processor.subscription().prefetch.max(1), processor.subscription().concurrency);
    let permits = Arc::new(Semaphore::new(prefetch.into()));
    let stopping = stop.clone();
    let work: Work<InHand> = Arc::new(move |in_hand| Box::pin(in_hand.handle(stopping.clone())));
    let lanes = Lanes::start(concurrency, prefetch.into(), &work);
    ready.send_replace(true);
    let receive = async {
        let ordered = processor.subscription().ordered;
        let turn = if ordered { Some(queues.turn(processor.queue()).await) } else { None };
        let (queues, unsettled) = (Arc::clone(&queues), Mutex::default());
        let session = Arc::new(Session { queues, processor: Arc::clone(&processor), unsettled, _turn: turn });
        // The semaphore is never closed.
        while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
            let message = session.queues.next(processor.queue()).await;
            let incoming = Incoming::new(message.id.clone(), message.headers.clone(), &message.body);
            let key = incoming.key().to_owned();
            let session = Arc::clone(&session);
            lanes.put(&key, InHand { session, message: Some(message), incoming, _permit: permit }).await;
        }
    };
    tokio::select! {
        () = receive => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    ready.send_replace(false);
    lanes.finish().await;
}
