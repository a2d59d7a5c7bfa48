//! The OpenAPI document and its page: what every route shares is added here, once.

use axum::Router;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use chrono::{DateTime, SecondsFormat, Utc};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, ResponseBuilder};

use crate::page;

/// A problem document (RFC 9457), the body of every error.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemDocument {
    /// URN of the code.
    #[schema(example = "urn:signalbox:problem:product_not_found")]
    r#type: String,
    /// Reason phrase of the status.
    #[schema(example = "Not Found")]
    title: String,
    #[schema(example = 404)]
    status: u16,
    /// Stable, for programs.
    #[schema(example = "product_not_found")]
    code: String,
    /// One sentence for people.
    detail: String,
    /// To find the request in traces and logs.
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: String,
    /// What is wrong with which field; absent unless the input was wrong.
    errors: Option<Vec<ProblemField>>,
}

/// What is wrong with one field.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemField {
    field: String,
    message: String,
}

/// Statuses that any route may answer.
const ANY: [(&str, &str); 2] =
    [("429", "Too many requests; `Retry-After` tells when to come back."), ("431", "The headers are too large.")];

/// Statuses of routes that call a service.
const CALLS: [(&str, &str); 3] = [
    ("500", "Something went wrong on our side."),
    ("503", "A service this route needs is not reachable or has too much to do."),
    ("504", "It took too long."),
];

/// Statuses of routes that read a body.
const BODY: [(&str, &str); 2] = [("413", "The body is too large."), ("415", "The body is not JSON.")];

/// Statuses of routes that need a token, and of those that need the admin role.
const TOKEN: (&str, &str) = ("401", "The access token is missing, expired or not valid.");
const ADMIN: (&str, &str) = ("403", "This needs the admin role.");

/// An epoch time in milliseconds as RFC 3339.
pub(crate) fn timestamp(millis: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(millis).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Title and schemas that no route brings along.
pub(crate) fn base() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Signalbox")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("A shop's back end you can see straight through."))
        .build();
    OpenApiBuilder::new().info(info).build()
}

/// Adds what every route shares.
pub(crate) fn complete(mut api: OpenApi) -> OpenApi {
    let components = api.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let paths: Vec<String> = api.paths.paths.keys().cloned().collect();
    for path in paths {
        let calls = path != "/ping";
        let Some(item) = api.paths.paths.get_mut(&path) else { continue };
        for operation in methods(item).into_iter().filter_map(|(_, operation)| operation.as_mut()) {
            share(operation, calls);
        }
    }
    for (path, description) in [("/openapi.json", "This document."), ("/docs", "This document as a page.")] {
        let ok = ResponseBuilder::new().description(description).build();
        let mut operation = Operation::new();
        operation.tags = Some(vec!["operations".to_owned()]);
        operation.summary = Some(description.trim_end_matches('.').to_owned());
        operation.responses.responses.insert("200".to_owned(), ok.into());
        share(&mut operation, false);
        api.paths.paths.insert(path.to_owned(), PathItem::new(utoipa::openapi::HttpMethod::Get, operation));
    }
    api
}

fn share(operation: &mut Operation, calls: bool) {
    let secured = operation.security.as_ref().is_some_and(|security| !security.is_empty());
    let admin = operation.tags.as_ref().is_some_and(|tags| tags.iter().any(|tag| tag == "admin"));
    let mut add = |(status, description): (&str, &str)| {
        let content = Content::new(Some(Ref::from_schema_name("ProblemDocument")));
        let response = ResponseBuilder::new().description(description).content(chassis::PROBLEM_JSON, content).build();
        operation.responses.responses.entry(status.to_owned()).or_insert(response.into());
    };
    ANY.into_iter().for_each(&mut add);
    if calls {
        CALLS.into_iter().for_each(&mut add);
    }
    if secured {
        add(TOKEN);
    }
    if admin {
        add(ADMIN);
    }
    if operation.request_body.is_some() {
        BODY.into_iter().for_each(|(status, description)| {
            let response = ResponseBuilder::new().description(description).build();
            operation.responses.responses.entry(status.to_owned()).or_insert(response.into());
        });
    }
}

/// The operations of a path by method.
pub(crate) fn methods(item: &mut PathItem) -> [(&'static str, &mut Option<Operation>); 5] {
    [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ]
}

/// Every documented `(method, path)`, sorted.
#[cfg(test)]
pub(crate) fn operations(api: &OpenApi) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (path, item) in api.clone().paths.paths.iter_mut() {
        let present = methods(item).into_iter().filter(|(_, operation)| operation.is_some());
        all.extend(present.map(|(method, _)| (method.to_owned(), path.clone())));
    }
    all.sort();
    all
}

/// `/openapi.json` and `/docs`, rendered once.
pub(crate) fn router(api: &OpenApi) -> Router {
    let json = bytes::Bytes::from(api.to_json().unwrap_or_default());
    let page = bytes::Bytes::from(page::render(api));
    Router::new()
        .route("/openapi.json", get(async move || ([(CONTENT_TYPE, "application/json")], json)))
        .route("/docs", get(async move || show(page)))
}

fn show(page: bytes::Bytes) -> impl IntoResponse {
    // The page has its style inside and no script at all.
    ([(CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")], Html(page))
}
