//! An HTTP client for tests: answers as values, and a note of every route and status it has seen.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

type Hyper = hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>;

/// `(method, path, status)` of everything a client was answered.
pub type Seen = BTreeSet<(String, String, u16)>;

/// A client of one server.
#[derive(Clone)]
pub struct Client {
    base: String,
    hyper: Hyper,
    headers: HeaderMap,
    seen: Arc<Mutex<Seen>>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body as it came.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Clone, Debug)]
pub struct NoAnswer {
    /// Whether no connection could be made, so that the request was never sent.
    pub refused: bool,
    /// In words.
    pub reason: String,
}

impl Answer {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text; empty if absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The `code` of a problem document.
    #[must_use]
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The answer, if it has that status.
    ///
    /// # Panics
    /// If it has another; the message shows the body.
    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }
}

impl Client {
    /// A client of the server at `address`.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let hyper = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        Self { base: format!("http://{address}"), hyper, headers: HeaderMap::new(), seen: Arc::default() }
    }

    /// The same client with a header on every request; it shares the note of what was seen.
    ///
    /// # Panics
    /// If name or value cannot be a header.
    #[must_use]
    pub fn with_header(&self, name: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.insert(name, value.parse().expect("a header value"));
        client
    }

    /// The same client with an access token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    /// Everything that was answered so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// `POST` with a JSON body, to a server that may be gone.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn try_post(&self, path: &str, body: &Value) -> Result<Answer, NoAnswer> {
        self.try_raw(self.request(Method::POST, path, Some(body))).await
    }

    /// `GET` from a server that may be gone.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn try_get(&self, path: &str) -> Result<Answer, NoAnswer> {
        self.try_raw(self.request(Method::GET, path, None)).await
    }

    /// A request with or without a JSON body, to a server that may be gone.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn try_send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, NoAnswer> {
        self.try_raw(self.request(method, path, body)).await
    }

    /// `PUT` with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// `PATCH` with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// A request with or without a JSON body.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.raw(self.request(method, path, body)).await
    }

    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        request.body(Full::new(body)).expect("a request")
    }

    /// Any request; its URI must be complete.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn raw(&self, request: Request<Full<Bytes>>) -> Answer {
        let what = (request.method().to_string(), request.uri().path().to_owned());
        let answer =
            self.try_raw(request).await.unwrap_or_else(|error| panic!("{} {}: {}", what.0, what.1, error.reason));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert((what.0, what.1, answer.status.as_u16()));
        answer
    }

    /// Any request; an error tells why there is no answer.
    ///
    /// # Errors
    /// If the connection failed.
    pub async fn try_raw(&self, mut request: Request<Full<Bytes>>) -> Result<Answer, NoAnswer> {
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        let response = self
            .hyper
            .request(request)
            .await
            .map_err(|error| NoAnswer { refused: error.is_connect(), reason: format!("{error:?}") })?;
        let (parts, body) = response.into_parts();
        let cut = |error: hyper::Error| NoAnswer { refused: false, reason: error.to_string() };
        let body = body.collect().await.map_err(cut)?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// Base URL, such as `http://127.0.0.1:1234`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Registers and signs in; answers a client with the access token, and the token answer.
    pub async fn sign_up(&self, email: &str, password: &str) -> (Self, Value) {
        let account = json!({ "email": email, "password": password, "name": "Test Person" });
        let _ = self.post("/v1/auth/register", &account).await.expect(201);
        self.sign_in(email, password).await
    }

    /// Signs in; answers a client with the access token, and the token answer.
    pub async fn sign_in(&self, email: &str, password: &str) -> (Self, Value) {
        let credentials = json!({ "email": email, "password": password });
        let tokens = self.post("/v1/auth/login", &credentials).await.expect(200).json();
        (self.with_token(tokens["access_token"].as_str().unwrap_or_default()), tokens)
    }
}
