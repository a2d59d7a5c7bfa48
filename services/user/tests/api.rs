//! The service as its callers see it: over a socket, every method, every role, every outcome.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[path = "api/support.rs"]
mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use chassis::{Actor, Kind};
use contracts::user::v1::{CreateUserRequest, Role, User};
use support::{Answer, Service, assert_fields, assert_refused, signed_in, some_admin, wanted};
use uuid::Uuid;

const NO_UUID: &str = "not-a-uuid";

#[tokio::test]
async fn each_caller_may_do_exactly_what_it_should() {
    const METHODS: [&str; 6] = ["create", "get", "list", "update", "set_role", "delete"];
    const DENIED: &str = "permission_denied";
    const NOBODY: &str = "unauthenticated";
    const HIDDEN: &str = "user_not_found";
    let service = Service::start().await;
    service.stored(Role::Admin).await; // so that nobody below is the last one
    let stranger = Actor::User(Uuid::new_v4());
    #[rustfmt::skip]
    let table: [(&str, Option<Actor>, [&str; 6]); 5] = [
        ("nobody",   Some(Actor::Anonymous), [DENIED, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY]),
        ("stranger", Some(stranger),         [DENIED, HIDDEN, DENIED, HIDDEN, DENIED, DENIED]),
        ("self",     None,                   [DENIED, "ok",   DENIED, "ok",   DENIED, DENIED]),
        ("admin",    Some(some_admin()),     [DENIED, "ok",   "ok",   "ok",   "ok",   "ok"]),
        ("service",  Some(Actor::Service),   ["ok",   "ok",   DENIED, DENIED, DENIED, "ok"]),
    ];
    for (caller, actor, expected) in table {
        let target = service.stored(Role::User).await;
        let actor = actor.unwrap_or(signed_in(&target));
        for (method, expected) in METHODS.into_iter().zip(expected) {
            let outcome = attempt(&service, method, actor, &target).await;
            assert_eq!(outcome, expected, "{method} by {caller}");
        }
        let survives = expected[5] != "ok";
        assert_eq!(service.get(Actor::Service, &target.id).await.is_ok(), survives, "{caller}");
    }
}

/// `ok` or the code of the refusal.
async fn attempt(service: &Service, method: &str, actor: Actor, target: &User) -> String {
    let id = target.id.as_str();
    let new = Uuid::new_v4();
    let outcome = match method {
        "create" => service.create(actor, wanted(new, &format!("{new}@example.com"), Role::User)).await.map(drop),
        "get" => service.get(actor, id).await.map(drop),
        "list" => service.list(actor, 0, "").await.map(drop),
        "update" => service.update(actor, id, "Grace").await.map(drop),
        "set_role" => service.set_role(actor, id, Role::Admin.into()).await.map(drop),
        _ => service.delete(actor, id).await,
    };
    outcome.map_or_else(|problem| problem.code.into_owned(), |()| "ok".to_owned())
}

#[tokio::test]
async fn creating_answers_what_is_stored_and_is_idempotent() {
    let service = Service::start().await;
    let id = Uuid::new_v4();
    let asked = CreateUserRequest { name: "  Ada \n".to_owned(), ..wanted(id, "ada@example.com", Role::Admin) };
    let before = now_ms();
    let first = service.create(Actor::Service, asked).await.unwrap();
    let user = first.user.unwrap();
    assert!(first.created);
    assert_eq!(
        (user.id.as_str(), user.email.as_str(), user.name.as_str()),
        (&*id.to_string(), "ada@example.com", "Ada")
    );
    assert_eq!((user.role(), user.created_at_ms), (Role::Admin, user.updated_at_ms));
    assert!((before..=now_ms()).contains(&user.created_at_ms), "{user:?}");
    let again = service.create(Actor::Service, wanted(id, "other@example.com", Role::User)).await.unwrap();
    assert_eq!((again.created, again.user), (false, Some(user.clone())));
    assert_eq!(service.get(Actor::Service, &user.id).await.unwrap(), user);
}

#[tokio::test]
async fn creating_refuses_a_taken_address_and_bad_fields() {
    let service = Service::start().await;
    let user = service.stored(Role::User).await;
    let rival = wanted(Uuid::new_v4(), &user.email, Role::User);
    assert_refused(service.create(Actor::Service, rival).await, Kind::AlreadyExists, "email_taken");
    let good = wanted(Uuid::new_v4(), "ada@example.com", Role::User);
    let nothing = CreateUserRequest::default();
    assert_fields(service.create(Actor::Service, nothing).await, &["id", "email", "name", "role"]);
    for email in ["", "ada", "Ada@example.com", "a@b@c", &format!("{}@example.com", "a".repeat(243))] {
        let bad = CreateUserRequest { email: email.to_owned(), ..good.clone() };
        assert_fields(service.create(Actor::Service, bad).await, &["email"]);
    }
    for name in ["", " ", "A\0da", &"a".repeat(101)] {
        let bad = CreateUserRequest { name: name.to_owned(), ..good.clone() };
        assert_fields(service.create(Actor::Service, bad).await, &["name"]);
    }
    for role in [0, 3, -1] {
        assert_fields(service.create(Actor::Service, CreateUserRequest { role, ..good.clone() }).await, &["role"]);
    }
    assert!(service.create(Actor::Service, good).await.unwrap().created);
}

#[tokio::test]
async fn getting_answers_the_profile() {
    let service = Service::start().await;
    let user = service.stored(Role::User).await;
    for actor in [signed_in(&user), some_admin(), Actor::Service] {
        assert_eq!(service.get(actor, &user.id).await.unwrap(), user);
    }
    let absent = Uuid::new_v4().to_string();
    assert_refused(service.get(some_admin(), &absent).await, Kind::NotFound, "user_not_found");
    assert_fields(service.get(some_admin(), NO_UUID).await, &["id"]);
    // Whether somebody exists cannot be told from the answer to a stranger.
    let stranger = Actor::User(Uuid::new_v4());
    let (existing, missing) = (service.get(stranger, &user.id).await, service.get(stranger, &absent).await);
    assert_eq!(existing, missing);
}

#[tokio::test]
async fn listing_pages_through_everybody_oldest_first() {
    let service = Service::start().await;
    let mut expected = Vec::new();
    for _ in 0..23 {
        expected.push(service.stored(Role::User).await);
    }
    expected.sort_by_key(|user| (user.created_at_ms, user.id.clone()));
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = service.list(some_admin(), 5, &cursor).await.unwrap();
        seen.extend(page.users);
        pages += 1;
        cursor = page.next_page_token;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!((seen, pages), (expected, 5));
    assert_eq!(service.list(some_admin(), 0, "").await.unwrap().users.len(), 20);
    let exact = service.list(some_admin(), 23, "").await.unwrap();
    assert_eq!((exact.users.len(), exact.next_page_token.as_str()), (23, ""));
}

#[tokio::test]
async fn a_listing_goes_on_where_it_was_while_users_come_and_go() {
    let service = Service::start().await;
    for _ in 0..4 {
        service.stored(Role::User).await;
    }
    let first = service.list(some_admin(), 2, "").await.unwrap();
    let expected = service.list(some_admin(), 100, "").await.unwrap().users.split_off(2);
    service.delete(Actor::Service, &first.users[1].id).await.unwrap();
    let second = service.list(some_admin(), 2, &first.next_page_token).await.unwrap();
    assert_eq!(second.users, expected);
}

#[tokio::test]
async fn listing_refuses_bad_sizes_and_cursors() {
    let service = Service::start().await;
    for size in [-1, 101, i32::MAX] {
        assert_fields(service.list(some_admin(), size, "").await, &["page_size"]);
    }
    assert!(service.list(some_admin(), 100, "").await.unwrap().users.is_empty());
    let foreign = chassis::cursor::encode(&"products", &(0, Uuid::nil()));
    let beyond = chassis::cursor::encode(&"users", &(i64::MAX, Uuid::nil()));
    for cursor in ["garbage", &foreign, &beyond] {
        assert_refused(service.list(some_admin(), 0, cursor).await, Kind::InvalidArgument, "invalid_cursor");
    }
}

#[tokio::test]
async fn updating_changes_the_name() {
    let service = Service::start().await;
    let user = service.stored(Role::User).await;
    let own = service.update(signed_in(&user), &user.id, " Grace ").await.unwrap();
    assert!(own.updated_at_ms >= user.updated_at_ms);
    let expected = User { name: "Grace".to_owned(), updated_at_ms: own.updated_at_ms, ..user.clone() };
    assert_eq!(own, expected);
    assert_eq!(service.get(Actor::Service, &user.id).await.unwrap(), own);
    assert_eq!(service.update(some_admin(), &user.id, "Linus").await.unwrap().name, "Linus");
    for name in ["", "\u{7f}x", &"a".repeat(101)] {
        assert_fields(service.update(signed_in(&user), &user.id, name).await, &["name"]);
    }
    assert_fields(service.update(some_admin(), NO_UUID, "Grace").await, &["id"]);
    let absent = Uuid::new_v4().to_string();
    assert_refused(service.update(some_admin(), &absent, "Grace").await, Kind::NotFound, "user_not_found");
}

#[tokio::test]
async fn roles_are_set_but_the_last_admin_stays() {
    let service = Service::start().await;
    let (user, admin) = (service.stored(Role::User).await, service.stored(Role::Admin).await);
    let actor = signed_in(&admin);
    let demoted = service.set_role(actor, &admin.id, Role::User.into()).await;
    assert_refused(demoted, Kind::FailedPrecondition, "last_admin");
    assert_refused(service.delete(actor, &admin.id).await, Kind::FailedPrecondition, "last_admin");
    assert_refused(service.delete(Actor::Service, &admin.id).await, Kind::FailedPrecondition, "last_admin");
    assert_eq!(service.get(actor, &admin.id).await.unwrap(), admin);
    let promoted = service.set_role(actor, &user.id, Role::Admin.into()).await.unwrap();
    assert_eq!(promoted.role(), Role::Admin);
    assert_eq!(service.set_role(actor, &admin.id, Role::User.into()).await.unwrap().role(), Role::User);
    assert_fields(service.set_role(actor, NO_UUID, Role::User.into()).await, &["id"]);
    for role in [0, 3] {
        assert_fields(service.set_role(actor, &user.id, role).await, &["role"]);
    }
    let absent = Uuid::new_v4().to_string();
    assert_refused(service.set_role(actor, &absent, Role::User.into()).await, Kind::NotFound, "user_not_found");
}

#[tokio::test]
async fn admins_who_demote_each_other_leave_one() {
    let service = Service::start().await;
    for _ in 0..10 {
        let (one, other) = (service.stored(Role::Admin).await, service.stored(Role::Admin).await);
        for admin in service.list(some_admin(), 100, "").await.unwrap().users {
            if admin.role() == Role::Admin && admin.id != one.id && admin.id != other.id {
                service.delete(some_admin(), &admin.id).await.unwrap();
            }
        }
        let (first, second) = tokio::join!(
            service.set_role(signed_in(&one), &other.id, Role::User.into()),
            service.set_role(signed_in(&other), &one.id, Role::User.into()),
        );
        assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1, "{first:?} {second:?}");
        let refused = if first.is_err() { first } else { second };
        assert_refused(refused, Kind::FailedPrecondition, "last_admin");
    }
}

#[tokio::test]
async fn deleting_removes_the_profile() {
    let service = Service::start().await;
    for actor in [some_admin(), Actor::Service] {
        let user = service.stored(Role::User).await;
        service.delete(actor, &user.id).await.unwrap();
        assert_refused(service.get(actor, &user.id).await, Kind::NotFound, "user_not_found");
        assert_refused(service.delete(actor, &user.id).await, Kind::NotFound, "user_not_found");
    }
    assert_fields(service.delete(Actor::Service, NO_UUID).await, &["id"]);
}

#[tokio::test]
async fn a_broken_database_is_told_without_its_secrets() {
    let service = Service::start().await;
    let mut database = service.database().await;
    sqlx::query("DROP TABLE users").execute(&mut database).await.unwrap();
    let problem = service.list(some_admin(), 0, "").await.unwrap_err();
    assert_eq!((problem.kind, &*problem.code), (Kind::Internal, "internal"));
    assert_eq!(problem.detail, "Something went wrong on our side.");
}

#[tokio::test]
async fn a_locked_database_is_unavailable_and_recovers() {
    let patience = "database.acquire_timeout_ms = 100\ndatabase.statement_timeout_ms = 4000";
    let service = Service::start_with(patience).await;
    let mut database = service.database().await;
    // Past the service: an event to publish would be a third party that wants to write.
    let insert = "INSERT INTO users VALUES ($1, 'ada@example.com', 'Ada', 'user', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')";
    let id = Uuid::new_v4();
    sqlx::query(insert).bind(id).execute(&mut database).await.unwrap();
    let user = service.get(Actor::User(id), &id.to_string()).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut database).await.unwrap();
    // One of the two holds the only writer and waits for the lock, so the other gets no connection in time.
    let rename = |name: &'static str| {
        let (service, user) = (service.clone(), user.clone());
        Box::pin(async move { service.update(signed_in(&user), &user.id, name).await })
    };
    let (early, waiting) = first_of(rename("Grace"), rename("Linus")).await;
    sqlx::query("ROLLBACK").execute(&mut database).await.unwrap();
    let problem = early.unwrap_err();
    assert_eq!((problem.kind, problem.retry_after.is_some()), (Kind::Unavailable, true), "{problem:?}");
    assert!(waiting.await.is_ok(), "the one that waited for the lock goes on");
}

async fn first_of<F>(mut one: F, mut other: F) -> (Answer<User>, F)
where
    F: Future<Output = Answer<User>> + Unpin,
{
    tokio::select! {
        answer = &mut one => (answer, other),
        answer = &mut other => (answer, one),
    }
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused() {
    let service = Service::start().await;
    let user = service.stored(Role::User).await;
    let problem = service.update(signed_in(&user), &user.id, &"a".repeat(300_000)).await.unwrap_err();
    assert_eq!(problem.kind, Kind::PayloadTooLarge, "{problem:?}");
}

#[tokio::test]
async fn readiness_looks_at_the_database() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let service = Service::start().await;
    let mut admin = tokio::net::TcpStream::connect(service.admin()).await.unwrap();
    admin.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    admin.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"database\""), "{answer}");
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[tokio::test]
async fn whoever_changes_a_role_is_named_in_the_event() {
    let service = Service::start().await;
    let (admin, user) = (service.stored(Role::Admin).await, service.stored(Role::User).await);
    service.set_role(signed_in(&admin), &user.id, Role::Admin.into()).await.unwrap();
    let mut database = service.database().await;
    let select = "SELECT payload FROM outbox WHERE type = 'user.role_changed'";
    let payloads: Vec<(String,)> = sqlx::query_as(select).fetch_all(&mut database).await.unwrap();
    let [(payload,)] = &payloads[..] else { panic!("one event was expected: {payloads:?}") };
    let facts: serde_json::Value = serde_json::from_str(payload).unwrap();
    assert_eq!((facts["user_id"].as_str(), facts["changed_by"].as_str()), (Some(&*user.id), Some(&*admin.id)));
}
