//! Auth on a free port with a database of its own and a fake user service beside it.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use chassis::config::Layers;
use chassis::{Actor, HostOptions, Problem, Running, StartError};
use contracts::auth::v1::auth_service_client::AuthServiceClient;
use contracts::auth::v1::*;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use telemetry::exposition::Exposition;
use telemetry::{LogFormat, LogOutput, LogRecord, SpanRecord, Tap};
use tonic::Status;
use tonic::transport::Channel;

use crate::user_service::FakeUsers;

pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Cheap enough for tests, expensive enough to be Argon2.
const BASE: &str = r#"
    [grpc]
    address = "127.0.0.1:0"
    [admin]
    address = "127.0.0.1:0"
    [telemetry]
    log_level = "warn"
    [runtime]
    worker_threads = 1
    [password]
    memory_kib = 256
    iterations = 1
"#;

/// What a test talks to. Restarting it keeps the database and the user service.
pub(crate) struct Service {
    pub(crate) users: FakeUsers,
    pub(crate) running: Running,
    pub(crate) client: AuthServiceClient<Channel>,
    user_url: String,
    folder: tempfile::TempDir,
}

/// What the tests' services say about themselves. A tap hears all services of the process, so one is enough.
#[derive(Debug, Default)]
struct Records(Mutex<Vec<serde_json::Value>>);

static RECORDS: LazyLock<Arc<Records>> = LazyLock::new(Arc::default);

impl Records {
    fn keep(&self, record: &impl serde::Serialize) {
        let record = serde_json::to_value(record).expect("JSON");
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }
}

impl Tap for Records {
    fn spans(&self, spans: Vec<SpanRecord>) {
        spans.iter().for_each(|span| self.keep(span));
    }

    fn log(&self, line: LogRecord) {
        self.keep(&line);
    }
}

/// Starts auth; what is wrong with the configuration is the outcome.
pub(crate) async fn start(folder: &tempfile::TempDir, user_url: &str, overrides: &str) -> Result<Running, StartError> {
    let _ = telemetry::install(LogFormat::Pretty, &LogOutput::Off);
    let places =
        format!("[database]\nurl = \"sqlite:{}/auth.db\"\n[user]\nurl = \"{user_url}\"\n", folder.path().display());
    let mut layers = Layers::new(auth::SPEC.name, auth::SPEC.defaults).expect("valid defaults");
    for text in [BASE, &places, overrides] {
        layers = layers.table("test", text.parse().expect("TOML"))?;
    }
    let extras = HostOptions { tap: Some(RECORDS.clone()), admin: None };
    chassis::start(&auth::SPEC, &layers, extras).await
}

async fn connect(running: &Running) -> AuthServiceClient<Channel> {
    let address = running.address("grpc").expect("it serves gRPC");
    AuthServiceClient::connect(format!("http://{address}")).await.expect("it answers")
}

impl Service {
    /// Starts auth with overrides in TOML.
    pub(crate) async fn start(overrides: &str) -> Self {
        Self::start_with(FakeUsers::default(), overrides).await
    }

    /// The same with a user service that is already in some state.
    pub(crate) async fn start_with(users: FakeUsers, overrides: &str) -> Self {
        let user_url = users.serve().await;
        let folder = tempfile::tempdir().expect("a folder");
        let running = start(&folder, &user_url, overrides).await.expect("auth starts");
        let client = connect(&running).await;
        Self { users, running, client, user_url, folder }
    }

    /// Stops auth and starts it again with other overrides.
    pub(crate) async fn restart(self, overrides: &str) -> Self {
        let Self { users, running, client, user_url, folder } = self;
        drop(client);
        assert!(running.stop().await, "drained");
        let running = start(&folder, &user_url, overrides).await.expect("auth starts");
        let client = connect(&running).await;
        Self { users, running, client, user_url, folder }
    }

    pub(crate) async fn register(&self, email: &str, password: &str) -> Result<(), Status> {
        let request = RegisterRequest { email: email.into(), password: password.into(), name: "Ada".into() };
        self.client.clone().register(request).await.map(|_| ())
    }

    pub(crate) async fn login(&self, email: &str, password: &str) -> Result<TokenPair, Status> {
        let request = LoginRequest { email: email.into(), password: password.into() };
        let response = self.client.clone().login(request).await?;
        Ok(response.into_inner().tokens.expect("tokens"))
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Result<TokenPair, Status> {
        let request = RefreshRequest { refresh_token: refresh_token.into() };
        let response = self.client.clone().refresh(request).await?;
        Ok(response.into_inner().tokens.expect("tokens"))
    }

    pub(crate) async fn logout(&self, refresh_token: &str) -> Result<(), Status> {
        let request = LogoutRequest { refresh_token: refresh_token.into() };
        self.client.clone().logout(request).await.map(|_| ())
    }

    pub(crate) async fn delete(&self, actor: Actor, user_id: &str) -> Result<bool, Status> {
        let request = DeleteCredentialsRequest { user_id: user_id.into() };
        let response = self.client.clone().delete_credentials(actor.request(request)).await?;
        Ok(response.into_inner().deleted)
    }

    pub(crate) async fn jwks(&self) -> String {
        let response = self.client.clone().get_jwks(GetJwksRequest {}).await.expect("a key set");
        response.into_inner().jwks_json
    }

    /// A new account that is signed in.
    pub(crate) async fn signed_in(&self) -> TokenPair {
        self.register(EMAIL, PASSWORD).await.expect("registered");
        self.login(EMAIL, PASSWORD).await.expect("signed in")
    }

    /// The claims of an access token, if the published keys verify it.
    pub(crate) async fn claims(&self, access_token: &str) -> serde_json::Value {
        let set: JwkSet = serde_json::from_str(&self.jwks().await).expect("a key set");
        let header = jsonwebtoken::decode_header(access_token).expect("a header");
        assert_eq!((header.typ.as_deref(), header.alg), (Some("at+jwt"), Algorithm::EdDSA));
        let jwk = set.find(&header.kid.expect("a key id")).expect("a published key");
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&["signalbox"]);
        validation.set_audience(&["signalbox-api"]);
        let key = DecodingKey::from_jwk(jwk).expect("a key");
        jsonwebtoken::decode(access_token, &key, &validation).expect("it verifies").claims
    }

    /// Value of a series as `/metrics` shows it, such as `auth_logins_total{outcome="busy"}`.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let metrics = Exposition::parse(&self.running.metrics()).expect("metrics");
        metrics.value(series).expect("a series").unwrap_or_default()
    }

    /// Log lines and spans of the services of all tests.
    pub(crate) fn records(&self) -> Vec<serde_json::Value> {
        RECORDS.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Argon2 runs so far.
    pub(crate) fn hashes(&self) -> f64 {
        self.metric("password_hash_duration_seconds_count")
    }
}

/// Our problem in a status.
pub(crate) fn problem(status: &Status) -> Problem {
    Problem::from(status)
}
