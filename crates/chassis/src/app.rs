//! A service ready to run: its servers already listen, its background tasks wait for the start.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::grpc_server::Contract;
use crate::readiness::Readiness;
use crate::settings;
use crate::start_error::StartError;
use crate::stop::Stop;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// See the module.
pub struct App {
    readiness: Readiness,
    servers: Vec<Task>,
    background: Vec<(&'static str, Task)>,
    addresses: Vec<(&'static str, SocketAddr)>,
    pub(crate) stop: Stop,
}

impl App {
    /// An app without servers, whose admin port may answer from `readiness` already.
    pub(crate) fn new(readiness: Readiness) -> Self {
        Self { readiness, servers: Vec::new(), background: Vec::new(), addresses: Vec::new(), stop: Stop::default() }
    }

    /// To add readiness checks to.
    #[must_use]
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Listens for HTTP at once and serves `router` when the app runs.
    ///
    /// # Errors
    /// If the port cannot be taken.
    pub fn serve_http(&mut self, settings: &settings::Http, router: Router) -> Result<(), StartError> {
        let listener = crate::listen::listen("http.address", settings.address)?;
        self.addresses.push(("http", local(&listener, settings.address)));
        let server = crate::http_server::serve(listener, settings.clone(), router, self.stop.clone(), self.readiness());
        self.servers.push(Box::pin(server));
        Ok(())
    }

    /// Listens for gRPC at once and serves `routes` and the health service when the app runs.
    ///
    /// # Errors
    /// If the port cannot be taken.
    pub fn serve_grpc(
        &mut self,
        settings: &settings::Grpc,
        contract: Contract,
        routes: tonic::service::Routes,
    ) -> Result<(), StartError> {
        let listener = crate::listen::listen("grpc.address", settings.address)?;
        self.addresses.push(("grpc", local(&listener, settings.address)));
        let server = crate::grpc_server::Server { listener, settings: settings.clone(), contract, routes };
        self.servers.push(Box::pin(server.run(self.stop.clone(), self.readiness.clone())));
        Ok(())
    }

    /// Runs `task` beside the servers until they have drained. It is expected to run for ever.
    pub fn background(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.background.push((name, Box::pin(task)));
    }

    /// Runs work that is to be ended in order, as servers are: `work` is told to take no more when the app drains, and
    /// may then finish what it has in hand for as long as running requests may.
    pub fn worker<F>(&mut self, work: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Stop { drain, cut } = self.stop.clone();
        let work = work(drain);
        self.servers.push(Box::pin(async move {
            tokio::select! {
                () = work => {}
                () = cut.cancelled() => {}
            }
        }));
    }

    /// Where the servers listen, by kind: `http`, `grpc`.
    #[must_use]
    pub fn addresses(&self) -> &[(&'static str, SocketAddr)] {
        &self.addresses
    }

    /// Begins to serve, which it does when this returns. What it answers ends when `stop` was told to drain and what runs
    /// is finished, and tells whether all of it was.
    pub(crate) fn run(self, shutdown: settings::Shutdown) -> impl Future<Output = bool> + Send + 'static {
        let tasks: Vec<_> = self.background.into_iter().map(|(name, task)| supervise(name, task)).collect();
        let servers: Vec<_> = self.servers.into_iter().map(tokio::spawn).collect();
        self.readiness.serve();
        tracing::info!("serving");
        let stop = self.stop;
        async move {
            stop.drain.cancelled().await;
            let drained = finish(servers, &stop, shutdown.drain).await;
            for task in tasks {
                task.abort();
            }
            if drained {
                tracing::info!("drained");
            } else {
                tracing::warn!(
                    drain_ms = shutdown.drain.as_millis(),
                    "requests were cut because they did not finish in time"
                );
            }
            drained
        }
    }
}

fn supervise(name: &'static str, task: Task) -> AbortHandle {
    let task = tokio::spawn(task);
    let handle = task.abort_handle();
    tokio::spawn(async move {
        let outcome = task.await;
        if !outcome.as_ref().is_err_and(tokio::task::JoinError::is_cancelled) {
            // It was to run for ever; a panic has been logged where it happened.
            tracing::error!(task = name, panicked = outcome.is_err(), "background task ended");
        }
    });
    handle
}

async fn finish(servers: Vec<tokio::task::JoinHandle<()>>, stop: &Stop, limit: Duration) -> bool {
    let mut servers = futures_util::future::join_all(servers);
    if tokio::time::timeout(limit, &mut servers).await.is_ok() {
        return true;
    }
    stop.cut.cancel();
    servers.await;
    false
}

fn local(listener: &std::net::TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}
