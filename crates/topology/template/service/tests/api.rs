//! The service as its callers see it: over a socket, every method, every kind of caller, every outcome.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use chassis::config::Layers;
use chassis::{Actor, HostOptions, Kind, Problem, Running, start};
use contracts::sample_item::v1::sample_item_service_client::SampleItemServiceClient;
use contracts::sample_item::v1::{CreateSampleItemRequest, CreateSampleItemResponse, GetSampleItemRequest, SampleItem};
use tempfile::TempDir;
use tonic::transport::Channel;
use tonic::{Response, Status};
use uuid::Uuid;

/// A call's answer, or what a client would be told.
type Answer<T> = Result<T, Problem>;

/// The service on free ports with a database of its own.
struct Service {
    client: SampleItemServiceClient<Channel>,
    _running: Running,
    _folder: TempDir,
}

impl Service {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let overrides = format!(
            r#"
            grpc.address = "127.0.0.1:0"
            admin.address = "127.0.0.1:0"
            database.url = "sqlite:{}"
            runtime.worker_threads = 2
            "#,
            folder.path().join("sample-item.db").display()
        );
        let layers = Layers::new(sample_item::SPEC.name, sample_item::SPEC.defaults).unwrap();
        let layers = layers.table("test", overrides.parse().unwrap()).unwrap();
        let running = start(&sample_item::SPEC, &layers, HostOptions::default()).await.unwrap();
        let address = running.address("grpc").unwrap();
        let client = SampleItemServiceClient::connect(format!("http://{address}")).await.unwrap();
        Self { client, _running: running, _folder: folder }
    }

    async fn create(&self, actor: Actor, id: &str, name: &str) -> Answer<CreateSampleItemResponse> {
        let message = CreateSampleItemRequest { id: id.to_owned(), name: name.to_owned() };
        answer(self.client.clone().create_sample_item(actor.request(message)).await)
    }

    async fn get(&self, actor: Actor, id: &str) -> Answer<SampleItem> {
        let message = GetSampleItemRequest { id: id.to_owned() };
        let answer = answer(self.client.clone().get_sample_item(actor.request(message)).await);
        answer.map(|answer| answer.sample_item.unwrap())
    }
}

fn answer<T>(answer: Result<Response<T>, Status>) -> Answer<T> {
    answer.map(Response::into_inner).map_err(|status| Problem::from(&status))
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(answer: Answer<T>, kind: Kind, code: &str, fields: &[&str]) {
    let problem = answer.expect_err("a refusal");
    assert_eq!((problem.kind, &*problem.code), (kind, code), "{problem:?}");
    assert_eq!(problem.fields.iter().map(|field| field.field.as_str()).collect::<Vec<_>>(), fields);
}

#[tokio::test]
async fn everybody_who_is_known_may_and_nobody_else() {
    let service = Service::start().await;
    for actor in [Actor::User(Uuid::new_v4()), Actor::Admin(Uuid::new_v4()), Actor::Service] {
        let id = Uuid::new_v4().to_string();
        assert!(service.create(actor, &id, "A name").await.unwrap().created, "{actor:?}");
        assert_eq!(service.get(actor, &id).await.unwrap().name, "A name", "{actor:?}");
    }
    let id = Uuid::new_v4().to_string();
    let refused = service.create(Actor::Anonymous, &id, "A name").await;
    assert_refused(refused, Kind::Unauthenticated, "unauthenticated", &[]);
    assert_refused(service.get(Actor::Anonymous, &id).await, Kind::Unauthenticated, "unauthenticated", &[]);
}

#[tokio::test]
async fn creating_answers_what_is_stored_and_is_idempotent() {
    let service = Service::start().await;
    let id = Uuid::new_v4().to_string();
    let first = service.create(Actor::Service, &id, "  A name \n").await.unwrap();
    let stored = first.sample_item.unwrap();
    assert!(first.created && stored.created_at_ms > 0);
    assert_eq!((stored.id.as_str(), stored.name.as_str()), (id.as_str(), "A name"));
    let again = service.create(Actor::Service, &id, "Another").await.unwrap();
    assert_eq!((again.created, again.sample_item.as_ref()), (false, Some(&stored)));
    assert_eq!(service.get(Actor::Service, &id).await.unwrap(), stored);
}

#[tokio::test]
async fn what_is_wrong_or_absent_is_named() {
    let service = Service::start().await;
    let id = Uuid::new_v4().to_string();
    let wrong = Kind::InvalidArgument;
    assert_refused(service.create(Actor::Service, "", "").await, wrong, "validation_failed", &["id", "name"]);
    assert_refused(service.create(Actor::Service, &id, "A\0name").await, wrong, "validation_failed", &["name"]);
    assert_refused(service.get(Actor::Service, "not-a-uuid").await, wrong, "validation_failed", &["id"]);
    assert_refused(service.get(Actor::Service, &id).await, Kind::NotFound, "sample_item_not_found", &[]);
}
