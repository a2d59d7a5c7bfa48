//! Recent traces on the gateway's admin port: `/traces` lists them, `/traces/{trace_id}` draws one, or answers
//! it as JSON to clients that accept `application/json`.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chassis::{Kind, Problem};
use http::HeaderMap;
use http::header::ACCEPT;

use crate::traces::Traces;
use crate::waterfall;

/// Traces on the list.
const LISTED: usize = 50;

/// The routes.
pub(crate) fn router(traces: Arc<Traces>) -> Router {
    Router::new().route("/traces", get(list)).route("/traces/{trace_id}", get(one)).with_state(traces)
}

async fn list(State(traces): State<Arc<Traces>>) -> String {
    let mut text = String::new();
    for trace in traces.recent(LISTED) {
        if let Some(root) = trace.root() {
            let mark = if trace.spans.iter().any(|span| span.error) { "!" } else { " " };
            let spans = trace.spans.len();
            let duration = waterfall::millis(root.duration);
            let _ = writeln!(
                text,
                "{} {mark} {duration:>12} {spans:>3} spans  {} {}",
                root.trace_id, root.service, root.name
            );
        }
    }
    text
}

async fn one(
    State(traces): State<Arc<Traces>>,
    Path(trace_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let trace = traces.get(&trace_id).ok_or_else(|| {
        let detail = "No such trace is kept: only recent ones are, and a moment passes before a new one is here.";
        Problem::new(Kind::NotFound, "trace_not_found", detail)
    })?;
    let json = headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"application/json"));
    Ok(if json { Json(trace).into_response() } else { waterfall::draw(&trace).into_response() })
}
