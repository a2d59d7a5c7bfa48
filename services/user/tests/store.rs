//! What every store of users must do, asked of SQLite and of Postgres.
//!
//! The suite gets two stores on one database, as two replicas of the service would have them.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::Arc;

use chassis::db::Db;
use chassis::settings::Database;
use chrono::{DateTime, TimeDelta, Utc};
use user::adapters::sql::{MIGRATIONS, SqlUsers};
use user::domain::{Creation, Draft, Error, Name, Position, Role, User, UserId};
use user::ports::UserStore;
use uuid::Uuid;

type Store = Arc<dyn UserStore>;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("user.db").display());
    contract(open(&url).await, open(&url).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_keeps_the_contract() {
    let url = backends::postgres().database().unwrap();
    contract(open(&url).await, open(&url).await).await;
}

async fn open(url: &str) -> Store {
    let settings = Database {
        url: url.to_owned(),
        max_connections: 4,
        acquire_timeout_ms: 10_000,
        statement_timeout_ms: 10_000,
        migrate: true,
    };
    Arc::new(SqlUsers::new(Db::open("user", &settings, MIGRATIONS).await.unwrap()))
}

async fn contract(store: Store, replica: Store) {
    pages_walk_through_everybody_once(&store).await;
    creating_is_idempotent_by_id(&store).await;
    racing_creators_agree(&store, &replica).await;
    addresses_are_unique(&store).await;
    users_are_renamed(&store).await;
    roles_are_set(&store).await;
    users_are_deleted(&store).await;
    the_last_admin_stays(&store).await;
    admins_who_demote_each_other_leave_one(&store, &replica).await;
    admins_who_delete_each_other_leave_one(&store, &replica).await;
    demotion_and_deletion_together_leave_one(&store, &replica).await;
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
            store.set_role(id, Role::User, Utc::now()).await.unwrap();
        }
    }
    (one, other)
}

async fn pages_walk_through_everybody_once(store: &Store) {
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

async fn creating_is_idempotent_by_id(store: &Store) {
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

async fn racing_creators_agree(store: &Store, replica: &Store) {
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

async fn addresses_are_unique(store: &Store) {
    let first = store.create(user(Role::User)).await.unwrap().user;
    let second = user_at(Uuid::new_v4(), first.email().as_str(), Role::User, Utc::now());
    assert!(matches!(store.create(second.clone()).await, Err(Error::EmailTaken)));
    assert!(matches!(store.find(second.id()).await, Err(Error::NotFound)));
    store.delete(first.id()).await.unwrap();
    assert!(store.create(second).await.unwrap().created, "the address of a deleted user is free again");
}

async fn users_are_renamed(store: &Store) {
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

async fn roles_are_set(store: &Store) {
    stored(store, Role::Admin).await; // so that the other is not the last
    let before = store.create(user(Role::User)).await.unwrap().user;
    let admin = store.set_role(before.id(), Role::Admin, later(&before)).await.unwrap();
    assert_eq!((admin.role(), admin.updated_at()), (Role::Admin, later(&before)));
    let same = store.set_role(before.id(), Role::Admin, later(&admin)).await.unwrap();
    assert_eq!(same, admin, "the same role again is no change");
    let demoted = store.set_role(before.id(), Role::User, later(&admin)).await.unwrap();
    assert_eq!((demoted.role(), demoted.updated_at()), (Role::User, later(&admin)));
    assert_eq!(store.find(before.id()).await.unwrap(), demoted);
    for role in [Role::User, Role::Admin] {
        let nobody = store.set_role(Uuid::new_v4().into(), role, Utc::now()).await;
        assert!(matches!(nobody, Err(Error::NotFound)));
    }
}

async fn users_are_deleted(store: &Store) {
    stored(store, Role::Admin).await;
    for role in [Role::User, Role::Admin] {
        let id = stored(store, role).await;
        store.delete(id).await.unwrap();
        assert!(matches!(store.find(id).await, Err(Error::NotFound)));
        assert!(matches!(store.delete(id).await, Err(Error::NotFound)));
    }
}

async fn the_last_admin_stays(store: &Store) {
    let (gone, last) = two_admins(store).await;
    store.delete(gone).await.unwrap();
    assert!(matches!(store.set_role(last, Role::User, Utc::now()).await, Err(Error::LastAdmin)));
    assert!(matches!(store.delete(last).await, Err(Error::LastAdmin)));
    assert_eq!(admins(store).await, [last]);
    store.set_role(last, Role::Admin, Utc::now()).await.unwrap();
    // A refusal must not keep the others waiting: the guard is free again.
    let plain = stored(store, Role::User).await;
    store.delete(plain).await.unwrap();
}

/// What one of two racers does to the other.
#[derive(Clone, Copy)]
enum Attack {
    Demote,
    Delete,
}

async fn attack(store: Store, attack: Attack, victim: UserId) -> Result<(), Error> {
    match attack {
        Attack::Demote => store.set_role(victim, Role::User, Utc::now()).await.map(|_| ()),
        Attack::Delete => store.delete(victim).await,
    }
}

/// Two admins attack each other at once, many times, each through a replica of its own.
async fn duel(stores: (&Store, &Store), attacks: (Attack, Attack)) {
    for _ in 0..30 {
        let (one, other) = two_admins(stores.0).await;
        let first = tokio::spawn(attack(Arc::clone(stores.0), attacks.0, other));
        let second = tokio::spawn(attack(Arc::clone(stores.1), attacks.1, one));
        let outcomes = [first.await.unwrap(), second.await.unwrap()];
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::LastAdmin))).count();
        assert_eq!((won, refused), (1, 1), "{outcomes:?}");
        assert_eq!(admins(stores.0).await.len(), 1);
    }
}

async fn admins_who_demote_each_other_leave_one(store: &Store, replica: &Store) {
    duel((store, replica), (Attack::Demote, Attack::Demote)).await;
    duel((store, store), (Attack::Demote, Attack::Demote)).await;
}

async fn admins_who_delete_each_other_leave_one(store: &Store, replica: &Store) {
    duel((store, replica), (Attack::Delete, Attack::Delete)).await;
}

async fn demotion_and_deletion_together_leave_one(store: &Store, replica: &Store) {
    duel((store, replica), (Attack::Demote, Attack::Delete)).await;
}
