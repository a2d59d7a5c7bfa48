//! One server of each kind for all tests of a process.

use std::sync::OnceLock;

use crate::{BackendError, Postgres, RabbitMq, Redis};

/// The Postgres of this process, started by the first who asks. Take a [`Postgres::database`] of your own, and a server
/// of your own to kill.
///
/// # Panics
/// If it does not start; the message says what to install.
pub fn postgres() -> &'static Postgres {
    static SHARED: OnceLock<Postgres> = OnceLock::new();
    SHARED.get_or_init(|| started(Postgres::start()))
}

/// The Redis of this process, started by the first who asks. Take keys of your own, and a server of your own to kill.
///
/// # Panics
/// If it does not start; the message says what to install.
pub fn redis() -> &'static Redis {
    static SHARED: OnceLock<Redis> = OnceLock::new();
    SHARED.get_or_init(|| started(Redis::start()))
}

/// The RabbitMQ of this process, started by the first who asks. Take exchanges and queues of your own, and a server of
/// your own to kill.
///
/// # Panics
/// If it does not start; the message says what to install.
pub fn rabbitmq() -> &'static RabbitMq {
    static SHARED: OnceLock<RabbitMq> = OnceLock::new();
    SHARED.get_or_init(|| started(RabbitMq::start()))
}

fn started<T>(server: Result<T, BackendError>) -> T {
    server.unwrap_or_else(|error| panic!("{error}"))
}
