//! A user service in the test: keeps profiles in memory, obeys services only, and fails on demand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chassis::Actor;
use contracts::user::v1::user_service_server::{UserService, UserServiceServer};
use contracts::user::v1::*;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

/// The fake; clones share it.
#[derive(Clone, Default)]
pub(crate) struct FakeUsers(Arc<State>);

#[derive(Default)]
struct State {
    users: Mutex<HashMap<String, User>>,
    down: AtomicBool,
    fail_next_create: AtomicBool,
    lose_next_create: AtomicBool,
    creates: AtomicUsize,
}

impl FakeUsers {
    /// Serves on a free port of the current runtime and answers its URL.
    pub(crate) async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let server = tonic::transport::Server::builder().add_service(UserServiceServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(incoming));
        url
    }

    /// Refuses everything, or nothing any more.
    pub(crate) fn down(&self, down: bool) {
        self.0.down.store(down, SeqCst);
    }

    /// The next creation fails before anything is stored.
    pub(crate) fn fail_next_create(&self) {
        self.0.fail_next_create.store(true, SeqCst);
    }

    /// The next creation is stored, but its answer is lost.
    pub(crate) fn lose_next_create(&self) {
        self.0.lose_next_create.store(true, SeqCst);
    }

    /// Creations asked for so far.
    pub(crate) fn creates(&self) -> usize {
        self.0.creates.load(SeqCst)
    }

    /// All profiles.
    pub(crate) fn all(&self) -> Vec<User> {
        self.users().values().cloned().collect()
    }

    /// Stores a profile without being asked by auth.
    pub(crate) fn put(&self, user: User) {
        self.users().insert(user.id.clone(), user);
    }

    /// Forgets all profiles.
    pub(crate) fn clear(&self) {
        self.users().clear();
    }

    fn users(&self) -> MutexGuard<'_, HashMap<String, User>> {
        self.0.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, metadata: &MetadataMap) -> Result<(), Status> {
        if self.0.down.load(SeqCst) {
            return Err(Status::unavailable("down"));
        }
        match Actor::of(metadata) {
            Actor::Service => Ok(()),
            other => Err(Status::permission_denied(format!("{other:?} is no service"))),
        }
    }
}

#[tonic::async_trait]
impl UserService for FakeUsers {
    async fn create_user(&self, request: Request<CreateUserRequest>) -> Result<Response<CreateUserResponse>, Status> {
        self.check(request.metadata())?;
        self.0.creates.fetch_add(1, SeqCst);
        if self.0.fail_next_create.swap(false, SeqCst) {
            return Err(Status::internal("disk full"));
        }
        let CreateUserRequest { id, email, name, role } = request.into_inner();
        let mut users = self.users();
        let created = !users.contains_key(&id);
        if created && users.values().any(|user| user.email == email) {
            return Err(Status::already_exists("e-mail address taken"));
        }
        let new = User { id: id.clone(), email, name, role, ..User::default() };
        let user = users.entry(id).or_insert(new).clone();
        if self.0.lose_next_create.swap(false, SeqCst) {
            return Err(Status::unavailable("connection lost"));
        }
        Ok(Response::new(CreateUserResponse { user: Some(user), created }))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        self.check(request.metadata())?;
        let user = self.users().get(&request.get_ref().id).cloned().ok_or_else(|| Status::not_found("no such user"))?;
        Ok(Response::new(GetUserResponse { user: Some(user) }))
    }

    async fn delete_user(&self, request: Request<DeleteUserRequest>) -> Result<Response<DeleteUserResponse>, Status> {
        self.check(request.metadata())?;
        let gone = self.users().remove(&request.get_ref().id);
        gone.map(|_| Response::new(DeleteUserResponse {})).ok_or_else(|| Status::not_found("no such user"))
    }

    async fn list_users(&self, _: Request<ListUsersRequest>) -> Result<Response<ListUsersResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn update_user(&self, _: Request<UpdateUserRequest>) -> Result<Response<UpdateUserResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }

    async fn set_role(&self, _: Request<SetRoleRequest>) -> Result<Response<SetRoleResponse>, Status> {
        Err(Status::unimplemented("not needed"))
    }
}
