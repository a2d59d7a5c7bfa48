//! Profiles: one's own for everybody, all for admins.

use axum::extract::State;
use axum::{Extension, Json as Answer};
use chassis::{Actor, Kind, Problem};
use contracts::auth::v1::DeleteCredentialsRequest;
use contracts::user::v1;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::clients::{Clients, incomplete, upstream};
use crate::docs::{ProblemDocument, timestamp};
use crate::input::{Id, Json, Query};

pub(super) fn router() -> OpenApiRouter<Clients> {
    OpenApiRouter::new()
        .routes(routes!(me, rename_me))
        .routes(routes!(list))
        .routes(routes!(get_one, rename, remove))
        .routes(routes!(set_role))
}

#[derive(Serialize, ToSchema)]
struct User {
    id: String,
    #[schema(example = "ada@example.com")]
    email: String,
    #[schema(example = "Ada Lovelace")]
    name: String,
    role: Role,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
}

#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Admin,
}

#[derive(Serialize, ToSchema)]
struct Users {
    items: Vec<User>,
    /// For the `cursor` of the next page; null on the last.
    next_cursor: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewName {
    #[schema(example = "Countess of Lovelace", min_length = 1, max_length = 100)]
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    role: Role,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// Items a page, 1 to 100.
    #[serde(default)]
    limit: i32,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: String,
}

impl User {
    fn from_message(user: Option<v1::User>) -> Result<Self, Problem> {
        let user = user.ok_or_else(|| incomplete("user"))?;
        let role = match user.role() {
            v1::Role::User => Role::User,
            v1::Role::Admin => Role::Admin,
            v1::Role::Unspecified => return Err(incomplete("role")),
        };
        Ok(Self {
            role,
            id: user.id,
            email: user.email,
            name: user.name,
            created_at: timestamp(user.created_at_ms),
            updated_at: timestamp(user.updated_at_ms),
        })
    }
}

/// The id of the signed-in user; the access table lets nobody else through.
fn own_id(actor: Actor) -> Result<Uuid, Problem> {
    match actor {
        Actor::User(id) | Actor::Admin(id) => Ok(id),
        Actor::Anonymous | Actor::Service => {
            Err(Problem::new(Kind::Unauthenticated, "token_missing", "This needs an access token."))
        }
    }
}

async fn fetch(mut clients: Clients, actor: Actor, id: Uuid) -> Result<Answer<User>, Problem> {
    let request = actor.request(v1::GetUserRequest { id: id.to_string() });
    let answer = clients.user.get_user(request).await.map_err(|status| upstream(&status))?;
    User::from_message(answer.into_inner().user).map(Answer)
}

async fn update(mut clients: Clients, actor: Actor, id: Uuid, name: String) -> Result<Answer<User>, Problem> {
    let request = actor.request(v1::UpdateUserRequest { id: id.to_string(), name });
    let answer = clients.user.update_user(request).await.map_err(|status| upstream(&status))?;
    User::from_message(answer.into_inner().user).map(Answer)
}

/// Your own profile
#[utoipa::path(get, path = "/v1/users/me", tag = "users", security(("bearer" = [])),
    responses(
        (status = 200, description = "The profile.", body = User),
        (status = 404, description = "The account has been deleted.", body = ProblemDocument),
    ))]
async fn me(State(clients): State<Clients>, Extension(actor): Extension<Actor>) -> Result<Answer<User>, Problem> {
    fetch(clients, actor, own_id(actor)?).await
}

/// Change your name
#[utoipa::path(patch, path = "/v1/users/me", tag = "users", security(("bearer" = [])), request_body = NewName,
    responses(
        (status = 200, description = "The profile after the change.", body = User),
        (status = 400, description = "The name is not valid.", body = ProblemDocument),
        (status = 404, description = "The account has been deleted.", body = ProblemDocument),
    ))]
async fn rename_me(
    State(clients): State<Clients>,
    Extension(actor): Extension<Actor>,
    Json(NewName { name }): Json<NewName>,
) -> Result<Answer<User>, Problem> {
    update(clients, actor, own_id(actor)?, name).await
}

/// All profiles, oldest first
#[utoipa::path(get, path = "/v1/users", tag = "admin", security(("bearer" = [])), params(Page),
    responses(
        (status = 200, description = "One page.", body = Users),
        (status = 400, description = "Limit or cursor are not valid.", body = ProblemDocument),
    ))]
async fn list(
    State(mut clients): State<Clients>,
    Extension(actor): Extension<Actor>,
    Query(page): Query<Page>,
) -> Result<Answer<Users>, Problem> {
    let request = actor.request(v1::ListUsersRequest { page_size: page.limit, page_token: page.cursor });
    let answer = clients.user.list_users(request).await.map_err(|status| upstream(&status))?.into_inner();
    let items: Result<_, _> = answer.users.into_iter().map(|user| User::from_message(Some(user))).collect();
    let next_cursor = Some(answer.next_page_token).filter(|cursor| !cursor.is_empty());
    Ok(Answer(Users { items: items?, next_cursor }))
}

/// One profile
#[utoipa::path(get, path = "/v1/users/{id}", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "User id (UUID).")),
    responses(
        (status = 200, description = "The profile.", body = User),
        (status = 400, description = "The id is not a UUID.", body = ProblemDocument),
        (status = 404, description = "There is no such user.", body = ProblemDocument),
    ))]
async fn get_one(
    State(clients): State<Clients>,
    Extension(actor): Extension<Actor>,
    Id(id): Id,
) -> Result<Answer<User>, Problem> {
    fetch(clients, actor, id).await
}

/// Change a user's name
#[utoipa::path(patch, path = "/v1/users/{id}", tag = "admin", security(("bearer" = [])), request_body = NewName,
    params(("id" = String, Path, description = "User id (UUID).")),
    responses(
        (status = 200, description = "The profile after the change.", body = User),
        (status = 400, description = "The id or the name is not valid.", body = ProblemDocument),
        (status = 404, description = "There is no such user.", body = ProblemDocument),
    ))]
async fn rename(
    State(clients): State<Clients>,
    Extension(actor): Extension<Actor>,
    Id(id): Id,
    Json(NewName { name }): Json<NewName>,
) -> Result<Answer<User>, Problem> {
    update(clients, actor, id, name).await
}

/// Change a user's role
///
/// Access tokens issued before keep the old role until they expire.
#[utoipa::path(put, path = "/v1/users/{id}/role", tag = "admin", security(("bearer" = [])), request_body = NewRole,
    params(("id" = String, Path, description = "User id (UUID).")),
    responses(
        (status = 200, description = "The profile after the change.", body = User),
        (status = 400, description = "The id or the role is not valid.", body = ProblemDocument),
        (status = 404, description = "There is no such user.", body = ProblemDocument),
        (status = 409, description = "The last admin must stay one.", body = ProblemDocument),
    ))]
async fn set_role(
    State(mut clients): State<Clients>,
    Extension(actor): Extension<Actor>,
    Id(id): Id,
    Json(NewRole { role }): Json<NewRole>,
) -> Result<Answer<User>, Problem> {
    let role = match role {
        Role::User => v1::Role::User,
        Role::Admin => v1::Role::Admin,
    };
    let request = actor.request(v1::SetRoleRequest { id: id.to_string(), role: role.into() });
    let answer = clients.user.set_role(request).await.map_err(|status| upstream(&status))?;
    User::from_message(answer.into_inner().user).map(Answer)
}

/// Delete a user and all its sessions
///
/// If it fails half-way, repeat it: both halves are idempotent, and without a profile nobody can sign in.
#[utoipa::path(delete, path = "/v1/users/{id}", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "User id (UUID).")),
    responses(
        (status = 204, description = "The user is gone."),
        (status = 400, description = "The id is not a UUID.", body = ProblemDocument),
        (status = 404, description = "There is no such user.", body = ProblemDocument),
        (status = 409, description = "The last admin must stay.", body = ProblemDocument),
    ))]
async fn remove(
    State(mut clients): State<Clients>,
    Extension(actor): Extension<Actor>,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let user = clients.user.delete_user(actor.request(v1::DeleteUserRequest { id: id.to_string() })).await;
    let missing = match user {
        Ok(_) => None,
        Err(status) if status.code() == tonic::Code::NotFound => Some(status),
        Err(status) => return Err(upstream(&status)),
    };
    // Also after NOT_FOUND: an earlier attempt may have got this far and no further.
    let request = actor.request(DeleteCredentialsRequest { user_id: id.to_string() });
    let credentials = clients.auth.delete_credentials(request).await.map_err(|status| upstream(&status))?;
    match missing {
        Some(status) if !credentials.into_inner().deleted => Err(upstream(&status)),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}
