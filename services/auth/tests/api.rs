//! Auth as a black box over a real socket, its user service faked.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "support/service.rs"]
mod service;
#[path = "support/user_service.rs"]
mod user_service;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use backends::eventually;
use chassis::{Actor, Kind, StartError};
use contracts::user::v1::{Role, User};
use futures_util::future::join_all;
use service::{EMAIL, PASSWORD, Service, problem};
use tonic::Code;
use tonic_types::StatusExt;
use user_service::FakeUsers;
use uuid::Uuid;

#[tokio::test]
async fn a_registered_user_signs_in_and_the_key_set_verifies_the_token() {
    let service = Service::start("").await;
    service.register("  Ada@Example.COM ", PASSWORD).await.unwrap();
    let tokens = service.login(EMAIL, PASSWORD).await.unwrap();
    assert_eq!(tokens.expires_in, 900);
    let claims = service.claims(&tokens.access_token).await;
    let user = service.users.all().remove(0);
    assert_eq!((user.email.as_str(), user.name.as_str(), user.role()), (EMAIL, "Ada", Role::User));
    assert_eq!(claims["sub"], user.id);
    assert_eq!(claims["role"], "user");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    assert!(Uuid::try_parse(claims["jti"].as_str().unwrap()).is_ok());
    assert_eq!(service.metric("auth_logins_total{outcome=\"success\"}"), 1.0);
}

#[tokio::test]
async fn the_key_set_holds_public_keys_only() {
    let set: serde_json::Value = serde_json::from_str(&Service::start("").await.jwks().await).unwrap();
    let key = set["keys"][0].as_object().unwrap();
    let mut names: Vec<_> = key.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
    assert_eq!((key["kty"].as_str(), key["crv"].as_str()), (Some("OKP"), Some("Ed25519")));
    assert_eq!((key["alg"].as_str(), key["use"].as_str()), (Some("EdDSA"), Some("sig")));
}

#[tokio::test]
async fn a_known_address_is_neither_revealed_nor_touched() {
    let service = Service::start("").await;
    service.register(EMAIL, PASSWORD).await.unwrap();
    let before = service.hashes();
    service.register(EMAIL, "another password").await.unwrap();
    assert_eq!(service.hashes() - before, 1.0, "the same work as for a new address");
    assert_eq!(service.users.creates(), 2, "the same steps as for a new address");
    assert_eq!(service.users.all().len(), 1);
    service.login(EMAIL, PASSWORD).await.unwrap();
    assert_eq!(service.login(EMAIL, "another password").await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(service.metric("auth_registrations_total{outcome=\"created\"}"), 1.0);
    assert_eq!(service.metric("auth_registrations_total{outcome=\"known\"}"), 1.0);
}

#[tokio::test]
async fn every_broken_rule_is_reported_at_once() {
    let service = Service::start("").await;
    let status = service.register("nobody", "short").await.unwrap_err();
    let found = problem(&status);
    assert_eq!((status.code(), found.code.as_ref()), (Code::InvalidArgument, "validation_failed"));
    let fields: Vec<_> = found.fields.iter().map(|field| field.field.as_str()).collect();
    assert_eq!(fields, ["email", "password"]);
    assert_eq!(service.hashes(), 0.0);
}

#[tokio::test]
async fn nobody_learns_whether_an_address_is_known() {
    let service = Service::start("").await;
    service.register(EMAIL, PASSWORD).await.unwrap();
    service.users.fail_next_create();
    service.register("pending@example.com", PASSWORD).await.unwrap_err();
    let mut answers = Vec::new();
    for (email, password) in [
        (EMAIL, "wrong password"),
        ("nobody@example.com", PASSWORD),
        ("pending@example.com", PASSWORD),
        ("not an address", PASSWORD),
    ] {
        let before = service.hashes();
        let status = service.login(email, password).await.unwrap_err();
        answers.push((status.code(), status.message().to_owned(), problem(&status), service.hashes() - before));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let (code, _, problem, hashes) = &answers[0];
    assert_eq!((*code, problem.code.as_ref(), *hashes), (Code::Unauthenticated, "invalid_credentials", 1.0));
    assert_eq!(service.metric("auth_logins_total{outcome=\"refused\"}"), 4.0);
}

#[tokio::test]
async fn a_registration_that_failed_half_way_is_completed_by_the_next_one() {
    let service = Service::start("").await;
    for fail in [FakeUsers::fail_next_create, FakeUsers::lose_next_create] {
        fail(&service.users);
        let status = service.register(EMAIL, "first attempt").await.unwrap_err();
        let found = problem(&status);
        assert_eq!((found.kind, found.code.as_ref()), (Kind::Unavailable, "registration_unfinished"));
        assert!(found.retry_after.is_some());
        assert_eq!(service.login(EMAIL, "first attempt").await.unwrap_err().code(), Code::Unauthenticated);
    }
    service.users.down(true);
    assert_eq!(service.register(EMAIL, PASSWORD).await.unwrap_err().code(), Code::Unavailable);
    service.users.down(false);
    service.register(EMAIL, PASSWORD).await.unwrap();
    assert_eq!(service.users.all().len(), 1);
    service.login(EMAIL, PASSWORD).await.unwrap();
    assert_eq!(service.metric("auth_registrations_total{outcome=\"failed\"}"), 3.0);
}

#[tokio::test]
async fn parallel_registrations_make_one_account() {
    let service = Service::start("").await;
    let outcomes = join_all((0..8).map(|_| service.register(EMAIL, PASSWORD))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(service.users.all().len(), 1);
    service.login(EMAIL, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn what_nobody_completes_is_rolled_back() {
    let service = Service::start("[registration]\npending_ttl_s = 1\nsweep_interval_s = 1").await;
    service.users.lose_next_create();
    service.register(EMAIL, PASSWORD).await.unwrap_err();
    let first = service.users.all().remove(0).id;
    eventually("the profile is deleted", async || service.users.all().is_empty()).await;
    service.register(EMAIL, PASSWORD).await.unwrap();
    assert_ne!(service.users.all().remove(0).id, first);
    service.login(EMAIL, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn an_address_held_under_another_id_looks_like_any_other() {
    let service = Service::start("").await;
    service.users.put(User { id: Uuid::now_v7().to_string(), email: EMAIL.into(), ..User::default() });
    service.register(EMAIL, PASSWORD).await.unwrap();
    assert_eq!(service.login(EMAIL, PASSWORD).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(service.metric("auth_registrations_total{outcome=\"known\"}"), 1.0);
    service.users.clear();
    service.signed_in().await; // the claim was withdrawn
    assert_eq!(service.metric("auth_registrations_total{outcome=\"created\"}"), 1.0);
}

#[tokio::test]
async fn a_deleted_user_cannot_sign_in_and_its_old_password_never_opens_a_new_account() {
    let service = Service::start("").await;
    let tokens = service.signed_in().await;
    let first = service.users.all().remove(0).id;
    service.users.clear();
    service.register(EMAIL, "another password").await.unwrap();
    let second = service.users.all().remove(0).id;
    assert_ne!(first, second);
    assert_eq!(service.users.all().len(), 1);
    assert_eq!(service.login(EMAIL, PASSWORD).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(service.refresh(&tokens.refresh_token).await.unwrap_err().code(), Code::Unauthenticated);
    service.login(EMAIL, "another password").await.unwrap();

    service.users.clear();
    let status = service.login(EMAIL, "another password").await.unwrap_err();
    assert_eq!(problem(&status).code, "invalid_credentials");
    assert!(!service.delete(Actor::Service, &second).await.unwrap(), "the orphan is gone already");
}

#[tokio::test]
async fn a_refresh_spends_the_token_and_a_second_use_ends_the_session() {
    let service = Service::start("").await;
    let first = service.signed_in().await;
    let second = service.refresh(&first.refresh_token).await.unwrap();
    assert_ne!(first.refresh_token, second.refresh_token);
    service.claims(&second.access_token).await;
    let third = service.refresh(&second.refresh_token).await.unwrap();

    let reused = service.refresh(&first.refresh_token).await.unwrap_err();
    assert_eq!((reused.code(), problem(&reused).code.as_ref()), (Code::Unauthenticated, "invalid_refresh_token"));
    for token in [&third.refresh_token, &first.refresh_token, "unknown", &"x".repeat(43)] {
        let refused = service.refresh(token).await.unwrap_err();
        assert_eq!(problem(&refused), problem(&reused), "no difference for clients");
    }
    assert_eq!(service.metric("auth_refreshes_total{outcome=\"success\"}"), 2.0);
    assert_eq!(service.metric("auth_refreshes_total{outcome=\"reused\"}"), 1.0);
    assert_eq!(service.metric("auth_refreshes_total{outcome=\"refused\"}"), 4.0);
    service.login(EMAIL, PASSWORD).await.unwrap(); // other sessions go on
}

#[tokio::test]
async fn of_parallel_refreshes_one_wins() {
    let service = Service::start("").await;
    let tokens = service.signed_in().await;
    let outcomes = join_all((0..24).map(|_| service.refresh(&tokens.refresh_token))).await;
    let winners: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(winners.len(), 1);
    assert!(outcomes.iter().filter_map(|o| o.as_ref().err()).all(|s| s.code() == Code::Unauthenticated));
    // Strict: the losers are reuse, and nobody knows who was first.
    assert!(service.refresh(&winners[0].refresh_token).await.is_err());
}

#[tokio::test]
async fn a_reuse_is_a_security_event_and_no_secret_is_ever_logged() {
    let service = Service::start("[telemetry]\nlog_level = \"debug\"").await;
    let tokens = service.signed_in().await;
    let next = service.refresh(&tokens.refresh_token).await.unwrap();
    service.refresh(&tokens.refresh_token).await.unwrap_err();
    let user = service.users.all().remove(0).id;
    service.running.flush().await;
    let records = service.records();
    let events: Vec<_> = records
        .iter()
        .filter(|record| record["message"] == "refresh token reused, session revoked")
        .filter(|record| record["fields"]["user.id"] == user)
        .collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["level"], "WARN");
    assert!(Uuid::try_parse(events[0]["fields"]["session.id"].as_str().unwrap()).is_ok());

    assert!(records.iter().any(|record| record["name"] == "auth.v1.AuthService/Login"), "spans are looked at too");
    let all = serde_json::to_string(&records).unwrap() + &service.running.metrics();
    for secret in [EMAIL, PASSWORD, &tokens.refresh_token, &next.refresh_token, &next.access_token, "argon2id"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_session_ends_however_often_it_is_refreshed() {
    let service = Service::start("[token]\nrefresh_ttl_s = 1").await;
    let tokens = service.signed_in().await;
    let tokens = Mutex::new(service.refresh(&tokens.refresh_token).await.unwrap());
    eventually("it ends", async || {
        let current = tokens.lock().unwrap().refresh_token.clone();
        match service.refresh(&current).await {
            Ok(next) => {
                *tokens.lock().unwrap() = next;
                false
            }
            Err(status) => status.code() == Code::Unauthenticated,
        }
    })
    .await;
    assert_eq!(service.metric("auth_refreshes_total{outcome=\"reused\"}"), 0.0);
}

#[tokio::test]
async fn a_token_that_is_not_used_expires() {
    let service = Service::start("[token]\nrefresh_idle_s = 1").await;
    let used = service.signed_in().await;
    service.refresh(&used.refresh_token).await.unwrap();
    let unused = service.login(EMAIL, PASSWORD).await.unwrap();
    let issued = Instant::now();
    eventually("its second passes", async || issued.elapsed() > Duration::from_secs(1)).await;
    assert_eq!(service.refresh(&unused.refresh_token).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn an_outage_of_the_user_service_spends_no_token() {
    let service = Service::start("").await;
    let tokens = service.signed_in().await;
    service.users.down(true);
    assert_eq!(service.refresh(&tokens.refresh_token).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(service.login(EMAIL, PASSWORD).await.unwrap_err().code(), Code::Unavailable);
    service.users.down(false);
    service.refresh(&tokens.refresh_token).await.unwrap();
    assert_eq!(service.metric("auth_refreshes_total{outcome=\"failed\"}"), 1.0);
    assert_eq!(service.metric("auth_logins_total{outcome=\"failed\"}"), 1.0);
}

#[tokio::test]
async fn a_refresh_brings_the_role_of_now() {
    let service = Service::start("").await;
    let tokens = service.signed_in().await;
    let user = service.users.all().remove(0);
    service.users.put(User { role: Role::Admin.into(), ..user });
    let tokens = service.refresh(&tokens.refresh_token).await.unwrap();
    assert_eq!(service.claims(&tokens.access_token).await["role"], "admin");
    service.users.clear();
    let status = service.refresh(&tokens.refresh_token).await.unwrap_err();
    assert_eq!(problem(&status).code, "invalid_refresh_token");
}

#[tokio::test]
async fn a_logout_ends_its_session_only() {
    let service = Service::start("").await;
    let (one, other) = (service.signed_in().await, service.login(EMAIL, PASSWORD).await.unwrap());
    service.logout(&one.refresh_token).await.unwrap();
    assert_eq!(service.refresh(&one.refresh_token).await.unwrap_err().code(), Code::Unauthenticated);
    service.refresh(&other.refresh_token).await.unwrap();
    for token in ["", "unknown", &one.refresh_token] {
        service.logout(token).await.unwrap();
    }
}

#[tokio::test]
async fn a_full_password_pool_says_when_to_come_back() {
    let service = Service::start("[password]\nmemory_kib = 19456\niterations = 10\nqueue = 1\nwait_ms = 1").await;
    let outcomes = join_all((0..8).map(|_| service.login(EMAIL, PASSWORD))).await;
    let statuses: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap_err()).collect();
    let (busy, served): (Vec<_>, Vec<_>) = statuses.iter().partition(|s| s.code() == Code::ResourceExhausted);
    assert!(served.iter().all(|status| status.code() == Code::Unauthenticated), "{served:?}");
    let status = busy.first().expect("somebody was turned away");
    assert_eq!((problem(status).kind, problem(status).code.as_ref()), (Kind::Overloaded, "password_pool_full"));
    let retry = status.get_details_retry_info().and_then(|info| info.retry_delay);
    assert_eq!(retry.map(|delay| delay.as_secs()), Some(1));
    let busy = busy.len() as f64;
    assert_eq!(service.metric("password_pool_rejections_total"), busy);
    assert_eq!(service.metric("auth_logins_total{outcome=\"busy\"}"), busy);
    assert_eq!((service.metric("password_pool_active"), service.metric("password_pool_queued")), (0.0, 0.0));
}

#[tokio::test]
async fn credentials_are_deleted_by_their_user_admins_and_services() {
    let service = Service::start("").await;
    let (other, admin) = (Actor::User(Uuid::now_v7()), Actor::Admin(Uuid::now_v7()));
    let tokens = service.signed_in().await;
    let id = service.users.all().remove(0).id;
    let code = |outcome: Result<bool, tonic::Status>| outcome.unwrap_err().code();
    assert_eq!(code(service.delete(Actor::Anonymous, &id).await), Code::Unauthenticated);
    assert_eq!(code(service.delete(other, &id).await), Code::NotFound);
    assert_eq!(code(service.delete(admin, "7").await), Code::InvalidArgument);
    let own = Actor::User(Uuid::try_parse(&id).unwrap());
    assert!(service.delete(own, &id).await.unwrap());
    for actor in [own, admin, Actor::Service] {
        assert!(!service.delete(actor, &id).await.unwrap(), "nothing is left");
    }
    assert_eq!(service.login(EMAIL, PASSWORD).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(service.refresh(&tokens.refresh_token).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_stronger_cost_reaches_old_passwords_at_their_next_login() {
    let service = Service::start("").await;
    service.register(EMAIL, PASSWORD).await.unwrap();
    let service = service.restart("[password]\niterations = 2").await;
    service.login(EMAIL, PASSWORD).await.unwrap();
    assert_eq!(service.hashes(), 2.0, "one to verify, one to replace");
    service.login(EMAIL, PASSWORD).await.unwrap();
    assert_eq!(service.hashes(), 3.0, "strong enough now");
}

#[tokio::test]
async fn keys_and_sessions_survive_a_restart() {
    let service = Service::start("").await;
    let tokens = service.signed_in().await;
    let service = service.restart("").await;
    service.claims(&tokens.access_token).await;
    service.refresh(&tokens.refresh_token).await.unwrap();
}

#[tokio::test]
async fn keys_rotate_while_tokens_stay_valid() {
    let token = "key_rotation_s = 2\nkey_overlap_s = 1\nkey_check_interval_s = 1";
    let service = Service::start(&format!("[token]\n{token}")).await;
    let tokens = service.signed_in().await;
    let expiry = || service.metric("auth_signing_key_expiry_timestamp_seconds");
    let first = expiry();
    let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    eventually("another key signs", async || {
        let newer = service.login(EMAIL, PASSWORD).await.unwrap();
        service.claims(&newer.access_token).await;
        kid(&newer.access_token) != kid(&tokens.access_token)
    })
    .await;
    service.claims(&tokens.access_token).await;
    eventually("the time of the newer key shows", async || expiry() >= first + 2.0).await;
}

const BOOTSTRAP: &str = r#"
    [bootstrap]
    admin_email = "root@example.com"
    admin_password = "a very long secret"
"#;

#[tokio::test]
async fn the_bootstrap_admin_waits_for_the_user_service_and_is_made_once() {
    let users = FakeUsers::default();
    users.down(true);
    let service = Service::start_with(users, BOOTSTRAP).await;
    eventually("it tried", async || service.hashes() >= 1.0).await;
    assert!(service.login("root@example.com", "a very long secret").await.is_err());
    service.users.down(false);
    eventually("it signs in", async || service.login("root@example.com", "a very long secret").await.is_ok()).await;
    let tokens = service.login("root@example.com", "a very long secret").await.unwrap();
    assert_eq!(service.claims(&tokens.access_token).await["role"], "admin");

    let creates = service.users.creates();
    let service = service.restart(BOOTSTRAP).await;
    eventually("it looked", async || service.users.creates() > creates).await;
    assert_eq!(service.users.all().len(), 1);
    service.login("root@example.com", "a very long secret").await.unwrap();
}

#[tokio::test]
async fn the_bootstrap_leaves_an_account_of_somebody_else_alone() {
    let service = Service::start("").await;
    service.register("root@example.com", PASSWORD).await.unwrap();
    let service = service.restart(BOOTSTRAP).await;
    eventually("it looked", async || service.users.creates() == 2).await;
    let tokens = service.login("root@example.com", PASSWORD).await.unwrap();
    assert_eq!(service.claims(&tokens.access_token).await["role"], "user");
    assert!(service.login("root@example.com", "a very long secret").await.is_err());
}

#[tokio::test]
async fn a_stranger_cannot_take_over_a_pending_admin() {
    let users = FakeUsers::default();
    users.down(true);
    let service = Service::start_with(users, BOOTSTRAP).await;
    // Each attempt hashes before it claims, so a second hash means a first claim.
    eventually("the admin is claimed", async || service.hashes() >= 2.0).await;
    service.users.down(false);
    service.register("root@example.com", "password of a stranger").await.unwrap();
    assert!(service.login("root@example.com", "password of a stranger").await.is_err());
    eventually("it signs in", async || service.login("root@example.com", "a very long secret").await.is_ok()).await;
}

#[tokio::test]
async fn a_senseless_configuration_names_its_key() {
    let folder = tempfile::tempdir().unwrap();
    for (overrides, wanted) in [
        ("[password]\nmemory_kib = 1", "password.memory_kib"),
        ("[user]\nurl = \"nowhere\"", "user.url"),
        ("[bootstrap]\nadmin_email = \"root@example.com\"", "bootstrap.admin_password"),
    ] {
        match service::start(&folder, "http://127.0.0.1:1", overrides).await {
            Err(error @ (StartError::Invalid { .. } | StartError::Config(_))) => {
                let error = error.to_string();
                assert!(error.contains(&format!("`{wanted}`")), "{error}");
            }
            Err(other) => panic!("unexpected: {other}"),
            Ok(_) => panic!("`{wanted}` was accepted"),
        }
    }
}
