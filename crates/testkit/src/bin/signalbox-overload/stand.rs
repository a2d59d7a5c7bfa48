//! The stack that is measured: all services in this process with the settings they ship with, data of its own, logs to
//! a file, every trace recorded. Two things differ: the ports are free ones, and the rate limits are out of the way,
//! since all load comes from one address.

use std::sync::Arc;
use std::time::Duration;

use all_in_one::{SERVICES, Stack, StackConfig};
use chassis::config::Layers;
use chassis::{HostOptions, Running};
use serde_json::{Value, json};
use telemetry::{LogFormat, LogGuard, LogOutput};
use tempfile::TempDir;
use testkit::{Client, FakeService, eventually, local_ports};
use toml::{Table, toml};
use topology::Topology;

use crate::wire::{Target, get, post};

/// Accounts that sign in, in turn.
const ACCOUNTS: usize = 8;

/// What a slow store does at a time, and how long each takes. That makes some 800 reads a second: little enough that
/// three times as many, and who makes them, leave the CPU of two cores room.
pub(crate) const SLOW_AT_A_TIME: usize = 8;
pub(crate) const SLOW_TIME: Duration = Duration::from_millis(9);

const PASSWORD: &str = "correct horse battery";

/// A running stack with accounts.
pub(crate) struct Stand {
    pub(crate) stack: Stack,
    client: Client,
    token: String,
    products: Vec<String>,
    _data: TempDir,
    _logs: LogGuard,
}

/// What differs from the settings the services ship with.
fn overrides() -> Table {
    let mut all: Table = SERVICES.map(|name| (name.to_owned(), local_ports(name).into())).into_iter().collect();
    if let Some(gateway) = all.get_mut("gateway").and_then(toml::Value::as_table_mut) {
        gateway.extend(no_rate_limit());
    }
    all
}

fn no_rate_limit() -> Table {
    toml! { rate_limit = { per_second = 1000000, burst = 1000000, auth_per_second = 1000000, auth_burst = 1000000 } }
}

impl Stand {
    /// Starts it, and signs up who will sign in.
    pub(crate) async fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let data = tempfile::tempdir()?;
        let logs = telemetry::install(LogFormat::Json, &LogOutput::File(data.path().join("signalbox.jsonl")))?;
        // With the environment, so that other limits can be tried without a build.
        let (data_folder, environment) = (data.path().to_owned(), true);
        let config = StackConfig { data: data_folder, overrides: overrides(), environment, ..StackConfig::default() };
        let stack = Stack::start(&config).await?;
        eventually("every service to be ready", || async { stack.ready().await.then_some(()) }).await;
        let client = Client::new(stack.address("gateway", "http").ok_or("the gateway does not listen")?);
        let mut token = String::new();
        for number in 0..ACCOUNTS {
            let (_, tokens) = client.sign_up(&email(number), PASSWORD).await;
            token = tokens["access_token"].as_str().unwrap_or_default().to_owned();
        }
        let page = client.get("/v1/products?limit=100").await.expect(200).json();
        let ids = page["items"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_str());
        let products = ids.map(str::to_owned).collect();
        Ok(Self { stack, client, token, products, _data: data, _logs: logs })
    }

    /// The page of a product, one after the other.
    pub(crate) fn product_reads(&self, gateway: &Running) -> Arc<Target> {
        let requests = self.products.iter().map(|id| get(&format!("/v1/products/{id}"), None));
        target(gateway, requests.collect())
    }

    /// The own profile of somebody who has signed in.
    pub(crate) fn user_reads(&self, gateway: &Running) -> Arc<Target> {
        target(gateway, vec![get("/v1/users/me", Some(&self.token))])
    }

    /// Somebody signs in.
    pub(crate) fn logins(&self, gateway: &Running) -> Arc<Target> {
        let body = |number| -> Value { json!({ "email": email(number), "password": PASSWORD }) };
        target(gateway, (0..ACCOUNTS).map(|number| post("/v1/auth/login", &body(number))).collect())
    }

    /// The gateway of the stack.
    pub(crate) fn gateway(&self) -> &Running {
        self.stack.service("gateway").expect("the stack has a gateway")
    }

    /// One more gateway, which finds `callee` at `url`.
    pub(crate) async fn second_gateway(&self, callee: &str, url: &str) -> Running {
        let mut table = local_ports("gateway");
        table.extend(no_rate_limit());
        table.extend(toml! { runtime.worker_threads = 1 });
        let topology = Topology::ours();
        for name in topology.service("gateway").into_iter().flat_map(|gateway| topology.callees(gateway)) {
            let name = name.name.as_str();
            let own = self.stack.address(name, "grpc").map(|address| format!("http://{address}"));
            let url = if name == callee { url.to_owned() } else { own.expect("it listens") };
            table.insert(name.to_owned(), toml! { url = url }.into());
        }
        let layers = Layers::new("gateway", gateway::SPEC.defaults).and_then(Layers::environment);
        let layers = layers.and_then(|layers| layers.table("stand", table)).expect("valid settings");
        let gateway = chassis::start(&gateway::SPEC, &layers, HostOptions::default()).await.expect("a gateway");
        eventually("the gateway to be ready", || async { gateway.ready().await.then_some(()) }).await;
        gateway
    }

    /// A gateway whose product service has a slow store, which is what it can do, and not the CPU that it shares with
    /// the load.
    pub(crate) async fn slow_products(&self) -> (FakeService, Running) {
        let real = self.stack.address("product", "grpc").expect("product listens");
        let door = FakeService::start().await;
        door.forward_slowly(real, SLOW_AT_A_TIME, SLOW_TIME);
        let gateway = self.second_gateway("product", &door.url()).await;
        (door, gateway)
    }

    /// Asks for a page, to see that the stack has survived.
    pub(crate) async fn answers(&self) -> bool {
        let answer = tokio::time::timeout(Duration::from_secs(5), self.client.try_get("/ping")).await;
        answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status.is_success()))
    }
}

fn email(number: usize) -> String {
    format!("overload-{number}@example.com")
}

fn target(gateway: &Running, requests: Vec<Vec<u8>>) -> Arc<Target> {
    let address = gateway.address("http").expect("the gateway listens");
    Arc::new(Target::new(address, requests, 200))
}
