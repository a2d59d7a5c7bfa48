//! What every process needs and no business does: configuration, the error table, server runners, the admin
//! port, health, graceful shutdown, deadlines and load shedding, clients of other services, SQL on two databases, and
//! Redis.

mod actor;
mod admin;
mod app;
pub mod backoff;
pub mod callee;
pub mod config;
pub mod cursor;
pub mod db;
pub mod deadline;
mod environment;
pub mod error;
mod grpc_server;
mod health;
mod host;
mod http_server;
mod listen;
mod main_of;
pub mod ports;
mod problem;
mod readiness;
pub mod redis;
pub mod settings;
mod shed;
mod status;
pub mod tls;

pub use actor::Actor;
pub use app::{App, StartError};
pub use callee::Callee;
pub use error::{AppError, FieldError, Kind, Problem};
pub use host::{Extras, Running, Spec, start};
pub use http_server::Peer;
pub use main_of::{layers, main_of, stop_signal};
pub use problem::PROBLEM_JSON;
pub use readiness::Readiness;
pub use shed::{AdmitLayer, RefuseLayer};
pub use status::{is_reported, to_status};
