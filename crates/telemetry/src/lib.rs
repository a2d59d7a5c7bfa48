//! Logs, traces and metrics of every service, and the only user of OpenTelemetry and of the metrics recorder.
//!
//! - [`install`] sets up the process once; [`register`] adds a service and answers a guard that flushes.
//! - [`HttpServerLayer`], [`HttpClientLayer`], [`GrpcServerLayer`], [`GrpcClientLayer`] and [`Database`] make the
//!   spans and the RED metrics; business code adds `#[instrument(skip_all)]` where a step deserves its own span.
//! - [`PublishGuard`] and [`process_message`] do the same for the two ends of a message, [`MailSpan`] for a mail.
//! - [`catalogue`] is the list of all metrics; [`init_to_zero`] lets those exist whose first event must not be missed.
//! - [`exposition`] reads metrics back from the text format.
//! - [`Tap`] hands spans and log lines to somebody inside the process.
//!
//! A trace is sampled before its first span exists: the caller's decision if there is one, else by ratio.
//! Unsampled requests build no span at all, but carry ids for their log lines and for the next hop.

pub mod catalogue;
mod catalogue_entries;
mod context;
mod db;
mod error;
pub mod exposition;
mod grpc;
mod grpc_client;
mod grpc_server;
mod histogram_cache;
mod http_client;
mod http_server;
mod identity;
mod initial_values;
mod log;
mod log_file;
mod log_filter;
mod log_levels;
mod mail;
mod messaging;
mod metric;
mod process;
mod recorder;
mod semconv;
mod settings;
mod span_queue;
mod start;
mod tap;
#[cfg(feature = "testing")]
pub mod testing;
mod trace;

pub use context::{TRACEPARENT, TraceContext, Unrecorded, carry_current_trace, in_current_trace};
pub use db::Database;
pub use error::StartError;
pub use grpc::{MethodOf, ObservedBody, is_health_check};
pub use grpc_client::{GrpcClient, GrpcClientLayer};
pub use grpc_server::{GrpcServer, GrpcServerLayer};
pub use http_client::{HttpClient, HttpClientLayer};
pub use http_server::{HttpServer, HttpServerLayer, RouteOf};
pub use identity::Identity;
pub use initial_values::init_to_zero;
pub use log::{LogFormat, LogOutput};
pub use log_levels::InvalidLogLevel;
pub use mail::MailSpan;
pub use messaging::{Destination, MessageHeaders, PublishGuard, init_messages_to_zero, process_message};
/// The macros that count and measure; the names they take are those of the [`catalogue`].
pub use metrics::{Counter, Gauge, counter, gauge, histogram};
pub use process::{BUILD, Build, ProcessMetrics};
pub use settings::ServiceSettings;
pub use start::{LogGuard, ServiceTelemetry, install, register};
pub use tap::{LogRecord, SpanRecord, Tap};
