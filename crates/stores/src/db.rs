//! SQL once, two databases: queries are written with `$n` parameters and run on SQLite and on Postgres.
//!
//! SQLite has one writer and a few readers; Postgres one pool for both. [`on!`](crate::on) runs the same
//! query on whichever connection there is. Errors are told apart by kind, never by constraint name.

mod attach;
mod connect;
mod connection;
mod database;
mod error;
mod failure;
mod migrations;
mod parameter;
mod pools;
#[cfg(feature = "postgres")]
mod postgres;
mod schema;

pub use attach::{attach, migrate};
pub use connection::{Conn, ConnRef, Done, Tx};
pub use database::Db;
pub use error::DbError;
pub use failure::{error_type, is_away, is_duplicate, is_unavailable};
pub use migrations::Migrations;
pub use parameter::Parameter;
