//! Private Postgres, Redis and RabbitMQ servers for tests and for local development, and what watches them: Prometheus,
//! Alertmanager and exporters. Also what every test of them needs: waiting for a condition, and contracts that several
//! stores keep.
//!
//! A server listens on a port of the loopback interface only. It ends with the process that has started it, however
//! that ends, and so does its temporary folder. What is not installed is installed where that is possible: by root, on
//! Debian and its like.

mod contract;
mod error;
mod group;
mod http;
mod install;
mod monitor;
mod postgres;
mod program;
mod rabbitmq;
mod redis;
mod server;
mod shared;
pub mod survey;
mod tell;
mod tls;
mod tools;
mod wait;

pub use error::BackendError;
pub use http::{answers, fetch};
pub use install::is_root;
pub use monitor::{Monitor, Place, Reader};
pub use postgres::Postgres;
pub use program::Program;
pub use rabbitmq::RabbitMq;
pub use redis::Redis;
pub use server::free_port;
pub use shared::{postgres, rabbitmq, redis};
pub use tell::tell;
pub use tls::Identity;
pub use tools::program;
pub use wait::{Look, eventually, eventually_within};
