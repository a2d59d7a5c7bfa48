//! Who may call what: a table of every route, and nothing that is not in it.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chassis::{Actor, Kind, Problem};
use http::Method;
use http::header::AUTHORIZATION;

use crate::tokens::{TokenError, Verifier};

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// A valid access token.
    User,
    /// A valid access token with the admin role.
    Admin,
}

/// The table. A route that is missing here is refused to everybody.
#[rustfmt::skip]
pub const TABLE: &[(&str, &str, Access)] = &[
    ("GET",    "/ping",                    Access::Public),
    ("GET",    "/docs",                    Access::Public),
    ("GET",    "/openapi.json",            Access::Public),
    ("GET",    "/.well-known/jwks.json",   Access::Public),
    ("POST",   "/v1/auth/register",        Access::Public),
    ("POST",   "/v1/auth/login",           Access::Public),
    ("POST",   "/v1/auth/refresh",         Access::Public),
    ("POST",   "/v1/auth/logout",          Access::Public),
    ("GET",    "/v1/users/me",             Access::User),
    ("PATCH",  "/v1/users/me",             Access::User),
    ("GET",    "/v1/users",                Access::Admin),
    ("GET",    "/v1/users/{id}",           Access::Admin),
    ("PATCH",  "/v1/users/{id}",           Access::Admin),
    ("DELETE", "/v1/users/{id}",           Access::Admin),
    ("PUT",    "/v1/users/{id}/role",      Access::Admin),
    ("GET",    "/v1/products",             Access::Public),
    ("GET",    "/v1/products/{id}",        Access::Public),
    ("POST",   "/v1/products",             Access::Admin),
    ("PUT",    "/v1/products/{id}",        Access::Admin),
    ("DELETE", "/v1/products/{id}",        Access::Admin),
    ("GET",    "/v2/products",             Access::Public),
    ("GET",    "/v2/products/{id}",        Access::Public),
];

/// Every route there is, by method and template.
pub(crate) fn routes() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.iter().map(|row| (row.0, row.1))
}

/// What the table says of a route: nothing for a method the path does not have.
fn lookup(method: &Method, path: &str) -> Option<Access> {
    // HEAD is GET without the body.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    TABLE.iter().find(|row| row.0 == method && row.1 == path).map(|row| row.2)
}

/// Middleware: checks the token, then the table, then hands the [`Actor`] on as a request extension.
pub(crate) async fn authorize(State(verifier): State<Verifier>, mut request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()) else {
        return next.run(request).await; // no such route: the fallback says so
    };
    let access = match lookup(request.method(), &path) {
        Some(access) => access,
        None if TABLE.iter().any(|row| row.1 == path) => return next.run(request).await, // answered with 405
        None => {
            tracing::error!(http.route = path, "route is not in the access table");
            return Problem::new(Kind::PermissionDenied, "permission_denied", "Nobody may do this.").into_response();
        }
    };
    match admit(access, &verifier, bearer(&request)).await {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(problem) => {
            tracing::info!(http.route = path, error.code = problem.code.as_ref(), "access refused");
            problem.into_response()
        }
    }
}

async fn admit(access: Access, verifier: &Verifier, token: Option<String>) -> Result<Actor, Problem> {
    if access == Access::Public {
        return Ok(Actor::Anonymous);
    }
    let actor = verifier.verify(&token.ok_or(TokenError::Missing)?).await?;
    if access == Access::Admin {
        actor.require_admin()?;
    }
    Ok(actor)
}

fn bearer(request: &Request) -> Option<String> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(|token| token.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_route_is_in_the_table_and_no_other() {
        let documented = crate::docs::operations(&crate::routes::openapi());
        let mut table: Vec<_> = TABLE.iter().map(|row| (row.0.to_owned(), row.1.to_owned())).collect();
        table.sort();
        assert_eq!(documented, table);
    }

    #[test]
    fn head_follows_get_and_unknown_methods_are_not_in_the_table() {
        assert_eq!(lookup(&Method::HEAD, "/v1/users"), Some(Access::Admin));
        assert_eq!(lookup(&Method::TRACE, "/v1/users"), None);
    }
}
