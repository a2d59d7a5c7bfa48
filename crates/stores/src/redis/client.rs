//! The client: commands and scripts on the connection there is.

use std::sync::Arc;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Client, Cmd, ConnectionInfo, FromRedisValue, RedisResult, ScriptInvocation};
use chassis::{App, StartError};
use tokio::task::AbortHandle;

use super::error::RedisError;
use super::keeper::{Keeper, URL_KEY};
use crate::redis_url::RedisUrl;
use crate::settings;
use crate::tls::TlsRequest;

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
    /// If TLS cannot be had as the configuration says; the message holds no password.
    pub fn open(settings: &settings::Redis) -> Result<Option<Self>, StartError> {
        let Some(url) = &settings.url else { return Ok(None) };
        let authorities = authorities(url, settings)?;
        let namespace = url.info.redis_settings().db().to_string();
        let client = client(url.info.clone(), authorities)
            .map_err(|error| StartError::Invalid { key: URL_KEY.to_owned(), reason: error.to_string() })?;
        let observer = telemetry::Database { system: "redis", namespace };
        let keeper = Arc::new(Keeper::new(observer, settings.timeout));
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
        let (number, connection) = keeper.link().await?;
        Ok(Connection { keeper: Arc::clone(keeper), number, connection })
    }

    /// The next connection with a higher number, however long it takes.
    pub async fn connection_after(&self, number: u64) -> Connection {
        let keeper = &self.0.keeper;
        let (number, connection) = keeper.link_after(number).await;
        Connection { keeper: Arc::clone(keeper), number, connection }
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
    connection: MultiplexedConnection,
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
        let mut connection = self.connection.clone();
        self.keeper.observe(self.number, summary, command.query_async(&mut connection)).await
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
        let mut connection = self.connection.clone();
        self.keeper.observe(self.number, summary, script.invoke_async(&mut connection)).await
    }
}

fn authorities(url: &RedisUrl, settings: &settings::Redis) -> Result<Option<String>, StartError> {
    let request = TlsRequest {
        section: "redis",
        encrypted: url.secured,
        verified: url.secured,
        example_url: "rediss://user:password@host:port/db",
        ca_file: settings.ca_file.as_deref(),
    };
    request.authorities()
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
