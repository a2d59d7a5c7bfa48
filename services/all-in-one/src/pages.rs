//! Recent traces on the gateway's admin port: `/traces` lists them, `/traces/{trace_id}` draws one as text, with
//! `?format=svg` as a picture and with `?format=json` as data. The id may be `slowest`.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chassis::{Kind, Problem};
use http::header::CONTENT_TYPE;

use crate::traces::Traces;
use crate::{svg, waterfall};

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

/// How to answer a trace.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Text,
    Svg,
    Json,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct View {
    #[serde(default)]
    format: Format,
}

async fn one(
    State(traces): State<Arc<Traces>>,
    Path(trace_id): Path<String>,
    view: Result<Query<View>, QueryRejection>,
) -> Result<Response, Problem> {
    let Ok(Query(view)) = view else {
        let detail = "The only parameter is `format`: text, svg or json.";
        return Err(Problem::new(Kind::InvalidArgument, "invalid_query", detail));
    };
    let trace = if trace_id == "slowest" { traces.slowest() } else { traces.get(&trace_id) };
    let trace = trace.ok_or_else(|| {
        let detail = "No such trace is kept: only recent ones are, and a moment passes before a new one is here.";
        Problem::new(Kind::NotFound, "trace_not_found", detail)
    })?;
    Ok(match view.format {
        Format::Text => waterfall::draw(&trace).into_response(),
        Format::Svg => ([(CONTENT_TYPE, "image/svg+xml")], svg::picture(&trace)).into_response(),
        Format::Json => Json(trace).into_response(),
    })
}
