//! The contract of the stores, on SQLite and on Postgres, and that of sessions on Redis, too.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use async_trait::async_trait;
use auth::adapters::fallback_sessions::FallbackSessionStore;
use auth::adapters::jwt::JwtSigner;
use auth::adapters::redis_sessions::RedisSessions;
use auth::adapters::sql::{MIGRATIONS, SqlStore};
use auth::domain::account::{Claim, Email, NewClaim, Role, State};
use auth::domain::keys::{KeyPolicy, Phase};
use auth::domain::refresh_token::{RefreshToken, TokenHash};
use auth::domain::rotation::Rotation as KeyRotation;
use auth::domain::sessions::{NewSession, NewToken, Opened, Presented, Rotation};
use auth::domain::{Error, now};
use auth::ports::{AccessTokens, CredentialStore, KeyStore, RollbackStore, SessionStore};
use backends::Redis as RedisServer;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use messaging::Outbox;
use messaging::testing::drain;
use serde_json::{Value, json};
use stores::db::Db;
use stores::on;
use stores::redis::{Redis, cmd};
use stores::settings::{self, Database};
use uuid::Uuid;

fn database(url: String) -> Database {
    Database::new(&url).expect("a URL")
}

#[tokio::test]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    contract(&database(format!("sqlite:{}/auth.db", folder.path().display()))).await;
}

/// Credentials are on SQLite, which is not asked for sessions.
#[tokio::test]
async fn sessions_on_redis() {
    let server = RedisServer::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = database(format!("sqlite:{}/auth.db", folder.path().display()));
    let db = Db::open("auth", &settings, MIGRATIONS).await.unwrap();
    let outbox = Outbox::new(db.clone());
    let sql = Arc::new(SqlStore::new(db.clone(), outbox.clone()));
    let settings = settings::Redis::new(&server.url()).expect("a URL");
    let redis = Redis::open(&settings).unwrap().unwrap();
    let sessions = RedisSessions::new(redis.clone());
    let store = Arc::new(FallbackSessionStore::new(sessions, sql.clone(), sql.clone(), Arc::new(Nowhere)));
    session_contract(sql.clone(), sql.clone(), store.clone()).await;
    reuse_is_told_once(&*sql, store.clone(), &outbox).await;
    no_session_ends_by_reuse_untold(&*sql, &*store, &outbox, &db).await;
    keys_of_sessions(&redis).await;
}

/// A store that is empty and has to stay so.
struct Nowhere;

#[async_trait]
impl SessionStore for Nowhere {
    async fn open(&self, _: NewSession) -> Result<Opened, Error> {
        panic!("Redis was not asked");
    }

    async fn find(&self, _: &TokenHash, _: DateTime<Utc>) -> Result<Option<Presented>, Error> {
        Ok(None)
    }

    async fn rotate(&self, _: Uuid, _: &TokenHash, _: NewToken) -> Result<Rotation, Error> {
        Ok(Rotation::Refused)
    }

    async fn revoke_reused(&self, _: &Presented, _: DateTime<Utc>) -> Result<(), Error> {
        Ok(())
    }

    async fn revoke(&self, _: &TokenHash, _: DateTime<Utc>) -> Result<(), Error> {
        Ok(())
    }

    async fn purge(&self, _: DateTime<Utc>) -> Result<u64, Error> {
        Ok(0)
    }
}

/// Whatever the contract has left behind goes by itself, in time, and shows no token.
async fn keys_of_sessions(redis: &Redis) {
    let keys: Vec<String> = redis.run("KEYS test", cmd("KEYS").arg("*")).await.unwrap();
    assert!(keys.len() > 40, "{keys:?}");
    let longest = TimeDelta::days(32).num_seconds();
    for key in keys {
        assert!(key.starts_with("signalbox:auth:v1:"), "{key}");
        let ttl: i64 = redis.run("TTL test", cmd("TTL").arg(&key)).await.unwrap();
        assert!((1..=longest).contains(&ttl), "{key} goes in {ttl} s");
    }
}

#[tokio::test]
async fn on_postgres() {
    contract(&database(backends::postgres().database().unwrap())).await;
}

/// What every database has to do.
async fn contract(settings: &Database) {
    let db = Db::open("auth", settings, MIGRATIONS).await.unwrap();
    Db::open("auth", settings, MIGRATIONS).await.unwrap(); // migrating twice changes nothing
    let outbox = Outbox::new(db.clone());
    let store = Arc::new(SqlStore::new(db.clone(), outbox.clone()));
    claims(&*store).await;
    parallel_claims(store.clone()).await;
    hashes(&*store).await;
    rollbacks(&*store, &*store).await;
    session_contract(store.clone(), store.clone(), store.clone()).await;
    purge(&*store, &*store).await;
    keys(&*store).await;
    rotation_of_keys(store.clone()).await;
    reuse_is_told_once(&*store, store.clone(), &outbox).await;
    no_session_ends_by_reuse_untold(&*store, &*store, &outbox, &db).await;
}

/// What every store of sessions has to do.
async fn session_contract(
    credentials: Arc<dyn CredentialStore>,
    rollbacks: Arc<dyn RollbackStore>,
    store: Arc<dyn SessionStore>,
) {
    sessions(&*credentials, &*store).await;
    expiry(&*credentials, &*store).await;
    deletion(&*credentials, &*rollbacks, &*store).await;
    parallel_rotations(credentials.clone(), store.clone()).await;
    parallel_deletions(credentials, store).await;
}

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

async fn claim(store: &dyn CredentialStore, email: &Email, hash: &str, role: Role) -> Claim {
    let user_id = Uuid::now_v7();
    store.claim(NewClaim { user_id, email, password_hash: hash, role }, now()).await.unwrap()
}

async fn account(store: &dyn CredentialStore) -> Uuid {
    let email = email(&format!("{}@example.com", Uuid::new_v4().simple()));
    let claim = claim(store, &email, "hash", Role::User).await;
    assert!(store.activate(claim.user_id, now()).await.unwrap());
    claim.user_id
}

async fn stored_hash(store: &dyn CredentialStore, email: &Email) -> String {
    store.find(email).await.unwrap().unwrap().password_hash().to_owned()
}

async fn claims(store: &dyn CredentialStore) {
    let ada = email("ada@example.com");
    assert!(store.find(&ada).await.unwrap().is_none());
    let first = claim(store, &ada, "one", Role::User).await;
    assert_eq!((first.state, first.role), (State::Pending, Role::User));
    assert!(!store.find(&ada).await.unwrap().unwrap().is_active());

    // Pending: the same account takes the new hash, but not from a claim for another role.
    assert_eq!(claim(store, &ada, "two", Role::User).await, first);
    assert_eq!(claim(store, &ada, "three", Role::Admin).await, first);
    assert_eq!(stored_hash(store, &ada).await, "two");

    // Active: nothing changes any more.
    assert!(!store.may_sign_in(first.user_id).await.unwrap());
    assert!(store.activate(first.user_id, now()).await.unwrap());
    assert!(store.activate(first.user_id, now()).await.unwrap());
    assert!(store.may_sign_in(first.user_id).await.unwrap());
    assert!(!store.may_sign_in(Uuid::now_v7()).await.unwrap());
    assert_eq!(claim(store, &ada, "four", Role::User).await, Claim { state: State::Active, ..first });
    assert_eq!(stored_hash(store, &ada).await, "two");
    store.withdraw(first.user_id).await.unwrap();
    assert!(store.find(&ada).await.unwrap().unwrap().is_active(), "only pending claims are withdrawn");

    let admin = claim(store, &email("admin@example.com"), "hash", Role::Admin).await;
    assert_eq!((admin.state, admin.role), (State::Pending, Role::Admin));
    store.withdraw(admin.user_id).await.unwrap();
    assert!(!store.activate(admin.user_id, now()).await.unwrap(), "gone");
}

async fn parallel_claims(store: Arc<dyn CredentialStore>) {
    let wanted = email("grace@example.com");
    let claims = (0..16).map(|_| {
        let (store, wanted) = (store.clone(), wanted.clone());
        tokio::spawn(async move { claim(&*store, &wanted, "hash", Role::User).await.user_id })
    });
    let mut ids: Vec<_> = join_all(claims).await.into_iter().map(Result::unwrap).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

async fn hashes(store: &dyn CredentialStore) {
    let wanted = email("edsger@example.com");
    let id = claim(store, &wanted, "old", Role::User).await.user_id;
    store.replace_hash(id, "not the old one", "new", now()).await.unwrap();
    assert_eq!(stored_hash(store, &wanted).await, "old");
    store.replace_hash(id, "old", "new", now()).await.unwrap();
    assert_eq!(stored_hash(store, &wanted).await, "new");
}

async fn rollbacks(store: &dyn CredentialStore, rollbacks: &dyn RollbackStore) {
    let (old, young) = (now() - TimeDelta::hours(1), now());
    let at = async |address: &str, role, at| {
        let (user_id, email) = (Uuid::now_v7(), email(address));
        store.claim(NewClaim { user_id, email: &email, password_hash: "hash", role }, at).await.unwrap().user_id
    };
    let stale = at("stale@example.com", Role::User, old).await;
    let fresh = at("fresh@example.com", Role::User, young).await;
    let admin = at("pending.admin@example.com", Role::Admin, old).await;
    let done = at("done@example.com", Role::User, old).await;
    store.activate(done, old).await.unwrap();
    let abandoned = rollbacks.abandon_stale(old + TimeDelta::minutes(1), now()).await.unwrap();
    assert_eq!(abandoned, [stale]);
    assert!(!store.activate(stale, now()).await.unwrap(), "an abandoned account cannot be completed");
    let again = claim(store, &email("stale@example.com"), "hash", Role::User).await;
    assert_eq!((again.user_id, again.state), (stale, State::Abandoned));
    assert_eq!(rollbacks.abandon_stale(old, now()).await.unwrap(), [stale], "until it is cleared");
    rollbacks.clear(stale).await.unwrap();
    assert!(rollbacks.abandon_stale(old, now()).await.unwrap().is_empty());
    assert!(store.find(&email("stale@example.com")).await.unwrap().is_none());
    for id in [fresh, admin, done] {
        rollbacks.clear(id).await.unwrap();
        assert!(store.activate(id, now()).await.unwrap(), "only abandoned accounts are cleared");
    }
}

fn token(issued_at: DateTime<Utc>, ttl: TimeDelta) -> (RefreshToken, NewToken) {
    let token = RefreshToken::generate();
    let stored = NewToken { hash: token.hash(), issued_at, expires_at: issued_at + ttl };
    (token, stored)
}

async fn open(store: &dyn SessionStore, user_id: Uuid, ttl: TimeDelta) -> (NewSession, RefreshToken) {
    let now = now();
    let (first, token) = token(now, ttl);
    let session = NewSession { family_id: Uuid::now_v7(), user_id, expires_at: now + TimeDelta::days(14), token };
    assert_eq!(store.open(session).await.unwrap(), Opened::Stored);
    (session, first)
}

async fn sessions(credentials: &dyn CredentialStore, store: &dyn SessionStore) {
    let week = TimeDelta::days(7);
    let user_id = account(credentials).await;
    let (session, first) = open(store, user_id, week).await;
    let (other, other_token) = open(store, user_id, week).await;
    let found = store.find(&first.hash(), now()).await.unwrap().unwrap();
    assert_eq!((found.family_id, found.user_id, found.spent), (session.family_id, user_id, false));

    let (second, next) = token(now(), week);
    assert_eq!(store.rotate(session.family_id, &first.hash(), next).await.unwrap(), Rotation::Rotated);
    assert!(store.find(&first.hash(), now()).await.unwrap().unwrap().spent);
    assert!(!store.find(&second.hash(), now()).await.unwrap().unwrap().spent);

    // A token of another family, or of none, is no reuse.
    let unused = token(now(), week).1;
    assert_eq!(store.rotate(session.family_id, &other_token.hash(), unused).await.unwrap(), Rotation::Refused);
    assert_eq!(store.rotate(session.family_id, &[0; 32], unused).await.unwrap(), Rotation::Refused);
    assert_eq!(store.rotate(Uuid::now_v7(), &first.hash(), unused).await.unwrap(), Rotation::Refused);

    assert_eq!(store.rotate(session.family_id, &first.hash(), unused).await.unwrap(), Rotation::Reused);
    assert_eq!(store.rotate(session.family_id, &second.hash(), unused).await.unwrap(), Rotation::Refused);
    for gone in [first.hash(), second.hash(), unused.hash] {
        assert!(store.find(&gone, now()).await.unwrap().is_none(), "the family is revoked");
    }
    assert!(store.find(&other_token.hash(), now()).await.unwrap().is_some(), "other sessions go on");
    store.revoke(&other_token.hash(), now()).await.unwrap();
    store.revoke(&[0; 32], now()).await.unwrap();
    assert!(store.find(&other_token.hash(), now()).await.unwrap().is_none());
    assert_eq!(store.rotate(other.family_id, &other_token.hash(), unused).await.unwrap(), Rotation::Refused);
}

async fn expiry(credentials: &dyn CredentialStore, store: &dyn SessionStore) {
    let (session, first) = open(store, account(credentials).await, TimeDelta::days(7)).await;
    let start = session.token.issued_at;
    let idle = start + TimeDelta::days(7);
    assert!(store.find(&first.hash(), idle - TimeDelta::milliseconds(1)).await.unwrap().is_some());
    assert!(store.find(&first.hash(), idle).await.unwrap().is_none());
    let late = token(idle, TimeDelta::days(7)).1;
    assert_eq!(store.rotate(session.family_id, &first.hash(), late).await.unwrap(), Rotation::Refused);
    let last = token(start + TimeDelta::days(1), TimeDelta::days(30)).1;
    assert_eq!(store.rotate(session.family_id, &first.hash(), last).await.unwrap(), Rotation::Rotated);
    assert!(store.find(&last.hash, session.expires_at).await.unwrap().is_none(), "the session ends whatever happens");
    let beyond = token(session.expires_at, TimeDelta::days(7)).1;
    assert_eq!(store.rotate(session.family_id, &last.hash, beyond).await.unwrap(), Rotation::Refused);
}

async fn deletion(credentials: &dyn CredentialStore, rollbacks: &dyn RollbackStore, store: &dyn SessionStore) {
    let user_id = account(credentials).await;
    let (session, first) = open(store, user_id, TimeDelta::days(7)).await;
    assert!(credentials.delete(user_id).await.unwrap());
    assert!(!credentials.delete(user_id).await.unwrap());
    assert!(store.find(&first.hash(), now()).await.unwrap().is_none(), "sessions go with the credentials");
    let anew = NewSession { family_id: Uuid::now_v7(), token: token(now(), TimeDelta::days(7)).1, ..session };
    assert_eq!(store.open(anew).await.unwrap(), Opened::NoCredentials, "nobody gets a session without credentials");
    assert!(store.find(&anew.token.hash, now()).await.unwrap().is_none());

    let user_id = account(credentials).await;
    let (_, first) = open(store, user_id, TimeDelta::days(7)).await;
    rollbacks.abandon(user_id, now()).await.unwrap();
    assert!(store.find(&first.hash(), now()).await.unwrap().is_none());
    assert!(!credentials.activate(user_id, now()).await.unwrap());
    assert!(!credentials.may_sign_in(user_id).await.unwrap());
    rollbacks.clear(user_id).await.unwrap();
    assert!(!credentials.delete(user_id).await.unwrap());
}

async fn parallel_rotations(credentials: Arc<dyn CredentialStore>, store: Arc<dyn SessionStore>) {
    let (session, first) = open(&*store, account(&*credentials).await, TimeDelta::days(7)).await;
    let attempts = (0..100).map(|_| {
        let (store, spent) = (store.clone(), first.hash());
        let next = token(now(), TimeDelta::days(7)).1;
        tokio::spawn(async move { store.rotate(session.family_id, &spent, next).await })
    });
    let outcomes: Vec<_> = join_all(attempts).await.into_iter().map(|outcome| outcome.unwrap().unwrap()).collect();
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    let (rotated, reused) = (count(Rotation::Rotated), count(Rotation::Reused));
    assert!(rotated == 1 && reused >= 1 && rotated + reused + count(Rotation::Refused) == 100, "{outcomes:?}");
}

/// Rotations and deletions of the same user must not lock each other out.
async fn parallel_deletions(credentials: Arc<dyn CredentialStore>, store: Arc<dyn SessionStore>) {
    for _ in 0..20 {
        let user_id = account(&*credentials).await;
        let (session, first) = open(&*store, user_id, TimeDelta::days(7)).await;
        let next = token(now(), TimeDelta::days(7)).1;
        let another = NewSession { family_id: Uuid::now_v7(), token: token(now(), TimeDelta::days(7)).1, ..session };
        let spent = first.hash();
        let (rotated, opened, deleted) = tokio::join!(
            store.rotate(session.family_id, &spent, next),
            store.open(another),
            credentials.delete(user_id)
        );
        assert!(deleted.unwrap());
        rotated.unwrap();
        opened.unwrap();
        for hash in [spent, next.hash, another.token.hash] {
            assert!(store.find(&hash, now()).await.unwrap().is_none());
        }
    }
}

async fn purge(credentials: &dyn CredentialStore, store: &dyn SessionStore) {
    let user_id = account(credentials).await;
    store.purge(now() + TimeDelta::days(365)).await.unwrap();
    let (session, first) = open(store, user_id, TimeDelta::days(1)).await;
    let start = session.token.issued_at;
    let second = token(start, TimeDelta::days(2)).1;
    assert_eq!(store.rotate(session.family_id, &first.hash(), second).await.unwrap(), Rotation::Rotated);
    assert_eq!(store.purge(start).await.unwrap(), 0);
    assert_eq!(store.purge(start + TimeDelta::days(1)).await.unwrap(), 1, "the first token");
    assert!(store.find(&second.hash, start + TimeDelta::days(1)).await.unwrap().is_some());
    assert_eq!(store.purge(session.expires_at).await.unwrap(), 1, "the family, its token with it");
    assert_eq!(store.purge(session.expires_at).await.unwrap(), 0);
    for _ in 0..600 {
        open(store, user_id, TimeDelta::days(1)).await;
    }
    assert_eq!(store.purge(now() + TimeDelta::days(30)).await.unwrap(), 600, "more than a batch");
}

async fn keys(store: &dyn KeyStore) {
    let signer = JwtSigner::new("issuer", "audience");
    let start = now();
    let (one, two) = (signer.generate(Phase::Current, start), signer.generate(Phase::Current, start));
    store.add(&one).await.unwrap();
    store.add(&two).await.unwrap(); // what a replica does that starts at the same time
    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.len(), 1);
    assert_eq!((loaded[0].id(), loaded[0].seed()), (one.id(), one.seed()));
    assert_eq!((loaded[0].phase(), loaded[0].since()), (Phase::Current, start));

    let later = start + TimeDelta::days(1);
    store.promote("unknown", later).await.unwrap();
    assert_eq!(store.load().await.unwrap()[0].phase(), Phase::Current, "it signs on if there is no next key");
    let next = signer.generate(Phase::Next, start);
    store.add(&next).await.unwrap();
    store.promote(next.id(), later).await.unwrap();
    store.promote(next.id(), later).await.unwrap();
    let phase = async |id: &str| store.load().await.unwrap().iter().find(|key| key.id() == id).map(|key| key.phase());
    assert_eq!((phase(one.id()).await, phase(next.id()).await), (Some(Phase::Retired), Some(Phase::Current)));
    store.remove(next.id()).await.unwrap();
    store.remove(one.id()).await.unwrap();
    assert_eq!((phase(one.id()).await, phase(next.id()).await), (None, Some(Phase::Current)), "only retired keys go");
}

async fn rotation_of_keys<S: KeyStore + 'static>(store: Arc<S>) {
    let policy =
        KeyPolicy { rotation: TimeDelta::days(30), overlap: TimeDelta::hours(1), retention: TimeDelta::minutes(20) };
    let replicas: Vec<_> = (0..3)
        .map(|_| {
            let signer = Arc::new(JwtSigner::new("issuer", "audience"));
            (KeyRotation::new(store.clone(), signer.clone(), policy), signer)
        })
        .collect();
    let phases = async || store.load().await.unwrap().iter().map(|key| key.phase()).collect::<Vec<_>>();
    let turn = async |at: DateTime<Utc>| {
        let outcomes: Vec<Result<_, Error>> = join_all(replicas.iter().map(|(rotation, _)| rotation.run(at))).await;
        let signing = store.load().await.unwrap().iter().find(|key| key.phase() == Phase::Current).unwrap().since();
        let expiry = signing + policy.rotation + policy.overlap;
        // On every replica, also those whose step another one took.
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(Some(at)) if *at == expiry)), "{outcomes:?}");
        expiry
    };
    let start = store.load().await.unwrap()[0].since();
    let first = turn(start).await;
    assert_eq!(phases().await, [Phase::Current]);
    assert_eq!(turn(start + policy.rotation - policy.overlap).await, first);
    assert_eq!(phases().await, [Phase::Current, Phase::Next]);
    assert_eq!(turn(start + policy.rotation).await, first + policy.rotation, "the next key has its own time");
    let mut after = phases().await;
    after.sort_by_key(|phase| phase.as_str());
    assert_eq!(after, [Phase::Current, Phase::Retired]);
    turn(start + policy.rotation + policy.retention).await;
    assert_eq!(phases().await, [Phase::Current]);
    let sets: Vec<_> = replicas.iter().map(|(_, signer)| signer.key_set().unwrap()).collect();
    assert!(sets.iter().all(|set| *set == sets[0]), "the replicas agree");
}

/// What was told, as type, version, key and payload.
async fn told(outbox: &Outbox) -> Vec<(String, u16, String, Value)> {
    let events = drain(outbox).await.unwrap();
    let parts = events.iter().map(|event| {
        let payload = Value::Object(event.payload().clone());
        (event.kind().to_owned(), event.version(), event.key().to_owned(), payload)
    });
    parts.collect()
}

/// What has to be told of a session.
fn reuse(session: &NewSession, at: DateTime<Utc>) -> (String, u16, String, Value) {
    let at = at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let facts = json!({ "user_id": session.user_id, "session_id": session.family_id, "detected_at": at });
    ("auth.refresh_token_reused".to_owned(), 1, session.family_id.to_string(), facts)
}

async fn reuse_is_told_once(credentials: &dyn CredentialStore, store: Arc<dyn SessionStore>, outbox: &Outbox) {
    let week = TimeDelta::days(7);
    told(outbox).await;
    let user_id = account(credentials).await;

    // Found to be spent when it was looked up.
    let (session, first) = open(&*store, user_id, week).await;
    let next = token(now(), week).1;
    assert_eq!(store.rotate(session.family_id, &first.hash(), next).await.unwrap(), Rotation::Rotated);
    assert_eq!(told(outbox).await, [], "a refresh is no event");
    let (at, found) = (now(), store.find(&first.hash(), now()).await.unwrap().unwrap());
    let calls = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.revoke_reused(&found, at).await })
    });
    assert!(join_all(calls).await.into_iter().all(|call| call.unwrap().is_ok()));
    assert_eq!(told(outbox).await, [reuse(&session, at)]);
    assert!(store.find(&next.hash, now()).await.unwrap().is_none(), "the family is revoked");

    // Found to be spent when it was to be spent.
    let (session, first) = open(&*store, user_id, week).await;
    let found = store.find(&first.hash(), now()).await.unwrap().unwrap();
    let next = token(now(), week).1;
    assert_eq!(store.rotate(session.family_id, &first.hash(), next).await.unwrap(), Rotation::Rotated);
    let late = token(now(), week).1;
    assert_eq!(store.rotate(session.family_id, &first.hash(), late).await.unwrap(), Rotation::Reused);
    store.revoke_reused(&found, now()).await.unwrap();
    assert_eq!(told(outbox).await, [reuse(&session, late.issued_at)]);

    // A logout, and a session that has gone with its user, are no reuse.
    let (_, first) = open(&*store, user_id, week).await;
    let found = store.find(&first.hash(), now()).await.unwrap().unwrap();
    store.revoke(&first.hash(), now()).await.unwrap();
    store.revoke_reused(&found, now()).await.unwrap();
    let (_, first) = open(&*store, user_id, week).await;
    let found = store.find(&first.hash(), now()).await.unwrap().unwrap();
    assert!(credentials.delete(user_id).await.unwrap());
    store.revoke_reused(&found, now()).await.unwrap();
    assert_eq!(told(outbox).await, []);
}

async fn no_session_ends_by_reuse_untold(
    credentials: &dyn CredentialStore,
    store: &dyn SessionStore,
    outbox: &Outbox,
    db: &Db,
) {
    let run = async |sql: &'static str| {
        let mut conn = db.writer().await.unwrap();
        let _: u64 = on!(conn, |c| sqlx::query(sql).execute(c)).await.unwrap();
    };
    let week = TimeDelta::days(7);
    let (session, first) = open(store, account(credentials).await, week).await;
    let next = token(now(), week).1;
    assert_eq!(store.rotate(session.family_id, &first.hash(), next).await.unwrap(), Rotation::Rotated);
    let found = store.find(&first.hash(), now()).await.unwrap().unwrap();
    run("ALTER TABLE outbox RENAME TO outbox_away").await;
    assert!(store.revoke_reused(&found, now()).await.is_err());
    assert!(store.rotate(session.family_id, &first.hash(), token(now(), week).1).await.is_err());
    run("ALTER TABLE outbox_away RENAME TO outbox").await;
    assert!(store.find(&next.hash, now()).await.unwrap().is_some(), "nothing has happened");
    assert_eq!(told(outbox).await, []);
}
