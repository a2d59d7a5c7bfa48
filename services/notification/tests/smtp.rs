//! Mails over a real socket: to a server that takes them, refuses them, falls silent, breaks off or is away.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code, reason = "tests")]

#[path = "support/relay.rs"]
mod relay;
#[path = "support/service.rs"]
mod support;

use backends::eventually;
use messaging::Envelope;
use relay::{Behaviour, Relay};
use support::{Service, deleted, registered};
use uuid::Uuid;

/// What the Message-ID header of a mail says.
fn message_id(mail: &str) -> &str {
    mail.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap()
}

async fn mails(relay: &Relay, count: usize) -> Vec<String> {
    eventually(&format!("{count} mails"), || async { Some(relay.mails()).filter(|mails| mails.len() >= count) }).await
}

/// Waits until the mail of an event waits for that reason.
async fn waits_because(service: &Service, event: &Envelope, reason: &str) {
    eventually(reason, || async {
        let row = service.rows().await.remove(&event.id());
        row.filter(|(_, state, _, error)| state == "pending" && error.as_deref() == Some(reason))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_go_out_over_a_connection_that_is_kept() {
    let relay = Relay::start().await;
    let service = Service::start(&relay.toml()).await;
    for count in 1..=3 {
        let user = Uuid::new_v4();
        let event = registered(user);
        service.publish(&[&event]).await;
        assert_eq!(service.state(&event, "sent").await, (1, None));
        let mail = mails(&relay, count).await.remove(count - 1);
        assert_eq!(message_id(&mail), format!("<{}@signalbox.example>", event.id()));
        let lines = relay.lines();
        assert!(lines.contains(&"MAIL FROM:<no-reply@signalbox.example>".to_owned()), "{lines:?}");
        assert!(lines.contains(&format!("RCPT TO:<{user}@example.com>")), "{lines:?}");
        assert!(lines.contains(&"EHLO signalbox.example".to_owned()), "{lines:?}");
    }
    assert_eq!(relay.connections(), 1);
    let sent = service.metric("mails_total", &[("kind", "welcome"), ("outcome", "sent")]);
    assert!((sent - 3.0).abs() < 0.1, "{sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_delays_mails_and_loses_none() {
    let mut relay = Relay::start().await;
    relay.down().await;
    let service = Service::start(&format!("{}mail.retry_max_s = 1", relay.toml())).await;
    let events = [(); 5].map(|()| registered(Uuid::new_v4()));
    service.publish(&events.each_ref()).await;
    for event in &events {
        eventually("two attempts", || async {
            let row = service.rows().await.remove(&event.id());
            row.filter(|(_, state, attempts, error)| {
                let reason = error.as_deref().unwrap_or_default();
                state == "pending" && *attempts >= 2 && reason.starts_with("connection: ")
            })
        })
        .await;
    }
    eventually("the gauges", || async {
        let waiting = service.metric("mails_pending", &[]);
        (waiting > 4.5 && service.metric("mails_oldest_pending_age_seconds", &[]) > 0.0).then_some(())
    })
    .await;
    relay.up().await;
    for event in &events {
        service.state(event, "sent").await;
    }
    let mut ids: Vec<_> = relay.mails().iter().map(|mail| message_id(mail).to_owned()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), relay.mails().len()), (5, 5), "each once");
    assert!(service.metric("mails_total", &[("outcome", "retried")]) >= 10.0);
    assert!(service.metric("mail_send_duration_seconds_count", &[("error_type", "connection")]) >= 10.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_refused_for_good_is_not_tried_again() {
    let relay = Relay::start().await;
    let service = Service::start(&relay.toml()).await;
    let canary = "550 5.1.1 <canary@example.com>: nobody of that name";
    for (behaviour, reason) in [
        (Behaviour::RefuseRecipient(canary), "refused: the server answered 550 5.1.1"),
        (Behaviour::RefuseContents("554 canary looks like spam"), "refused: the server answered 554"),
    ] {
        relay.behave(&[behaviour]);
        let event = registered(Uuid::new_v4());
        service.publish(&[&event]).await;
        assert_eq!(service.state(&event, "failed").await, (1, Some(reason.to_owned())));
    }
    let failed = service.metric("mails_total", &[("outcome", "failed")]);
    assert!((failed - 2.0).abs() < 0.1, "{failed}");
    // The connection was not kept with answers still under way: the next mail has its own.
    let event = registered(Uuid::new_v4());
    service.publish(&[&event]).await;
    service.state(&event, "sent").await;
    assert_eq!(relay.connections(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_deferred_is_tried_again_until_it_is_too_old() {
    let relay = Relay::start().await;
    let more = format!("{}mail.give_up_after_s = 1\nmail.retry_max_s = 1", relay.toml());
    let service = Service::start(&more).await;
    relay.behave(&[Behaviour::RefuseRecipient("450 4.2.1 canary is full"), Behaviour::RefuseContents("451 later")]);
    let lucky = registered(Uuid::new_v4());
    service.publish(&[&lucky]).await;
    assert_eq!(service.state(&lucky, "sent").await, (3, None));
    relay.behave(&[Behaviour::RefuseRecipient("450 4.2.1 canary is full"); 1_000]);
    let unlucky = registered(Uuid::new_v4());
    service.publish(&[&unlucky]).await;
    let (attempts, reason) = service.state(&unlucky, "failed").await;
    assert!(attempts > 3, "{attempts}");
    assert_eq!(reason.as_deref(), Some("given up: deferred: the server answered 450 4.2.1"));
    let expired = service.metric("mails_total", &[("outcome", "expired")]);
    assert!((expired - 1.0).abs() < 0.1, "{expired}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_after_the_contents_brings_the_same_mail_again() {
    let relay = Relay::start().await;
    let service = Service::start(&relay.toml()).await;
    relay.behave(&[Behaviour::Cut]);
    let event = registered(Uuid::new_v4());
    service.publish(&[&event]).await;
    let (attempts, _) = service.state(&event, "sent").await;
    assert_eq!(attempts, 2);
    let mails = relay.mails();
    assert_eq!(mails.len(), 2, "nobody can know whether the first arrived");
    assert_eq!(message_id(&mails[0]), format!("<{}@signalbox.example>", event.id()));
    assert_eq!(mails[0], mails[1], "the same to the byte, so that mailboxes can tell");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_given_up_and_others_are_not_held_up() {
    let relay = Relay::start().await;
    let service = Service::start(&format!("{}mail.attempt_timeout_ms = 300", relay.toml())).await;
    relay.behave(&[Behaviour::Hang]);
    let (slow, quick) = (registered(Uuid::new_v4()), registered(Uuid::new_v4()));
    service.publish(&[&slow]).await;
    mails(&relay, 1).await;
    service.publish(&[&quick]).await;
    service.state(&quick, "sent").await;
    assert_eq!(service.state(&slow, "sent").await.0, 2);
    assert!(service.metric("mail_send_duration_seconds_count", &[("error_type", "timeout")]) > 0.5);
    assert_eq!(relay.mails().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_holds_against_us_is_not_held_against_the_mail() {
    let relay = Relay::start().await;
    relay.greet("554 not today");
    let mut service = Service::start(&format!("{}mail.retry_max_s = 1", relay.toml())).await;
    let event = registered(Uuid::new_v4());
    service.publish(&[&event]).await;
    waits_because(&service, &event, "refused: the server answered 554").await;
    relay.demand("AHNob3AAc2VjcmV0");
    relay.greet("220 come in");
    waits_because(&service, &event, "authentication: the server answered 530 5.7.0").await;
    assert!(service.stop().await);
    service.restart("smtp.username = \"shop\"\nsmtp.password = \"wrong\"").await;
    waits_because(&service, &event, "authentication: the server answered 535 5.7.8").await;
    assert!(service.stop().await);
    service.restart("smtp.username = \"shop\"\nsmtp.password = \"secret\"").await;
    service.state(&event, "sent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_the_mail_in_hand() {
    let relay = Relay::start().await;
    let mut service = Service::start(&relay.toml()).await;
    relay.behave(&[Behaviour::Slow]);
    let (in_hand, next) = (registered(Uuid::new_v4()), registered(Uuid::new_v4()));
    service.publish(&[&in_hand]).await;
    mails(&relay, 1).await;
    let admin = service.running().address("admin").unwrap();
    let stop = async {
        let drained = service.stop().await;
        (drained, service)
    };
    let release = async {
        eventually("the drain", || async { draining(admin).await.then_some(()) }).await;
        relay.release();
    };
    let ((drained, mut service), ()) = tokio::join!(stop, release);
    assert!(drained);
    assert_eq!(service.rows().await[&in_hand.id()].1, "sent");
    assert_eq!(relay.mails().len(), 1);
    service.restart("").await;
    service.publish(&[&next]).await;
    service.state(&next, "sent").await;
    assert_eq!(relay.mails().len(), 2);
}

async fn draining(admin: std::net::SocketAddr) -> bool {
    support::get(admin, chassis::paths::READYZ).await.1.contains("draining")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_cancels_what_waits_for_the_server() {
    let mut relay = Relay::start().await;
    relay.down().await;
    let service = Service::start(&relay.toml()).await;
    let user = Uuid::new_v4();
    let (welcome, gone) = (registered(user), deleted(user));
    service.publish(&[&welcome, &gone]).await;
    service.state(&welcome, "cancelled").await;
    relay.up().await;
    let marker = registered(Uuid::new_v4());
    service.publish(&[&marker]).await;
    service.state(&marker, "sent").await;
    assert_eq!(relay.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn protection_that_cannot_be_had_is_not_done_without() {
    let relay = Relay::start().await;
    let service = Service::prepare(&relay.toml());
    for tls in ["starttls", "implicit"] {
        let outcome = service.try_start(&format!("smtp.tls = \"{tls}\"")).await;
        if cfg!(feature = "tls") {
            drop(outcome.unwrap());
            let service =
                Service::start(&format!("{}smtp.tls = \"{tls}\"\nsmtp.connect_timeout_ms = 300", relay.toml())).await;
            let event = registered(Uuid::new_v4());
            service.publish(&[&event]).await;
            eventually("an attempt", || async {
                let row = service.rows().await.remove(&event.id());
                row.filter(|(_, state, _, error)| state == "pending" && error.is_some())
            })
            .await;
        } else {
            let error = outcome.err().unwrap().to_string();
            assert!(error.starts_with("key `smtp.tls`: this program was built without TLS"), "{error}");
        }
    }
    assert!(!relay.lines().iter().any(|line| line.starts_with("MAIL")), "{:?}", relay.lines());
}
