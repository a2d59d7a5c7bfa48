//! A [`Problem`] on its way through gRPC: as a status with details, and back.

use std::borrow::Cow;
use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::error::{AppError, FieldError, Kind, Problem};

/// `ErrorInfo.domain` of our own errors.
const DOMAIN: &str = "signalbox";

/// Key of `ErrorInfo.metadata` for the name of the kind.
const KIND: &str = "kind";

/// Turns a service error into a status; the boundary of every gRPC handler.
pub fn to_status(error: &(impl AppError + 'static)) -> Status {
    Problem::of(error).into()
}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        let mut details = ErrorDetails::new();
        let kind = HashMap::from([(KIND.to_owned(), problem.kind.name().to_owned())]);
        details.set_error_info(problem.code, DOMAIN, kind);
        if !problem.fields.is_empty() {
            let violations: Vec<_> =
                problem.fields.into_iter().map(|field| FieldViolation::new(field.field, field.message)).collect();
            details.set_bad_request(violations);
        }
        if problem.retry_after.is_some() {
            details.set_retry_info(problem.retry_after);
        }
        Status::with_error_details(problem.kind.grpc(), problem.detail, details)
    }
}

/// Whether another service of ours made this status: it has logged the cause already.
#[must_use]
pub fn is_reported(status: &Status) -> bool {
    status.get_error_details().error_info().is_some_and(|info| info.domain == DOMAIN)
}

/// Reads a status received from another service. Without our details only its code is trusted: the text
/// of a foreign error may tell internals, so clients get a sentence of ours.
impl From<&Status> for Problem {
    fn from(status: &Status) -> Self {
        let details = status.get_error_details();
        let Some(info) = details.error_info().filter(|info| info.domain == DOMAIN) else {
            return bare(status.code());
        };
        let kind =
            info.metadata.get(KIND).and_then(|name| Kind::from_name(name)).unwrap_or(Kind::from_grpc(status.code()));
        let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
        Self {
            kind,
            code: Cow::Owned(info.reason.clone()),
            detail: status.message().to_owned(),
            fields: violations.into_iter().map(|v| FieldError::new(v.field, v.description)).collect(),
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
        }
    }
}

fn bare(code: Code) -> Problem {
    let kind = Kind::from_grpc(code);
    let detail = match kind {
        Kind::Unavailable => "A service this request needs is not reachable. Try again shortly.",
        Kind::DeadlineExceeded => "The request took too long.",
        Kind::Internal => "Something went wrong on our side.",
        _ => "The request was refused.",
    };
    Problem::new(kind, kind.name(), detail)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_problem_survives_the_wire() {
        let sent = Problem {
            kind: Kind::Overloaded,
            code: "password_pool_full".into(),
            detail: "Try later.".into(),
            fields: vec![FieldError::new("email", "must hold one @")],
            retry_after: Some(Duration::from_secs(2)),
        };
        let status = Status::from(sent.clone());
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(Problem::from(&status), sent);
    }

    #[test]
    fn foreign_texts_do_not_reach_clients() {
        let problem = Problem::from(&Status::internal("SELECT secret FROM table failed"));
        assert_eq!(problem.kind, Kind::Internal);
        assert!(!problem.detail.contains("secret"));
    }
}
