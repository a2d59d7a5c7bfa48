//! A low steady load: the shopper of the demo, and beside it somebody who keeps everything else alive that a shop does.
//! Accounts and products that it makes go again, so the data does not grow.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use all_in_one::{Shopper, Tally};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::client::Client;

/// The admin account that the load uses.
pub const ADMIN: &str = "load@signalbox.example";

/// Password of the accounts it makes; they hold nothing.
const PASSWORD: &str = "only-for-demonstration";

/// What has happened so far.
#[derive(Debug, Default)]
pub struct LoadTally {
    shopper: Arc<Tally>,
    rounds: AtomicU64,
    failed: AtomicU64,
    first_failure: OnceLock<String>,
}

impl LoadTally {
    /// Requests of the shopper answered as they should be.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.shopper.answered.load(Ordering::Relaxed)
    }

    /// Rounds of the keeper that went as they should.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Relaxed)
    }

    /// What failed: walks of the shopper and rounds of the keeper.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.shopper.failed.load(Ordering::Relaxed) + self.failed.load(Ordering::Relaxed)
    }

    /// What went wrong first.
    #[must_use]
    pub fn first_failure(&self) -> Option<String> {
        self.shopper.first_failure().map(str::to_owned).or_else(|| self.first_failure.get().cloned())
    }
}

/// The load. Dropping it ends it.
pub struct Load {
    tally: Arc<LoadTally>,
    tasks: [JoinHandle<()>; 2],
}

impl Load {
    /// Starts `walks` of the shopper a second at the gateway of that address, and a round of the keeper every `every`.
    /// `password` is that of the account [`ADMIN`].
    #[must_use]
    pub fn start(gateway: SocketAddr, password: &str, walks: f64, every: Duration) -> Self {
        let tally = Arc::new(LoadTally::default());
        let shopper = Shopper::new(format!("http://{gateway}"), Arc::clone(&tally.shopper));
        let keeper = Keeper { client: Client::new(gateway), password: password.to_owned() };
        let tasks = [tokio::spawn(shopper.run(walks)), tokio::spawn(keep(keeper, every, Arc::clone(&tally)))];
        Self { tally, tasks }
    }

    /// What has happened so far.
    #[must_use]
    pub fn tally(&self) -> &LoadTally {
        &self.tally
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn keep(keeper: Keeper, every: Duration, tally: Arc<LoadTally>) {
    let mut timer = tokio::time::interval(every);
    timer.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for number in 0_u64.. {
        timer.tick().await;
        match keeper.round(number).await {
            Ok(()) => {
                tally.rounds.fetch_add(1, Ordering::Relaxed);
            }
            Err(failure) => {
                tally.failed.fetch_add(1, Ordering::Relaxed);
                let _ = tally.first_failure.set(failure);
            }
        }
    }
}

/// Registers people, gives and takes roles, keeps the catalogue, and removes what it made.
struct Keeper {
    client: Client,
    password: String,
}

impl Keeper {
    async fn round(&self, number: u64) -> Result<(), String> {
        let admin = self.sign_in(ADMIN, &self.password).await?;
        // Unique over restarts: an address that was used before is somebody else's.
        let unique = format!("{}-{number}", chrono::Utc::now().timestamp_millis());
        let email = format!("visitor-{unique}@example.com");
        let account = json!({ "email": email, "password": PASSWORD, "name": "Passing Visitor" });
        send(&self.client, Method::POST, "/v1/auth/register", Some(&account), 201).await?;
        let visitor = self.sign_in(&email, PASSWORD).await?;
        let profile = send(&visitor, Method::GET, "/v1/users/me", None, 200).await?;
        let user = format!("/v1/users/{}", profile["id"].as_str().unwrap_or_default());
        for role in ["admin", "user"] {
            send(&admin, Method::PUT, &format!("{user}/role"), Some(&json!({ "role": role })), 200).await?;
        }
        catalogue(&admin, &unique).await?;
        send(&admin, Method::DELETE, &user, None, 204).await.map(drop)
    }

    async fn sign_in(&self, email: &str, password: &str) -> Result<Client, String> {
        let credentials = json!({ "email": email, "password": password });
        let tokens = send(&self.client, Method::POST, "/v1/auth/login", Some(&credentials), 200).await?;
        Ok(self.client.with_token(tokens["access_token"].as_str().unwrap_or_default()))
    }
}

/// A product comes, changes its price, and goes.
async fn catalogue(admin: &Client, unique: &str) -> Result<(), String> {
    let mut product = json!({
        "sku": format!("LOAD-{unique}"), "name": "Signal lamp", "description": "Comes and goes.",
        "category": "kitchen", "price": "19.90", "currency": "EUR", "stock": 3,
    });
    let made = send(admin, Method::POST, "/v1/products", Some(&product), 201).await?;
    let path = format!("/v1/products/{}", made["id"].as_str().unwrap_or_default());
    product["price"] = json!("17.90");
    product["version"] = made["version"].clone();
    send(admin, Method::PUT, &path, Some(&product), 200).await?;
    send(admin, Method::GET, &path, None, 200).await?;
    send(admin, Method::DELETE, &path, None, 204).await.map(drop)
}

async fn send(
    client: &Client,
    method: Method,
    path: &str,
    body: Option<&Value>,
    expected: u16,
) -> Result<Value, String> {
    let what = format!("{method} {path}");
    let answer = client.try_send(method, path, body).await.map_err(|error| format!("{what}: {}", error.reason))?;
    if answer.status == expected {
        return Ok(answer.json());
    }
    Err(format!("{what}: {} instead of {expected}: {}", answer.status, answer.text()))
}
