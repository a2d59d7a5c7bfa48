//! The admin port of a process, for operators and Prometheus, never for users:
//!
//! | Path | Answers |
//! | --- | --- |
//! | `GET /livez` | `200 ok` while the process runs |
//! | `GET /readyz` | 200 or 503 with the readiness report |
//! | `GET /metrics` | metrics in the Prometheus text format |
//! | `GET, PUT /log-level` | the log levels; a body such as `info,auth=debug` sets them |
//! | `GET /build` | version, revision, compiler |

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;
use telemetry::{Identity, ProcessMetrics};

use crate::error::{Kind, Problem};
use crate::paths;
use crate::readiness::Readiness;

/// Media type of the Prometheus text format.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone)]
struct Admin {
    identity: Identity,
    readiness: Readiness,
    process: Arc<ProcessMetrics>,
}

/// The routes of the admin port.
pub(crate) fn router(identity: Identity, readiness: Readiness, process: Arc<ProcessMetrics>) -> Router {
    Router::new()
        .route(paths::LIVEZ, get(|| async { "ok" }))
        .route(paths::READYZ, get(readyz))
        .route(paths::METRICS, get(metrics))
        .route(paths::LOG_LEVEL, get(log_level).put(set_log_level))
        .route(paths::BUILD, get(|| async { Json(telemetry::BUILD) }))
        .fallback(not_found)
        .with_state(Admin { identity, readiness, process })
}

async fn readyz(State(admin): State<Admin>) -> Response {
    let report = admin.readiness.report().await;
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    admin.process.refresh();
    ([(CONTENT_TYPE, PROMETHEUS_TEXT)], admin.identity.render_metrics())
}

async fn log_level(State(admin): State<Admin>) -> Json<serde_json::Value> {
    Json(json!({ "service": admin.identity.name(), "level": admin.identity.log_level() }))
}

async fn set_log_level(State(admin): State<Admin>, level: String) -> Result<Json<serde_json::Value>, Problem> {
    let before = admin.identity.log_level();
    admin
        .identity
        .set_log_level(&level)
        .map_err(|error| Problem::new(Kind::InvalidArgument, "invalid_log_level", error.to_string()))?;
    tracing::warn!(before, after = admin.identity.log_level(), "log level changed");
    Ok(log_level(State(admin)).await)
}

async fn not_found() -> Problem {
    use paths::{BUILD, LIVEZ, LOG_LEVEL, METRICS, READYZ};
    let detail = format!("The admin port has {LIVEZ}, {READYZ}, {METRICS}, {LOG_LEVEL} and {BUILD}.");
    Problem::new(Kind::NotFound, "route_not_found", detail)
}
