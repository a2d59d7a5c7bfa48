//! Extractors whose refusals are problem documents that name what was wrong.

use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use chassis::{FieldError, Kind, Problem};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// A JSON body. Unknown fields are refused if `T` says so.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/json") {
            let detail = "The body must be JSON: send `Content-Type: application/json`.";
            return Err(Problem::new(Kind::UnsupportedMediaType, "unsupported_media_type", detail));
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejection| match rejection {
            BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => too_large(),
            _ => Problem::new(Kind::InvalidArgument, "malformed_body", "The body could not be read to its end."),
        })?;
        serde_json::from_slice(&body).map(Self).map_err(|error| unreadable(&error))
    }
}

/// The body is larger than the gateway takes.
pub(crate) fn too_large() -> Problem {
    Problem::new(Kind::PayloadTooLarge, "payload_too_large", "The body is larger than this API takes.")
}

fn unreadable(error: &serde_json::Error) -> Problem {
    let detail = format!("The body is not the JSON that is expected: {error}.");
    let code = if error.is_data() { "validation_failed" } else { "malformed_json" };
    let problem = Problem::new(Kind::InvalidArgument, code, detail);
    match field_of(&error.to_string()) {
        Some(field) if error.is_data() => {
            Problem { fields: vec![FieldError::new(field, error.to_string())], ..problem }
        }
        _ => problem,
    }
}

/// The field that serde's message puts in backquotes, as in "missing field `email`".
fn field_of(message: &str) -> Option<String> {
    let named = message.strip_prefix("missing field `").or_else(|| message.strip_prefix("unknown field `"))?;
    named.split_once('`').map(|(field, _)| field.to_owned())
}

/// Query parameters.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri).map(|axum::extract::Query(query)| Self(query)).map_err(
            |rejection| {
                use std::error::Error;
                let cause = rejection.source().map_or_else(|| rejection.to_string(), ToString::to_string);
                Problem::new(Kind::InvalidArgument, "invalid_query", format!("The query is not valid: {cause}."))
            },
        )
    }
}

/// The `{id}` of a path.
pub(crate) struct Id(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let wrong = || Problem::invalid(vec![FieldError::new("id", "must be a UUID")]);
        let axum::extract::Path(text) =
            axum::extract::Path::<String>::from_request_parts(parts, state).await.map_err(|_| wrong())?;
        Uuid::try_parse(&text).map(Self).map_err(|_| wrong())
    }
}

/// Reads a decimal amount such as `12.90` into minor units.
pub(crate) fn minor_units(field: &str, text: &str) -> Result<i64, Problem> {
    let wrong = || Problem::invalid(vec![FieldError::new(field, "must be an amount such as 12.90")]);
    let (whole, cents) = text.split_once('.').unwrap_or((text, "00"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || whole.len() > 9 || !digits(cents) || cents.len() > 2 {
        return Err(wrong());
    }
    let cents: i64 = format!("{cents:0<2}").parse().map_err(|_| wrong())?;
    Ok(whole.parse::<i64>().map_err(|_| wrong())? * 100 + cents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, minor) in [("0", 0), ("12.9", 1290), ("12.90", 1290), ("0.05", 5), ("999999999.99", 99_999_999_999)]
        {
            assert_eq!(minor_units("price", text), Ok(minor), "{text}");
        }
        for bad in ["", ".", "1.", ".5", "-1", "1.234", "1e3", "12,90", "9999999999", "١٢"] {
            assert!(minor_units("price", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn serde_messages_name_their_field() {
        assert_eq!(field_of("missing field `email` at line 1 column 2"), Some("email".into()));
        assert_eq!(field_of("expected value at line 1 column 1"), None);
    }
}
