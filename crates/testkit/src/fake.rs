//! A service stand-in that gives every call the same answer, for the failures a real one has no switch for.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tonic::body::Body;
use tonic::{Code, Status};
use tower::service_fn;

/// How a stand-in answers.
#[derive(Clone, Debug)]
enum Behaviour {
    Refuse(Status),
    Hang,
    Panic,
}

/// A running stand-in. It stops when it is dropped.
pub struct FakeService {
    address: SocketAddr,
    behaviour: Arc<Mutex<Behaviour>>,
    seen: Arc<Mutex<Vec<String>>>,
    server: tokio::task::JoinHandle<()>,
}

impl FakeService {
    /// Starts on a free loopback port and refuses every call as unavailable.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let behaviour = Arc::new(Mutex::new(Behaviour::Refuse(Status::unavailable("stand-in"))));
        let seen = Arc::default();
        let server = tokio::spawn(serve(listener, Arc::clone(&behaviour), Arc::clone(&seen)));
        Self { address, behaviour, seen, server }
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

    /// Never answers.
    pub fn hang(&self) {
        self.set(Behaviour::Hang);
    }

    /// Breaks off every call without an answer.
    pub fn panic(&self) {
        self.set(Behaviour::Panic);
    }

    /// The `grpc-timeout` of every call so far; empty where there was none.
    #[must_use]
    pub fn timeouts(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }
}

impl Drop for FakeService {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: tokio::net::TcpListener, behaviour: Arc<Mutex<Behaviour>>, seen: Arc<Mutex<Vec<String>>>) {
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let told = request.headers().get("grpc-timeout").and_then(|value| value.to_str().ok()).unwrap_or_default();
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(told.to_owned());
        let behaviour = behaviour.lock().unwrap_or_else(PoisonError::into_inner).clone();
        async move {
            match behaviour {
                Behaviour::Refuse(status) => Ok::<_, Infallible>(status.into_http::<Body>()),
                Behaviour::Hang => std::future::pending().await,
                Behaviour::Panic => panic!("the stand-in was asked to"),
            }
        }
    });
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let service = hyper_util::service::TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let connection = hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new());
            // How it ends is part of the test.
            let _ = connection.serve_connection(hyper_util::rt::TokioIo::new(stream), service).await;
        });
    }
}
