//! The stores of a service: SQL written once for SQLite and Postgres ([`db`]), Redis as a helper that may be away
//! ([`redis`]), and TLS to both ([`tls`]). What is stored, and the queries, are left to the services; events to `messaging`.

pub mod db;
pub mod redis;
pub mod settings;
pub mod tls;
