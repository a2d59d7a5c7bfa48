//! Events between services: an outbox and a relay on the sending side, an inbox on the receiving one, and two brokers
//! behind the same ports, RabbitMQ and one inside the process.
//!
//! Our promise: no event of a committed transaction is lost, and each has its effect in each consumer exactly
//! once, under the death of a process, the restart of the broker, and duplicate delivery. It rests on four things:
//!
//! - [`Outbox::append`] in the transaction of the change; [`Relay`] marks an event sent only after the broker confirmed
//!   it and did not return it. So it is published at least once.
//! - A message is acknowledged only after its [`Handler`] returned, or after a copy of it was confirmed elsewhere
//!   (the next step of the retry ladder, the dead letters). So it is delivered at least once.
//! - [`Inbox::once`] in the transaction of the effect. So it has its effect once.
//! - RabbitMQ's durable quorum queues keep what they confirmed as long as most of their replicas live. The in-process
//!   broker keeps it as long as the process lives.
//!
//! Events of one aggregate are published in their order and handled in it by a consumer with one instance, or with
//! [`Subscription::ordered`] by any number of them and after crashes too. A message on the retry ladder leaves that
//! order; a handler for which it matters compares [`Envelope::occurred_at`] or a version in the payload.

mod connect;
mod consumer;
mod dead_letter;
mod envelope;
mod errors;
mod failure;
mod headers;
mod in_process;
mod inbox;
mod outbox;
mod ports;
mod process;
mod process_error;
#[cfg(feature = "rabbitmq")]
mod rabbit;
mod relay;
mod retry;
pub mod schema;
pub mod settings;
mod start;
mod subscription;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod type_breaker;
mod workers;

pub use connect::connect;
pub use consumer::Consumer;
pub use dead_letter::{DeadLetter, DeadLetterError};
pub use envelope::{Envelope, MAX_BYTES, Malformed};
pub use errors::{BrokerError, PublishError};
pub use failure::{Failure, FailureKind};
pub use in_process::InProcess;
pub use inbox::Inbox;
pub use outbox::{Backlog, Outbox};
pub use ports::{Broker, DeadLetters, Handler, Publisher};
#[cfg(feature = "rabbitmq")]
pub use rabbit::{RabbitMq, RabbitSettings};
pub use relay::{Relay, RelaySettings, Round};
pub use retry::{BadLadder, Ladder};
pub use start::start_outbox;
pub use subscription::{BadSubscription, Subscription};
