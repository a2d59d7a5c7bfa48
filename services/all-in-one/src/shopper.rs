//! The built-in shopper: walks through register, login, browse, view, profile and refresh at a steady rate, so
//! that there is always something to see. It is a service of its own in the telemetry.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use telemetry::{HttpClient, HttpClientLayer};
use tower::{Layer, ServiceExt};

/// Accounts the shopper uses in turn. Registering a known one is harmless, so the data does not grow for ever.
const ACCOUNTS: u64 = 40;

/// Password of these accounts; they hold nothing.
const PASSWORD: &str = "only-for-demonstration";

/// Words it searches for.
const SEARCHES: [&str; 6] = ["steel", "wood", "garden", "light", "book", "travel"];

/// Longest time one request may take before it counts as failed.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// What the shopper has seen so far.
#[derive(Debug, Default)]
pub struct Tally {
    /// Requests answered as they should be.
    pub answered: AtomicU64,
    /// Requests that were not.
    pub failed: AtomicU64,
    first_failure: std::sync::OnceLock<String>,
}

impl Tally {
    /// What went wrong first.
    #[must_use]
    pub fn first_failure(&self) -> Option<&str> {
        self.first_failure.get().map(String::as_str)
    }
}

/// A shopper.
#[derive(Clone)]
pub struct Shopper {
    base: String,
    client: HttpClient<Client<HttpConnector, Full<Bytes>>>,
    tally: Arc<Tally>,
}

impl Shopper {
    /// A shopper at `base`, such as `http://127.0.0.1:8080`. Make it on a thread of the shopper's identity.
    #[must_use]
    pub fn new(base: String, tally: Arc<Tally>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = HttpClientLayer::new().layer(Client::builder(TokioExecutor::new()).build(connector));
        Self { base, client, tally }
    }

    /// Starts `per_second` walks a second, for ever.
    pub async fn run(self, per_second: f64) {
        let mut timer = tokio::time::interval(Duration::from_secs_f64(1.0 / per_second));
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        for number in 0.. {
            timer.tick().await;
            let shopper = self.clone();
            tokio::spawn(async move { shopper.run_journey(number).await });
        }
    }

    /// One walk. It stops at the first answer that is not as it should be, which the tally counts.
    pub async fn run_journey(&self, number: u64) {
        if let Err(failure) = self.try_journey(number).await {
            self.tally.failed.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(failure, "the shopper met an unexpected answer");
            let _ = self.tally.first_failure.set(failure);
        }
    }

    async fn try_journey(&self, number: u64) -> Result<(), String> {
        let email = format!("shopper-{:02}@example.com", number % ACCOUNTS);
        let account = json!({ "email": email, "password": PASSWORD, "name": "Demo Shopper" });
        self.post("/v1/auth/register", &account, StatusCode::CREATED).await?;
        let login = json!({ "email": email, "password": PASSWORD });
        let tokens = self.post("/v1/auth/login", &login, StatusCode::OK).await?;
        let page = self.get("/v1/products?limit=10", None).await?;
        let next = page["next_cursor"].as_str().unwrap_or_default();
        self.get(&format!("/v1/products?limit=10&cursor={next}"), None).await?;
        let word = SEARCHES[usize::try_from(number).unwrap_or(0) % SEARCHES.len()];
        self.get(&format!("/v2/products?q={word}&sort=price"), None).await?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        let chosen = &items[usize::try_from(number).unwrap_or(0) % items.len().max(1)]["id"];
        self.get(&format!("/v1/products/{}", chosen.as_str().unwrap_or_default()), None).await?;
        self.get("/v1/users/me", tokens["access_token"].as_str()).await?;
        let refresh = json!({ "refresh_token": tokens["refresh_token"] });
        let tokens = self.post("/v1/auth/refresh", &refresh, StatusCode::OK).await?;
        let refresh = json!({ "refresh_token": tokens["refresh_token"] });
        self.post("/v1/auth/logout", &refresh, StatusCode::NO_CONTENT).await?;
        Ok(())
    }

    async fn get(&self, path: &str, token: Option<&str>) -> Result<Value, String> {
        let mut request = Request::get(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request.body(Full::default()), StatusCode::OK).await
    }

    async fn post(&self, path: &str, body: &Value, expected: StatusCode) -> Result<Value, String> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.base))
            .header("content-type", "application/json");
        self.send(request.body(Full::from(body.to_string())), expected).await
    }

    async fn send(&self, request: http::Result<Request<Full<Bytes>>>, expected: StatusCode) -> Result<Value, String> {
        let request = request.map_err(|error| error.to_string())?;
        let what = format!("{} {}", request.method(), request.uri().path());
        let exchange = async {
            let response = self.client.clone().oneshot(request).await.map_err(|error| error.to_string())?;
            let status = response.status();
            let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
            if status != expected {
                return Err(format!("{status} instead of {expected}: {}", String::from_utf8_lossy(&body)));
            }
            Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
        };
        let outcome = tokio::time::timeout(REQUEST_TIMEOUT, exchange).await;
        let answer = outcome.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        if answer.is_ok() {
            self.tally.answered.fetch_add(1, Ordering::Relaxed);
        }
        answer.map_err(|error| format!("{what}: {error}"))
    }
}
