//! Keeps the connection: makes it, proves it, gives it up, makes the next.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, RedisResult, cmd};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{RedisError, jittered};

/// How long connecting, and a `PING` between commands, may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Time between two looks at a connection that seems fine.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// First wait before another attempt to connect.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Longest wait before another attempt to connect.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// What there is to send commands over.
#[derive(Clone)]
pub(super) enum Line {
    /// Nobody knows yet.
    Connecting,
    /// A connection, counted from 1.
    Up(u64, MultiplexedConnection),
    /// None, and why.
    Down(RedisError),
}

/// See the module.
pub(super) struct Keeper {
    line: watch::Sender<Line>,
    observer: telemetry::Database,
    timeout: Duration,
}

impl Keeper {
    pub(super) fn new(observer: telemetry::Database, timeout: Duration) -> Self {
        telemetry::init_to_zero("redis_connections_total", &[("outcome", &["connected", "failed"])]);
        telemetry::init_to_zero("redis_connected", &[]);
        Self { line: watch::Sender::new(Line::Connecting), observer, timeout }
    }

    /// The connection and its number.
    pub(super) async fn line(&self) -> Result<(u64, MultiplexedConnection), RedisError> {
        let mut line = self.line.borrow().clone();
        if matches!(line, Line::Connecting) {
            let mut changes = self.line.subscribe();
            let known = changes.wait_for(|line| !matches!(line, Line::Connecting));
            if let Ok(Ok(now)) = timeout(self.timeout, known).await {
                line = now.clone();
            }
        }
        match line {
            Line::Up(number, wire) => Ok((number, wire)),
            Line::Down(error) => Err(RedisError::NotConnected(error.to_string().into())),
            Line::Connecting => Err(RedisError::NotConnected("the first attempt goes on".into())),
        }
    }

    /// The next connection with a higher number.
    pub(super) async fn line_after(&self, number: u64) -> (u64, MultiplexedConnection) {
        let mut changes = self.line.subscribe();
        loop {
            if let Line::Up(current, wire) = &*changes.borrow_and_update()
                && *current > number
            {
                return (*current, wire.clone());
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
        let mut number = 0;
        let mut wait = FIRST_WAIT;
        loop {
            match connect(&client).await {
                Ok(wire) => {
                    number += 1;
                    wait = FIRST_WAIT;
                    self.up(number, wire.clone());
                    self.look_after(number, wire).await;
                }
                Err(error) => self.failed(error),
            }
            tokio::time::sleep(jittered(wait)).await;
            wait = (wait * 2).min(LAST_WAIT);
        }
    }

    /// Returns when the connection has been given up.
    async fn look_after(&self, number: u64, mut wire: MultiplexedConnection) {
        let mut changes = self.line.subscribe();
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while matches!(*changes.borrow_and_update(), Line::Up(current, _) if current == number) {
            let beat = async {
                heartbeat.tick().await;
                ping(&mut wire).await
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

    fn up(&self, number: u64, wire: MultiplexedConnection) {
        telemetry::counter!("redis_connections_total", "outcome" => "connected").increment(1);
        telemetry::gauge!("redis_connected").set(1.0);
        self.line.send_replace(Line::Up(number, wire));
        tracing::info!("redis connected");
    }

    /// Gives a connection up, unless that has happened already.
    fn lost(&self, number: u64, error: &RedisError) {
        let given_up = error.ends_the_connection()
            && self.line.send_if_modified(|line| {
                let current = matches!(line, Line::Up(current, _) if *current == number);
                if current {
                    *line = Line::Down(error.clone());
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
        let known = self.line.send_replace(Line::Down(error.clone()));
        // Once per outage, and again if the reason changes.
        if !matches!(known, Line::Down(earlier) if earlier.error_type() == class) {
            report(&error);
        }
    }
}

fn report(error: &RedisError) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(error, key = super::URL_KEY, "redis cannot be used, doing without it");
}

async fn connect(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let mut wire = within(PATIENCE, client.get_multiplexed_async_connection_with_config(&config)).await?;
    ping(&mut wire).await?;
    Ok(wire)
}

async fn ping(wire: &mut MultiplexedConnection) -> Result<(), RedisError> {
    let command = cmd("PING");
    within(PATIENCE, command.query_async(wire)).await
}

async fn within<T>(limit: Duration, command: impl Future<Output = RedisResult<T>>) -> Result<T, RedisError> {
    match timeout(limit, command).await {
        Ok(outcome) => outcome.map_err(RedisError::from),
        Err(_) => Err(RedisError::TimedOut(limit)),
    }
}
