//! A [`Problem`] on its way to an HTTP client: an RFC 9457 document.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use telemetry::TraceContext;

use crate::error::{FieldError, Kind, Problem};

/// Media type of RFC 9457.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The document as it is sent.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    trace_id: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.http();
        let document = Document {
            r#type: format!("urn:signalbox:problem:{}", self.code),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code: &self.code,
            detail: &self.detail,
            trace_id: TraceContext::current().map(TraceContext::trace_id_hex).unwrap_or_default(),
            errors: &self.fields,
        };
        let Ok(body) = serde_json::to_vec(&document) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(after) = self.retry_after {
            // Rounded up: a client that comes back a moment early is refused again.
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_millis().div_ceil(1000).max(1) as u64));
        }
        if self.kind == Kind::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
