//! What all layers share: the type of an attempt, answers that never came from the callee, and the counter of them.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service;

/// A running attempt.
pub(crate) type Call = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// What the layers from the breaker on are: always ready, cheap to clone, and given requests that can be sent again.
pub(crate) trait Attempt:
    Service<Request<Bytes>, Response = Response<Body>, Error = Infallible, Future = Call> + Clone
{
}

impl<S> Attempt for S where
    S: Service<Request<Bytes>, Response = Response<Body>, Error = Infallible, Future = Call> + Clone
{
}

/// Mark on a response that never came from the callee, as a response extension.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused;

/// Counts calls that were not sent, by reason.
pub(crate) fn rejections(callee: &'static str, reason: &'static str) -> telemetry::Counter {
    let counter = telemetry::counter!("rpc_client_rejections_total", "callee" => callee, "reason" => reason);
    counter.absolute(0);
    counter
}

/// An answer of our own in the callee's place.
pub(crate) fn refuse(status: impl Into<Status>) -> Response<Body> {
    let mut response = status.into().into_http();
    response.extensions_mut().insert(Refused);
    response
}

/// The status of an answer that is a status and nothing else. A call that is being answered has none yet.
pub(crate) fn code_of(response: &Response<Body>) -> Option<Code> {
    response.headers().get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}
