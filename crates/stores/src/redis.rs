//! Redis as a helper that may be away: every command ends in time, and while there is no connection every command
//! fails at once. One multiplexed connection per process serves all callers; a task of its own keeps it.
//!
//! - It connects in the background, proves a new connection with a `PING`, and sends one every second afterwards.
//! - A command that is not answered in time, or a connection that breaks, ends the connection for everybody. Until the
//!   next one is proven, nobody waits: callers do without Redis.
//! - Attempts to reconnect are 50 ms to 1 s apart, with jitter.
//!
//! Cluster mode is not supported: scripts touch keys whose names they compute.

#[cfg(feature = "redis")]
mod client;
mod error;
#[cfg(feature = "redis")]
mod keeper;
#[cfg(not(feature = "redis"))]
mod without;

#[cfg(feature = "redis")]
pub use ::redis::{Cmd, FromRedisValue, Script, ScriptInvocation, cmd};
#[cfg(feature = "redis")]
pub use client::{Connection, Redis};
pub use error::RedisError;
#[cfg(not(feature = "redis"))]
pub use without::Redis;
