//! Spreads calls over the addresses of a callee: of two picked at random the less busy one gets the call.
//!
//! An address that a connection broke to is set aside and tried in the background, so that no call is spent on finding
//! out. A call that could not be sent because there was no connection is sent to another address at once, whatever its
//! contract says: nobody has seen it. If all addresses are set aside, they are used all the same, since the only one may
//! come back at any moment.

use std::convert::Infallible;
use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper_util::client::legacy::Error;
use rand::RngExt;
use telemetry::Gauge;
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;
use tonic::body::Body;
use tower::Service;

use super::limit::Due;
use super::peer::Peer;
use super::resolve::{Resolve, follow};
use super::target::Target;
use super::{Call, refuse};
use crate::deadline::{exceeded, tell};

/// The innermost layer. Cloning it shares the connections; the last clone takes the look-ups along.
#[derive(Clone)]
pub(super) struct Balance(Arc<Peers>);

impl Balance {
    /// Calls `targets`; names among them are looked up every `interval`.
    pub(super) fn new(callee: &'static str, targets: Vec<Target>, resolve: Resolve, interval: Duration) -> Self {
        let gauge =
            |state: &'static str| telemetry::gauge!("rpc_client_endpoints", "callee" => callee, "state" => state);
        let peers = Arc::new(Peers {
            callee,
            set: RwLock::default(),
            used: gauge("used"),
            aside: gauge("set_aside"),
            look_ups: Mutex::default(),
        });
        // A name can be called before it has been looked up: the connection does that itself.
        peers.replace(targets.clone());
        if targets.iter().any(Target::is_name) {
            let task = tokio::spawn(follow(Arc::downgrade(&peers), targets, resolve, interval));
            *peers.look_ups.lock().unwrap_or_else(PoisonError::into_inner) = Some(AbortOnDropHandle::new(task));
        }
        Self(peers)
    }
}

impl Service<Request<Bytes>> for Balance {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Call;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let peers = Arc::clone(&self.0);
        Box::pin(async move { Ok(peers.send(request).await) })
    }
}

/// The addresses there are now.
pub(super) struct Peers {
    pub(super) callee: &'static str,
    set: RwLock<Vec<Arc<Peer>>>,
    used: Gauge,
    aside: Gauge,
    look_ups: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Peers {
    /// Uses `targets` from now on. Connections to those that stay are kept, calls on the others finish.
    pub(super) fn replace(&self, targets: Vec<Target>) {
        {
            let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
            let keep = |target: &Target| set.iter().find(|peer| peer.target == *target).cloned();
            let next = targets.into_iter().map(|target| keep(&target).unwrap_or_else(|| Arc::new(Peer::new(target))));
            *set = next.collect();
        }
        self.show();
    }

    /// Brings the gauges up to date.
    pub(super) fn show(&self) {
        let peers = self.peers();
        let aside = peers.iter().filter(|peer| peer.is_aside()).count();
        self.aside.set(aside as f64);
        self.used.set((peers.len() - aside) as f64);
    }

    fn peers(&self) -> Vec<Arc<Peer>> {
        self.set.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn send(self: &Arc<Self>, mut request: Request<Bytes>) -> Response<Body> {
        let mut candidates = self.peers();
        if candidates.iter().any(|peer| !peer.is_aside()) {
            candidates.retain(|peer| !peer.is_aside());
        }
        let due = Due::of(&request);
        loop {
            let peer = candidates.swap_remove(pick(&candidates));
            if due.is_some_and(|due| !tell(request.headers_mut(), due)) {
                return refuse(exceeded());
            }
            let error = match peer.send(request.clone()).await {
                Ok(response) => return response,
                Err(error) => error,
            };
            // The only address there is has nobody to leave its calls to.
            if self.peers().len() > 1 {
                peer.set_aside(self);
            }
            if !error.is_connect() || candidates.is_empty() {
                return broken(&error);
            }
        }
    }
}

/// Position of the less busy of two; the list is not empty, since a callee has at least one address.
fn pick(peers: &[Arc<Peer>]) -> usize {
    if peers.len() < 2 {
        return 0;
    }
    let mut random = rand::rng();
    let first = random.random_range(0..peers.len());
    let other = (first + random.random_range(1..peers.len())) % peers.len();
    if peers[first].active() <= peers[other].active() { first } else { other }
}

/// The status of an exchange that broke off: the callee was not available. Its text is for the log.
fn broken(error: &Error) -> Response<Body> {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    Status::unavailable(text).into_http()
}
