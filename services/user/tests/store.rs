//! What every store of users must do, asked of SQLite and of Postgres.
//!
//! Each test gets two stores on a database of its own, as two replicas of the service would have them.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use messaging::testing::drain;
use messaging::{Envelope, Outbox};
use serde_json::json;
use stores::db::Db;
use stores::on;
use stores::settings::Database;
use tempfile::TempDir;
use user::adapters::sql::{MIGRATIONS, SqlUsers};
use user::domain::{Creation, Draft, Error, Name, Position, Role, User, UserId};
use user::ports::UserStore;
use uuid::Uuid;

type Store = Arc<dyn UserStore>;

/// A replica's store, and what lies under it.
struct Replica {
    store: Store,
    outbox: Outbox,
    db: Db,
}

/// Two replicas on one database.
struct Replicas {
    first: Replica,
    second: Replica,
    _folder: Option<TempDir>,
}

impl Replicas {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("user.db").display());
        Self { _folder: Some(folder), ..Self::open(&url).await }
    }

    async fn postgres() -> Self {
        Self::open(&backends::postgres().database().unwrap()).await
    }

    async fn open(url: &str) -> Self {
        Self { first: Replica::open(url).await, second: Replica::open(url).await, _folder: None }
    }

    fn stores(&self) -> (&Store, &Store) {
        (&self.first.store, &self.second.store)
    }
}

impl Replica {
    async fn open(url: &str) -> Self {
        let settings = Database::new(url).expect("a URL");
        let db = Db::open("user", &settings, MIGRATIONS).await.unwrap();
        let outbox = Outbox::new(db.clone());
        Self { store: Arc::new(SqlUsers::new(db.clone(), outbox.clone())), outbox, db }
    }

    /// The events since the last call.
    async fn published(&self) -> Vec<Envelope> {
        drain(&self.outbox).await.unwrap()
    }

    /// The one event since the last call, as type, version, key and payload.
    async fn one_published(&self) -> (String, u16, String, serde_json::Value) {
        let [event] = &self.published().await[..] else { panic!("one event was expected") };
        let payload = serde_json::Value::Object(event.payload().clone());
        (event.kind().to_owned(), event.version(), event.key().to_owned(), payload)
    }

    /// Runs a statement past the store.
    async fn run(&self, sql: &'static str) {
        let mut conn = self.db.writer().await.unwrap();
        let _: u64 = on!(conn, |c| sqlx::query(sql).execute(c)).await.unwrap();
    }
}

backends::contract! {
    Replicas::{sqlite, postgres}:
    pages_walk_through_everybody_once,
    creating_is_idempotent_by_id,
    racing_creators_agree,
    addresses_are_unique,
    users_are_renamed,
    roles_are_set,
    users_are_deleted,
    the_last_admin_stays,
    admins_who_demote_each_other_leave_one,
    admins_who_delete_each_other_leave_one,
    demotion_and_deletion_together_leave_one,
    each_change_is_published_once,
    racing_creators_publish_once,
    nothing_happens_without_its_event,
}

fn user_at(id: Uuid, email: &str, role: Role, at: DateTime<Utc>) -> User {
    let draft = Draft { id: &id.to_string(), email, name: "Ada", role: Some(role) };
    User::new(&draft, at).unwrap()
}

fn user(role: Role) -> User {
    let id = Uuid::new_v4();
    user_at(id, &format!("{id}@example.com"), role, Utc::now())
}

async fn stored(store: &Store, role: Role) -> UserId {
    store.create(user(role)).await.unwrap().user.id()
}

fn later(user: &User) -> DateTime<Utc> {
    user.updated_at() + TimeDelta::seconds(5)
}

async fn everybody(store: &Store) -> Vec<User> {
    store.page(None, 1000).await.unwrap()
}

async fn admins(store: &Store) -> Vec<UserId> {
    everybody(store).await.iter().filter(|user| user.role() == Role::Admin).map(User::id).collect()
}

/// Leaves exactly two admins and answers them.
async fn two_admins(store: &Store) -> (UserId, UserId) {
    let (one, other) = (stored(store, Role::Admin).await, stored(store, Role::Admin).await);
    for id in admins(store).await {
        if id != one && id != other {
            store.set_role(id, Role::User, None, Utc::now()).await.unwrap();
        }
    }
    (one, other)
}

async fn pages_walk_through_everybody_once(replicas: &Replicas) {
    let store = &replicas.first.store;
    assert!(everybody(store).await.is_empty(), "the suite needs an empty database");
    // Equal times need the id to tell users apart; a time without a fraction is written shorter on SQLite.
    let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let times = [0, 0, 0, 1, 10, 100, 999, 1000, 1000].map(|millis| start + TimeDelta::milliseconds(millis));
    let mut expected = Vec::new();
    for (number, at) in times.into_iter().enumerate() {
        let user = user_at(Uuid::new_v4(), &format!("page{number}@example.com"), Role::User, at);
        expected.push(store.create(user).await.unwrap().user);
    }
    expected.sort_by_key(|user| (user.created_at(), user.id().uuid()));
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.page(after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(Position::of(last));
        seen.extend(page);
    }
    assert_eq!(seen, expected);
}

async fn creating_is_idempotent_by_id(replicas: &Replicas) {
    let store = &replicas.first.store;
    let first = user(Role::User);
    let created = store.create(first.clone()).await.unwrap();
    assert_eq!(created, Creation { user: first.clone(), created: true });
    assert_eq!(store.find(first.id()).await.unwrap(), first);
    let other = user_at(first.id().uuid(), "another@example.com", Role::Admin, later(&first));
    for again in [first.clone(), other] {
        assert_eq!(store.create(again).await.unwrap(), Creation { user: first.clone(), created: false });
    }
    assert_eq!(store.find(first.id()).await.unwrap(), first);
}

async fn racing_creators_agree(replicas: &Replicas) {
    let (store, replica) = replicas.stores();
    for _ in 0..20 {
        let wanted = user(Role::User);
        let racers = [store, replica, store, replica].map(|store| {
            let (store, wanted) = (Arc::clone(store), wanted.clone());
            tokio::spawn(async move { store.create(wanted).await.unwrap() })
        });
        let mut created = 0;
        for racer in racers {
            let creation = racer.await.unwrap();
            assert_eq!(creation.user, wanted);
            created += u8::from(creation.created);
        }
        assert_eq!(created, 1, "exactly one of them created it");
    }
}

async fn addresses_are_unique(replicas: &Replicas) {
    let store = &replicas.first.store;
    let first = store.create(user(Role::User)).await.unwrap().user;
    let second = user_at(Uuid::new_v4(), first.email().as_str(), Role::User, Utc::now());
    assert!(matches!(store.create(second.clone()).await, Err(Error::EmailTaken)));
    assert!(matches!(store.find(second.id()).await, Err(Error::NotFound)));
    store.delete(first.id(), Utc::now()).await.unwrap();
    assert!(store.create(second).await.unwrap().created, "the address of a deleted user is free again");
}

async fn users_are_renamed(replicas: &Replicas) {
    let store = &replicas.first.store;
    let before = store.create(user(Role::User)).await.unwrap().user;
    let name = Name::parse("Grace 名 O'Hopper").unwrap();
    let after = store.rename(before.id(), &name, later(&before)).await.unwrap();
    assert_eq!((after.name(), after.updated_at(), after.created_at()), (&name, later(&before), before.created_at()));
    assert_eq!(store.find(before.id()).await.unwrap(), after);
    let same = store.rename(before.id(), &name, later(&after)).await.unwrap();
    assert_eq!(same, after, "the same name again is no change");
    let nobody = store.rename(Uuid::new_v4().into(), &name, Utc::now()).await;
    assert!(matches!(nobody, Err(Error::NotFound)));
}

async fn roles_are_set(replicas: &Replicas) {
    let store = &replicas.first.store;
    stored(store, Role::Admin).await; // so that the other is not the last
    let before = store.create(user(Role::User)).await.unwrap().user;
    let admin = store.set_role(before.id(), Role::Admin, None, later(&before)).await.unwrap();
    assert_eq!((admin.role(), admin.updated_at()), (Role::Admin, later(&before)));
    let same = store.set_role(before.id(), Role::Admin, None, later(&admin)).await.unwrap();
    assert_eq!(same, admin, "the same role again is no change");
    let demoted = store.set_role(before.id(), Role::User, None, later(&admin)).await.unwrap();
    assert_eq!((demoted.role(), demoted.updated_at()), (Role::User, later(&admin)));
    assert_eq!(store.find(before.id()).await.unwrap(), demoted);
    for role in [Role::User, Role::Admin] {
        let nobody = store.set_role(Uuid::new_v4().into(), role, None, Utc::now()).await;
        assert!(matches!(nobody, Err(Error::NotFound)));
    }
}

async fn users_are_deleted(replicas: &Replicas) {
    let store = &replicas.first.store;
    stored(store, Role::Admin).await;
    for role in [Role::User, Role::Admin] {
        let id = stored(store, role).await;
        store.delete(id, Utc::now()).await.unwrap();
        assert!(matches!(store.find(id).await, Err(Error::NotFound)));
        assert!(matches!(store.delete(id, Utc::now()).await, Err(Error::NotFound)));
    }
}

async fn the_last_admin_stays(replicas: &Replicas) {
    let store = &replicas.first.store;
    let (gone, last) = two_admins(store).await;
    store.delete(gone, Utc::now()).await.unwrap();
    assert!(matches!(store.set_role(last, Role::User, None, Utc::now()).await, Err(Error::LastAdmin)));
    assert!(matches!(store.delete(last, Utc::now()).await, Err(Error::LastAdmin)));
    assert_eq!(admins(store).await, [last]);
    store.set_role(last, Role::Admin, None, Utc::now()).await.unwrap();
    // A refusal must not keep the others waiting: the guard is free again.
    let plain = stored(store, Role::User).await;
    store.delete(plain, Utc::now()).await.unwrap();
}

/// How one of two admins takes the other's role away.
#[derive(Clone, Copy)]
enum Removal {
    Demote,
    Delete,
}

async fn remove_admin(store: Store, removal: Removal, admin: UserId) -> Result<(), Error> {
    match removal {
        Removal::Demote => store.set_role(admin, Role::User, None, Utc::now()).await.map(|_| ()),
        Removal::Delete => store.delete(admin, Utc::now()).await,
    }
}

/// Two admins remove each other at once, many times, each through a replica of its own.
async fn race_removals(stores: (&Store, &Store), removals: (Removal, Removal)) {
    for _ in 0..30 {
        let (one, other) = two_admins(stores.0).await;
        let first = tokio::spawn(remove_admin(Arc::clone(stores.0), removals.0, other));
        let second = tokio::spawn(remove_admin(Arc::clone(stores.1), removals.1, one));
        let outcomes = [first.await.unwrap(), second.await.unwrap()];
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::LastAdmin))).count();
        assert_eq!((won, refused), (1, 1), "{outcomes:?}");
        assert_eq!(admins(stores.0).await.len(), 1);
    }
}

async fn admins_who_demote_each_other_leave_one(replicas: &Replicas) {
    let (store, _) = replicas.stores();
    race_removals(replicas.stores(), (Removal::Demote, Removal::Demote)).await;
    race_removals((store, store), (Removal::Demote, Removal::Demote)).await;
}

async fn admins_who_delete_each_other_leave_one(replicas: &Replicas) {
    race_removals(replicas.stores(), (Removal::Delete, Removal::Delete)).await;
}

async fn demotion_and_deletion_together_leave_one(replicas: &Replicas) {
    race_removals(replicas.stores(), (Removal::Demote, Removal::Delete)).await;
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

async fn each_change_is_published_once(replicas: &Replicas) {
    let replica = &replicas.first;
    let store = &replica.store;
    let admin = stored(store, Role::Admin).await;
    replica.published().await;

    let user = store.create(user(Role::User)).await.unwrap().user;
    let id = user.id().uuid().to_string();
    let facts = json!({ "user_id": id, "email": user.email().as_str(), "name": "Ada", "role": "user",
        "registered_at": text(user.created_at()) });
    assert_eq!(replica.one_published().await, ("user.registered".to_owned(), 1, id.clone(), facts));
    assert!(!store.create(user.clone()).await.unwrap().created);
    let rival = user_at(Uuid::new_v4(), user.email().as_str(), Role::User, Utc::now());
    assert!(matches!(store.create(rival).await, Err(Error::EmailTaken)));
    assert_eq!(replica.published().await, [], "neither repeating nor being refused is an event");

    let at = later(&user);
    store.set_role(user.id(), Role::Admin, Some(admin), at).await.unwrap();
    let mut facts = json!({ "user_id": id, "old_role": "user", "new_role": "admin",
        "changed_by": admin.uuid(), "changed_at": text(at) });
    assert_eq!(replica.one_published().await, ("user.role_changed".to_owned(), 1, id.clone(), facts.clone()));
    store.set_role(user.id(), Role::Admin, Some(admin), later(&user)).await.unwrap();
    assert_eq!(replica.published().await, [], "the same role again is no change");
    store.set_role(user.id(), Role::User, None, at).await.unwrap();
    (facts["old_role"], facts["new_role"], facts["changed_by"]) = (json!("admin"), json!("user"), json!(null));
    assert_eq!(replica.one_published().await, ("user.role_changed".to_owned(), 1, id.clone(), facts));

    store.rename(user.id(), &Name::parse("Grace").unwrap(), at).await.unwrap();
    assert_eq!(replica.published().await, [], "nobody is told of names");
    let at = user_at(Uuid::new_v4(), "time@example.com", Role::User, Utc::now()).created_at();
    store.delete(user.id(), at).await.unwrap();
    let facts = json!({ "user_id": id, "deleted_at": text(at) });
    assert_eq!(replica.one_published().await, ("user.deleted".to_owned(), 1, id, facts));
    assert!(matches!(store.delete(user.id(), at).await, Err(Error::NotFound)));
    let (gone, last) = two_admins(store).await;
    store.delete(gone, at).await.unwrap();
    replica.published().await;
    assert!(matches!(store.delete(last, at).await, Err(Error::LastAdmin)));
    assert!(matches!(store.set_role(last, Role::User, None, at).await, Err(Error::LastAdmin)));
    assert_eq!(replica.published().await, [], "what is refused has not happened");
}

async fn racing_creators_publish_once(replicas: &Replicas) {
    let (first, (_, second)) = (&replicas.first, replicas.stores());
    for _ in 0..10 {
        let wanted = user(Role::User);
        let racers = [&first.store, second, &first.store, second].map(|store| {
            let (store, wanted) = (Arc::clone(store), wanted.clone());
            tokio::spawn(async move { store.create(wanted).await.unwrap() })
        });
        for racer in racers {
            racer.await.unwrap();
        }
        assert_eq!(first.published().await.len(), 1);
    }
}

async fn nothing_happens_without_its_event(replicas: &Replicas) {
    let replica = &replicas.first;
    let store = &replica.store;
    stored(store, Role::Admin).await;
    let known = store.create(user(Role::User)).await.unwrap().user;
    replica.published().await;
    replica.run("ALTER TABLE outbox RENAME TO outbox_away").await;
    let new = user(Role::User);
    assert!(matches!(store.create(new.clone()).await, Err(Error::Internal(_))));
    assert!(matches!(store.set_role(known.id(), Role::Admin, None, later(&known)).await, Err(Error::Internal(_))));
    assert!(matches!(store.delete(known.id(), later(&known)).await, Err(Error::Internal(_))));
    replica.run("ALTER TABLE outbox_away RENAME TO outbox").await;
    assert!(matches!(store.find(new.id()).await, Err(Error::NotFound)));
    assert_eq!(store.find(known.id()).await.unwrap(), known);
    assert_eq!(replica.published().await, []);
}

#[tokio::test]
async fn nothing_is_published_without_having_happened() {
    let Replicas { first: replica, .. } = &Replicas::sqlite().await;
    // Breaks a deferred rule with each event, so that the commit after it fails.
    replica.run("CREATE TABLE broken (id INTEGER REFERENCES broken (other) DEFERRABLE INITIALLY DEFERRED, other INTEGER UNIQUE)").await;
    replica.run("CREATE TRIGGER breaks AFTER INSERT ON outbox BEGIN INSERT INTO broken (id) VALUES (1); END").await;
    let new = user(Role::User);
    assert!(replica.store.create(new.clone()).await.is_err());
    replica.run("DROP TRIGGER breaks").await;
    assert!(matches!(replica.store.find(new.id()).await, Err(Error::NotFound)));
    assert_eq!(replica.published().await, []);
    assert!(replica.store.create(new).await.unwrap().created);
    assert_eq!(replica.published().await.len(), 1);
}
