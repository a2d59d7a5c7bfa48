//! What happens to every request before a route sees it. Outermost first:
//!
//! 1. admission: beyond the limit of the server a request is marked to be refused
//! 2. trace, metrics and access line; of a refusal only metrics
//! 3. request id
//! 4. security headers
//! 5. panic catch
//! 6. refusal of what was not admitted
//! 7. time-out, which is also the deadline of every call made for the request
//! 8. CORS
//! 9. compression
//! 10. rate limit
//! 11. header and body limits
//! 12. token and access table
//! 13. handler

mod headers;
mod rate_limit;
mod request_id;
mod shared_limit;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use chassis::{AdmitLayer, Kind, Problem, RefuseLayer, deadline};
use http::header::CONTENT_LENGTH;
use http::{HeaderName, HeaderValue, Method, header};
use telemetry::HttpServerLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

pub(crate) use rate_limit::Limiter;

use crate::config::Config;
use crate::tokens::Verifier;

/// Wraps the routes in the layers above.
pub(crate) fn wrap(router: Router, config: &Config, verifier: Verifier, limiter: Arc<Limiter>) -> Router {
    let max_body = config.http.max_body_bytes;
    let limits = Limits { headers: config.http.max_header_bytes, body: max_body as u64 };
    // The layer added last is the outermost.
    router
        .layer(from_fn_with_state(verifier, crate::access::authorize))
        .layer(DefaultBodyLimit::max(max_body))
        .layer(from_fn_with_state(limits, refuse_large))
        .layer(from_fn_with_state(limiter, rate_limit::limit))
        .layer(CompressionLayer::new())
        .layer(cors(&config.cors.allowed_origins))
        .layer(from_fn_with_state(config.http.timeout, time_out))
        .layer(RefuseLayer::http())
        .layer(CatchPanicLayer::custom(on_panic))
        .layer(from_fn(headers::secure))
        .layer(from_fn(request_id::assign))
        .layer(HttpServerLayer::new(route_of).init_failures_to_zero(crate::access::routes()))
        .layer(AdmitLayer::http(config.http.max_in_flight))
}

fn route_of(request: &Request) -> Option<&str> {
    request.extensions().get::<MatchedPath>().map(MatchedPath::as_str)
}

fn cors(origins: &[HeaderValue]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, HeaderName::from_static(telemetry::TRACEPARENT)])
        .expose_headers([request_id::HEADER, HeaderName::from_static(telemetry::TRACEPARENT)])
        .max_age(Duration::from_secs(600))
}

/// Bytes a request may have.
#[derive(Clone, Copy)]
struct Limits {
    headers: usize,
    body: u64,
}

/// Refuses headers that are too large, and a body that announces itself as too large before a byte of it is read.
async fn refuse_large(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers > limits.headers {
        let detail = format!("Headers may take {} bytes together.", limits.headers);
        return Problem::new(Kind::HeadersTooLarge, "headers_too_large", detail).into_response();
    }
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.body) {
        return crate::input::too_large().into_response();
    }
    next.run(request).await
}

async fn time_out(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match deadline::within(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            Problem::new(Kind::DeadlineExceeded, "deadline_exceeded", "The request took too long.").into_response()
        }
    }
}

fn on_panic(_: Box<dyn Any + Send>) -> Response {
    // The panic hook has logged it with its place.
    Problem::new(Kind::Internal, "internal", "Something went wrong on our side.").into_response()
}
