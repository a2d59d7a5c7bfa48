//! Every route and every status the OpenAPI document promises, met through real sockets. What the document
//! lists and this file does not provoke makes the test fail, and so does the reverse.

#![allow(clippy::print_stdout, reason = "the counts belong to the result")]

use std::collections::BTreeSet;

use chassis::config::Layers;
use chassis::{HostOptions, Running};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use testkit::{Client, FakeService, Seen, TestStack, eventually, local_ports};
use toml::toml;
use topology::Topology;

const PASSWORD: &str = "correct horse battery";
const NOBODY: &str = "01990000-0000-7000-8000-00000000dead";

/// One documented operation.
#[derive(Clone, Debug)]
struct Operation {
    method: Method,
    template: String,
    statuses: BTreeSet<u16>,
    has_body: bool,
    calls: Option<&'static str>,
}

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&gateway::openapi_json()).expect("a document");
    let mut all = Vec::new();
    for (template, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
            let Some(responses) = operation["responses"].as_object() else { continue };
            let statuses: BTreeSet<u16> = responses.keys().map(|status| status.parse().expect("a status")).collect();
            let calls = statuses.contains(&503).then(|| match template.as_str() {
                path if path.contains("/auth/") || path.contains("jwks") => "auth",
                path if path.contains("/users") => "user",
                _ => "product",
            });
            let has_body = !operation["requestBody"].is_null();
            all.push(Operation { method, template: template.clone(), statuses, has_body, calls });
        }
    }
    all
}

impl Operation {
    fn path(&self, id: &str) -> String {
        self.template.replace("{id}", id)
    }

    /// A body this operation accepts.
    fn body(&self) -> Option<Value> {
        let name = json!({ "name": "New Name" });
        let token = json!({ "refresh_token": "unknown" });
        match (self.method.as_str(), self.template.as_str()) {
            ("POST", "/v1/auth/register") => {
                Some(json!({ "email": "x@example.com", "password": PASSWORD, "name": "X" }))
            }
            ("POST", "/v1/auth/login") => Some(json!({ "email": "x@example.com", "password": PASSWORD })),
            ("POST", "/v1/auth/refresh" | "/v1/auth/logout") => Some(token),
            ("PATCH", _) => Some(name),
            ("PUT", "/v1/users/{id}/role") => Some(json!({ "role": "user" })),
            ("POST", "/v1/products") => Some(product("NEW-0001")),
            ("PUT", "/v1/products/{id}") => Some(replacement("NEW-0001", 1)),
            _ => None,
        }
    }

    async fn call(&self, client: &Client, id: &str) -> u16 {
        client.send(self.method.clone(), &self.path(id), self.body().as_ref()).await.status.as_u16()
    }
}

fn product(sku: &str) -> Value {
    json!({ "sku": sku, "name": "Copper kettle", "description": "Boils a litre in three minutes.",
            "category": "kitchen", "price": "59.90", "currency": "EUR", "stock": 12 })
}

fn replacement(sku: &str, version: i64) -> Value {
    let mut body = product(sku);
    body["version"] = version.into();
    body
}

/// A gateway in front of whatever is named, beside the one of the stack.
async fn gateway_to(auth: &str, others: &str, more: toml::Table) -> (Running, Client) {
    let urls = for_callees("url", |callee| if callee == "auth" { auth.into() } else { others.into() });
    let layers = Layers::new("gateway", gateway::SPEC.defaults)
        .and_then(|layers| layers.table("test", local_ports("gateway")))
        .and_then(|layers| layers.table("test", urls))
        .and_then(|layers| layers.table("test", more))
        .expect("valid overrides");
    let running = chassis::start(&gateway::SPEC, &layers, HostOptions::default()).await.expect("a gateway");
    let client = Client::new(running.address("http").expect("it listens"));
    (running, client)
}

/// A key in the section of each service that the gateway calls.
fn for_callees(key: &str, value: impl Fn(&str) -> toml::Value) -> toml::Table {
    let section = |callee: &String| {
        let section = toml::Table::from_iter([(key.to_owned(), value(callee))]);
        (callee.replace('-', "_"), toml::Value::Table(section))
    };
    Topology::ours().service("gateway").expect("it is on the list").calls.iter().map(section).collect()
}

fn note(into: &mut Seen, client: &Client) {
    into.extend(client.seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_status_of_every_route_is_met_and_no_other() {
    let stack = TestStack::start().await;
    let admin = stack.admin().await;
    let (user, _) = stack.client.sign_up("coverage@example.com", PASSWORD).await;
    let mut seen = Seen::new();

    sessions(&stack.client).await;
    profiles(&stack.client, &user, &admin).await;
    catalogue(&stack.client, &admin).await;
    for path in ["/ping", "/docs", "/openapi.json", "/.well-known/jwks.json"] {
        let _ = stack.client.get(path).await.expect(200);
    }
    refusals_by_the_edge(&stack.client, &user, &admin).await;
    note(&mut seen, &stack.client);
    failures_of_services(&stack, &admin, &mut seen).await;
    rate_limits(&stack, &mut seen).await;

    compare(&seen);
}

async fn sessions(client: &Client) {
    let account = json!({ "email": "Ada@Example.com", "password": PASSWORD, "name": "Ada" });
    let first = client.post("/v1/auth/register", &account).await.expect(201);
    assert_eq!(first.json(), json!({ "email": "ada@example.com", "name": "Ada" }));
    let again = client.post("/v1/auth/register", &account).await.expect(201);
    assert_eq!(again.json(), first.json(), "a known address is not told apart");
    let short =
        client.post("/v1/auth/register", &json!({ "email": "no", "password": "x", "name": "" })).await.expect(400);
    let fields: Vec<_> =
        short.json()["errors"].as_array().expect("errors").iter().map(|e| e["field"].clone()).collect();
    assert_eq!(fields, ["email", "password", "name"], "{}", short.text());

    let (_, tokens) = client.sign_in("ada@example.com", PASSWORD).await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 900);
    let wrong = json!({ "email": "ada@example.com", "password": "not the password" });
    let unknown = json!({ "email": "nobody@example.com", "password": "not the password" });
    let wrong = client.post("/v1/auth/login", &wrong).await.expect(401);
    let unknown = client.post("/v1/auth/login", &unknown).await.expect(401);
    assert_eq!((wrong.code(), wrong.json()["detail"].clone()), (unknown.code(), unknown.json()["detail"].clone()));
    assert_eq!(wrong.code(), "invalid_credentials");
    let _ = client.post("/v1/auth/login", &json!({ "email": "ada@example.com" })).await.expect(400);

    let spent = json!({ "refresh_token": tokens["refresh_token"] });
    let next = client.post("/v1/auth/refresh", &spent).await.expect(200).json();
    let reuse = client.post("/v1/auth/refresh", &spent).await.expect(401);
    assert_eq!(reuse.code(), "invalid_refresh_token");
    let family = json!({ "refresh_token": next["refresh_token"] });
    let _ = client.post("/v1/auth/refresh", &family).await.expect(401);
    let _ = client.post("/v1/auth/refresh", &json!({})).await.expect(400);
    let _ = client.post("/v1/auth/logout", &family).await.expect(204);
    let _ = client.post("/v1/auth/logout", &json!({})).await.expect(400);
}

async fn profiles(client: &Client, user: &Client, admin: &Client) {
    let me = user.get("/v1/users/me").await.expect(200).json();
    assert_eq!((me["email"].as_str(), me["role"].as_str()), (Some("coverage@example.com"), Some("user")));
    let renamed = user.patch("/v1/users/me", &json!({ "name": "Someone Else" })).await.expect(200).json();
    assert_eq!(renamed["name"], "Someone Else");
    let _ = user.patch("/v1/users/me", &json!({ "name": "" })).await.expect(400);
    let extra = user.patch("/v1/users/me", &json!({ "name": "X", "role": "admin" })).await.expect(400);
    assert_eq!(extra.json()["errors"][0]["field"], "role", "unknown fields are refused: {}", extra.text());

    let page = admin.get("/v1/users?limit=1").await.expect(200).json();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
    let cursor = page["next_cursor"].as_str().expect("more than one user");
    let second = admin.get(&format!("/v1/users?limit=1&cursor={cursor}")).await.expect(200).json();
    assert_ne!(second["items"][0]["id"], page["items"][0]["id"]);
    assert_eq!(admin.get("/v1/users?cursor=garbage").await.expect(400).code(), "invalid_cursor");

    let (gone, _) = client.sign_up("gone@example.com", PASSWORD).await;
    let id = gone.get("/v1/users/me").await.expect(200).json()["id"].as_str().expect("id").to_owned();
    let one = format!("/v1/users/{id}");
    assert_eq!(admin.get(&one).await.expect(200).json()["email"], "gone@example.com");
    let _ = admin.patch(&one, &json!({ "name": "Renamed" })).await.expect(200);
    let _ = admin.patch(&one, &json!({ "name": "" })).await.expect(400);
    let role = format!("{one}/role");
    assert_eq!(admin.put(&role, &json!({ "role": "admin" })).await.expect(200).json()["role"], "admin");
    let _ = admin.put(&role, &json!({ "role": "user" })).await.expect(200);
    let _ = admin.put(&role, &json!({ "role": "emperor" })).await.expect(400);
    let _ = admin.delete(&one).await.expect(204);
    let _ = admin.delete(&one).await.expect(404);
    let _ = gone.get("/v1/users/me").await.expect(404);
    let _ = gone.patch("/v1/users/me", &json!({ "name": "Ghost" })).await.expect(404);
    let credentials = json!({ "email": "gone@example.com", "password": PASSWORD });
    let _ = client.post("/v1/auth/login", &credentials).await.expect(401);
    for path in [format!("/v1/users/{NOBODY}"), "/v1/users/not-a-uuid".to_owned()] {
        let status = if path.ends_with("uuid") { 400 } else { 404 };
        let _ = admin.get(&path).await.expect(status);
        let _ = admin.patch(&path, &json!({ "name": "X" })).await.expect(status);
        let _ = admin.put(&format!("{path}/role"), &json!({ "role": "user" })).await.expect(status);
        let _ = admin.delete(&path).await.expect(status);
    }
    let own = admin.get("/v1/users/me").await.expect(200).json()["id"].as_str().expect("id").to_owned();
    let demoted = admin.put(&format!("/v1/users/{own}/role"), &json!({ "role": "user" })).await.expect(409);
    assert_eq!(demoted.code(), "last_admin");
    let _ = admin.delete(&format!("/v1/users/{own}")).await.expect(409);
}

async fn catalogue(client: &Client, admin: &Client) {
    let page = client.get("/v1/products?q=kettle&category=kitchen&sort=-price&limit=5").await.expect(200).json();
    assert!(page["items"].is_array());
    for bad in ["limit=0x", "limit=101", "sort=colour", "cursor=garbage", "min_price=cheap", "colour=red"] {
        let _ = client.get(&format!("/v1/products?{bad}")).await.expect(400);
        let _ = client.get(&format!("/v2/products?{bad}")).await.expect(400);
    }
    let first = client.get("/v1/products?limit=1").await.expect(200).json()["items"][0].clone();
    let id = first["id"].as_str().expect("id");
    let second_version = client.get(&format!("/v2/products/{id}")).await.expect(200).json();
    let minor = second_version["price"]["amount_minor"].as_i64().expect("minor units");
    assert_eq!(first["price"], format!("{}.{:02}", minor / 100, minor % 100));
    let _ = client.get("/v2/products?min_price=1000&max_price=2000").await.expect(200);
    for version in ["v1", "v2"] {
        assert_eq!(client.get(&format!("/{version}/products/{NOBODY}")).await.expect(404).code(), "product_not_found");
        let _ = client.get(&format!("/{version}/products/not-a-uuid")).await.expect(400);
    }

    let created = admin.post("/v1/products", &product("API-0001")).await.expect(201).json();
    let one = format!("/v1/products/{}", created["id"].as_str().expect("id"));
    assert_eq!(client.get(&one).await.expect(200).json(), created);
    assert_eq!(admin.post("/v1/products", &product("API-0001")).await.expect(409).code(), "sku_taken");
    let mut bad = product("API-0002");
    bad["price"] = "-1".into();
    let _ = admin.post("/v1/products", &bad).await.expect(400);
    let replaced = admin.put(&one, &replacement("API-0001", 1)).await.expect(200).json();
    assert_eq!(replaced["version"], 2);
    assert_eq!(admin.put(&one, &replacement("API-0001", 1)).await.expect(409).code(), "version_conflict");
    let mut bad = replacement("API-0001", 2);
    bad["stock"] = (-1).into();
    let _ = admin.put(&one, &bad).await.expect(400);
    let _ = admin.delete(&one).await.expect(204);
    let _ = admin.delete(&one).await.expect(404);
    let _ = admin.put(&one, &replacement("API-0001", 2)).await.expect(404);
    let _ = admin.delete("/v1/products/not-a-uuid").await.expect(400);
}

/// What no route has to do itself: tokens, roles, body type and size, header size.
async fn refusals_by_the_edge(client: &Client, user: &Client, admin: &Client) {
    for operation in operations() {
        let path = operation.path(NOBODY);
        if operation.statuses.contains(&401) && !operation.template.contains("/auth/") {
            assert_eq!(operation.call(client, NOBODY).await, 401, "{path}");
        }
        if operation.statuses.contains(&403) {
            assert_eq!(operation.call(user, NOBODY).await, 403, "{path}");
        }
        let request = || Request::builder().method(operation.method.clone()).uri(format!("{}{path}", client.base()));
        if operation.has_body {
            let text = request().header("content-type", "text/plain").body(Full::from("{}")).expect("request");
            assert_eq!(admin.raw(text).await.expect(415).code(), "unsupported_media_type");
            let large = request().header("content-type", "application/json").body(Full::from(vec![b' '; 70_000]));
            assert_eq!(admin.raw(large.expect("request")).await.expect(413).code(), "payload_too_large");
        }
        let large = request().header("x-large", "x".repeat(17_000)).body(Full::default()).expect("request");
        assert_eq!(client.raw(large).await.expect(431).code(), "headers_too_large");
    }
}

/// Services that fail, hang or are gone, seen through the same routes.
async fn failures_of_services(stack: &TestStack, admin: &Client, seen: &mut Seen) {
    let fake = FakeService::start().await;
    let real = format!("http://{}", stack.stack.address("auth", "grpc").expect("auth listens"));
    let token = admin_token(admin).await;
    for (code, status) in
        [(tonic::Code::Internal, 500), (tonic::Code::Unavailable, 503), (tonic::Code::DeadlineExceeded, 504)]
    {
        fake.refuse(code);
        // Gateways of their own, and one attempt for each call: together the failures would open breakers.
        let once = for_callees("retry_attempts", |_| 1.into());
        // Tokens must still be checked, so auth stays real except for its own routes.
        let (others_fail, to_others) = gateway_to(&real, &fake.url(), once.clone()).await;
        let (auth_fails, to_auth) = gateway_to(&fake.url(), &real, once).await;
        eventually("the key set", || async { others_fail.ready().await.then_some(()) }).await;
        assert!(!auth_fails.ready().await, "a gateway without keys is not ready");
        for operation in operations() {
            let client = match operation.calls {
                Some("auth") => to_auth.clone(),
                Some(_) => to_others.with_token(&token),
                None => continue,
            };
            let path = operation.path(NOBODY);
            let answer = client.send(operation.method.clone(), &path, operation.body().as_ref()).await;
            assert_eq!(answer.status.as_u16(), status, "{} {path}: {}", operation.method, answer.text());
            assert!(!answer.text().contains("stand-in"), "internals leak: {}", answer.text());
            note(seen, &client);
        }
    }
}

async fn admin_token(admin: &Client) -> String {
    let credentials = json!({ "email": "admin@signalbox.example", "password": "keeper of the keys" });
    let tokens = admin.post("/v1/auth/login", &credentials).await.expect(200).json();
    tokens["access_token"].as_str().expect("token").to_owned()
}

async fn rate_limits(stack: &TestStack, seen: &mut Seen) {
    let auth = format!("http://{}", stack.stack.address("auth", "grpc").expect("auth listens"));
    let strict = toml! { rate_limit = { per_second = 1, burst = 1, auth_per_second = 1, auth_burst = 1 } };
    let (_running, client) = gateway_to(&auth, &auth, strict).await;
    for operation in operations() {
        let limited = eventually("429", || async {
            let answer =
                client.send(operation.method.clone(), &operation.path(NOBODY), operation.body().as_ref()).await;
            (answer.status == 429).then_some(answer)
        })
        .await;
        assert_eq!(limited.code(), "rate_limited");
        assert!(limited.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1));
    }
    // Only the refusals count here: what passed had no services to go to.
    seen.extend(client.seen().into_iter().filter(|(_, _, status)| *status == 429));
}

/// The documented `(operation, status)` pairs and those that were met must be the same.
fn compare(seen: &Seen) {
    let operations = operations();
    let template = |method: &str, path: &str| {
        let matches = |template: &str| {
            let (a, b): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a == b || a.starts_with('{'))
        };
        let exact = operations.iter().find(|o| o.method == method && o.template == path);
        exact
            .or_else(|| operations.iter().find(|o| o.method == method && matches(&o.template)))
            .map(|o| o.template.clone())
    };
    let met: BTreeSet<(String, String, u16)> = seen
        .iter()
        .filter_map(|(method, path, status)| Some((method.clone(), template(method, path)?, *status)))
        .collect();
    let documented: BTreeSet<(String, String, u16)> = operations
        .iter()
        .flat_map(|o| o.statuses.iter().map(move |status| (o.method.to_string(), o.template.clone(), *status)))
        .collect();
    let unmet: Vec<_> = documented.difference(&met).collect();
    let undocumented: Vec<_> = met.difference(&documented).collect();
    assert!(unmet.is_empty(), "documented but never answered: {unmet:#?}");
    assert!(undocumented.is_empty(), "answered but not documented: {undocumented:#?}");
    println!("{} operations, {} statuses met", operations.len(), documented.len());
}
