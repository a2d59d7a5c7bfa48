//! Runs one service on a runtime of its own: binds its threads to its identity, builds it, serves it,
//! opens its admin port, and takes it down in order.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use telemetry::{Identity, ProcessMetrics, ServiceSettings, ServiceTelemetry, Tap};
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;

use crate::app::App;
use crate::config::Layers;
use crate::readiness::Readiness;
use crate::settings::{Common, Http};
use crate::spec::{Building, Spec};
use crate::start_error::StartError;
use crate::stop::Stop;

/// Threads a runtime may use for blocking work besides its workers.
const MAX_BLOCKING_THREADS: usize = 8;

/// What the host of a service adds to its configuration.
#[derive(Clone, Default)]
pub struct HostOptions {
    /// Receives the spans and log lines of recorded traces.
    pub tap: Option<Arc<dyn Tap>>,
    /// More routes for the admin port.
    pub admin: Option<Router>,
}

/// A service that serves. Dropping it stops it without draining.
pub struct Running {
    name: &'static str,
    addresses: BTreeMap<&'static str, SocketAddr>,
    common: Common,
    stop: Stop,
    readiness: Readiness,
    serving: Option<JoinHandle<bool>>,
    admin_stop: Stop,
    telemetry: Arc<ServiceTelemetry>,
    runtime: OwnRuntime,
}

/// Starts a service with the configuration of `layers`.
///
/// # Errors
/// If anything the service needs at start is missing or wrong. Nothing is left running then.
pub async fn start(spec: &Spec, layers: &Layers, extras: HostOptions) -> Result<Running, StartError> {
    let common: Common = layers.read()?;
    let build = (spec.prepare)(layers)?;
    let (runtime, telemetry) = runtime(spec.name, &common, extras.tap.clone())?;
    let (runtime, telemetry) = (OwnRuntime::from(runtime), Arc::new(telemetry));
    let readiness = Readiness::default();
    let build = build(App::new(readiness.clone()));
    let identity = telemetry.identity();
    let setup = Setup { common: common.clone(), identity, admin: extras.admin, readiness: readiness.clone(), build };
    match setup.spawn(&runtime.handle).await {
        Ok(Ok(built)) => Ok(Running {
            name: spec.name,
            addresses: built.addresses,
            common,
            stop: built.stop,
            readiness,
            serving: Some(built.serving),
            admin_stop: built.admin_stop,
            telemetry,
            runtime,
        }),
        Ok(Err(error)) => Err(error),
        Err(panic) => Err(StartError::System { what: spec.name, source: std::io::Error::other(panic) }),
    }
}

/// A runtime that may be dropped anywhere: its tasks are dropped, its threads end on their own.
struct OwnRuntime {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl From<Runtime> for OwnRuntime {
    fn from(runtime: Runtime) -> Self {
        Self { handle: runtime.handle().clone(), runtime: Some(runtime) }
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A runtime whose threads belong to the service from their first instruction on.
fn runtime(
    name: &'static str,
    common: &Common,
    tap: Option<Arc<dyn Tap>>,
) -> Result<(Runtime, ServiceTelemetry), StartError> {
    let identity: Arc<OnceLock<Option<Identity>>> = Arc::default();
    let known = Arc::clone(&identity);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if common.runtime.worker_threads > 0 {
        builder.worker_threads(common.runtime.worker_threads);
    }
    let runtime = builder
        .enable_all()
        .thread_name(name)
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .on_thread_start(move || {
            // Registration needs the runtime, so the first threads wait for it here.
            if let Some(identity) = known.wait() {
                identity.enter_thread();
            }
        })
        .build()
        .map_err(|source| StartError::System { what: "a runtime", source })?;
    let registered = {
        let _inside = runtime.enter();
        telemetry::register(&service_settings(name, common, tap))
    };
    // Set in any case: a thread that waits for ever could not be shut down.
    let _ = identity.set(registered.as_ref().ok().map(ServiceTelemetry::identity));
    match registered {
        Ok(telemetry) => Ok((runtime, telemetry)),
        Err(error) => {
            runtime.shutdown_background();
            Err(error.into())
        }
    }
}

fn service_settings(name: &str, common: &Common, tap: Option<Arc<dyn Tap>>) -> ServiceSettings {
    let settings = &common.telemetry;
    ServiceSettings {
        name: name.to_owned(),
        version: telemetry::BUILD.version.to_owned(),
        instance: match settings.instance.as_str() {
            "" => uuid::Uuid::new_v4().to_string(),
            given => given.to_owned(),
        },
        environment: settings.environment.clone(),
        log_level: settings.log_level.clone(),
        sampling_ratio: settings.sampling_ratio,
        otlp_endpoint: settings.otlp_endpoint.clone(),
        tap,
    }
}

/// What happens on the service's own runtime at start.
struct Setup {
    common: Common,
    identity: Identity,
    admin: Option<Router>,
    readiness: Readiness,
    build: Building,
}

struct Built {
    addresses: BTreeMap<&'static str, SocketAddr>,
    stop: Stop,
    serving: JoinHandle<bool>,
    admin_stop: Stop,
}

impl Setup {
    /// Not part of [`start`], whose body is compiled anew by whoever awaits it.
    fn spawn(self, runtime: &Handle) -> JoinHandle<Result<Built, StartError>> {
        runtime.spawn(self.run())
    }

    async fn run(self) -> Result<Built, StartError> {
        // The admin port comes first: building may wait for a server that is not up yet, and this is where to look.
        let listener = crate::listen::listen("admin.address", self.common.admin.address)?;
        let admin_address = listener.local_addr().unwrap_or(self.common.admin.address);
        let process = Arc::new(ProcessMetrics::new(self.identity));
        let router = crate::admin::router(self.identity, self.readiness.clone(), Arc::clone(&process));
        let router = self.admin.map_or(router.clone(), |more| more.merge(router));
        let (admin_stop, settings) = (Stop::default(), admin_http(admin_address));
        let server = crate::http_server::serve(listener, settings, router, admin_stop.clone(), &self.readiness);
        tokio::spawn(server);
        tokio::spawn(async move { process.run().await });
        tokio::spawn(self.readiness.clone().watch());
        let app = self.build.await?;
        let mut addresses: BTreeMap<_, _> = app.addresses().iter().copied().collect();
        addresses.insert("admin", admin_address);
        let stop = app.stop.clone();
        let serving = tokio::spawn(app.run(self.common.shutdown));
        Ok(Built { addresses, stop, serving, admin_stop })
    }
}

/// Limits of the admin port; nobody needs to change them.
fn admin_http(address: SocketAddr) -> Http {
    Http {
        address,
        timeout: Duration::from_secs(10),
        max_in_flight: 64,
        header_timeout: Duration::from_secs(5),
        max_header_bytes: 16 * 1024,
        max_body_bytes: 16 * 1024,
        max_connections: 64,
    }
}

impl Running {
    /// `service.name`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it listens, by kind: `http`, `grpc`, `admin`.
    #[must_use]
    pub fn address(&self, kind: &str) -> Option<SocketAddr> {
        self.addresses.get(kind).copied()
    }

    /// Whether it would be sent requests; what `/readyz` answers.
    pub async fn ready(&self) -> bool {
        let readiness = self.readiness.clone();
        self.runtime.handle.spawn(async move { readiness.report().await.ready }).await.unwrap_or(false)
    }

    /// Its metrics as `/metrics` shows them.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.telemetry.identity().render_metrics()
    }

    /// Its identity, for threads and runtimes that act in its name.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.telemetry.identity()
    }

    /// Sends the spans that have ended so far to where they are exported.
    pub async fn flush(&self) {
        let telemetry = Arc::clone(&self.telemetry);
        // What could not be sent has been logged by the exporter; a flush is best effort.
        let _ = tokio::task::spawn_blocking(move || telemetry.flush()).await;
    }

    /// Turns unready, lets running requests finish, sends the last spans, ends the runtime.
    /// Answers whether every request finished in time.
    pub async fn stop(mut self) -> bool {
        self.readiness.drain();
        tokio::time::sleep(self.common.shutdown.unready).await;
        self.stop.drain.cancel();
        let drained = match self.serving.take() {
            Some(serving) => serving.await.unwrap_or(false),
            None => false,
        };
        let telemetry = Arc::clone(&self.telemetry);
        let flushed = tokio::task::spawn_blocking(move || telemetry.shutdown()).await;
        if let Ok(Err(error)) = flushed {
            tracing::warn!(error, "the last spans could not be sent");
        }
        self.admin_stop.drain.cancel();
        drained
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.drain.cancel();
        self.stop.cut.cancel();
    }
}
