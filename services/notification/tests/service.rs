//! The service as its host and its operators see it: start, admin port, metrics, traces, and what survives a crash.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code, reason = "tests")]

#[path = "support/service.rs"]
mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use backends::eventually;
use chassis::config::Layers;
use chassis::{HostOptions, start};
use messaging::Envelope;
use notification::SPEC;
use serde_json::{Value, json};
use support::{Service, about, deleted, get, product, registered, role_changed};
use telemetry::catalogue;
use telemetry::exposition::{Exposition, Labels};
use uuid::Uuid;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CAUSE: &str = "00f067aa0ba902b7";

/// The event as if a recorded request had caused it.
fn caused(event: &Envelope) -> Envelope {
    let mut value: Value = serde_json::from_slice(&event.encode()).unwrap();
    value["traceparent"] = json!(format!("00-{TRACE}-{CAUSE}-01"));
    Envelope::decode(value.to_string().as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_port_tells_that_it_is_ready_and_what_it_is() {
    let service = Service::start("").await;
    // It is ready without the broker, so consumers may still be starting when it first says so.
    let checks = json!([{ "name": "database" }, { "name": "broker", "degrades": true }]);
    eventually("a ready service without a fault", || async {
        let (code, report) = service.admin(chassis::paths::READYZ).await;
        let report: Value = serde_json::from_str(&report).unwrap();
        let well = code == 200 && report["ready"] == json!(true) && report["checks"] == checks;
        if well { Ok(()) } else { Err(report) }
    })
    .await;
    assert_eq!(service.admin(chassis::paths::LIVEZ).await.0, 200);
    assert_eq!(service.running().name(), "notification");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_it_is_ready_but_says_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let overrides = format!(
        r#"
        admin.address = "127.0.0.1:0"
        broker.url = "amqp://guest:secret@127.0.0.1:{}/%2f"
        database.url = "sqlite:{folder}/notification.db"
        mail.folder = "{folder}/mail"
        "#,
        nobody.local_addr().unwrap().port(),
        folder = folder.path().display(),
    );
    drop(nobody);
    let layers = Layers::new(SPEC.name, SPEC.defaults).unwrap().table("test", overrides.parse().unwrap()).unwrap();
    let running = start(&SPEC, &layers, HostOptions::default()).await.unwrap();
    let report = eventually("readiness", || async {
        Some(get(running.address("admin").unwrap(), chassis::paths::READYZ).await).filter(|(code, _)| *code == 200)
    });
    let report: Value = serde_json::from_str(&report.await.1).unwrap();
    let lacks = "receiving nothing from notification.user, notification.auth, notification.product";
    assert_eq!(report["checks"][1], json!({ "name": "broker", "degrades": true, "error": lacks }));
    assert!(running.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_at_start_by_its_key() {
    for (more, expected) in [
        ("mail.folder = \"/proc/nowhere\"", "key `mail.folder`: cannot write to `/proc/nowhere`: "),
        ("mail.from = \"nobody\"", "key `mail.from`: is no sender"),
        ("mail.catalogue_to = \"nobody\"", "key `mail.catalogue_to`: is no e-mail address"),
        ("mail.shop = \"\"", "key `mail.shop`: must not be empty"),
        ("mail.lease_s = 1", "key `mail.lease_s`: must be longer than"),
        ("consumer.retry_ms = [5, 5]", "key `consumer.retry_ms`: "),
        ("database.url = \"mysql://x\"", "key `database.url`: "),
    ] {
        let error = Service::prepare("").try_start(more).await.err().expect(more).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let overrides = "broker.url = \"amqp://guest:secret@host:port/\"\nadmin.address = \"127.0.0.1:0\"";
    let layers = Layers::new(SPEC.name, SPEC.defaults).unwrap().table("test", overrides.parse().unwrap()).unwrap();
    let error = start(&SPEC, &layers, HostOptions::default()).await.err().unwrap().to_string();
    assert!(error.starts_with("key `broker.url`: ") && !error.contains("secret"), "{error}");
}

/// The label sets of a series.
fn series(metrics: &Exposition, name: &str) -> BTreeSet<Labels> {
    metrics.named(name).map(|sample| sample.labels.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn series_exist_from_the_start_and_stand_in_the_catalogue() {
    let service = Service::start("mail.catalogue_to = \"catalogue@example.com\"").await;
    let before = Exposition::parse(&service.admin("/metrics").await.1).unwrap();
    for (name, count) in [
        ("mails_total", 6 * 5),
        ("mails_pending", 1),
        ("mails_oldest_pending_age_seconds", 1),
        ("mail_send_duration_seconds_count", 1),
        ("notification_freshness_seconds_count", 7),
    ] {
        assert_eq!(series(&before, name).len(), count, "{name}");
    }
    let bucket = before.value("notification_freshness_seconds_bucket{kind=\"welcome\",le=\"29.5\"}");
    assert_eq!(bucket, Ok(Some(0.0)));
    let user = Uuid::new_v4();
    let events = [registered(user), role_changed(user), product("product.created")];
    service.publish(&events.each_ref()).await;
    for event in &events {
        service.state(event, "sent").await;
    }
    service.publish(&[&deleted(user)]).await;
    service.settled("notification.user", "done", 3.0).await;
    for kind in ["welcome", "role_changed", "product_created", "none"] {
        let fresh = eventually("freshness", || async {
            let count = service.metric("notification_freshness_seconds_count", &[("kind", kind)]);
            (count > 0.5).then_some(count)
        });
        assert!((fresh.await - 1.0).abs() < 0.1, "{kind}");
    }
    let after = Exposition::parse(&service.admin("/metrics").await.1).unwrap();
    assert_eq!(series(&after, "mails_total"), series(&before, "mails_total"), "no series came later");
    for sample in &after.samples {
        let metric = catalogue::metric_of(&sample.name).unwrap_or_else(|| panic!("{}", sample.name));
        for label in sample.labels.keys() {
            assert!(label == "le" || metric.labels.contains(&label.as_str()), "{} carries {label}", sample.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mail_belongs_to_the_trace_of_what_caused_it() {
    let service = Service::start("telemetry.sampling_ratio = 0.0").await;
    let (traced, plain) = (caused(&registered(Uuid::new_v4())), registered(Uuid::new_v4()));
    service.publish(&[&traced, &plain]).await;
    for event in [&traced, &plain] {
        service.state(event, "sent").await;
    }
    service.running().flush().await;
    let span = eventually("the span of the mail", || async {
        let spans = service.records.spans.lock().unwrap();
        spans.iter().find(|span| span.name == "send mail welcome").cloned()
    })
    .await;
    assert_eq!((span.trace_id.as_str(), span.parent_span_id.as_str(), span.kind), (TRACE, CAUSE, "client"));
    let expected = [("mail.kind", "welcome"), ("mail.transport", "file"), ("mail.attempt", "1")];
    for (key, value) in expected {
        assert_eq!(span.attribute(key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(span.attribute("mail.id"), Some(traced.id().to_string()));
    assert!(!span.error);
    let spans = service.records.spans.lock().unwrap();
    assert_eq!(spans.iter().filter(|span| span.name == "send mail welcome").count(), 1, "the other is not recorded");
    let noted = spans.iter().find(|other| other.parent_span_id == span.span_id).unwrap();
    assert_eq!(noted.name, "UPDATE mails sent");
    assert!(spans.iter().any(|span| span.kind == "consumer" && span.trace_id != TRACE), "it has a trace of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_addresses_stay_out_of_logs_spans_and_metrics() {
    let service = Service::start("mail.retry_max_s = 1\nmail.catalogue_to = \"canary@example.com\"").await;
    let user = Uuid::new_v4();
    let facts = json!({ "email": "canary@example.com", "name": "Canary Bird" });
    let welcome = caused(&about("user.registered", user, facts));
    let broken = caused(&about("user.registered", user, json!({ "email": "canary", "name": "Canary Bird" })));
    std::fs::remove_dir_all(service.folder()).unwrap();
    service.publish(&[&welcome, &broken]).await;
    service.dead(&broken.id().to_string()).await;
    eventually("a failed attempt", || async {
        let lines = service.records.lines.lock().unwrap();
        lines.iter().find(|line| line.message == "a mail will be tried again").map(|_| ())
    })
    .await;
    std::fs::create_dir(service.folder()).unwrap();
    service.state(&welcome, "sent").await;
    assert!(service.mail(&welcome).await.contains("Canary Bird"));
    service.running().flush().await;
    let spans = serde_json::to_string(&*service.records.spans.lock().unwrap()).unwrap();
    let lines = serde_json::to_string(&*service.records.lines.lock().unwrap()).unwrap();
    let metrics = service.admin("/metrics").await.1;
    assert!(spans.contains("send mail welcome") && lines.contains("a message was parked"), "{spans} {lines}");
    for text in [spans, lines, metrics] {
        assert!(!text.to_lowercase().contains("canary"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_queued_before_a_kill_is_sent_after_it() {
    let mut service = Service::start("mail.retry_first_ms = 1000\nmail.retry_max_s = 1").await;
    let events = [(); 10].map(|()| registered(Uuid::new_v4()));
    std::fs::remove_dir_all(service.folder()).unwrap();
    service.publish(&events.each_ref()).await;
    service.settled("notification.user", "done", 10.0).await;
    service.kill();
    // The dead left its claims behind; those of a living one last longer than this test.
    service.sql("UPDATE mails SET claimed_until = queued_at").await;
    service.restart("").await;
    for event in &events {
        service.state(event, "sent").await;
    }
    assert_eq!(service.files().len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_sending_and_noting_it_writes_no_second_file() {
    let mut service = Service::start("").await;
    let event = registered(Uuid::new_v4());
    service.publish(&[&event]).await;
    service.state(&event, "sent").await;
    assert!(service.stop().await);
    let path = service.folder().join(format!("{}.eml", event.id()));
    let written = std::fs::metadata(&path).unwrap().modified().unwrap();
    // As it is when the sender died after the file was there: claimed, not settled, and the claim ran out.
    service.sql("UPDATE mails SET state = 'pending', settled_at = NULL, claimed_until = queued_at").await;
    service.restart("").await;
    assert_eq!(service.state(&event, "sent").await.0, 2, "it was taken up again");
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), written);
    assert_eq!(service.files().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_mail_does_not_wait_for_the_next_look() {
    let service = Service::start("mail.poll_ms = 3600000").await;
    for _ in 0..3 {
        let event = registered(Uuid::new_v4());
        service.publish(&[&event]).await;
        let sent = tokio::time::timeout(Duration::from_secs(20), service.state(&event, "sent")).await;
        assert!(sent.is_ok());
    }
}
