//! The whole stack on free ports with data of its own. It stops, and its data goes, when it is dropped.

use std::sync::Arc;

use all_in_one::{Admin, SERVICES, Stack, StackConfig};
use messaging::InProcess;
use tempfile::TempDir;
use toml::{Table, Value, toml};
use topology::{Service, Topology};

use crate::client::Client;

/// Password of the admin account in tests.
const ADMIN_PASSWORD: &str = "keeper of the keys";

/// Address of the admin account in tests.
const ADMIN_EMAIL: &str = "admin@signalbox.example";

/// A stack in the making.
#[derive(Default)]
pub struct TestStackBuilder {
    overrides: Table,
    tap: Option<Arc<dyn telemetry::Tap>>,
}

/// A running stack.
pub struct TestStack {
    /// The services.
    pub stack: Stack,
    /// A client of the gateway.
    pub client: Client,
    data: TempDir,
}

/// Overrides that put a service on free ports.
#[must_use]
pub fn local_ports(service: &str) -> Table {
    let mut table = toml! { admin.address = "127.0.0.1:0" };
    if let Some((server, _)) = Topology::ours().service(service).and_then(Service::served) {
        table.insert(server.to_owned(), Value::Table(toml! { address = "127.0.0.1:0" }));
    }
    table
}

impl TestStackBuilder {
    /// Overrides a section, as in a configuration file: `[gateway.http]`.
    #[must_use]
    pub fn configure(mut self, overrides: Table) -> Self {
        merge(&mut self.overrides, overrides);
        self
    }

    /// Sends the spans of every service to `endpoint`.
    #[must_use]
    pub fn otlp(self, endpoint: &str) -> Self {
        let one = Value::Table(toml! { telemetry.otlp_endpoint = (endpoint) });
        let all = SERVICES.map(|service| (service.to_owned(), one.clone()));
        self.configure(all.into_iter().collect())
    }

    /// Receives the log lines of recorded traces.
    #[must_use]
    pub fn tap(mut self, tap: Arc<dyn telemetry::Tap>) -> Self {
        self.tap = Some(tap);
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(self) -> TestStack {
        install();
        let data = tempfile::tempdir().expect("a temporary folder");
        let mut overrides: Table =
            SERVICES.map(|service| (service.to_owned(), Value::Table(local_ports(service)))).into_iter().collect();
        // Hashes that cost next to nothing, and limits that no test meets by accident.
        merge(
            &mut overrides,
            toml! {
                auth.password = { memory_kib = 64, iterations = 1, workers = 2 }
                gateway.rate_limit = { per_second = 100000, burst = 100000, auth_per_second = 100000, auth_burst = 100000 }
            },
        );
        merge(&mut overrides, self.overrides);
        let admin = Admin { email: ADMIN_EMAIL.to_owned(), password: ADMIN_PASSWORD.to_owned() };
        let config = StackConfig {
            data: data.path().to_owned(),
            overrides,
            tap: self.tap,
            admin: Some(admin),
            ..StackConfig::default()
        };
        let stack = Stack::start(&config).await.expect("the stack starts");
        backends::eventually("every service to be ready", || async { stack.ready().await.then_some(()) }).await;
        let client = Client::new(stack.address("gateway", "http").expect("the gateway listens"));
        TestStack { stack, client, data }
    }
}

impl TestStack {
    /// A stack in the making, with settings for tests.
    #[must_use]
    pub fn builder() -> TestStackBuilder {
        TestStackBuilder::default()
    }

    /// A stack with nothing special.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// The broker that the services share, unless they were told to use another.
    #[must_use]
    pub fn broker(&self) -> InProcess {
        InProcess::named(&all_in_one::broker_name(self.data.path()))
    }

    /// A client of a service's admin port.
    ///
    /// # Panics
    /// If there is no such service.
    #[must_use]
    pub fn admin_port(&self, service: &str) -> Client {
        Client::new(self.stack.address(service, "admin").expect("a running service"))
    }

    /// The metrics of a service.
    ///
    /// # Panics
    /// If there is no such service.
    #[must_use]
    pub fn metrics(&self, service: &str) -> String {
        self.stack.service(service).expect("a running service").metrics()
    }

    /// A client with the token of the admin account, which is made at start.
    pub async fn admin(&self) -> Client {
        let credentials = serde_json::json!({ "email": ADMIN_EMAIL, "password": ADMIN_PASSWORD });
        let token = backends::eventually("the admin account", || async {
            let answer = self.client.post("/v1/auth/login", &credentials).await;
            answer.json()["access_token"].as_str().map(str::to_owned)
        })
        .await;
        self.client.with_token(&token)
    }
}

/// Installs telemetry once for the test process. Lines go to taps only: test output stays readable.
fn install() {
    // A second call changes nothing, and there is no log file that could fail.
    drop(telemetry::install(telemetry::LogFormat::Json, &telemetry::LogOutput::Off));
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(known)), Value::Table(inner)) => merge(known, inner),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}
