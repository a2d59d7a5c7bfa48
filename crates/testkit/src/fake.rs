//! A service stand-in for the failures a real one has no switch for: it gives every call the same answer, hangs, breaks
//! off, passes calls on to a real service, or closes its port. It counts what reaches it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::service_fn;

type Onward = hyper_util::client::legacy::Client<HttpConnector, Body>;

/// How a stand-in answers.
#[derive(Clone)]
enum Behaviour {
    Refuse(Status),
    Forward(Arc<Door>),
    Hang,
    Panic,
}

/// The way to a real service.
struct Door {
    onward: Onward,
    address: SocketAddr,
    /// Calls at a time, and how long each takes besides what the service takes.
    pace: Option<(Semaphore, Duration)>,
}

/// A running stand-in. It stops when it is dropped.
pub struct FakeService {
    address: SocketAddr,
    state: Arc<State>,
    server: tokio::task::JoinHandle<()>,
}

struct State {
    behaviour: Mutex<Behaviour>,
    seen: Mutex<Vec<String>>,
}

impl FakeService {
    /// Starts on a free loopback port and refuses every call as unavailable.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let behaviour = Mutex::new(Behaviour::Refuse(Status::unavailable("stand-in")));
        let state = Arc::new(State { behaviour, seen: Mutex::default() });
        let server = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { address, state, server }
    }

    /// URL for a callee's `url` key.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers every call with `code` and a text that must never reach a client.
    pub fn refuse(&self, code: Code) {
        self.set(Behaviour::Refuse(Status::new(code, "internal text of the stand-in")));
    }

    /// Passes every call on to the service that listens at `address`, and its answer back.
    pub fn forward(&self, address: SocketAddr) {
        self.pass_on(address, None);
    }

    /// The same at the pace of a slow store: `at_a_time` calls at a time, each `time` longer; the others wait.
    pub fn forward_slowly(&self, address: SocketAddr, at_a_time: usize, time: Duration) {
        self.pass_on(address, Some((Semaphore::new(at_a_time), time)));
    }

    fn pass_on(&self, address: SocketAddr, pace: Option<(Semaphore, Duration)>) {
        let mut connector = HttpConnector::new();
        // Else the second of two small frames waits for the acknowledgement of the first.
        connector.set_nodelay(true);
        let onward =
            hyper_util::client::legacy::Client::builder(TokioExecutor::new()).http2_only(true).build(connector);
        self.set(Behaviour::Forward(Arc::new(Door { onward, address, pace })));
    }

    /// Never answers.
    pub fn hang(&self) {
        self.set(Behaviour::Hang);
    }

    /// Breaks off every call without an answer.
    pub fn panic(&self) {
        self.set(Behaviour::Panic);
    }

    /// Closes the port and every connection: from now on connecting is refused.
    pub async fn close(&mut self) {
        self.server.abort();
        // It ends by being cancelled, and its connections with it.
        let _ = (&mut self.server).await;
    }

    /// Opens the port again after [`FakeService::close`].
    ///
    /// # Panics
    /// If somebody else has taken the port.
    pub async fn open(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("its port");
        self.server = tokio::spawn(serve(listener, Arc::clone(&self.state)));
    }

    /// How many calls have arrived so far.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.state.seen().len()
    }

    /// The `grpc-timeout` of every call so far; empty where there was none.
    #[must_use]
    pub fn timeouts(&self) -> Vec<String> {
        self.state.seen().clone()
    }

    fn set(&self, behaviour: Behaviour) {
        *self.state.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }
}

impl Drop for FakeService {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl State {
    fn seen(&self) -> MutexGuard<'_, Vec<String>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: http::Request<Incoming>) -> http::Response<Body> {
        let told = request.headers().get("grpc-timeout").and_then(|value| value.to_str().ok()).unwrap_or_default();
        self.seen().push(told.to_owned());
        let behaviour = self.behaviour.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match behaviour {
            Behaviour::Refuse(status) => status.into_http(),
            Behaviour::Forward(door) => door.pass(request).await,
            Behaviour::Hang => std::future::pending().await,
            Behaviour::Panic => panic!("the stand-in was asked to"),
        }
    }
}

impl Door {
    async fn pass(&self, request: http::Request<Incoming>) -> http::Response<Body> {
        let _place = match &self.pace {
            Some((places, time)) => {
                let place = places.acquire().await;
                tokio::time::sleep(*time).await;
                Some(place)
            }
            None => None,
        };
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = format!("http://{}{path}", self.address).parse().expect("a URI");
        match self.onward.request(http::Request::from_parts(parts, Body::new(body))).await {
            Ok(response) => {
                response.map(|body| Body::new(body.map_err(|error| Status::unavailable(error.to_string()))))
            }
            Err(error) => Status::unavailable(error.to_string()).into_http(),
        }
    }
}

/// Accepts until it is aborted; connections end with it.
async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        // Best effort: without it small answers may wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        while connections.try_join_next().is_some() {}
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let state = Arc::clone(&state);
                async move { Ok::<_, Infallible>(state.answer(request).await) }
            });
            let service = hyper_util::service::TowerToHyperService::new(service);
            let connection = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // How it ends is part of the test.
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
