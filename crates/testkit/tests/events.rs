//! What a running stack tells its consumers: every kind of event, in the trace of its request, as the schemas say.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use contracts::events::{CONTRACTS, ENVELOPE, contract};
use messaging::{Broker, Consumer, Envelope, Failure, Handler, Subscription};
use serde_json::{Value, json};
use testkit::{Client, TestStack, eventually, value_of};

const PASSWORD: &str = "correct horse battery";

/// Keeps every event it is handed.
#[derive(Default)]
struct Notes(Mutex<Vec<Envelope>>);

#[async_trait]
impl Handler for Notes {
    async fn handle(&self, event: &Envelope) -> Result<(), Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        Ok(())
    }
}

impl Notes {
    fn all(&self) -> Vec<Envelope> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for an event of that type with that value in its payload.
    async fn one(&self, kind: &str, property: &str, value: &str) -> Envelope {
        eventually(&format!("{kind} with {property} {value}"), || async {
            let wanted = |event: &Envelope| event.kind() == kind && event.payload()[property] == value;
            self.all().into_iter().find(wanted)
        })
        .await
    }
}

/// Subscribes to every event there is.
async fn listen(stack: &TestStack) -> (Arc<Notes>, Vec<Consumer>) {
    let (notes, broker) = (Arc::new(Notes::default()), stack.broker());
    let mut consumers = Vec::new();
    for context in ["auth", "product", "user"] {
        let of_context = CONTRACTS.iter().filter(|contract| contract.kind.starts_with(&format!("{context}.")));
        let types: Vec<_> = of_context.map(|contract| (contract.kind, contract.version)).collect();
        let subscription = Subscription::new(context, "test", &types).expect("a subscription");
        let consumer = broker.subscribe(subscription, notes.clone());
        consumer.ready().await;
        consumers.push(consumer);
    }
    (notes, consumers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_is_told_in_the_trace_of_its_request() {
    let stack = TestStack::start().await;
    let (notes, _consumers) = listen(&stack).await;
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4751";
    let traced = stack.client.with_header("traceparent", &format!("00-{trace_id}-00f067aa0ba902b7-01"));
    let account = json!({ "email": "Told@Example.com", "password": PASSWORD, "name": "Told" });
    let _ = traced.post("/v1/auth/register", &account).await.expect(201);
    let event = notes.one("user.registered", "email", "told@example.com").await;
    assert_eq!(event.cause().map(|cause| cause.trace_id_hex()).as_deref(), Some(trace_id));
    let (user, _) = stack.client.sign_in("told@example.com", PASSWORD).await;
    let me = user.get("/v1/users/me").await.expect(200).json();
    assert_eq!((&event.payload()["user_id"], event.key()), (&me["id"], me["id"].as_str().expect("id")));
    assert_eq!(value_of(&stack.metrics("user"), "outbox_relayed_messages_total", &[("outcome", "failed")]), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_events_are_told_and_fit_their_schemas() {
    let stack = TestStack::start().await;
    let (notes, _consumers) = listen(&stack).await;
    let admin = stack.admin().await;
    let user_id = a_user_comes_and_goes(&stack, &admin).await;
    a_product_comes_and_goes(&admin).await;
    notes.one("user.deleted", "user_id", &user_id).await;
    let all: BTreeSet<_> = CONTRACTS.iter().map(|contract| contract.kind.to_owned()).collect();
    let events = eventually("every type of events", || async {
        let events = notes.all();
        let told: BTreeSet<_> = events.iter().map(|event| event.kind().to_owned()).collect();
        (told == all).then_some(events)
    })
    .await;
    for event in &events {
        let contract = contract(event.kind(), event.version()).expect("a known version");
        assert_fits(ENVELOPE, &serde_json::from_slice(&event.encode()).expect("JSON"), event);
        assert_fits(contract.schema, &Value::Object(event.payload().clone()), event);
        let schema: Value = serde_json::from_str(contract.schema).expect("JSON");
        assert_eq!(event.payload()[schema["x-key"].as_str().expect("x-key")], event.key(), "{event:?}");
        for property in event.payload().keys() {
            assert!(schema["properties"].get(property).is_some(), "{} does not describe `{property}`", event.kind());
        }
    }
    let of_user: Vec<_> = events.iter().filter(|event| event.key() == user_id).map(Envelope::kind).collect();
    assert_eq!(of_user, ["user.registered", "user.role_changed", "user.deleted"], "in their order");
    for service in ["user", "product", "auth"] {
        eventually("an empty outbox", || async {
            let text = stack.metrics(service);
            (value_of(&text, "outbox_unsent_messages", &[]) == 0.0).then_some(())
        })
        .await;
    }
}

/// Answers the id of a user that has been through everything.
async fn a_user_comes_and_goes(stack: &TestStack, admin: &Client) -> String {
    let (user, tokens) = stack.client.sign_up("journey@example.com", PASSWORD).await;
    let id = user.get("/v1/users/me").await.expect(200).json()["id"].as_str().expect("id").to_owned();
    let refresh = json!({ "refresh_token": tokens["refresh_token"] });
    let _ = stack.client.post("/v1/auth/refresh", &refresh).await.expect(200);
    let _ = stack.client.post("/v1/auth/refresh", &refresh).await.expect(401);
    let one = format!("/v1/users/{id}");
    let _ = admin.put(&format!("{one}/role"), &json!({ "role": "admin" })).await.expect(200);
    let _ = admin.delete(&one).await.expect(204);
    id
}

async fn a_product_comes_and_goes(admin: &Client) {
    let product = json!({ "sku": "EVENT-1", "name": "Kettle", "description": "", "category": "kitchen",
        "price": "12.90", "currency": "EUR", "stock": 3 });
    let mut product = admin.post("/v1/products", &product).await.expect(201).json();
    let one = format!("/v1/products/{}", product["id"].as_str().expect("id"));
    for property in ["id", "created_at", "updated_at"] {
        product.as_object_mut().expect("an object").remove(property);
    }
    let _ = admin.put(&one, &product).await.expect(200);
    let _ = admin.delete(&one).await.expect(204);
}

#[track_caller]
fn assert_fits(schema: &str, instance: &Value, event: &Envelope) {
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).expect("a schema");
    let problems: Vec<_> = validator.iter_errors(instance).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?} in {event:?}");
}

#[test]
fn examples_of_every_version_are_read_by_todays_consumers() {
    for contract in CONTRACTS {
        let event = Envelope::decode(contract.example.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((event.kind(), event.version()), (contract.kind, contract.version));
        assert!(event.cause().is_some(), "the example has a trace");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stacks_do_not_hear_each_other() {
    let (stack, other) = (TestStack::start().await, TestStack::start().await);
    let (notes, _consumers) = listen(&stack).await;
    let (strange, consumers) = listen(&other).await;
    let _ = stack.client.sign_up("mine@example.com", PASSWORD).await;
    notes.one("user.registered", "email", "mine@example.com").await;
    // The other stack's own event has come: had the first one's come too, it would be before it.
    let _ = other.client.sign_up("theirs@example.com", PASSWORD).await;
    strange.one("user.registered", "email", "theirs@example.com").await;
    for consumer in consumers {
        assert!(consumer.stop(Duration::from_secs(10)).await);
    }
    assert!(strange.all().iter().all(|event| event.payload().get("email") != Some(&json!("mine@example.com"))));
}
