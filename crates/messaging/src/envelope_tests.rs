//! Events are valid by construction, survive the journey, and say what is wrong with them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chassis::ports::{Clock, SeededRandom, Sleep};
use tokio::time::Instant;

use super::*;

fn event() -> Envelope {
    Envelope::new("user.registered", 1, "user-1", json!({ "email": "ada@example.com" })).expect("valid")
}

fn altered(name: &str, value: Value) -> Result<Envelope, Malformed> {
    let mut json: Value = serde_json::from_slice(&event().encode()).expect("JSON");
    json[name] = value;
    Envelope::decode(json.to_string().as_bytes())
}

#[test]
fn an_event_survives_the_journey() {
    let event = event();
    let back = Envelope::decode(&event.encode()).expect("valid");
    assert_eq!(back.encode(), event.encode());
    assert_eq!((back.id(), back.kind(), back.version(), back.key()), (event.id(), "user.registered", 1, "user-1"));
    assert_eq!(back.occurred_at().timestamp_micros(), event.occurred_at().timestamp_micros());
}

#[test]
fn what_a_later_producer_adds_is_ignored() {
    assert!(altered("colour", json!("red")).is_ok());
}

#[test]
fn each_broken_part_is_named_together_with_the_id() {
    for (name, value) in [
        ("type", json!("registered")),
        ("type", json!("User.Registered")),
        ("type", json!("user..registered")),
        ("type", Value::Null),
        ("version", json!(0)),
        ("version", json!(65_536)),
        ("version", json!("1")),
        ("occurred_at", json!("yesterday")),
        ("key", json!("")),
        ("key", json!("a\nb")),
        ("key", json!("k".repeat(201))),
        ("payload", json!([1])),
    ] {
        let error = altered(name, value.clone()).expect_err("malformed");
        assert!(error.reason.contains(&format!("`{name}`")), "{name} = {value}: {error}");
        assert!(error.id.is_some() && error.to_string().contains(&error.id.expect("id").to_string()));
    }
}

#[test]
fn without_an_id_the_error_says_so() {
    for (text, reason) in [
        ("rubbish", "no JSON"),
        ("{}", "`id` is missing"),
        (r#"{"id": 7}"#, "`id` is no UUID"),
        (r#"{"id": "seven"}"#, "`id` is no UUID"),
    ] {
        let error = Envelope::decode(text.as_bytes()).expect_err("malformed");
        assert!(error.id.is_none() && error.to_string().contains("without a readable id"));
        assert!(error.reason.contains(reason), "{error}");
    }
    let version_4 = altered("id", json!("936da01f-9abd-4d9d-80c7-02af85c822a8")).expect_err("version 4");
    assert!(version_4.reason.contains("version 7"));
}

#[test]
fn size_is_bounded_on_both_ends() {
    let large = Envelope::new("user.registered", 1, "k", json!({ "text": "x".repeat(MAX_BYTES) }));
    assert!(large.expect_err("too large").reason.contains("262144 bytes"));
    let error = Envelope::decode(&vec![b' '; MAX_BYTES + 1]).expect_err("too large");
    assert!(error.reason.contains("at most 262144"));
}

#[test]
fn a_malformed_traceparent_is_absent() {
    let event = altered("traceparent", json!("rubbish")).expect("valid");
    assert!(event.cause().is_none() && event.traceparent().is_none());
    let context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    assert_eq!(altered("traceparent", json!(context)).expect("valid").traceparent(), Some(context));
}

#[test]
fn payloads_are_read_into_types() {
    #[derive(serde::Deserialize)]
    struct Registered {
        email: String,
    }
    assert_eq!(event().read::<Registered>().expect("fits").email, "ada@example.com");
    let error = event().read::<Vec<u8>>().expect_err("does not fit");
    assert!(error.reason.contains("`payload` does not fit"));
}

/// A clock that stands still.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn utc(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_123)
    }

    fn sleep_until(&self, _: Instant) -> Sleep {
        Box::pin(std::future::pending())
    }
}

#[test]
fn id_and_time_come_from_the_ports() {
    let draw = |seed| {
        let ports = Ports { clock: Arc::new(Stopped), random: Arc::new(SeededRandom::new(seed)) };
        [(); 2].map(|()| Envelope::with_ports(&ports, "user.registered", 1, "k", json!({})).expect("valid"))
    };
    let [first, second] = draw(1);
    assert_eq!(first.occurred_at().to_rfc3339(), "2026-01-01T00:00:00.123+00:00");
    let (seconds, nanos) = first.id().get_timestamp().expect("version 7").to_unix();
    assert_eq!((seconds, nanos), (1_767_225_600, 123_000_000));
    assert_ne!(first.id(), second.id());
    assert_eq!(draw(1).map(|event| event.id()), [first.id(), second.id()], "the same seed, the same ids");
    assert_ne!(draw(2)[0].id(), first.id());
}
