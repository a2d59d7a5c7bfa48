//! The public routes, one file per resource, each with its own `router()`.

mod auth;
mod products;
mod products_v2;
mod users;

use axum::Router;
use chassis::{Kind, Problem};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::clients::Clients;

/// All routes and their documentation.
pub(crate) fn router(clients: Clients) -> (Router, OpenApi) {
    let (router, api) = documented().split_for_parts();
    let api = crate::docs::complete(api);
    let router = router
        .with_state(clients)
        .merge(crate::docs::router(&api))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed);
    (router, api)
}

/// The OpenAPI document.
pub(crate) fn openapi() -> OpenApi {
    crate::docs::complete(documented().split_for_parts().1)
}

fn documented() -> OpenApiRouter<Clients> {
    OpenApiRouter::with_openapi(crate::docs::base())
        .routes(routes!(ping))
        .merge(auth::router())
        .merge(users::router())
        .merge(products::router())
        .merge(products_v2::router())
}

/// Answers `pong`
#[utoipa::path(get, path = "/ping", tag = "operations",
    responses((status = 200, description = "The gateway is there.", body = String, content_type = "text/plain")))]
async fn ping() -> &'static str {
    "pong"
}

async fn not_found() -> Problem {
    Problem::new(Kind::NotFound, "route_not_found", "There is no such route; GET /docs lists them.")
}

async fn method_not_allowed() -> Problem {
    Problem::new(Kind::MethodNotAllowed, "method_not_allowed", "The route exists, but not for this method.")
}
