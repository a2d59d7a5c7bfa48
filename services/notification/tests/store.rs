//! What every store must do, asked of SQLite and of Postgres.
//!
//! Each test gets two stores on a database of its own, as two replicas of the service would have them.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use notification::adapters::sql::{MIGRATIONS, SqlStore};
use notification::domain::{
    Address, Applied, Claim, Draft, Effect, Error, Event, Kind, SingleLine, Verdict, variables,
};
use notification::ports::Store;
use stores::db::Db;
use stores::settings::Database;
use tempfile::TempDir;
use uuid::Uuid;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(600);

/// Over at once.
const NONE: Duration = Duration::ZERO;

/// Two replicas on one database.
struct Replicas {
    stores: [Arc<dyn Store>; 2],
    _folder: Option<TempDir>,
}

impl Deref for Replicas {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.stores[0]
    }
}

impl<'a> From<&'a Replicas> for &'a dyn Store {
    fn from(started: &'a Replicas) -> Self {
        &**started
    }
}

impl Replicas {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("notification.db").display());
        Self { _folder: Some(folder), ..Self::open(&url).await }
    }

    async fn postgres() -> Self {
        Self::open(&backends::postgres().database().unwrap()).await
    }

    async fn open(url: &str) -> Self {
        let settings = Database::new(url).expect("a URL");
        let open = async || SqlStore::new(Db::open("notification", &settings, MIGRATIONS).await.unwrap());
        Self { stores: [Arc::new(open().await), Arc::new(open().await)], _folder: None }
    }
}

backends::contract! {
    Replicas::{sqlite, postgres}:
    an_empty_store_has_nothing,
    a_registration_is_welcomed_once,
    a_mail_carries_what_it_needs,
    strangers_have_to_wait,
    the_forgotten_stay_forgotten,
    a_mail_in_hand_is_not_sent_to_the_forgotten_again,
    announcements_need_no_recipient,
    mails_are_claimed_in_their_order_and_for_a_while,
    a_claim_that_is_over_changes_nothing_but_that_it_was_sent,
    failed_mails_come_back_when_they_are_due,
    old_things_are_removed,
    replicas_share_the_work,
    racing_deliveries_have_one_effect,
    racing_deletions_leave_nothing_to_send,
}

fn event() -> Event {
    // Microseconds are what both databases keep.
    Event { id: Uuid::now_v7(), occurred_at: Utc::now().trunc_subsecs(6), traceparent: None }
}

fn register(user: Uuid) -> Effect {
    let address = Address::parse(&format!("{user}@example.com")).unwrap();
    Effect::Register { user, address, name: SingleLine::of("Grace 名 O'Hopper") }
}

fn tell(user: Uuid) -> Effect {
    let facts = variables([("old_role", SingleLine::of("user")), ("new_role", SingleLine::of("\"admin\" \\ '名'"))]);
    Effect::MailUser { user, draft: Draft { kind: Kind::RoleChanged, variables: facts } }
}

async fn apply(store: &dyn Store, effect: &Effect) -> Applied {
    store.apply(&event(), effect).await.unwrap()
}

/// Claims all that is due.
async fn claim(store: &dyn Store, lease: Duration) -> Vec<Claim> {
    store.claim(1_000, lease).await.unwrap()
}

/// Sends all that is due.
async fn drain(store: &dyn Store) -> Vec<Claim> {
    let claims = claim(store, LONG).await;
    for claim in &claims {
        store.settle(claim, &Verdict::Sent).await.unwrap();
    }
    claims
}

async fn pending(store: &dyn Store) -> u64 {
    store.backlog().await.unwrap().count
}

fn retry(due_at: DateTime<Utc>) -> Verdict {
    Verdict::Retry { due_at, reason: "deferred: later".to_owned() }
}

async fn an_empty_store_has_nothing(store: &dyn Store) {
    assert!(claim(store, LONG).await.is_empty());
    let backlog = store.backlog().await.unwrap();
    assert_eq!((backlog.count, backlog.oldest), (0, Duration::ZERO), "the suite needs an empty database");
}

async fn a_registration_is_welcomed_once(store: &dyn Store) {
    let (user, first) = (Uuid::new_v4(), event());
    assert_eq!(store.apply(&first, &register(user)).await.unwrap(), Applied::Queued);
    assert_eq!(store.apply(&first, &register(user)).await.unwrap(), Applied::Repeated);
    assert_eq!(apply(store, &register(user)).await, Applied::Obsolete, "another event about a known user");
    let backlog = store.backlog().await.unwrap();
    assert_eq!(backlog.count, 1);
    assert!(backlog.oldest < Duration::from_secs(60), "{backlog:?}");
    let sent = drain(store).await;
    assert_eq!(sent.iter().map(|claim| (claim.id, claim.kind)).collect::<Vec<_>>(), [(first.id, Kind::Welcome)]);
    assert_eq!(pending(store).await, 0);
    assert_eq!(store.apply(&first, &register(user)).await.unwrap(), Applied::Repeated, "also after it was sent");
}

async fn a_mail_carries_what_it_needs(store: &dyn Store) {
    let (user, traced) = (Uuid::new_v4(), Event { traceparent: Some("00-a-b-01".to_owned()), ..event() });
    apply(store, &register(user)).await;
    drain(store).await;
    assert_eq!(store.apply(&traced, &tell(user)).await.unwrap(), Applied::Queued);
    let mail = claim(store, LONG).await.remove(0);
    let Effect::MailUser { draft, .. } = tell(user) else { unreachable!() };
    assert_eq!((mail.id, mail.kind, mail.attempts), (traced.id, Kind::RoleChanged, 1));
    assert_eq!(mail.variables, draft.variables);
    assert_eq!((mail.occurred_at, mail.traceparent.as_deref()), (traced.occurred_at, Some("00-a-b-01")));
    assert!(mail.queued_at >= mail.occurred_at - TimeDelta::seconds(1) && mail.queued_at <= Utc::now());
    let to = mail.recipient.as_ref().unwrap();
    assert_eq!((to.address.as_str(), to.name.as_str()), (&*format!("{user}@example.com"), "Grace 名 O'Hopper"));
    store.settle(&mail, &Verdict::Sent).await.unwrap();
}

async fn strangers_have_to_wait(store: &dyn Store) {
    let (user, early) = (Uuid::new_v4(), event());
    for _ in 0..2 {
        assert!(matches!(store.apply(&early, &tell(user)).await, Err(Error::UnknownRecipient)));
    }
    assert_eq!(pending(store).await, 0);
    apply(store, &register(user)).await;
    assert_eq!(
        store.apply(&early, &tell(user)).await.unwrap(),
        Applied::Queued,
        "failing is not having had the effect"
    );
    assert_eq!(drain(store).await.len(), 2);
}

async fn the_forgotten_stay_forgotten(store: &dyn Store) {
    let user = Uuid::new_v4();
    apply(store, &register(user)).await;
    apply(store, &tell(user)).await;
    let mut cancelled = match apply(store, &Effect::Forget { user }).await {
        Applied::Forgotten { cancelled } => cancelled,
        other => panic!("{other:?}"),
    };
    cancelled.sort_by_key(|kind| kind.as_str());
    assert_eq!(cancelled, [Kind::RoleChanged, Kind::Welcome]);
    for late in [tell(user), register(user)] {
        assert_eq!(apply(store, &late).await, Applied::Obsolete);
    }
    assert_eq!(apply(store, &Effect::Forget { user }).await, Applied::Forgotten { cancelled: Vec::new() });
    // The deletion may come first of all.
    let stranger = Uuid::new_v4();
    assert_eq!(apply(store, &Effect::Forget { user: stranger }).await, Applied::Forgotten { cancelled: Vec::new() });
    for late in [register(stranger), tell(stranger)] {
        assert_eq!(apply(store, &late).await, Applied::Obsolete);
    }
    assert!(claim(store, LONG).await.is_empty());
    assert_eq!(pending(store).await, 0);
}

async fn a_mail_in_hand_is_not_sent_to_the_forgotten_again(store: &dyn Store) {
    let user = Uuid::new_v4();
    apply(store, &register(user)).await;
    let in_hand = claim(store, NONE).await.remove(0);
    apply(store, &Effect::Forget { user }).await;
    store.settle(&in_hand, &retry(Utc::now())).await.unwrap();
    assert!(claim(store, LONG).await.is_empty(), "a retry does not bring it back");
    store.settle(&in_hand, &Verdict::Sent).await.unwrap();
    assert_eq!(pending(store).await, 0);
}

async fn announcements_need_no_recipient(store: &dyn Store) {
    let facts = variables([("sku", SingleLine::of("SB-05"))]);
    let draft = Draft { kind: Kind::ProductCreated, variables: facts };
    let to = Address::parse("catalogue@example.com").unwrap();
    assert_eq!(apply(store, &Effect::MailAddress { to: to.clone(), draft: draft.clone() }).await, Applied::Queued);
    let mail = drain(store).await.remove(0);
    let recipient = mail.recipient.unwrap();
    assert_eq!((recipient.address, recipient.name.as_str(), mail.variables), (to, "", draft.variables));
}

async fn mails_are_claimed_in_their_order_and_for_a_while(store: &dyn Store) {
    let mut ids = Vec::new();
    for _ in 0..3 {
        let event = event();
        store.apply(&event, &register(Uuid::new_v4())).await.unwrap();
        ids.push(event.id);
    }
    let first = store.claim(2, LONG).await.unwrap();
    let mut claimed: Vec<_> = first.iter().map(|claim| claim.id).collect();
    claimed.sort_unstable();
    assert_eq!(claimed, ids[..2], "those that wait longest, as many as were asked for");
    let rest = claim(store, NONE).await;
    assert_eq!(rest.iter().map(|claim| claim.id).collect::<Vec<_>>(), ids[2..]);
    let again = claim(store, LONG).await;
    assert_eq!(again.iter().map(|claim| (claim.id, claim.attempts)).collect::<Vec<_>>(), [(ids[2], 2)]);
    assert!(claim(store, LONG).await.is_empty(), "claimed by others");
    assert!(store.claim(0, LONG).await.unwrap().is_empty());
    for claim in first.iter().chain(&again) {
        store.settle(claim, &Verdict::Sent).await.unwrap();
    }
    assert_eq!(pending(store).await, 0);
}

async fn a_claim_that_is_over_changes_nothing_but_that_it_was_sent(store: &dyn Store) {
    apply(store, &register(Uuid::new_v4())).await;
    let slow = claim(store, NONE).await.remove(0);
    let next = claim(store, LONG).await.remove(0);
    let failed = Verdict::Failed { reason: "refused: 550".to_owned() };
    for verdict in [retry(Utc::now()), failed.clone(), Verdict::Cancelled] {
        store.settle(&slow, &verdict).await.unwrap();
        assert_eq!(pending(store).await, 1, "{verdict:?}");
        assert!(claim(store, LONG).await.is_empty(), "{verdict:?} by the first takes it from the second");
    }
    store.settle(&slow, &Verdict::Sent).await.unwrap();
    assert_eq!(pending(store).await, 0);
    store.settle(&next, &failed).await.unwrap();
    store.settle(&next, &retry(Utc::now())).await.unwrap();
    assert!(claim(store, LONG).await.is_empty());
}

async fn failed_mails_come_back_when_they_are_due(store: &dyn Store) {
    apply(store, &register(Uuid::new_v4())).await;
    let first = claim(store, LONG).await.remove(0);
    store.settle(&first, &retry(Utc::now() + TimeDelta::hours(1))).await.unwrap();
    assert!(claim(store, LONG).await.is_empty(), "not due");
    assert_eq!(pending(store).await, 1);
    store.settle(&first, &retry(Utc::now() - TimeDelta::seconds(1))).await.unwrap();
    let second = claim(store, LONG).await.remove(0);
    assert_eq!((second.id, second.attempts, second.queued_at), (first.id, 2, first.queued_at));
    store.settle(&second, &Verdict::Expired { reason: "given up".to_owned() }).await.unwrap();
    assert_eq!(pending(store).await, 0);
}

async fn old_things_are_removed(store: &dyn Store) {
    let (user, settled) = (Uuid::new_v4(), event());
    store.apply(&settled, &register(user)).await.unwrap();
    drain(store).await;
    apply(store, &tell(user)).await;
    assert_eq!(store.purge(Utc::now() - TimeDelta::hours(1)).await.unwrap(), 0, "all of it is young");
    assert!(store.purge(Utc::now() + TimeDelta::seconds(1)).await.unwrap() >= 2);
    assert_eq!(pending(store).await, 1, "what waits is never removed");
    assert_eq!(store.apply(&settled, &register(user)).await.unwrap(), Applied::Obsolete, "recipients are kept");
    assert_eq!(drain(store).await.len(), 1);
}

async fn replicas_share_the_work(replicas: &Replicas) {
    let stores = &replicas.stores;
    for _ in 0..40 {
        apply(&*stores[0], &register(Uuid::new_v4())).await;
    }
    let workers = [0, 1, 0, 1].map(|which: usize| {
        let store = Arc::clone(&stores[which]);
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claims = store.claim(3, LONG).await.unwrap();
                if claims.is_empty() {
                    return mine;
                }
                for claim in claims {
                    store.settle(&claim, &Verdict::Sent).await.unwrap();
                    mine.push(claim.id);
                }
            }
        })
    });
    let mut sent = Vec::new();
    for worker in workers {
        sent.extend(worker.await.unwrap());
    }
    // On Postgres a worker may find all rows locked and leave early; the rest is nobody's yet.
    sent.extend(drain(&*stores[0]).await.iter().map(|claim| claim.id));
    let distinct: HashSet<_> = sent.iter().collect();
    assert_eq!((sent.len(), distinct.len()), (40, 40), "each mail once");
}

async fn racing_deliveries_have_one_effect(replicas: &Replicas) {
    let stores = &replicas.stores;
    for _ in 0..20 {
        let (user, event) = (Uuid::new_v4(), event());
        let racers = [0, 1, 0, 1].map(|which: usize| {
            let (store, event) = (Arc::clone(&stores[which]), event.clone());
            tokio::spawn(async move { store.apply(&event, &register(user)).await.unwrap() })
        });
        let mut queued = 0;
        for racer in racers {
            queued += u8::from(racer.await.unwrap() == Applied::Queued);
        }
        assert_eq!(queued, 1);
    }
    assert_eq!(drain(&*stores[0]).await.len(), 20);
}

async fn racing_deletions_leave_nothing_to_send(replicas: &Replicas) {
    let stores = &replicas.stores;
    for _ in 0..20 {
        let user = Uuid::new_v4();
        apply(&*stores[0], &register(user)).await;
        let (teller, deleter) = (Arc::clone(&stores[0]), Arc::clone(&stores[1]));
        let teller = tokio::spawn(async move { teller.apply(&event(), &tell(user)).await.unwrap() });
        let deleter = tokio::spawn(async move { deleter.apply(&event(), &Effect::Forget { user }).await.unwrap() });
        teller.await.unwrap();
        deleter.await.unwrap();
        for claim in claim(&*stores[0], LONG).await {
            assert_eq!(claim.recipient, None, "a mail that slipped in has no address to go to");
            stores[0].settle(&claim, &Verdict::Cancelled).await.unwrap();
        }
    }
    assert_eq!(pending(&*stores[0]).await, 0);
}
