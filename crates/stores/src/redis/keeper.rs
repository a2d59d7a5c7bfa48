//! Keeps the connection: makes it, proves it, gives it up, makes the next.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, RedisResult, cmd};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::error::RedisError;
use chassis::backoff::{Backoff, Jitter};
use chassis::ports::Ports;

/// The key that says where the server is.
pub(super) const URL_KEY: &str = "redis.url";

/// How long connecting, and a `PING` between commands, may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Time between two pings of a connection that seems fine.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Waits before another attempt to connect.
const RECONNECT: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1), Jitter::Half);

/// Whether there is a connection to send commands over.
#[derive(Clone)]
pub(super) enum Link {
    /// Nobody knows yet.
    Connecting,
    /// A connection, counted from 1.
    Up(u64, MultiplexedConnection),
    /// None, and why.
    Down(RedisError),
}

/// See the module.
pub(super) struct Keeper {
    link: watch::Sender<Link>,
    observer: telemetry::Database,
    timeout: Duration,
}

impl Keeper {
    pub(super) fn new(observer: telemetry::Database, timeout: Duration) -> Self {
        telemetry::init_to_zero("redis_connections_total", &[("outcome", &["connected", "failed"])]);
        telemetry::init_to_zero("redis_connected", &[]);
        Self { link: watch::Sender::new(Link::Connecting), observer, timeout }
    }

    /// The connection and its number.
    pub(super) async fn link(&self) -> Result<(u64, MultiplexedConnection), RedisError> {
        let mut link = self.link.borrow().clone();
        if matches!(link, Link::Connecting) {
            let mut changes = self.link.subscribe();
            let known = changes.wait_for(|link| !matches!(link, Link::Connecting));
            if let Ok(Ok(now)) = timeout(self.timeout, known).await {
                link = now.clone();
            }
        }
        match link {
            Link::Up(number, connection) => Ok((number, connection)),
            Link::Down(error) => Err(RedisError::NotConnected(error.to_string().into())),
            Link::Connecting => Err(RedisError::NotConnected("the first attempt goes on".into())),
        }
    }

    /// The next connection with a higher number.
    pub(super) async fn link_after(&self, number: u64) -> (u64, MultiplexedConnection) {
        let mut changes = self.link.subscribe();
        loop {
            if let Link::Up(current, connection) = &*changes.borrow_and_update()
                && *current > number
            {
                return (*current, connection.clone());
            }
            if changes.changed().await.is_err() {
                // Not while somebody holds the keeper, as we do.
                return std::future::pending().await;
            }
        }
    }

    /// Runs a command in its span and its time.
    pub(super) async fn observe<T>(
        &self,
        number: u64,
        summary: &'static str,
        command: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, RedisError> {
        let class = |error: &RedisError| Some(error.error_type());
        let outcome = self.observer.observe(summary, class, within(self.timeout, command)).await;
        if let Err(error) = &outcome {
            self.lost(number, error);
        }
        outcome
    }

    /// Connects, looks after the connection, connects again, for ever.
    pub(super) async fn run(self: Arc<Self>, client: Client) {
        let (ports, mut number, mut failures) = (Ports::default(), 0, 0);
        loop {
            match connect(&client).await {
                Ok(connection) => {
                    number += 1;
                    failures = 0;
                    self.up(number, connection.clone());
                    self.look_after(number, connection).await;
                }
                Err(error) => self.failed(error),
            }
            failures += 1;
            ports.clock.sleep(RECONNECT.wait(failures, &*ports.random)).await;
        }
    }

    /// Returns when the connection has been given up.
    async fn look_after(&self, number: u64, mut connection: MultiplexedConnection) {
        let mut changes = self.link.subscribe();
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while matches!(*changes.borrow_and_update(), Link::Up(current, _) if current == number) {
            let beat = async {
                heartbeat.tick().await;
                ping(&mut connection).await
            };
            tokio::select! {
                _ = changes.changed() => {}
                outcome = beat => {
                    if let Err(error) = outcome {
                        self.lost(number, &error);
                    }
                }
            }
        }
    }

    fn up(&self, number: u64, connection: MultiplexedConnection) {
        telemetry::counter!("redis_connections_total", "outcome" => "connected").increment(1);
        telemetry::gauge!("redis_connected").set(1.0);
        self.link.send_replace(Link::Up(number, connection));
        tracing::info!("redis connected");
    }

    /// Gives a connection up, unless that has happened already.
    fn lost(&self, number: u64, error: &RedisError) {
        let given_up = error.ends_the_connection()
            && self.link.send_if_modified(|link| {
                let current = matches!(link, Link::Up(current, _) if *current == number);
                if current {
                    *link = Link::Down(error.clone());
                }
                current
            });
        if given_up {
            telemetry::gauge!("redis_connected").set(0.0);
            report(error);
        }
    }

    fn failed(&self, error: RedisError) {
        telemetry::counter!("redis_connections_total", "outcome" => "failed").increment(1);
        let class = error.error_type();
        let known = self.link.send_replace(Link::Down(error.clone()));
        // Once per outage, and again if the reason changes.
        if !matches!(known, Link::Down(earlier) if earlier.error_type() == class) {
            report(&error);
        }
    }
}

fn report(error: &RedisError) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(error, key = URL_KEY, "redis cannot be used, doing without it");
}

async fn connect(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let mut connection = within(ANSWER_TIMEOUT, client.get_multiplexed_async_connection_with_config(&config)).await?;
    ping(&mut connection).await?;
    Ok(connection)
}

async fn ping(connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
    let command = cmd("PING");
    within(ANSWER_TIMEOUT, command.query_async(connection)).await
}

async fn within<T>(limit: Duration, command: impl Future<Output = RedisResult<T>>) -> Result<T, RedisError> {
    match timeout(limit, command).await {
        Ok(outcome) => outcome.map_err(RedisError::from),
        Err(_) => Err(RedisError::TimedOut(limit)),
    }
}
