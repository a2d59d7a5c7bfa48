//! Sessions in Redis, as a black box: what users notice when it dies, hangs, or comes back without its keys.
#![allow(missing_docs, clippy::unwrap_used)]

#[allow(dead_code, reason = "what the other tests use of it")]
#[path = "support/fixtures.rs"]
mod fixtures;
#[allow(dead_code, reason = "what the other tests use of it")]
#[path = "support/service.rs"]
mod service;
#[allow(dead_code, reason = "what the other tests use of it")]
#[path = "support/user_service.rs"]
mod user_service;

use std::sync::Arc;
use std::time::Duration;

use auth::adapters::fallback_sessions::FallbackSessionStore;
use auth::adapters::redis_sessions::RedisSessions;
use auth::adapters::sql::{MIGRATIONS, SqlStore};
use auth::domain::Error;
use auth::domain::refresh_token::RefreshToken;
use auth::domain::session::{OpenOutcome, StoredToken};
use auth::ports::SessionStore;
use backends::{Redis as RedisServer, eventually};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::Actor;
use chrono::TimeDelta;
use contracts::auth::v1::TokenPair;
use messaging::Outbox;
use service::{EMAIL, PASSWORD, Service, problem};
use stores::db::Db;
use stores::redis::{Redis, cmd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::{Code, Status};

/// What a call may take by the configuration of auth (`grpc.timeout_ms`); with Redis out of order, too.
const CALL: Duration = Duration::from_secs(5);

async fn with_redis() -> (RedisServer, Service) {
    let server = RedisServer::start().unwrap();
    let service = Service::start(&settings(&server)).await;
    connected(&service).await;
    (server, service)
}

fn settings(server: &RedisServer) -> String {
    format!("[redis]\nurl = \"{}\"\ntimeout_ms = 100", server.url())
}

async fn connected(service: &Service) {
    eventually("auth has a connection", async || service.metric("redis_connected") == 1.0).await;
}

async fn disconnected(service: &Service) {
    eventually("auth has lost the connection", async || service.metric("redis_connected") == 0.0).await;
}

fn fallbacks(service: &Service, operation: &str) -> f64 {
    service.metric(&format!("session_store_fallbacks_total{{operation=\"{operation}\"}}"))
}

async fn login(service: &Service) -> TokenPair {
    tokio::time::timeout(CALL, service.login(EMAIL, PASSWORD)).await.expect("in time").expect("signed in")
}

async fn refresh(service: &Service, tokens: &TokenPair) -> Result<TokenPair, Status> {
    tokio::time::timeout(CALL, service.refresh(&tokens.refresh_token)).await.expect("in time")
}

async fn refusal(service: &Service, tokens: &TokenPair) -> (Code, String) {
    let status = refresh(service, tokens).await.expect_err("refused");
    (status.code(), problem(&status).code.to_string())
}

fn invalid() -> (Code, String) {
    (Code::Unauthenticated, "invalid_refresh_token".to_owned())
}

fn unavailable() -> (Code, String) {
    (Code::Unavailable, "unavailable".to_owned())
}

#[tokio::test]
async fn redis_holds_the_sessions_and_sql_none_of_them() {
    let (server, service) = with_redis().await;
    let tokens = service.signed_in().await;
    let next = refresh(&service, &tokens).await.unwrap();
    assert_eq!(fallbacks(&service, "open") + fallbacks(&service, "find"), 0.0);
    // Without Redis, this auth knows of no session.
    drop(server);
    let service = service.restart("").await;
    assert_eq!(refusal(&service, &next).await, invalid());
}

#[tokio::test]
async fn a_reused_token_ends_the_session_and_a_logout_does() {
    let (_server, service) = with_redis().await;
    let tokens = service.signed_in().await;
    let next = refresh(&service, &tokens).await.unwrap();
    assert_eq!(refusal(&service, &tokens).await, invalid());
    assert_eq!(refusal(&service, &next).await, invalid());
    assert_eq!(service.metric("auth_refreshes_total{outcome=\"reused\"}"), 1.0);
    let other = login(&service).await;
    service.logout(&other.refresh_token).await.unwrap();
    assert_eq!(refusal(&service, &other).await, invalid());
}

#[tokio::test]
async fn without_redis_users_sign_in_and_nobody_is_signed_out() {
    let (server, service) = with_redis().await;
    let in_redis = service.signed_in().await;
    server.kill().unwrap();
    disconnected(&service).await;
    assert_eq!(refusal(&service, &in_redis).await, unavailable(), "it may live in Redis");
    let logout = service.logout(&in_redis.refresh_token).await.expect_err("nobody knows");
    assert_eq!(logout.code(), Code::Unavailable);
    let in_sql = login(&service).await;
    let next = refresh(&service, &in_sql).await.expect("SQL keeps it");
    assert!(
        fallbacks(&service, "open") >= 1.0
            && fallbacks(&service, "find") >= 2.0
            && fallbacks(&service, "revoke") >= 1.0
    );
    assert_eq!(fallbacks(&service, "rotate"), 1.0);

    // It comes back empty: its sessions are over, those in SQL go on, and the reuse rule holds across the outage.
    server.launch().unwrap();
    connected(&service).await;
    assert_eq!(refusal(&service, &in_redis).await, invalid());
    let last = refresh(&service, &next).await.expect("SQL keeps it");
    assert_eq!(refusal(&service, &in_sql).await, invalid(), "spent during the outage");
    assert_eq!(refusal(&service, &last).await, invalid(), "its session is over");
    let anew = login(&service).await;
    service.logout(&anew.refresh_token).await.expect("logged out");
}

#[tokio::test]
async fn a_spent_token_is_never_accepted_again_whatever_redis_forgets() {
    let (server, service) = with_redis().await;
    let spent = service.signed_in().await;
    refresh(&service, &spent).await.unwrap();
    server.kill().unwrap();
    disconnected(&service).await;
    assert_eq!(refusal(&service, &spent).await, unavailable());
    server.launch().unwrap();
    connected(&service).await;
    assert_eq!(refusal(&service, &spent).await, invalid());
}

#[tokio::test]
async fn a_redis_that_hangs_keeps_its_sessions() {
    let (server, service) = with_redis().await;
    let (spent, other) = (service.signed_in().await, login(&service).await);
    let living = refresh(&service, &spent).await.unwrap();
    server.pause().unwrap();
    assert_eq!(refusal(&service, &living).await, unavailable());
    assert_eq!(refusal(&service, &spent).await, unavailable());
    let in_sql = login(&service).await;
    refresh(&service, &in_sql).await.expect("SQL keeps it");
    server.resume().unwrap();
    connected(&service).await;
    refresh(&service, &living).await.expect("still signed in");
    assert_eq!(refusal(&service, &spent).await, invalid(), "a reuse, now that Redis tells");
    service.logout(&other.refresh_token).await.expect("logged out");
    assert_eq!(refusal(&service, &other).await, invalid());
}

#[tokio::test]
async fn a_session_that_redis_may_have_stored_is_not_stored_in_sql_as_well() {
    let (server, service) = with_redis().await;
    service.signed_in().await;
    server.pause().unwrap();
    // Redis gets to know the session only when it goes on. By then the user has another one, in SQL.
    let tokens = login(&service).await;
    server.resume().unwrap();
    connected(&service).await;
    let settings = stores::settings::Redis::new(&server.url()).expect("a URL");
    let redis = Redis::open(&settings).unwrap().unwrap();
    let keys = async || redis.run::<u64>("DBSIZE test", &cmd("DBSIZE")).await.unwrap();
    eventually("Redis has stored what it was told", async || keys().await == 4).await;
    let hash = RefreshToken::parse(tokens.refresh_token.clone()).unwrap().hash();
    let key = format!("signalbox:auth:v1:token:{}", URL_SAFE_NO_PAD.encode(hash));
    let known: bool = redis.run("EXISTS test", cmd("EXISTS").arg(&key)).await.unwrap();
    assert!(!known, "a token lives in one store");
    refresh(&service, &tokens).await.expect("SQL keeps it");
    assert_eq!(refusal(&service, &tokens).await, invalid());
}

#[tokio::test]
async fn sessions_end_with_the_credentials_even_if_redis_was_away() {
    let (server, service) = with_redis().await;
    let tokens = service.signed_in().await;
    let user_id = service.users.all().remove(0).id;
    server.pause().unwrap();
    assert!(service.delete(Actor::Service, &user_id).await.unwrap());
    server.resume().unwrap();
    connected(&service).await;
    // The profile is still there: only the credentials are gone.
    assert_eq!(service.users.all().len(), 1);
    eventually("auth reaches Redis", async || refusal(&service, &tokens).await == invalid()).await;
}

#[tokio::test]
async fn auth_starts_and_is_ready_without_redis_and_says_what_is_wrong() {
    let server = RedisServer::start().unwrap();
    let service = Service::start(&settings(&server).replace(&server.url(), &server.url_of(":hush"))).await;
    eventually("the refusal is shown", async || {
        let page = readyz(&service).await;
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        assert!(!page.contains("hush"), "{page}");
        page.contains("`redis.url`") && page.to_lowercase().contains("password")
    })
    .await;
    let tokens = service.signed_in().await;
    refresh(&service, &tokens).await.expect("SQL keeps it");
    assert!(service.metric("redis_connections_total{outcome=\"failed\"}") >= 1.0);
}

async fn readyz(service: &Service) -> String {
    let address = service.running.address("admin").expect("an admin port");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    page
}

#[tokio::test]
async fn an_outage_between_looking_and_spending_is_no_refusal_and_families_are_revoked_once() {
    let server = RedisServer::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (url, at) = (format!("sqlite:{}/auth.db", folder.path().display()), auth::domain::now());
    let sql = stores::settings::Database::new(&url).expect("a URL");
    let db = Db::open("auth", &sql, MIGRATIONS).await.unwrap();
    let sql = Arc::new(SqlStore::new(db.clone(), Outbox::new(db)));
    let user_id = fixtures::account(&*sql).await;
    let settings = stores::settings::Redis::new(&server.url()).expect("a URL");
    let sessions = RedisSessions::new(Redis::open(&settings).unwrap().unwrap());
    let store = FallbackSessionStore::new(sessions.clone(), sql.clone(), sql.clone(), sql);
    let day = TimeDelta::days(1);

    let (revoked, _) = fixtures::session(user_id, day);
    assert_eq!(store.open(revoked).await.unwrap(), OpenOutcome::Stored);
    let found: StoredToken = store.find(&revoked.token.hash, at).await.unwrap().unwrap();
    assert!(sessions.revoke_family(found.family_id).await.unwrap());
    assert!(!sessions.revoke_family(found.family_id).await.unwrap(), "only once");
    assert_eq!(store.find(&revoked.token.hash, at).await.unwrap(), None);

    let (living, _) = fixtures::session(user_id, day);
    assert_eq!(store.open(living).await.unwrap(), OpenOutcome::Stored);
    server.kill().unwrap();
    let outcome = store.rotate(living.family_id, &living.token.hash, fixtures::token(at, day).1).await;
    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
}
