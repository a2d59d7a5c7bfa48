//! Clients of other services, ready to be hurt: a callee may be slow, gone, overloaded or back in parts.
//!
//! Layers of every call, outermost first:
//!
//! 1. **telemetry**: one span and one observation for the whole call, its retries included
//! 2. **deadline**: the call ends when its time is over, whatever the layers inside are waiting for
//! 3. **retry**: keeps the request in memory and repeats it, if its contract allows that and the budget has room
//! 4. **breaker**: sees each attempt, so that repeating a failed one counts twice; refuses while it is open
//! 5. **bulkhead**: at most so many attempts at a time. A pause between attempts holds no place
//! 6. **balance**: picks an address, tells it what remains of the time, and turns a broken exchange into `UNAVAILABLE`
//!
//! From the second layer on nothing fails but by a gRPC status, so each layer decides by the code. What a layer refuses
//! itself carries the mark [`Refused`]: no layer outside takes it for the callee's doing.
//!
//! A client is for unary calls: the retry layer reads the whole request before it sends it.

mod balance;
mod breaker;
mod budget;
mod bulkhead;
mod limit;
mod peer;
mod resolve;
mod retry;
mod target;
#[cfg(test)]
mod testing;
mod window;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use telemetry::{GrpcClient, GrpcClientLayer};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceBuilder};

use crate::app::StartError;
use crate::deadline::TimedBody;
use crate::settings::{self, millis};

pub use resolve::{Resolve, system_resolver};

/// What a generated client is built on. Cloning it shares connections, breaker and limits.
pub type Callee = GrpcClient<BoxCloneSyncService<Request<Body>, Response<TimedBody<Body>>, Infallible>>;

/// A running attempt.
type Call = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// What the layers from the breaker on are: always ready, cheap to clone, and given requests that can be sent again.
trait Attempt: Service<Request<Bytes>, Response = Response<Body>, Error = Infallible, Future = Call> + Clone {}

impl<S> Attempt for S where
    S: Service<Request<Bytes>, Response = Response<Body>, Error = Infallible, Future = Call> + Clone
{
}

/// Mark on a response that never came from the callee, as a response extension.
#[derive(Clone, Copy, Debug)]
struct Refused;

/// Prepares the client of the service configured under `key`. The service need not be up yet.
///
/// # Errors
/// If a value makes no sense; the message names the key.
pub fn connect(key: &'static str, settings: &settings::Callee) -> Result<Callee, StartError> {
    connect_with(key, settings, system_resolver())
}

/// Like [`connect`], with another way to find the addresses of a host name.
///
/// # Errors
/// If a value makes no sense; the message names the key.
pub fn connect_with(key: &'static str, settings: &settings::Callee, resolve: Resolve) -> Result<Callee, StartError> {
    check(key, settings)?;
    let targets = target::parse(key, &settings.url)?;
    let (host, port) = targets[0].host_and_port();
    let observed = GrpcClientLayer::new(contracts::known_method, &host, port);
    let timeout = millis(settings.timeout_ms);
    let interval = Duration::from_secs(settings.resolve_interval_s);
    let layers = ServiceBuilder::new()
        .layer(limit::LimitLayer::new(key, timeout))
        .layer(retry::RetryLayer::new(key, settings.retry_attempts))
        .layer(breaker::BreakerLayer::new(key, settings))
        .layer(bulkhead::BulkheadLayer::new(key, settings.max_in_flight));
    let stack = layers.service(balance::Balance::new(key, targets, resolve, interval));
    Ok(observed.layer(BoxCloneSyncService::new(stack)))
}

fn check(key: &str, settings: &settings::Callee) -> Result<(), StartError> {
    let rules = [
        ("timeout_ms", settings.timeout_ms > 0, "at least 1"),
        ("max_in_flight", settings.max_in_flight > 0, "at least 1"),
        ("retry_attempts", (1..=5).contains(&settings.retry_attempts), "1 (no retries) to 5"),
        (
            "breaker_failure_ratio",
            settings.breaker_failure_ratio > 0.0 && settings.breaker_failure_ratio <= 1.0,
            "above 0 and at most 1",
        ),
        ("breaker_open_ms", settings.breaker_open_ms > 0, "at least 1"),
        ("resolve_interval_s", settings.resolve_interval_s > 0, "at least 1"),
    ];
    match rules.into_iter().find(|rule| !rule.1) {
        Some((name, _, allowed)) => {
            Err(StartError::Invalid { key: format!("{key}.{name}"), reason: format!("must be {allowed}") })
        }
        None => Ok(()),
    }
}

/// Counts calls that were not sent, by reason.
fn rejections(callee: &'static str, reason: &'static str) -> telemetry::Counter {
    let counter = telemetry::counter!("rpc_client_rejections_total", "callee" => callee, "reason" => reason);
    counter.absolute(0);
    counter
}

/// An answer of our own in the callee's place.
fn refuse(status: impl Into<Status>) -> Response<Body> {
    let mut response = status.into().into_http();
    response.extensions_mut().insert(Refused);
    response
}

/// The status of an answer that is a status and nothing else. A call that is being answered has none yet.
fn code_of(response: &Response<Body>) -> Option<Code> {
    response.headers().get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}
