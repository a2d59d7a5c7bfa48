//! `user.v1.UserService`: decodes, asks whether the caller may, calls the use case, encodes.

use chassis::{Actor, Kind, Problem, to_status};
use contracts::user::v1::user_service_server::UserService;
use contracts::user::v1::{
    CreateUserRequest, CreateUserResponse, DeleteUserRequest, DeleteUserResponse, GetUserRequest, GetUserResponse,
    ListUsersRequest, ListUsersResponse, Role as RoleMessage, SetRoleRequest, SetRoleResponse, UpdateUserRequest,
    UpdateUserResponse, User as UserMessage,
};
use tonic::{Request, Response, Status};

use crate::domain::{Draft, Error, Role, User, UserId, Users};

/// The gRPC face of the use cases.
pub(crate) struct UserApi {
    users: Users,
}

impl UserApi {
    pub(crate) fn new(users: Users) -> Self {
        Self { users }
    }
}

#[tonic::async_trait]
impl UserService for UserApi {
    async fn create_user(&self, request: Request<CreateUserRequest>) -> Result<Response<CreateUserResponse>, Status> {
        service_only(Actor::of(request.metadata()))?;
        let message = request.get_ref();
        let role = decode_role(message.role());
        let draft = Draft { id: &message.id, email: &message.email, name: &message.name, role };
        let creation = self.users.create(&draft).await.map_err(status)?;
        let (user, created) = (Some(encode(&creation.user)), creation.created);
        Ok(Response::new(CreateUserResponse { user, created }))
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Result<Response<GetUserResponse>, Status> {
        let id = decode_id(&request.get_ref().id)?;
        Actor::of(request.metadata()).require_self_or_admin(id.uuid())?;
        let user = self.users.get(id).await.map_err(status)?;
        Ok(Response::new(GetUserResponse { user: Some(encode(&user)) }))
    }

    async fn list_users(&self, request: Request<ListUsersRequest>) -> Result<Response<ListUsersResponse>, Status> {
        person(Actor::of(request.metadata()))?.require_admin()?;
        let message = request.get_ref();
        let page = self.users.list(message.page_size, &message.page_token).await.map_err(status)?;
        let users = page.users.iter().map(encode).collect();
        Ok(Response::new(ListUsersResponse { users, next_page_token: page.next_cursor }))
    }

    async fn update_user(&self, request: Request<UpdateUserRequest>) -> Result<Response<UpdateUserResponse>, Status> {
        let id = decode_id(&request.get_ref().id)?;
        person(Actor::of(request.metadata()))?.require_self_or_admin(id.uuid())?;
        let user = self.users.rename(id, &request.get_ref().name).await.map_err(status)?;
        Ok(Response::new(UpdateUserResponse { user: Some(encode(&user)) }))
    }

    async fn set_role(&self, request: Request<SetRoleRequest>) -> Result<Response<SetRoleResponse>, Status> {
        let actor = person(Actor::of(request.metadata()))?;
        actor.require_admin()?;
        let id = decode_id(&request.get_ref().id)?;
        let role = decode_role(request.get_ref().role()).ok_or_else(|| status(Role::missing().into()))?;
        let user = self.users.set_role(id, role, actor.user_id().map(UserId::from)).await.map_err(status)?;
        tracing::info!(user.id = %id.uuid(), user.role = role.as_str(), actor = ?actor, "role set");
        Ok(Response::new(SetRoleResponse { user: Some(encode(&user)) }))
    }

    async fn delete_user(&self, request: Request<DeleteUserRequest>) -> Result<Response<DeleteUserResponse>, Status> {
        let actor = Actor::of(request.metadata());
        actor.require_admin()?;
        let id = decode_id(&request.get_ref().id)?;
        self.users.delete(id).await.map_err(status)?;
        tracing::info!(user.id = %id.uuid(), actor = ?actor, "user deleted");
        Ok(Response::new(DeleteUserResponse {}))
    }
}

/// Profiles come into being only together with credentials, which is a service's work.
fn service_only(actor: Actor) -> Result<(), Problem> {
    match actor {
        Actor::Service => Ok(()),
        _ => Err(Problem::new(Kind::PermissionDenied, "permission_denied", "Only services may do this.")),
    }
}

/// Lets everybody but services pass: no service has reason to do this without a person behind it.
fn person(actor: Actor) -> Result<Actor, Problem> {
    match actor {
        Actor::Service => {
            Err(Problem::new(Kind::PermissionDenied, "permission_denied", "Services may not do this on their own."))
        }
        person => Ok(person),
    }
}

/// By value, for `map_err`.
fn status(error: Error) -> Status {
    to_status(&error)
}

fn decode_id(text: &str) -> Result<UserId, Status> {
    UserId::parse(text).map_err(|field| status(field.into()))
}

fn decode_role(role: RoleMessage) -> Option<Role> {
    match role {
        RoleMessage::Unspecified => None,
        RoleMessage::User => Some(Role::User),
        RoleMessage::Admin => Some(Role::Admin),
    }
}

fn encode(user: &User) -> UserMessage {
    let role = match user.role() {
        Role::User => RoleMessage::User,
        Role::Admin => RoleMessage::Admin,
    };
    UserMessage {
        id: user.id().uuid().to_string(),
        email: user.email().as_str().to_owned(),
        name: user.name().as_str().to_owned(),
        role: role.into(),
        created_at_ms: user.created_at().timestamp_millis(),
        updated_at_ms: user.updated_at().timestamp_millis(),
    }
}
