//! A callee without a network for the tests of the layers: answers by the number of the attempt and takes notes.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use telemetry::{Identity, LogFormat, LogOutput, ServiceSettings};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Service, ServiceExt};

use crate::attempt::Call;

/// A call that may be repeated.
pub(crate) const READ: &str = "/product.v1.ProductService/GetProduct";

/// A call that may not.
pub(crate) const WRITE: &str = "/product.v1.ProductService/CreateProduct";

/// How an attempt is answered.
#[derive(Clone)]
pub(crate) enum Answer {
    Fine,
    Fails(Status),
    Hangs,
    After(Duration, Box<Answer>),
}

impl Answer {
    pub(crate) fn code(code: Code) -> Self {
        Self::Fails(Status::new(code, "stand-in"))
    }
}

type Script = Arc<dyn Fn(usize) -> Answer + Send + Sync>;

/// See the module.
#[derive(Clone)]
pub(crate) struct Stub {
    script: Script,
    seen: Arc<Mutex<Vec<(Instant, HeaderMap)>>>,
}

impl Stub {
    /// Asks `script` what to answer to the attempt of that number, from 1.
    pub(crate) fn new(script: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), seen: Arc::default() }
    }

    /// When each attempt came, and its headers.
    pub(crate) fn seen(&self) -> Vec<(Instant, HeaderMap)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Attempts so far.
    pub(crate) fn attempts(&self) -> usize {
        self.seen().len()
    }
}

impl Service<Request<Bytes>> for Stub {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Call;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Call {
        let number = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push((Instant::now(), request.headers().clone()));
            seen.len()
        };
        Box::pin(answer((self.script)(number)))
    }
}

async fn answer(mut answer: Answer) -> Result<Response<Body>, Infallible> {
    while let Answer::After(pause, next) = answer {
        tokio::time::sleep(pause).await;
        answer = *next;
    }
    match answer {
        Answer::Fine => Ok(Response::new(Body::empty())),
        Answer::Fails(status) => Ok(status.into_http()),
        _ => std::future::pending().await,
    }
}

/// A request as a generated client makes it.
pub(crate) fn request(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::new(Full::new(Bytes::from_static(b"message")))).expect("a request")
}

/// A call through layers that end in a stub; answers its status.
pub(crate) async fn call<S, R>(service: &S, path: &str) -> Result<(), Status>
where
    S: Service<Request<Body>, Response = Response<R>, Error = Infallible> + Clone,
{
    let Ok(response) = service.clone().oneshot(request(path)).await;
    match Status::from_header_map(response.headers()) {
        None => Ok(()),
        Some(status) => Err(status),
    }
}

/// Binds the test's thread to a service of its own, so that its metrics can be read.
pub(crate) fn measured() -> Identity {
    drop(telemetry::install(LogFormat::Json, &LogOutput::Off));
    let settings = ServiceSettings {
        name: "caller".to_owned(),
        version: String::new(),
        instance: String::new(),
        environment: "test".to_owned(),
        log_level: "info".to_owned(),
        sampling_ratio: 0.0,
        otlp_endpoint: String::new(),
        tap: None,
    };
    let identity = telemetry::register(&settings).expect("registered").identity();
    identity.enter_thread();
    identity
}

/// Whether a series stands in the metrics with that value, such as `name{label="x"} 1`.
#[track_caller]
pub(crate) fn expect_metric(identity: Identity, line: &str) {
    let metrics = identity.render_metrics();
    assert!(metrics.lines().any(|known| known == line), "no `{line}` in:\n{metrics}");
}
