//! The service on free ports with a database of its own, and what the tests ask of it.

use chassis::config::Layers;
use chassis::{Actor, HostOptions, Kind, Problem, Running, start};
use contracts::user::v1::user_service_client::UserServiceClient;
use contracts::user::v1::{
    CreateUserRequest, CreateUserResponse, DeleteUserRequest, GetUserRequest, ListUsersRequest, ListUsersResponse,
    Role, SetRoleRequest, UpdateUserRequest, User,
};
use tonic::transport::Channel;
use tonic::{Response, Status};
use uuid::Uuid;

/// A call's answer, or what a client would be told.
pub(crate) type Answer<T> = Result<T, Problem>;

/// A running service.
#[derive(Clone)]
pub(crate) struct Service {
    client: UserServiceClient<Channel>,
    shared: std::sync::Arc<Shared>,
}

struct Shared {
    running: Running,
    folder: tempfile::TempDir,
}

impl Service {
    /// Starts it.
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// Starts it with more configuration, in TOML.
    pub(crate) async fn start_with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let overrides = format!(
            r#"
            grpc.address = "127.0.0.1:0"
            admin.address = "127.0.0.1:0"
            database.url = "sqlite:{}"
            runtime.worker_threads = 2
            {more}
            "#,
            folder.path().join("user.db").display()
        );
        let layers = Layers::new(user::SPEC.name, user::SPEC.defaults).unwrap();
        let layers = layers.table("test", overrides.parse().unwrap()).unwrap();
        let running = start(&user::SPEC, &layers, HostOptions::default()).await.unwrap();
        let address = running.address("grpc").unwrap();
        let client = UserServiceClient::connect(format!("http://{address}")).await.unwrap();
        Self { client, shared: std::sync::Arc::new(Shared { running, folder }) }
    }

    /// A connection to the database past the service.
    pub(crate) async fn database(&self) -> sqlx::SqliteConnection {
        let path = self.shared.folder.path().join("user.db");
        <sqlx::SqliteConnection as sqlx::Connection>::connect(&format!("sqlite:{}", path.display())).await.unwrap()
    }

    /// Where the admin port is.
    pub(crate) fn admin(&self) -> std::net::SocketAddr {
        self.shared.running.address("admin").unwrap()
    }

    /// Stores a user of that role and answers it.
    pub(crate) async fn stored(&self, role: Role) -> User {
        let id = Uuid::new_v4();
        self.create(Actor::Service, wanted(id, &format!("{id}@example.com"), role)).await.unwrap().user.unwrap()
    }

    pub(crate) async fn create(&self, actor: Actor, message: CreateUserRequest) -> Answer<CreateUserResponse> {
        decode(self.client.clone().create_user(actor.request(message)).await)
    }

    pub(crate) async fn get(&self, actor: Actor, id: &str) -> Answer<User> {
        let message = GetUserRequest { id: id.to_owned() };
        decode(self.client.clone().get_user(actor.request(message)).await).map(|answer| answer.user.unwrap())
    }

    pub(crate) async fn list(&self, actor: Actor, page_size: i32, page_token: &str) -> Answer<ListUsersResponse> {
        let message = ListUsersRequest { page_size, page_token: page_token.to_owned() };
        decode(self.client.clone().list_users(actor.request(message)).await)
    }

    pub(crate) async fn update(&self, actor: Actor, id: &str, name: &str) -> Answer<User> {
        let message = UpdateUserRequest { id: id.to_owned(), name: name.to_owned() };
        decode(self.client.clone().update_user(actor.request(message)).await).map(|answer| answer.user.unwrap())
    }

    pub(crate) async fn set_role(&self, actor: Actor, id: &str, role: i32) -> Answer<User> {
        let message = SetRoleRequest { id: id.to_owned(), role };
        decode(self.client.clone().set_role(actor.request(message)).await).map(|answer| answer.user.unwrap())
    }

    pub(crate) async fn delete(&self, actor: Actor, id: &str) -> Answer<()> {
        let message = DeleteUserRequest { id: id.to_owned() };
        decode(self.client.clone().delete_user(actor.request(message)).await).map(|_| ())
    }
}

fn decode<T>(answer: Result<Response<T>, Status>) -> Answer<T> {
    answer.map(Response::into_inner).map_err(|status| Problem::from(&status))
}

/// A request for a user.
pub(crate) fn wanted(id: Uuid, email: &str, role: Role) -> CreateUserRequest {
    CreateUserRequest { id: id.to_string(), email: email.to_owned(), name: "Ada".to_owned(), role: role.into() }
}

/// The actor that a user's token stands for.
pub(crate) fn signed_in(user: &User) -> Actor {
    let id = user.id.parse().unwrap();
    if user.role() == Role::Admin { Actor::Admin(id) } else { Actor::User(id) }
}

/// An admin whose own profile does not matter.
pub(crate) fn some_admin() -> Actor {
    Actor::Admin(Uuid::new_v4())
}

/// Demands that a call was refused with that kind and code.
#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(answer: Answer<T>, kind: Kind, code: &str) {
    let problem = answer.expect_err("a refusal");
    assert_eq!((problem.kind, &*problem.code), (kind, code), "{problem:?}");
    assert!(problem.fields.is_empty(), "{problem:?}");
}

/// Demands that a call was refused because of exactly these fields.
#[track_caller]
pub(crate) fn assert_fields<T: std::fmt::Debug>(answer: Answer<T>, fields: &[&str]) {
    let problem = answer.expect_err("a refusal");
    assert_eq!((problem.kind, &*problem.code), (Kind::InvalidArgument, "validation_failed"), "{problem:?}");
    assert_eq!(problem.fields.iter().map(|field| field.field.as_str()).collect::<Vec<_>>(), fields);
}
