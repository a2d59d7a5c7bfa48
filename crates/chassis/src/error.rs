//! Errors: the one table that says what each kind of error is in gRPC and in HTTP, and the problem a client sees.
//!
//! A service has one small error enum that implements [`AppError`]. At the boundary it becomes a [`Problem`]:
//! what the client may see. The cause behind it is logged there, once, and only if it is our fault.

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;
use tonic::Code;

/// What went wrong, free of any transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The input is malformed or breaks a rule.
    InvalidArgument,
    /// Who is asking is not known.
    Unauthenticated,
    /// Known, but not allowed.
    PermissionDenied,
    /// There is no such thing.
    NotFound,
    /// The resource exists, the method on it does not.
    MethodNotAllowed,
    /// Something with this key exists.
    AlreadyExists,
    /// Somebody else changed it meanwhile.
    Conflict,
    /// The state forbids it.
    FailedPrecondition,
    /// The body is too large.
    PayloadTooLarge,
    /// The body is not of a type we read.
    UnsupportedMediaType,
    /// The headers are too large.
    HeadersTooLarge,
    /// The client asks too often.
    RateLimited,
    /// We have too much to do; try later.
    Overloaded,
    /// Something we need is not reachable.
    Unavailable,
    /// It took too long.
    DeadlineExceeded,
    /// A bug or an unexpected state of ours.
    Internal,
}

/// One row: the kind, its name, its gRPC code, its HTTP status.
type Row = (Kind, &'static str, Code, StatusCode);

/// The status table. It stands nowhere else.
#[rustfmt::skip]
pub const TABLE: [Row; 16] = [
    (Kind::InvalidArgument,      "invalid_argument",       Code::InvalidArgument,    StatusCode::BAD_REQUEST),
    (Kind::Unauthenticated,      "unauthenticated",        Code::Unauthenticated,    StatusCode::UNAUTHORIZED),
    (Kind::PermissionDenied,     "permission_denied",      Code::PermissionDenied,   StatusCode::FORBIDDEN),
    (Kind::NotFound,             "not_found",              Code::NotFound,           StatusCode::NOT_FOUND),
    (Kind::MethodNotAllowed,     "method_not_allowed",     Code::Unimplemented,      StatusCode::METHOD_NOT_ALLOWED),
    (Kind::AlreadyExists,        "already_exists",         Code::AlreadyExists,      StatusCode::CONFLICT),
    (Kind::Conflict,             "conflict",               Code::Aborted,            StatusCode::CONFLICT),
    (Kind::FailedPrecondition,   "failed_precondition",    Code::FailedPrecondition, StatusCode::CONFLICT),
    (Kind::PayloadTooLarge,      "payload_too_large",      Code::OutOfRange,         StatusCode::PAYLOAD_TOO_LARGE),
    (Kind::UnsupportedMediaType, "unsupported_media_type", Code::InvalidArgument,    StatusCode::UNSUPPORTED_MEDIA_TYPE),
    (Kind::HeadersTooLarge,      "headers_too_large",      Code::InvalidArgument,    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
    (Kind::RateLimited,          "rate_limited",           Code::ResourceExhausted,  StatusCode::TOO_MANY_REQUESTS),
    (Kind::Overloaded,           "overloaded",             Code::ResourceExhausted,  StatusCode::SERVICE_UNAVAILABLE),
    (Kind::Unavailable,          "unavailable",            Code::Unavailable,        StatusCode::SERVICE_UNAVAILABLE),
    (Kind::DeadlineExceeded,     "deadline_exceeded",      Code::DeadlineExceeded,   StatusCode::GATEWAY_TIMEOUT),
    (Kind::Internal,             "internal",               Code::Internal,           StatusCode::INTERNAL_SERVER_ERROR),
];

impl Kind {
    fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[TABLE.len() - 1])
    }

    /// Name in snake case; the stable `code` of problems that have no better one.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The gRPC code.
    #[must_use]
    pub fn grpc(self) -> Code {
        self.row().2
    }

    /// The HTTP status.
    #[must_use]
    pub fn http(self) -> StatusCode {
        self.row().3
    }

    /// Whether it is our fault: then the cause is logged as an error.
    #[must_use]
    pub fn is_ours(self) -> bool {
        self.http().is_server_error()
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// The kind a bare gRPC code stands for. What no kind has, such as `UNKNOWN`, is ours.
    #[must_use]
    pub fn from_grpc(code: Code) -> Self {
        match code {
            Code::Unimplemented => Self::Internal,
            code => TABLE.iter().find(|row| row.2 == code).map_or(Self::Internal, |row| row.0),
        }
    }
}

/// An error of a service. `Display` is what the client may read; `source` is what only the log sees.
pub trait AppError: std::error::Error {
    /// What kind it is.
    fn kind(&self) -> Kind;

    /// Stable code in snake case for programs, such as `version_conflict`.
    fn code(&self) -> &'static str {
        self.kind().name()
    }

    /// What is wrong with which field.
    fn fields(&self) -> Vec<FieldError> {
        Vec::new()
    }

    /// When trying again makes sense.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// What is wrong with one field of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Name of the field as the client wrote it.
    pub field: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl FieldError {
    /// An error of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// What a client sees of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Kind: decides the status.
    pub kind: Kind,
    /// Stable code for programs.
    pub code: Cow<'static, str>,
    /// One sentence for people.
    pub detail: String,
    /// Per field, if the input was wrong.
    pub fields: Vec<FieldError>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// A problem without field errors.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, code: code.into(), detail: detail.into(), fields: Vec::new(), retry_after: None }
    }

    /// The input broke the rules given per field.
    #[must_use]
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        Self { fields, ..Self::new(Kind::InvalidArgument, "validation_failed", "Some fields are not valid.") }
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        Self { retry_after: Some(after), ..self }
    }

    /// The boundary: takes an error apart into what the client sees and what the log keeps.
    pub fn of(error: &(impl AppError + 'static)) -> Self {
        let kind = error.kind();
        // Shedding load is counted where it happens; a line for each refusal would only add to the load.
        if kind.is_ours() && kind != Kind::Overloaded {
            tracing::error!(
                error = error as &(dyn std::error::Error + 'static),
                error.code = error.code(),
                "request failed"
            );
        }
        Self {
            kind,
            code: error.code().into(),
            detail: error.to_string(),
            fields: error.fields(),
            retry_after: error.retry_after(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_row_and_a_unique_name() {
        for (position, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0.row(), row);
            assert_eq!(Kind::from_name(row.1), Some(row.0));
            assert!(TABLE[..position].iter().all(|other| other.1 != row.1));
        }
    }

    #[test]
    fn statuses_are_errors_and_client_kinds_are_not_ours() {
        for row in TABLE {
            assert!(row.3.is_client_error() || row.3.is_server_error(), "{:?}", row.0);
            assert_ne!(row.2, Code::Ok);
        }
        assert!(!Kind::NotFound.is_ours());
        assert!(Kind::Overloaded.is_ours() && Kind::Internal.is_ours());
    }

    #[test]
    fn codes_without_a_row_are_internal() {
        for code in [Code::Unknown, Code::DataLoss, Code::Cancelled, Code::Unimplemented] {
            assert_eq!(Kind::from_grpc(code), Kind::Internal);
        }
        assert_eq!(Kind::from_grpc(Code::NotFound), Kind::NotFound);
    }
}
