//! Runs a process: settings, the error table, server runners, admission, deadlines, the admin port, readiness, start and
//! stop. It knows no contract and no business: calling other services is left to `upstream`, databases and Redis to
//! `stores`, events to `messaging`, spans and metrics to `telemetry`.

mod actor;
mod admin;
mod app;
pub mod backoff;
pub mod config;
pub mod cursor;
pub mod deadline;
mod environment;
pub mod error;
mod grpc_server;
mod health;
mod host;
mod http_server;
mod listen;
pub mod paths;
pub mod ports;
mod problem;
mod readiness;
mod service_main;
pub mod settings;
mod shed;
mod spec;
mod start_error;
mod status;
mod stop;
mod terminal;

pub use actor::Actor;
pub use app::App;
pub use error::{AppError, FieldError, Kind, Problem};
pub use grpc_server::Contract;
pub use host::{HostOptions, Running, start};
pub use http_server::ClientAddress;
pub use problem::PROBLEM_JSON;
pub use readiness::Readiness;
pub use service_main::{layers, service_main, stop_signal};
pub use shed::{AdmitLayer, RefuseLayer};
pub use spec::{Build, Building, Migrate, OnRetry, Spec, prepare};
pub use start_error::StartError;
pub use status::{is_reported, to_status};
