//! Auth owns credentials, sessions and signing keys: it registers accounts together with the user service, checks
//! passwords, and issues access and refresh tokens. Profiles and roles belong to the user service.

pub mod adapters;
mod api;
mod background;
mod config;
pub mod domain;
pub mod ports;

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use chassis::{App, Contract, Spec, StartError};
use contracts::auth::v1::auth_service_server::AuthServiceServer;
use stores::db;
use stores::redis::Redis;
use tonic::service::Routes;

pub use crate::config::Config;

use crate::adapters::events::CONTEXT;
#[cfg(feature = "backing-services")]
use crate::adapters::fallback_sessions::FallbackSessionStore;
use crate::adapters::jwt::JwtSigner;
use crate::adapters::password::HashPool;
use crate::adapters::profiles::UserService;
#[cfg(feature = "backing-services")]
use crate::adapters::redis_sessions::RedisSessions;
use crate::adapters::sql::{MIGRATIONS, SqlStore};
use crate::api::Api;
use crate::config::{delta, invalid};
use crate::domain::accounts::Accounts;
use crate::domain::key_rotation::KeyRotation;
use crate::domain::sessions::{SessionPorts, Sessions};
use crate::ports::SessionStore;

/// Name of the service and of its database.
const NAME: &str = "auth";

/// Name of the gRPC service, also for its health.
const SERVICE: &str = "auth.v1.AuthService";

/// Time without a hash, once to twice, after which the working memory of passwords is given back.
const PASSWORD_MEMORY_CHECK: Duration = Duration::from_secs(5);

/// Auth as a service.
pub static SPEC: Spec = Spec {
    name: NAME,
    defaults: include_str!("../config.toml"),
    migrate: Some(|layers, on_retry| Box::pin(db::migrate(NAME, layers, MIGRATIONS, on_retry))),
    prepare: |layers| chassis::prepare(layers, build),
};

/// Wires auth.
///
/// # Errors
/// If the configuration makes no sense, the database or its keys cannot be used, or the port is taken.
pub async fn build(config: Config, mut app: App) -> Result<App, StartError> {
    config.check()?;
    let admin = config.admin()?;
    let passwords = Arc::new(HashPool::new(&config.password).map_err(|reason| invalid("password.memory_kib", reason))?);
    let profiles = Arc::new(UserService::new(upstream::connect("user", &config.user)));
    let tokens = Arc::new(JwtSigner::new(&config.token.issuer, &config.token.audience));
    let redis = Redis::attach(&app, &config.redis)?;
    let broker = messaging::connect(NAME, &config.broker)?;
    let db = db::attach(&mut app, NAME, &config.database, MIGRATIONS).await?;
    let outbox = messaging::start_outbox(&mut app, db.clone(), &broker, CONTEXT, config.outbox)?;
    let store = Arc::new(SqlStore::new(db, outbox));

    let rotation = Arc::new(KeyRotation::new(store.clone(), tokens.clone(), config.key_policy()));
    // Before anything is served: without a key nobody can sign in.
    background::rotate_keys(&rotation).await.map_err(|error| StartError::System {
        what: "with the signing keys in the database",
        source: std::io::Error::other(error),
    })?;
    let accounts = Arc::new(Accounts::new(store.clone(), store.clone(), profiles.clone(), passwords.clone()));
    let session_store = session_store(&store, redis);
    let ports = SessionPorts {
        credentials: store.clone(),
        sessions: session_store,
        profiles,
        passwords: passwords.clone(),
        tokens: tokens.clone(),
    };
    let sessions = Arc::new(Sessions::new(ports, config.lifetimes()));

    run_in_background(&mut app, &config, &accounts, &sessions, rotation);
    release_password_memory(&mut app, passwords);
    if let Some(admin) = admin {
        app.background("bootstrap admin", background::ensure_admin(accounts.clone(), admin));
    }
    let server = AuthServiceServer::new(Api::new(accounts, sessions, tokens))
        .max_decoding_message_size(config.grpc.max_message_bytes);
    let contract = Contract { service: SERVICE, methods: contracts::methods(), known_method: contracts::known_method };
    app.serve_grpc(&config.grpc, contract, Routes::new(server))?;
    Ok(app)
}

/// Sessions are in Redis if there is one, else beside the credentials.
fn session_store(store: &Arc<SqlStore>, redis: Option<Redis>) -> Arc<dyn SessionStore> {
    match redis {
        #[cfg(feature = "backing-services")]
        Some(redis) => {
            let sessions = RedisSessions::new(redis);
            Arc::new(FallbackSessionStore::new(sessions, store.clone(), store.clone(), store.clone()))
        }
        None => store.clone(),
    }
}

fn run_in_background(
    app: &mut App,
    config: &Config,
    accounts: &Arc<Accounts>,
    sessions: &Arc<Sessions>,
    rotation: Arc<KeyRotation>,
) {
    let (accounts, sessions) = (accounts.clone(), sessions.clone());
    let ttl = delta(config.registration.pending_ttl);
    app.background(
        "registration sweep",
        background::every(config.registration.sweep_interval, "registration sweep", move || {
            let accounts = accounts.clone();
            async move { accounts.sweep(ttl).await.map(|_| ()) }
        }),
    );
    app.background(
        "session purge",
        background::every(config.token.purge_interval, "session purge", move || {
            let sessions = sessions.clone();
            async move { sessions.purge().await.map(|_| ()) }
        }),
    );
    app.background(
        "key rotation",
        background::every(config.token.key_check_interval, "key rotation", move || {
            let rotation = rotation.clone();
            async move { background::rotate_keys(&rotation).await }
        }),
    );
}

fn release_password_memory(app: &mut App, passwords: Arc<HashPool>) {
    let release = move || {
        passwords.release_unused_memory();
        ready(Ok(()))
    };
    app.background("password memory", background::every(PASSWORD_MEMORY_CHECK, "password memory", release));
}
