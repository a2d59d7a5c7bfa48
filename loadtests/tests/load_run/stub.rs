//! A gateway in miniature: the part of the public API the journeys use, kept in memory, with faults to switch on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::extract::{MatchedPath, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep_until};

/// How many products there are; more than one page.
const PRODUCTS: usize = 45;

/// Well beyond the 250 ms a read may take.
const SLOW: Duration = Duration::from_millis(400);

/// What is wrong with `GET /v1/products/{id}`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ReadFault {
    None,
    Status500,
    Slow,
    MissingPrice,
}

/// What the stub has seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// How often each `METHOD /route/template` was asked for.
    pub(crate) requests: BTreeMap<String, usize>,
    /// How often a spent refresh token was shown.
    pub(crate) spent_tokens_used: usize,
    /// Names by e-mail.
    users: BTreeMap<String, String>,
    /// E-mails by refresh token that still holds.
    refresh_tokens: BTreeMap<String, String>,
    issued: BTreeSet<String>,
}

/// A stub that listens on a free port of this machine until the test ends.
pub(crate) struct Stub {
    pub(crate) target: String,
    gateway: Gateway,
}

#[derive(Clone)]
struct Gateway {
    fault: ReadFault,
    seen: Arc<Mutex<Seen>>,
}

impl Stub {
    /// Start it with this fault.
    pub(crate) async fn start(fault: ReadFault) -> Self {
        let gateway = Gateway { fault, seen: Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = format!("http://{}", listener.local_addr().unwrap());
        let app = router(gateway.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { target, gateway }
    }

    /// What it has seen up to now.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.gateway.seen()
    }
}

impl Gateway {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }
}

fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/v1/auth/register", post(register))
        .route("/v1/auth/login", post(login))
        .route("/v1/auth/refresh", post(refresh))
        .route("/v1/auth/logout", post(logout))
        .route("/v1/users/me", get(read_me).patch(rename_me))
        .route("/v1/products", get(list_v1))
        .route("/v1/products/{id}", get(view))
        .route("/v2/products", get(list_v2))
        .route_layer(middleware::from_fn_with_state(gateway.clone(), count))
        .route("/ping", get(|| async { "pong" }))
        .with_state(gateway)
}

async fn count(State(gateway): State<Gateway>, path: MatchedPath, request: Request, next: Next) -> Response {
    let name = format!("{} {}", request.method(), path.as_str());
    *gateway.seen().requests.entry(name).or_default() += 1;
    next.run(request).await
}

async fn register(State(gateway): State<Gateway>, Json(body): Json<Value>) -> Response {
    let (email, name) = (text(&body, "email"), text(&body, "name"));
    assert!(text(&body, "password").len() >= 12, "a password people would be asked to lengthen");
    let earlier = gateway.seen().users.insert(email.clone(), name.clone());
    assert_eq!(earlier, None, "{email} was registered twice");
    (StatusCode::CREATED, Json(json!({ "email": email, "name": name }))).into_response()
}

async fn login(State(gateway): State<Gateway>, Json(body): Json<Value>) -> Response {
    let email = text(&body, "email");
    if !gateway.seen().users.contains_key(&email) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    tokens(&gateway, email)
}

async fn refresh(State(gateway): State<Gateway>, Json(body): Json<Value>) -> Response {
    let token = text(&body, "refresh_token");
    let owner = gateway.seen().refresh_tokens.remove(&token);
    match owner {
        Some(email) => tokens(&gateway, email),
        None => spent(&gateway, &token),
    }
}

async fn logout(State(gateway): State<Gateway>, Json(body): Json<Value>) -> Response {
    let token = text(&body, "refresh_token");
    let owner = gateway.seen().refresh_tokens.remove(&token);
    if owner.is_some() { StatusCode::NO_CONTENT.into_response() } else { spent(&gateway, &token) }
}

fn spent(gateway: &Gateway, token: &str) -> Response {
    let mut seen = gateway.seen();
    seen.spent_tokens_used += usize::from(seen.issued.contains(token));
    StatusCode::UNAUTHORIZED.into_response()
}

fn tokens(gateway: &Gateway, email: String) -> Response {
    let mut seen = gateway.seen();
    let refresh_token = format!("refresh-{}", seen.issued.len());
    seen.issued.insert(refresh_token.clone());
    seen.refresh_tokens.insert(refresh_token.clone(), email.clone());
    let access_token = format!("access-{email}");
    Json(json!({
        "access_token": access_token, "refresh_token": refresh_token, "token_type": "Bearer", "expires_in": 900
    }))
    .into_response()
}

async fn read_me(State(gateway): State<Gateway>, headers: HeaderMap) -> Response {
    me(&gateway, &headers, None)
}

async fn rename_me(State(gateway): State<Gateway>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    me(&gateway, &headers, Some(text(&body, "name")))
}

fn me(gateway: &Gateway, headers: &HeaderMap, new_name: Option<String>) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let email = token.strip_prefix("Bearer access-").unwrap_or_default();
    let mut seen = gateway.seen();
    let Some(name) = seen.users.get_mut(email) else { return StatusCode::UNAUTHORIZED.into_response() };
    if let Some(new_name) = new_name {
        *name = new_name;
    }
    Json(json!({
        "id": "0191", "email": email, "name": name, "role": "user",
        "created_at": "2026-11-21T00:00:00Z", "updated_at": "2026-11-21T00:00:00Z"
    }))
    .into_response()
}

async fn list_v1(Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
    page(&query, product)
}

async fn list_v2(Query(query): Query<BTreeMap<String, String>>) -> Json<Value> {
    page(&query, |number, category| {
        let mut product = product(number, category);
        product["price"] = json!({ "amount_minor": 1290, "currency": "EUR" });
        product
    })
}

async fn view(State(gateway): State<Gateway>, Path(id): Path<String>) -> Response {
    let number = id.strip_prefix("id-").and_then(|number| number.parse().ok()).filter(|number| *number < PRODUCTS);
    let Some(number) = number else { return StatusCode::NOT_FOUND.into_response() };
    let mut product = product(number, "books");
    match gateway.fault {
        ReadFault::None => {}
        ReadFault::Status500 => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        ReadFault::Slow => sleep_until(Instant::now() + SLOW).await,
        ReadFault::MissingPrice => drop(product.as_object_mut().unwrap().remove("price")),
    }
    Json(product).into_response()
}

fn page(query: &BTreeMap<String, String>, show: impl Fn(usize, &str) -> Value) -> Json<Value> {
    let limit: usize = query["limit"].parse().unwrap();
    let from: usize = query.get("cursor").map_or(0, |cursor| cursor.parse().unwrap());
    let category = query.get("category").map_or("books", String::as_str);
    let until = (from + limit).min(PRODUCTS);
    let items: Vec<Value> = (from..until).map(|number| show(number, category)).collect();
    Json(json!({ "items": items, "next_cursor": (until < PRODUCTS).then(|| until.to_string()) }))
}

fn product(number: usize, category: &str) -> Value {
    json!({
        "id": format!("id-{number}"), "sku": format!("SKU-{number}"), "name": "A thing", "description": "",
        "category": category, "price": "12.90", "currency": "EUR", "stock": 5, "version": 1,
        "created_at": "2026-11-21T00:00:00Z", "updated_at": "2026-11-21T00:00:00Z"
    })
}

fn text(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap().to_owned()
}
