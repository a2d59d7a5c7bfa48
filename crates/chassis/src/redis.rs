//! Redis as a helper that may be away: every command ends in time, and while there is no connection every command
//! fails at once. One multiplexed connection per process serves all callers; a task of its own keeps it.
//!
//! - It connects in the background, proves a new connection with a `PING`, and sends one every second afterwards.
//! - A command that is not answered in time, or a connection that breaks, ends the connection for everybody. Until the
//!   next one is proven, nobody waits: callers do without Redis.
//! - Attempts to reconnect are 50 ms to 1 s apart, with jitter.
//!
//! Cluster mode is not supported: scripts touch keys whose names they compute.

mod error;
mod keeper;

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::io::tcp::TcpSettings;
use ::redis::{Client, ConnectionInfo, IntoConnectionInfo, RedisResult};
pub use ::redis::{Cmd, FromRedisValue, Script, ScriptInvocation, cmd};
use tokio::task::AbortHandle;

pub use error::RedisError;
use keeper::Keeper;

use crate::settings::{self, millis};
use crate::tls;
use crate::{App, StartError};

const URL_KEY: &str = "redis.url";

/// A Redis server. Cloning it shares the connection, which ends with the last clone.
#[derive(Clone)]
pub struct Redis(Arc<Handle>);

struct Handle {
    keeper: Arc<Keeper>,
    task: AbortHandle,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Redis {
    /// Begins to connect to the server that is configured; `None` if there is none. Whether it answers plays no role.
    /// To be called inside the runtime that uses it.
    ///
    /// # Errors
    /// If the URL or the time-out makes no sense; the message holds no password.
    pub fn open(settings: &settings::Redis) -> Result<Option<Self>, StartError> {
        if settings.url.is_empty() {
            return Ok(None);
        }
        if settings.timeout_ms == 0 {
            return Err(invalid("redis.timeout_ms", "must be at least 1"));
        }
        let authorities = authorities(settings)?;
        let info = read_url(&settings.url)?;
        let namespace = info.redis_settings().db().to_string();
        let client = client(info, authorities).map_err(|_| bad_url(&settings.url))?;
        let observer = telemetry::Database { system: "redis", namespace };
        let keeper = Arc::new(Keeper::new(observer, millis(settings.timeout_ms)));
        let task = tokio::spawn(Arc::clone(&keeper).run(client)).abort_handle();
        Ok(Some(Self(Arc::new(Handle { keeper, task }))))
    }

    /// As [`Redis::open`], for a service whose readiness shows whether the server answers and does not depend on it.
    ///
    /// # Errors
    /// As [`Redis::open`].
    pub fn attach(app: &App, settings: &settings::Redis) -> Result<Option<Self>, StartError> {
        let redis = Self::open(settings)?;
        if let Some(watched) = redis.clone() {
            app.readiness().degrading("redis", move || {
                let redis = watched.clone();
                async move { redis.check().await }
            });
        }
        Ok(redis)
    }

    /// The connection there is. While the first attempt to connect goes on it is waited for, at most the time a
    /// command may take.
    ///
    /// # Errors
    /// [`RedisError::NotConnected`], at once if there has been an attempt.
    pub async fn connection(&self) -> Result<Connection, RedisError> {
        let keeper = &self.0.keeper;
        let (number, wire) = keeper.line().await?;
        Ok(Connection { keeper: Arc::clone(keeper), number, wire })
    }

    /// The next connection with a higher number, however long it takes.
    pub async fn connection_after(&self, number: u64) -> Connection {
        let keeper = &self.0.keeper;
        let (number, wire) = keeper.line_after(number).await;
        Connection { keeper: Arc::clone(keeper), number, wire }
    }

    /// Runs a command; `summary` is its name in traces and metrics, such as `GET product`.
    ///
    /// # Errors
    /// As [`Redis::connection`] and [`Connection::run`].
    pub async fn run<T: FromRedisValue>(&self, summary: &'static str, command: &Cmd) -> Result<T, RedisError> {
        self.connection().await?.run(summary, command).await
    }

    /// Runs a script; `summary` is its name in traces and metrics, such as `EVALSHA rotate_session`.
    ///
    /// # Errors
    /// As [`Redis::connection`] and [`Connection::run`].
    pub async fn script<T: FromRedisValue>(
        &self,
        summary: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        self.connection().await?.script(summary, script).await
    }

    /// Whether there is a connection, for `/readyz`.
    ///
    /// # Errors
    /// Why not, in words.
    pub async fn check(&self) -> Result<(), String> {
        self.connection().await.map(|_| ()).map_err(|error| error.to_string())
    }
}

/// One connection to Redis, from its start to its end.
pub struct Connection {
    keeper: Arc<Keeper>,
    number: u64,
    wire: MultiplexedConnection,
}

impl Connection {
    /// Which connection of this process it is, from 1. Between two of them anything may have happened to the data.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Runs a command; `summary` is its name in traces and metrics, such as `GET product`.
    ///
    /// # Errors
    /// If Redis does not answer in time, is gone, or refuses.
    pub async fn run<T: FromRedisValue>(&self, summary: &'static str, command: &Cmd) -> Result<T, RedisError> {
        let mut wire = self.wire.clone();
        self.keeper.observe(self.number, summary, command.query_async(&mut wire)).await
    }

    /// Runs a script; `summary` is its name in traces and metrics, such as `EVALSHA rotate_session`.
    ///
    /// # Errors
    /// As [`Connection::run`].
    pub async fn script<T: FromRedisValue>(
        &self,
        summary: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        let mut wire = self.wire.clone();
        self.keeper.observe(self.number, summary, script.invoke_async(&mut wire)).await
    }
}

fn authorities(settings: &settings::Redis) -> Result<Option<String>, StartError> {
    let secured = ["rediss:", "valkeys:"].iter().any(|scheme| settings.url.starts_with(scheme));
    let like = "rediss://user:password@host:port/db";
    let ca_file = &settings.ca_file;
    tls::Wanted { section: "redis", asked: secured, checked: secured, like, ca_file }.authorities()
}

#[cfg(feature = "tls")]
fn client(info: ConnectionInfo, authorities: Option<String>) -> RedisResult<Client> {
    match authorities {
        None => Client::open(info),
        Some(text) => {
            let root_cert = Some(text.into_bytes());
            Client::build_with_tls(info, ::redis::TlsCertificates { client_tls: None, root_cert })
        }
    }
}

#[cfg(not(feature = "tls"))]
fn client(info: ConnectionInfo, _: Option<String>) -> RedisResult<Client> {
    Client::open(info)
}

fn read_url(url: &str) -> Result<ConnectionInfo, StartError> {
    let info = url.into_connection_info().map_err(|_| bad_url(url))?;
    let tcp = TcpSettings::default().set_nodelay(true);
    Ok(info.set_tcp_settings(tcp))
}

fn bad_url(url: &str) -> StartError {
    // What stands before the `@` may be a password.
    let shown = url.rsplit('@').next().unwrap_or_default();
    invalid(URL_KEY, &format!("`{shown}` is not redis://[:password@]host:port/db"))
}

fn invalid(key: &str, reason: &str) -> StartError {
    StartError::Invalid { key: key.to_owned(), reason: reason.to_owned() }
}

/// A share of `wait` between a half and all of it, so that many who wait do not come back together.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str, timeout_ms: u64) -> String {
        let settings = settings::Redis { url: url.to_owned(), ca_file: String::new(), timeout_ms };
        Redis::open(&settings).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_wrong_url_names_its_key_and_hides_the_password() {
        for url in ["redis://:hush@host:port/0", "http://:hush@host", ":hush@host"] {
            let refusal = refusal(url, 10);
            assert!(refusal.starts_with("key `redis.url`: `host"), "{refusal}");
            assert!(refusal.ends_with("is not redis://[:password@]host:port/db"), "{refusal}");
            assert!(!refusal.contains("hush"), "{refusal}");
        }
        assert_eq!(refusal("redis://host:6379/0", 0), "key `redis.timeout_ms`: must be at least 1");
    }

    #[test]
    fn no_url_is_no_redis() {
        let settings = settings::Redis { url: String::new(), ca_file: String::new(), timeout_ms: 0 };
        assert!(matches!(Redis::open(&settings), Ok(None)));
    }

    #[test]
    fn jitter_takes_away_at_most_half() {
        let wait = Duration::from_millis(100);
        let waits: Vec<_> = (0..100).map(|_| jittered(wait)).collect();
        assert!(waits.iter().all(|jittered| (wait / 2..=wait).contains(jittered)));
        assert!(waits.iter().any(|jittered| *jittered != waits[0]));
    }
}
