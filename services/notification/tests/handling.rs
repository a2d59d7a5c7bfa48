//! Events come in at the broker, mails lie in a folder: what each kind of event does, once, in any order.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code, reason = "tests")]

#[path = "support/service.rs"]
mod support;

use contracts::events::CONTRACTS;
use messaging::{Broker, Envelope};
use serde_json::{Value, json};
use support::{Service, about, deleted, product, registered, role_changed, token_reused};
use uuid::Uuid;

const USER: &str = "notification.user";
const AUTH: &str = "notification.auth";
const PRODUCT: &str = "notification.product";

fn subject(mail: &str) -> &str {
    mail.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap()
}

/// Every version there ever was, as its producer published it.
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_all_versions_are_understood() {
    let service = Service::start("mail.catalogue_to = \"catalogue@example.com\"").await;
    let examples = CONTRACTS.iter().map(|contract| Envelope::decode(contract.example.as_bytes()).unwrap());
    let (deleted, others): (Vec<_>, Vec<_>) = examples.partition(|event| event.kind() == "user.deleted");
    let (registered, others): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|event| event.kind() == "user.registered");
    for event in registered.iter().chain(&others) {
        service.publish(&[event]).await;
        assert!(!subject(&service.mail(event).await).is_empty(), "{}", event.kind());
    }
    for event in &deleted {
        service.publish(&[event]).await;
    }
    let mailed = registered.iter().chain(&others).count();
    #[allow(clippy::cast_precision_loss, reason = "a handful")]
    for (queue, kind) in [(USER, "user."), (AUTH, "auth."), (PRODUCT, "product.")] {
        let of_context = CONTRACTS.iter().filter(|contract| contract.kind.starts_with(kind)).count();
        service.settled(queue, "done", of_context as f64).await;
    }
    assert_eq!(service.files().len(), mailed);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_of_a_user_sends_its_mail_to_the_user() {
    let service = Service::start("").await;
    let user = Uuid::new_v4();
    let events = [
        (registered(user), "Welcome to Signalbox"),
        (role_changed(user), "Your role at Signalbox has changed"),
        (token_reused(user), "We signed you out of Signalbox on one device"),
    ];
    for (event, expected) in &events {
        service.publish(&[event]).await;
        let mail = service.mail(event).await;
        assert_eq!(subject(&mail), *expected);
        assert!(mail.contains(&format!("To: \"Ada Lovelace\" <{user}@example.com>\r\n")), "{mail}");
        assert!(mail.contains(&format!("Message-ID: <{}@signalbox.example>\r\n", event.id())), "{mail}");
        assert!(mail.contains("Hello Ada Lovelace,"), "{mail}");
    }
    let text = service.mail(&events[1].0).await;
    assert!(text.contains("it was \"user\" and is \"admin\" now.") && text.contains("2 January 2026, 03:04 UTC"));
    assert_eq!(service.files().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_again_sends_no_second_mail() {
    let service = Service::start("").await;
    let event = registered(Uuid::new_v4());
    service.publish(&[&event, &event]).await;
    service.mail(&event).await;
    service.publish(&[&event]).await;
    service.settled(USER, "done", 3.0).await;
    assert_eq!(service.rows().await.len(), 1);
    // The store alone must be enough: without the file nothing else would stop a second mail.
    std::fs::remove_file(service.folder().join(format!("{}.eml", event.id()))).unwrap();
    service.publish(&[&event]).await;
    service.settled(USER, "done", 4.0).await;
    let marker = registered(Uuid::new_v4());
    service.publish(&[&marker]).await;
    service.mail(&marker).await;
    assert!(!service.files().contains_key(&event.id()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_before_the_registration_waits_for_it() {
    let service = Service::start("consumer.retry_ms = [10, 300, 5000]").await;
    let user = Uuid::new_v4();
    let (early, later) = (token_reused(user), registered(user));
    service.publish(&[&early]).await;
    service.settled(AUTH, "retried", 1.0).await;
    assert!(service.rows().await.is_empty());
    service.publish(&[&later]).await;
    assert!(service.mail(&early).await.contains("We signed you out"));
    service.mail(&later).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_to_somebody_who_never_registers_ends_in_the_dead_letters() {
    let service = Service::start("").await;
    let event = token_reused(Uuid::new_v4());
    service.publish(&[&event]).await;
    let letter = service.dead(&event.id().to_string()).await;
    assert_eq!((letter.reason.as_str(), letter.attempts), ("attempts exhausted: the recipient is not known (yet)", 4));
    assert_eq!(letter.queue, AUTH);
    assert!(service.rows().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_user_is_forgotten_and_gets_nothing_more() {
    // Mails cannot be sent at first, so that there is something to cancel.
    let service = Service::start("mail.retry_first_ms = 3600000\nmail.retry_max_s = 3600").await;
    let user = Uuid::new_v4();
    std::fs::remove_dir_all(service.folder()).unwrap();
    let events = [registered(user), role_changed(user)];
    service.publish(&[&events[0], &events[1]]).await;
    service.settled(USER, "done", 2.0).await;
    assert_eq!(service.recipient(user).await.1, Some(format!("{user}@example.com")));
    let gone = deleted(user);
    service.publish(&[&gone]).await;
    for event in &events {
        service.state(event, "cancelled").await;
    }
    std::fs::create_dir(service.folder()).unwrap();
    // Late, reordered and repeated: none of it brings anybody back.
    service.publish(&[&registered(user), &role_changed(user), &token_reused(user), &events[0], &gone]).await;
    service.settled(USER, "done", 7.0).await;
    service.settled(AUTH, "done", 1.0).await;
    assert_eq!(service.rows().await.len(), 2, "nothing was queued any more");
    assert!(service.files().is_empty());
    for (kind, count) in [("welcome", 1.0), ("role_changed", 1.0), ("session_revoked", 0.0)] {
        assert!(
            (service.metric("mails_total", &[("kind", kind), ("outcome", "cancelled")]) - count).abs() < 0.1,
            "{kind}"
        );
    }
    assert_eq!(service.recipient(user).await, ("forgotten".to_owned(), None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_comes_first_wins() {
    let service = Service::start("").await;
    let user = Uuid::new_v4();
    service.publish(&[&deleted(user), &registered(user), &role_changed(user)]).await;
    service.settled(USER, "done", 3.0).await;
    assert!(service.rows().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn products_are_announced_to_whoever_is_configured() {
    let kinds = [
        ("product.created", "New product: Steel <bottle> (SB-05)"),
        ("product.updated", "Product changed: Steel <bottle> (SB-05)"),
        ("product.deleted", "Product removed: Steel <bottle> (SB-05)"),
    ];
    let service = Service::start("mail.catalogue_to = \"catalogue@example.com\"\nmail.shop = \"Ada's & Co\"").await;
    for (kind, expected) in kinds {
        let event = product(kind);
        service.publish(&[&event]).await;
        let mail = service.mail(&event).await;
        assert_eq!(subject(&mail), expected);
        assert!(mail.contains("To: catalogue@example.com\r\n"), "{mail}");
        assert_eq!(mail.contains("12.50 EUR"), kind != "product.deleted", "{mail}");
        assert!(mail.contains("Steel &lt;bottle&gt;"), "{mail}");
    }
    let nobody = Service::start("").await;
    for (kind, _) in kinds {
        nobody.publish(&[&product(kind)]).await;
    }
    nobody.settled(PRODUCT, "done", 3.0).await;
    assert!(nobody.rows().await.is_empty());
}

/// A message as somebody else might write it.
fn raw(kind: &str, version: u16, payload: &Value) -> (Uuid, Vec<u8>) {
    let id = Uuid::now_v7();
    let event = json!({
        "id": id, "type": kind, "version": version, "occurred_at": "2026-01-02T03:04:05Z", "key": "k",
        "payload": payload,
    });
    (id, event.to_string().into_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_goes_to_the_dead_letters_and_holds_nothing_up() {
    let service = Service::start("mail.catalogue_to = \"catalogue@example.com\"").await;
    let user = Uuid::new_v4();
    let full = json!({ "user_id": user, "email": "canary@example.com", "name": "Ada" });
    let without = |field: &str, value: Value| {
        let mut payload = full.clone();
        payload[field] = value;
        payload
    };
    let cases = [
        (
            USER,
            raw("user.registered", 1, &without("user_id", json!("canary@example.com"))),
            "`payload.user_id` is no UUID",
        ),
        (USER, raw("user.registered", 1, &without("email", Value::Null)), "`payload.email` is missing or no text"),
        (USER, raw("user.registered", 1, &without("email", json!("canary"))), "`payload.email` is no e-mail address"),
        (USER, raw("user.registered", 1, &without("email", json!("canary@x\r\nBcc: a@b"))), "is no e-mail address"),
        (USER, raw("user.registered", 1, &without("name", json!(5))), "`payload.name` is missing or no text"),
        (USER, raw("user.role_changed", 1, &full), "`payload.old_role` is missing"),
        (USER, raw("user.deleted", 1, &json!({})), "`payload.user_id` is missing"),
        (AUTH, raw("auth.refresh_token_reused", 1, &full), "`payload.detected_at` is missing"),
        (PRODUCT, raw("product.created", 1, &full), "`payload.product_id` is missing"),
    ];
    for (queue, (id, body), expected) in &cases {
        service.broker.inject(queue, Some(&id.to_string()), body).unwrap();
        let letter = service.dead(&id.to_string()).await;
        assert!(letter.reason.contains(expected) && letter.reason.contains(&id.to_string()), "{}", letter.reason);
        assert!(!letter.reason.contains("canary"), "{}", letter.reason);
        assert_eq!(letter.attempts, 1, "trying again does not help");
    }
    let (newer, body) = raw("user.registered", 2, &full);
    service.broker.inject(USER, Some(&newer.to_string()), &body).unwrap();
    let letter = service.dead(&newer.to_string()).await;
    assert_eq!(letter.reason, "unsupported version: version 2 is newer than 1");
    service.broker.inject(USER, Some("rubbish"), b"{").unwrap();
    assert!(service.dead("rubbish").await.reason.starts_with("malformed: "));
    let fine = registered(user);
    service.publish(&[&fine]).await;
    service.mail(&fine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn types_that_nobody_asked_for_are_ignored() {
    let service = Service::start("").await;
    let (id, body) = raw("user.renamed", 1, &json!({}));
    service.broker.inject(USER, Some(&id.to_string()), &body).unwrap();
    service.settled(USER, "ignored", 1.0).await;
    let fine = registered(Uuid::new_v4());
    service.publish(&[&fine]).await;
    service.mail(&fine).await;
    assert!(service.broker.dead_letters().list(10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_name_stays_a_name() {
    let service = Service::start("").await;
    let user = Uuid::new_v4();
    let event: Envelope = about(
        "user.registered",
        user,
        json!({ "email": format!("{user}@example.com"), "name": "Ada\r\nBcc: eve@example.com\r\n\r\n<script>" }),
    );
    service.publish(&[&event]).await;
    let mail = service.mail(&event).await;
    assert!(!mail.lines().any(|line| line.starts_with("Bcc:") || line.trim_start().starts_with("<script>")), "{mail}");
    let head = mail.split_once("\r\n\r\n").unwrap().0;
    assert!(head.contains("multipart/alternative"), "{head}");
}
