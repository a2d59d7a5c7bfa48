//! The contract of the stores, on SQLite and on Postgres, and that of sessions on Redis, too.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/fixtures.rs"]
mod fixtures;

use std::sync::Arc;

use async_trait::async_trait;
use auth::adapters::fallback_sessions::FallbackSessionStore;
use auth::adapters::jwt::JwtSigner;
use auth::adapters::redis_sessions::RedisSessions;
use auth::adapters::sql::{MIGRATIONS, SqlStore};
use auth::domain::account::{Claim, Email, NewClaim, Role, State};
use auth::domain::key_rotation::KeyRotation;
use auth::domain::keys::{KeyPolicy, Phase};
use auth::domain::refresh_token::{RefreshToken, TokenHash};
use auth::domain::session::{NewSession, NewToken, OpenOutcome, RotateOutcome, StoredToken};
use auth::domain::{Error, now};
use auth::ports::{AccessTokens, CredentialStore, KeyStore, RollbackStore, SessionStore};
use backends::Redis as RedisServer;
use chrono::{DateTime, TimeDelta, Utc};
use fixtures::{claim, email, token};
use futures_util::future::join_all;
use messaging::Outbox;
use messaging::testing::drain;
use serde_json::{Value, json};
use stores::db::Db;
use stores::on;
use stores::redis::{Redis, cmd};
use stores::settings::{self, Database};
use tempfile::TempDir;
use uuid::Uuid;

/// The stores of auth on a database of their own, and what lies under them.
struct Stores {
    sql: Arc<SqlStore>,
    sessions: Arc<dyn SessionStore>,
    outbox: Outbox,
    db: Db,
    settings: Database,
    redis: Option<(RedisServer, Redis)>,
    _folder: Option<TempDir>,
}

impl Stores {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/auth.db", folder.path().display());
        Self { _folder: Some(folder), ..Self::open(url).await }
    }

    async fn postgres() -> Self {
        Self::open(backends::postgres().database().unwrap()).await
    }

    /// Sessions are in Redis. Credentials are on SQLite, which is not asked for sessions.
    async fn redis() -> Self {
        let server = RedisServer::start().unwrap();
        let settings = settings::Redis::new(&server.url()).expect("a URL");
        let redis = Redis::open(&settings).unwrap().unwrap();
        let stores = Self::sqlite().await;
        let (sql, sessions) = (stores.sql.clone(), RedisSessions::new(redis.clone()));
        let sessions = Arc::new(FallbackSessionStore::new(sessions, sql.clone(), sql, Arc::new(Unused)));
        Self { sessions, redis: Some((server, redis)), ..stores }
    }

    async fn open(url: String) -> Self {
        let settings = Database::new(&url).expect("a URL");
        let db = Db::open("auth", &settings, MIGRATIONS).await.unwrap();
        let outbox = Outbox::new(db.clone());
        let sql = Arc::new(SqlStore::new(db.clone(), outbox.clone()));
        Self { sessions: sql.clone(), sql, outbox, db, settings, redis: None, _folder: None }
    }

    /// Opens a session whose tokens live for `ttl` if they are not used.
    async fn session(&self, user_id: Uuid, ttl: TimeDelta) -> (NewSession, RefreshToken) {
        let (session, first) = fixtures::session(user_id, ttl);
        assert_eq!(self.sessions.open(session).await.unwrap(), OpenOutcome::Stored);
        (session, first)
    }

    /// A new account.
    async fn account(&self) -> Uuid {
        fixtures::account(&*self.sql).await
    }

    /// The events since the last call, as type, version, key and payload.
    async fn published(&self) -> Vec<(String, u16, String, Value)> {
        let events = drain(&self.outbox).await.unwrap();
        let parts = events.iter().map(|event| {
            let payload = Value::Object(event.payload().clone());
            (event.kind().to_owned(), event.version(), event.key().to_owned(), payload)
        });
        parts.collect()
    }
}

/// What every database has to do.
mod database {
    use super::*;

    backends::contract! {
        Stores::{sqlite, postgres}:
        migrating_twice_changes_nothing,
        claims_go_through_their_states,
        parallel_claims_agree_on_one_account,
        a_hash_is_replaced_if_it_is_the_expected_one,
        stale_registrations_are_abandoned_and_cleared,
        what_has_expired_is_purged,
        keys_go_through_their_phases,
        replicas_rotate_keys_together,
    }
}

/// What every store of sessions has to do.
mod sessions {
    use super::*;

    backends::contract! {
        Stores::{sqlite, postgres, redis}:
        a_second_use_of_a_token_revokes_its_family,
        tokens_and_sessions_expire,
        sessions_end_with_the_credentials,
        of_parallel_rotations_one_wins,
        rotations_and_deletions_do_not_lock_each_other_out,
        a_reuse_found_by_look_up_is_published_once,
        a_reuse_found_by_rotation_is_published_once,
        neither_a_logout_nor_a_deletion_is_published,
        no_session_ends_by_reuse_without_its_event,
    }
}

/// What only Redis has to do.
mod keys_in_redis {
    use super::*;

    backends::contract! { Stores::{redis}: keys_expire_and_show_no_token }
}

/// A store that is empty and has to stay so.
struct Unused;

#[async_trait]
impl SessionStore for Unused {
    async fn open(&self, _: NewSession) -> Result<OpenOutcome, Error> {
        panic!("Redis was not asked");
    }

    async fn find(&self, _: &TokenHash, _: DateTime<Utc>) -> Result<Option<StoredToken>, Error> {
        Ok(None)
    }

    async fn rotate(&self, _: Uuid, _: &TokenHash, _: NewToken) -> Result<RotateOutcome, Error> {
        Ok(RotateOutcome::Refused)
    }

    async fn revoke_reused(&self, _: &StoredToken, _: DateTime<Utc>) -> Result<(), Error> {
        Ok(())
    }

    async fn revoke(&self, _: &TokenHash, _: DateTime<Utc>) -> Result<(), Error> {
        Ok(())
    }

    async fn purge(&self, _: DateTime<Utc>) -> Result<u64, Error> {
        Ok(0)
    }
}

/// Whatever the contract leaves behind goes by itself, in time, and shows no token.
async fn keys_expire_and_show_no_token(stores: &Stores) {
    a_second_use_of_a_token_revokes_its_family(stores).await;
    tokens_and_sessions_expire(stores).await;
    sessions_end_with_the_credentials(stores).await;
    of_parallel_rotations_one_wins(stores).await;
    rotations_and_deletions_do_not_lock_each_other_out(stores).await;
    let (_, redis) = stores.redis.as_ref().unwrap();
    let keys: Vec<String> = redis.run("KEYS test", cmd("KEYS").arg("*")).await.unwrap();
    assert!(keys.len() > 40, "{keys:?}");
    let longest = TimeDelta::days(32).num_seconds();
    for key in keys {
        assert!(key.starts_with("signalbox:auth:v1:"), "{key}");
        let ttl: i64 = redis.run("TTL test", cmd("TTL").arg(&key)).await.unwrap();
        assert!((1..=longest).contains(&ttl), "{key} goes in {ttl} s");
    }
}

async fn migrating_twice_changes_nothing(stores: &Stores) {
    let user_id = stores.account().await;
    Db::open("auth", &stores.settings, MIGRATIONS).await.unwrap();
    assert!(stores.sql.may_sign_in(user_id).await.unwrap());
}

async fn stored_hash(store: &dyn CredentialStore, email: &Email) -> String {
    store.find(email).await.unwrap().unwrap().password_hash().to_owned()
}

async fn claims_go_through_their_states(stores: &Stores) {
    let store = &*stores.sql;
    let ada = email("ada@example.com");
    assert!(CredentialStore::find(store, &ada).await.unwrap().is_none());
    let first = claim(store, &ada, "one", Role::User).await;
    assert_eq!((first.state, first.role), (State::Pending, Role::User));
    assert!(!CredentialStore::find(store, &ada).await.unwrap().unwrap().is_active());

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
    assert!(
        CredentialStore::find(store, &ada).await.unwrap().unwrap().is_active(),
        "only pending claims are withdrawn"
    );

    let admin = claim(store, &email("admin@example.com"), "hash", Role::Admin).await;
    assert_eq!((admin.state, admin.role), (State::Pending, Role::Admin));
    store.withdraw(admin.user_id).await.unwrap();
    assert!(!store.activate(admin.user_id, now()).await.unwrap(), "gone");
}

async fn parallel_claims_agree_on_one_account(stores: &Stores) {
    let store = &stores.sql;
    let wanted = email("grace@example.com");
    let claims = (0..16).map(|_| {
        let (store, wanted) = (store.clone(), wanted.clone());
        tokio::spawn(async move { claim(&*store, &wanted, "hash", Role::User).await.user_id })
    });
    let mut ids: Vec<_> = join_all(claims).await.into_iter().map(Result::unwrap).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

async fn a_hash_is_replaced_if_it_is_the_expected_one(stores: &Stores) {
    let store = &*stores.sql;
    let wanted = email("edsger@example.com");
    let id = claim(store, &wanted, "old", Role::User).await.user_id;
    store.replace_hash(id, "not the old one", "new", now()).await.unwrap();
    assert_eq!(stored_hash(store, &wanted).await, "old");
    store.replace_hash(id, "old", "new", now()).await.unwrap();
    assert_eq!(stored_hash(store, &wanted).await, "new");
}

async fn stale_registrations_are_abandoned_and_cleared(stores: &Stores) {
    let store = &*stores.sql;
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
    let abandoned = store.abandon_stale(old + TimeDelta::minutes(1), now()).await.unwrap();
    assert_eq!(abandoned, [stale]);
    assert!(!store.activate(stale, now()).await.unwrap(), "an abandoned account cannot be completed");
    let again = claim(store, &email("stale@example.com"), "hash", Role::User).await;
    assert_eq!((again.user_id, again.state), (stale, State::Abandoned));
    assert_eq!(store.abandon_stale(old, now()).await.unwrap(), [stale], "until it is cleared");
    store.clear(stale).await.unwrap();
    assert!(store.abandon_stale(old, now()).await.unwrap().is_empty());
    assert!(CredentialStore::find(store, &email("stale@example.com")).await.unwrap().is_none());
    for id in [fresh, admin, done] {
        store.clear(id).await.unwrap();
        assert!(store.activate(id, now()).await.unwrap(), "only abandoned accounts are cleared");
    }
}

async fn a_second_use_of_a_token_revokes_its_family(stores: &Stores) {
    let store = &stores.sessions;
    let week = TimeDelta::days(7);
    let user_id = stores.account().await;
    let (session, first) = stores.session(user_id, week).await;
    let (other, other_token) = stores.session(user_id, week).await;
    let found = store.find(&first.hash(), now()).await.unwrap().unwrap();
    assert_eq!((found.family_id, found.user_id, found.spent), (session.family_id, user_id, false));

    let (second, next) = token(now(), week);
    assert_eq!(store.rotate(session.family_id, &first.hash(), next).await.unwrap(), RotateOutcome::Rotated);
    assert!(store.find(&first.hash(), now()).await.unwrap().unwrap().spent);
    assert!(!store.find(&second.hash(), now()).await.unwrap().unwrap().spent);

    // A token of another family, or of none, is no reuse.
    let unused = token(now(), week).1;
    assert_eq!(store.rotate(session.family_id, &other_token.hash(), unused).await.unwrap(), RotateOutcome::Refused);
    assert_eq!(store.rotate(session.family_id, &[0; 32], unused).await.unwrap(), RotateOutcome::Refused);
    assert_eq!(store.rotate(Uuid::now_v7(), &first.hash(), unused).await.unwrap(), RotateOutcome::Refused);

    assert_eq!(store.rotate(session.family_id, &first.hash(), unused).await.unwrap(), RotateOutcome::Reused);
    assert_eq!(store.rotate(session.family_id, &second.hash(), unused).await.unwrap(), RotateOutcome::Refused);
    for gone in [first.hash(), second.hash(), unused.hash] {
        assert!(store.find(&gone, now()).await.unwrap().is_none(), "the family is revoked");
    }
    assert!(store.find(&other_token.hash(), now()).await.unwrap().is_some(), "other sessions go on");
    store.revoke(&other_token.hash(), now()).await.unwrap();
    store.revoke(&[0; 32], now()).await.unwrap();
    assert!(store.find(&other_token.hash(), now()).await.unwrap().is_none());
    assert_eq!(store.rotate(other.family_id, &other_token.hash(), unused).await.unwrap(), RotateOutcome::Refused);
}

async fn tokens_and_sessions_expire(stores: &Stores) {
    let store = &stores.sessions;
    let (session, first) = stores.session(stores.account().await, TimeDelta::days(7)).await;
    let start = session.token.issued_at;
    let idle = start + TimeDelta::days(7);
    assert!(store.find(&first.hash(), idle - TimeDelta::milliseconds(1)).await.unwrap().is_some());
    assert!(store.find(&first.hash(), idle).await.unwrap().is_none());
    let late = token(idle, TimeDelta::days(7)).1;
    assert_eq!(store.rotate(session.family_id, &first.hash(), late).await.unwrap(), RotateOutcome::Refused);
    let last = token(start + TimeDelta::days(1), TimeDelta::days(30)).1;
    assert_eq!(store.rotate(session.family_id, &first.hash(), last).await.unwrap(), RotateOutcome::Rotated);
    assert!(store.find(&last.hash, session.expires_at).await.unwrap().is_none(), "the session ends whatever happens");
    let beyond = token(session.expires_at, TimeDelta::days(7)).1;
    assert_eq!(store.rotate(session.family_id, &last.hash, beyond).await.unwrap(), RotateOutcome::Refused);
}

async fn sessions_end_with_the_credentials(stores: &Stores) {
    let (credentials, store) = (&stores.sql, &stores.sessions);
    let user_id = stores.account().await;
    let (session, first) = stores.session(user_id, TimeDelta::days(7)).await;
    assert!(credentials.delete(user_id).await.unwrap());
    assert!(!credentials.delete(user_id).await.unwrap());
    assert!(store.find(&first.hash(), now()).await.unwrap().is_none(), "sessions go with the credentials");
    let anew = NewSession { family_id: Uuid::now_v7(), token: token(now(), TimeDelta::days(7)).1, ..session };
    assert_eq!(
        store.open(anew).await.unwrap(),
        OpenOutcome::NoCredentials,
        "nobody gets a session without credentials"
    );
    assert!(store.find(&anew.token.hash, now()).await.unwrap().is_none());

    let user_id = stores.account().await;
    let (_, first) = stores.session(user_id, TimeDelta::days(7)).await;
    credentials.abandon(user_id, now()).await.unwrap();
    assert!(store.find(&first.hash(), now()).await.unwrap().is_none());
    assert!(!credentials.activate(user_id, now()).await.unwrap());
    assert!(!credentials.may_sign_in(user_id).await.unwrap());
    credentials.clear(user_id).await.unwrap();
    assert!(!credentials.delete(user_id).await.unwrap());
}

async fn of_parallel_rotations_one_wins(stores: &Stores) {
    let store = &stores.sessions;
    let (session, first) = stores.session(stores.account().await, TimeDelta::days(7)).await;
    let attempts = (0..100).map(|_| {
        let (store, spent) = (store.clone(), first.hash());
        let next = token(now(), TimeDelta::days(7)).1;
        tokio::spawn(async move { store.rotate(session.family_id, &spent, next).await })
    });
    let outcomes: Vec<_> = join_all(attempts).await.into_iter().map(|outcome| outcome.unwrap().unwrap()).collect();
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    let (rotated, reused) = (count(RotateOutcome::Rotated), count(RotateOutcome::Reused));
    assert!(rotated == 1 && reused >= 1 && rotated + reused + count(RotateOutcome::Refused) == 100, "{outcomes:?}");
}

/// Rotations and deletions of the same user must not lock each other out.
async fn rotations_and_deletions_do_not_lock_each_other_out(stores: &Stores) {
    let (credentials, store) = (&stores.sql, &stores.sessions);
    for _ in 0..20 {
        let user_id = stores.account().await;
        let (session, first) = stores.session(user_id, TimeDelta::days(7)).await;
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

async fn what_has_expired_is_purged(stores: &Stores) {
    let store = &stores.sessions;
    let user_id = stores.account().await;
    store.purge(now() + TimeDelta::days(365)).await.unwrap();
    let (session, first) = stores.session(user_id, TimeDelta::days(1)).await;
    let start = session.token.issued_at;
    let second = token(start, TimeDelta::days(2)).1;
    assert_eq!(store.rotate(session.family_id, &first.hash(), second).await.unwrap(), RotateOutcome::Rotated);
    assert_eq!(store.purge(start).await.unwrap(), 0);
    assert_eq!(store.purge(start + TimeDelta::days(1)).await.unwrap(), 1, "the first token");
    assert!(store.find(&second.hash, start + TimeDelta::days(1)).await.unwrap().is_some());
    assert_eq!(store.purge(session.expires_at).await.unwrap(), 1, "the family, its token with it");
    assert_eq!(store.purge(session.expires_at).await.unwrap(), 0);
    for _ in 0..600 {
        stores.session(user_id, TimeDelta::days(1)).await;
    }
    assert_eq!(store.purge(now() + TimeDelta::days(30)).await.unwrap(), 600, "more than a batch");
}

async fn keys_go_through_their_phases(stores: &Stores) {
    let store = &stores.sql;
    let signer = JwtSigner::new("issuer", "audience");
    let start = now();
    let (one, two) = (signer.generate(Phase::Current, start).unwrap(), signer.generate(Phase::Current, start).unwrap());
    store.add(&one).await.unwrap();
    store.add(&two).await.unwrap(); // what a replica does that starts at the same time
    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.len(), 1);
    assert_eq!((loaded[0].id(), loaded[0].seed()), (one.id(), one.seed()));
    assert_eq!((loaded[0].phase(), loaded[0].since()), (Phase::Current, start));

    let later = start + TimeDelta::days(1);
    store.promote("unknown", later).await.unwrap();
    assert_eq!(store.load().await.unwrap()[0].phase(), Phase::Current, "it signs on if there is no next key");
    let next = signer.generate(Phase::Next, start).unwrap();
    store.add(&next).await.unwrap();
    store.promote(next.id(), later).await.unwrap();
    store.promote(next.id(), later).await.unwrap();
    let phase = async |id: &str| store.load().await.unwrap().iter().find(|key| key.id() == id).map(|key| key.phase());
    assert_eq!((phase(one.id()).await, phase(next.id()).await), (Some(Phase::Retired), Some(Phase::Current)));
    store.remove(next.id()).await.unwrap();
    store.remove(one.id()).await.unwrap();
    assert_eq!((phase(one.id()).await, phase(next.id()).await), (None, Some(Phase::Current)), "only retired keys go");
}

async fn replicas_rotate_keys_together(stores: &Stores) {
    let store = &stores.sql;
    let first = JwtSigner::new("issuer", "audience").generate(Phase::Current, now()).unwrap();
    store.add(&first).await.unwrap();
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

/// The event of a token of `session` that was used a second time.
fn reuse(session: &NewSession, at: DateTime<Utc>) -> (String, u16, String, Value) {
    let at = at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let facts = json!({ "user_id": session.user_id, "session_id": session.family_id, "detected_at": at });
    ("auth.refresh_token_reused".to_owned(), 1, session.family_id.to_string(), facts)
}

async fn a_reuse_found_by_look_up_is_published_once(stores: &Stores) {
    let (store, week) = (&stores.sessions, TimeDelta::days(7));
    let (session, first) = stores.session(stores.account().await, week).await;
    let next = token(now(), week).1;
    assert_eq!(store.rotate(session.family_id, &first.hash(), next).await.unwrap(), RotateOutcome::Rotated);
    assert_eq!(stores.published().await, [], "a refresh is no event");
    let (at, found) = (now(), store.find(&first.hash(), now()).await.unwrap().unwrap());
    let calls = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.revoke_reused(&found, at).await })
    });
    assert!(join_all(calls).await.into_iter().all(|call| call.unwrap().is_ok()));
    assert_eq!(stores.published().await, [reuse(&session, at)]);
    assert!(store.find(&next.hash, now()).await.unwrap().is_none(), "the family is revoked");
}

async fn a_reuse_found_by_rotation_is_published_once(stores: &Stores) {
    let (store, week) = (&stores.sessions, TimeDelta::days(7));
    let (session, first) = stores.session(stores.account().await, week).await;
    let found = store.find(&first.hash(), now()).await.unwrap().unwrap();
    let next = token(now(), week).1;
    assert_eq!(store.rotate(session.family_id, &first.hash(), next).await.unwrap(), RotateOutcome::Rotated);
    let late = token(now(), week).1;
    assert_eq!(store.rotate(session.family_id, &first.hash(), late).await.unwrap(), RotateOutcome::Reused);
    store.revoke_reused(&found, now()).await.unwrap();
    assert_eq!(stores.published().await, [reuse(&session, late.issued_at)]);
}

async fn neither_a_logout_nor_a_deletion_is_published(stores: &Stores) {
    let (store, week) = (&stores.sessions, TimeDelta::days(7));
    let user_id = stores.account().await;
    let (_, first) = stores.session(user_id, week).await;
    let found = store.find(&first.hash(), now()).await.unwrap().unwrap();
    store.revoke(&first.hash(), now()).await.unwrap();
    store.revoke_reused(&found, now()).await.unwrap();
    let (_, first) = stores.session(user_id, week).await;
    let found = store.find(&first.hash(), now()).await.unwrap().unwrap();
    assert!(stores.sql.delete(user_id).await.unwrap());
    store.revoke_reused(&found, now()).await.unwrap();
    assert_eq!(stores.published().await, []);
}

async fn no_session_ends_by_reuse_without_its_event(stores: &Stores) {
    let store = &stores.sessions;
    let run = async |sql: &'static str| {
        let mut conn = stores.db.writer().await.unwrap();
        let _: u64 = on!(conn, |c| sqlx::query(sql).execute(c)).await.unwrap();
    };
    let week = TimeDelta::days(7);
    let (session, first) = stores.session(stores.account().await, week).await;
    let next = token(now(), week).1;
    assert_eq!(store.rotate(session.family_id, &first.hash(), next).await.unwrap(), RotateOutcome::Rotated);
    let found = store.find(&first.hash(), now()).await.unwrap().unwrap();
    run("ALTER TABLE outbox RENAME TO outbox_away").await;
    assert!(store.revoke_reused(&found, now()).await.is_err());
    assert!(store.rotate(session.family_id, &first.hash(), token(now(), week).1).await.is_err());
    run("ALTER TABLE outbox_away RENAME TO outbox").await;
    assert!(store.find(&next.hash, now()).await.unwrap().is_some(), "nothing has happened");
    assert_eq!(stores.published().await, []);
}
