//! `x-request-id`: the caller's if it is harmless, else a new one; on every answer.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use uuid::Uuid;

pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken over from a caller.
const MAX_LENGTH: usize = 64;

pub(super) async fn assign(request: Request, next: Next) -> Response {
    let id = request.headers().get(HEADER).filter(|id| harmless(id)).cloned();
    let id = id.or_else(|| HeaderValue::from_str(&Uuid::now_v7().to_string()).ok());
    let mut response = next.run(request).await;
    if let Some(id) = id {
        response.headers_mut().insert(HEADER, id);
    }
    response
}

fn harmless(id: &HeaderValue) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=MAX_LENGTH).contains(&id.len()) && id.as_bytes().iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_ids_are_taken_over() {
        assert!(harmless(&HeaderValue::from_static("abc-123_X.y")));
        for bad in ["", "a b", "a\"b", &"x".repeat(65)] {
            assert!(!harmless(&HeaderValue::from_str(bad).expect("header")), "{bad}");
        }
    }
}
