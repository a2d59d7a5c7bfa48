//! Private Postgres, Redis and RabbitMQ servers for tests and for local development, and what watches them: Prometheus,
//! Alertmanager and exporters. Also what every test of them needs: waiting for a condition, and contracts that several
//! stores keep.
//!
//! A server listens on a port of the loopback interface only. It ends with the process that has started it, however
//! that ends, and so does its temporary folder. What is not installed is installed where that is possible: by root, on
//! Debian and its like.

mod contract;
mod error;
mod http;
mod install;
pub mod inventory;
mod monitor;
mod postgres;
mod process_group;
mod program;
mod rabbitmq;
mod redis;
mod server;
mod shared;
mod tls;
mod tools;
mod uncaptured;
mod wait;

pub use error::BackendError;
pub use http::{answers, fetch};
pub use install::is_root;
pub use monitor::{Account, Monitor, MonitorOptions};
pub use postgres::Postgres;
pub use program::Program;
pub use rabbitmq::RabbitMq;
pub use redis::Redis;
pub use server::free_port;
pub use shared::{postgres, rabbitmq, redis};
pub use tls::ServerCertificate;
pub use tools::program;
pub use uncaptured::print_uncaptured;
pub use wait::{Condition, eventually, eventually_within};
