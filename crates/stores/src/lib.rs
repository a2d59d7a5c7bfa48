//! The stores of a service: SQL written once for SQLite and Postgres ([`db`]), Redis as a helper that may be away
//! ([`redis`]), and TLS to both ([`tls`]). What is stored, and the queries, are left to the services; events to `messaging`.

mod bad_url;
pub mod db;
pub mod redis;
mod redis_url;
pub mod settings;
pub mod tls;

pub use bad_url::BadUrl;
pub use redis_url::RedisUrl;
