//! Spreads calls over the addresses of a callee: of two picked at random the less busy one gets the call.
//!
//! An address that a connection broke to is ejected, unless it is the only one, and tried in the background, so that no
//! call is spent on finding out. A call that could not be sent because there was no connection is sent to another
//! address at once, whatever its contract says: nobody has seen it. If all addresses are ejected, they are used all the
//! same, since the only one may come back at any moment.

use std::convert::Infallible;
use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chassis::deadline::{exceeded, set_grpc_timeout};
use chassis::ports::{Ports, Random};
use http::{Request, Response};
use hyper_util::client::legacy::Error;
use telemetry::Gauge;
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;
use tonic::body::Body;
use tower::Service;

use crate::attempt::{Call, refuse};
use crate::endpoint::{Endpoint, OnChange};
use crate::limit::Due;
use crate::resolve::{Resolve, follow};
use crate::target::Target;

/// The innermost layer. Cloning it shares the connections; the last clone takes the look-ups along.
#[derive(Clone)]
pub(crate) struct Balance(Arc<EndpointSet>);

impl Balance {
    /// Calls `targets`; names among them are looked up every `interval`.
    pub(crate) fn new(
        callee: &'static str,
        targets: Vec<Target>,
        resolve: Resolve,
        interval: Duration,
        ports: Ports,
    ) -> Self {
        let set = Arc::new_cyclic(|set| EndpointSet::new(callee, set.clone(), ports.clone()));
        // A name can be called before it has been looked up: the connection does that itself.
        set.replace(targets.clone());
        if targets.iter().any(Target::is_name) {
            let followed = Arc::downgrade(&set);
            let update = move |targets| followed.upgrade().map(|set| set.replace(targets)).is_some();
            let task = tokio::spawn(follow(targets, resolve, interval, ports, update));
            *set.look_ups.lock().unwrap_or_else(PoisonError::into_inner) = Some(AbortOnDropHandle::new(task));
        }
        Self(set)
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
        let set = Arc::clone(&self.0);
        Box::pin(async move { Ok(set.send(request).await) })
    }
}

/// The addresses there are now.
struct EndpointSet {
    callee: &'static str,
    endpoints: RwLock<Vec<Arc<Endpoint>>>,
    used: Gauge,
    ejected: Gauge,
    ports: Ports,
    on_change: OnChange,
    look_ups: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl EndpointSet {
    fn new(callee: &'static str, itself: Weak<Self>, ports: Ports) -> Self {
        let gauge =
            |state: &'static str| telemetry::gauge!("rpc_client_endpoints", "callee" => callee, "state" => state);
        Self {
            callee,
            endpoints: RwLock::default(),
            used: gauge("used"),
            ejected: gauge("set_aside"),
            ports,
            on_change: Arc::new(move || {
                if let Some(set) = itself.upgrade() {
                    set.update_gauges();
                }
            }),
            look_ups: Mutex::default(),
        }
    }

    /// Uses `targets` from now on. Connections to those that stay are kept, calls on the others finish.
    fn replace(&self, targets: Vec<Target>) {
        {
            let mut endpoints = self.endpoints.write().unwrap_or_else(PoisonError::into_inner);
            let keep = |target: &Target| endpoints.iter().find(|endpoint| endpoint.target == *target).cloned();
            let new = |target| Arc::new(Endpoint::new(self.callee, target, self.ports.clone(), self.on_change.clone()));
            let next = targets.into_iter().map(|target| keep(&target).unwrap_or_else(|| new(target)));
            *endpoints = next.collect();
        }
        self.update_gauges();
    }

    fn update_gauges(&self) {
        let endpoints = self.endpoints();
        let ejected = endpoints.iter().filter(|endpoint| endpoint.is_ejected()).count();
        self.ejected.set(ejected as f64);
        self.used.set((endpoints.len() - ejected) as f64);
    }

    fn endpoints(&self) -> Vec<Arc<Endpoint>> {
        self.endpoints.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn send(&self, mut request: Request<Bytes>) -> Response<Body> {
        let mut candidates = self.endpoints();
        if candidates.iter().any(|endpoint| !endpoint.is_ejected()) {
            candidates.retain(|endpoint| !endpoint.is_ejected());
        }
        let due = Due::of(&request);
        loop {
            let endpoint = candidates.swap_remove(pick(&candidates, &*self.ports.random));
            if due.is_some_and(|due| !set_grpc_timeout(request.headers_mut(), due)) {
                return refuse(exceeded());
            }
            let error = match endpoint.send(request.clone()).await {
                Ok(response) => return response,
                Err(error) => error,
            };
            // The only address there is has nobody to leave its calls to.
            if self.endpoints().len() > 1 {
                endpoint.eject();
            }
            if !error.is_connect() || candidates.is_empty() {
                return broken(&error);
            }
        }
    }
}

/// Position of the less busy of two; the list is not empty, since a callee has at least one address.
fn pick(endpoints: &[Arc<Endpoint>], random: &dyn Random) -> usize {
    if endpoints.len() < 2 {
        return 0;
    }
    let first = random.below(endpoints.len());
    let other = (first + 1 + random.below(endpoints.len() - 1)) % endpoints.len();
    if endpoints[first].active() <= endpoints[other].active() { first } else { other }
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
