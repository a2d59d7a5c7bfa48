//! Sign-up, sign-in and tokens.

use axum::Json as Answer;
use axum::extract::State;
use axum::response::IntoResponse;
use chassis::{Actor, Problem};
use contracts::auth::v1;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::clients::{Clients, incomplete, upstream};
use crate::docs::ProblemDocument;
use crate::input::Json;

pub(super) fn router() -> OpenApiRouter<Clients> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(jwks))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    /// E-mail address; upper and lower case are the same.
    #[schema(example = "ada@example.com", max_length = 254)]
    email: String,
    /// At least 8 characters.
    #[schema(example = "correct horse battery", min_length = 8, max_length = 128)]
    password: String,
    /// Name to show.
    #[schema(example = "Ada Lovelace", min_length = 1, max_length = 100)]
    name: String,
}

#[derive(Serialize, ToSchema)]
struct Registered {
    email: String,
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    #[schema(example = "ada@example.com")]
    email: String,
    #[schema(example = "correct horse battery")]
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefreshToken {
    refresh_token: String,
}

#[derive(Serialize, ToSchema)]
struct Tokens {
    /// For the `Authorization: Bearer` header.
    access_token: String,
    /// For one call of `/v1/auth/refresh`.
    refresh_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: i64,
}

impl Tokens {
    fn from_pair(pair: Option<v1::TokenPair>) -> Result<impl IntoResponse, Problem> {
        let v1::TokenPair { access_token, refresh_token, expires_in } = pair.ok_or_else(|| incomplete("tokens"))?;
        let tokens = Self { access_token, refresh_token, token_type: "Bearer", expires_in };
        Ok(([(CACHE_CONTROL, "no-store")], Answer(tokens)))
    }
}

/// Create an account
///
/// The answer is the same whether or not the address was known, and repeating the request is harmless.
#[utoipa::path(post, path = "/v1/auth/register", tag = "auth", request_body = NewAccount,
    responses(
        (status = 201, description = "The account exists.", body = Registered),
        (status = 400, description = "Some fields are not valid.", body = ProblemDocument),
    ))]
async fn register(
    State(mut clients): State<Clients>,
    Json(new): Json<NewAccount>,
) -> Result<impl IntoResponse, Problem> {
    let NewAccount { email, password, name } = new;
    let registered = Registered { email: email.trim().to_lowercase(), name: name.trim().to_owned() };
    let request = Actor::Anonymous.request(v1::RegisterRequest { email, password, name });
    clients.auth.register(request).await.map_err(|status| upstream(&status))?;
    Ok((StatusCode::CREATED, Answer(registered)))
}

/// Sign in
#[utoipa::path(post, path = "/v1/auth/login", tag = "auth", request_body = Credentials,
    responses(
        (status = 200, description = "A token pair.", body = Tokens),
        (status = 400, description = "The body is not what is expected.", body = ProblemDocument),
        (status = 401, description = "Address or password are wrong.", body = ProblemDocument),
    ))]
async fn login(
    State(mut clients): State<Clients>,
    Json(credentials): Json<Credentials>,
) -> Result<impl IntoResponse, Problem> {
    let Credentials { email, password } = credentials;
    let request = Actor::Anonymous.request(v1::LoginRequest { email, password });
    let answer = clients.auth.login(request).await.map_err(|status| upstream(&status))?;
    Tokens::from_pair(answer.into_inner().tokens)
}

/// Get a new token pair
///
/// A refresh token works once. Using it again revokes the session.
#[utoipa::path(post, path = "/v1/auth/refresh", tag = "auth", request_body = RefreshToken,
    responses(
        (status = 200, description = "The next token pair.", body = Tokens),
        (status = 400, description = "The body is not what is expected.", body = ProblemDocument),
        (status = 401, description = "The refresh token is not valid.", body = ProblemDocument),
    ))]
async fn refresh(
    State(mut clients): State<Clients>,
    Json(RefreshToken { refresh_token }): Json<RefreshToken>,
) -> Result<impl IntoResponse, Problem> {
    let request = Actor::Anonymous.request(v1::RefreshRequest { refresh_token });
    let answer = clients.auth.refresh(request).await.map_err(|status| upstream(&status))?;
    Tokens::from_pair(answer.into_inner().tokens)
}

/// Sign out
#[utoipa::path(post, path = "/v1/auth/logout", tag = "auth", request_body = RefreshToken,
    responses(
        (status = 204, description = "The session has ended, if it existed."),
        (status = 400, description = "The body is not what is expected.", body = ProblemDocument),
    ))]
async fn logout(
    State(mut clients): State<Clients>,
    Json(RefreshToken { refresh_token }): Json<RefreshToken>,
) -> Result<StatusCode, Problem> {
    let request = Actor::Anonymous.request(v1::LogoutRequest { refresh_token });
    clients.auth.logout(request).await.map_err(|status| upstream(&status))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Public keys that verify access tokens
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth",
    responses((status = 200, description = "A JSON Web Key Set.", body = serde_json::Value)))]
async fn jwks(State(mut clients): State<Clients>) -> Result<impl IntoResponse, Problem> {
    let request = Actor::Anonymous.request(v1::GetJwksRequest {});
    let answer = clients.auth.get_jwks(request).await.map_err(|status| upstream(&status))?;
    // Short enough that a new key is known before it signs.
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=300")];
    Ok((headers, answer.into_inner().jwks_json))
}
