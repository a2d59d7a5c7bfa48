//! What must never get in, and what a client is told then.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use testkit::{Client, TestStack, eventually};
use toml::toml;

const PASSWORD: &str = "correct horse battery";

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Header and claims of a genuine token.
fn open(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64"));
    let mut next = || serde_json::from_slice(&parts.next().expect("a part")).expect("JSON");
    (next(), next())
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

async fn refused(client: &Client, token: &str) -> String {
    let answer = client.with_token(token).get("/v1/users/me").await.expect(401);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    answer.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_tokens_are_refused() {
    let stack = TestStack::start().await;
    let (_, tokens) = stack.client.sign_up("forge@example.com", PASSWORD).await;
    let genuine = tokens["access_token"].as_str().expect("token").to_owned();
    let (header, claims) = open(&genuine);
    let signature = genuine.rsplit('.').next().expect("signature");
    let jwks = stack.client.get("/.well-known/jwks.json").await.expect(200).json();
    let public = URL_SAFE_NO_PAD.decode(jwks["keys"][0]["x"].as_str().expect("x")).expect("base64");

    let mut admin = claims.clone();
    admin["role"] = "admin".into();
    let none = json!({ "alg": "none", "typ": "at+jwt", "kid": header["kid"] });
    let hs256 = json!({ "alg": "HS256", "typ": "at+jwt", "kid": header["kid"] });
    let signed = format!("{}.{}", part(&hs256), part(&admin));
    let mac = hmac_sha256(&public, signed.as_bytes());
    let confused = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
    let own_key = own_key_token(&header, &admin);
    let mut id_token = header.clone();
    id_token["typ"] = "JWT".into();
    for (what, token) in [
        ("garbage", "garbage".to_owned()),
        ("alg none", format!("{}.{}.", part(&none), part(&admin))),
        ("alg none with a signature", format!("{}.{}.{signature}", part(&none), part(&admin))),
        ("changed claims", format!("{}.{}.{signature}", part(&header), part(&admin))),
        ("changed header", format!("{}.{}.{signature}", part(&id_token), part(&claims))),
        ("public key as secret", confused),
        ("own key in the header", own_key),
        ("no signature", genuine.rsplit_once('.').expect("parts").0.to_owned()),
        ("huge", format!("{genuine}{}", "A".repeat(5000))),
    ] {
        assert_eq!(refused(&stack.client, &token).await, "token_invalid", "{what}");
    }
    let _ = stack.client.with_token(&genuine).get("/v1/users/me").await.expect(200);
    let basic = stack.client.with_header("authorization", "Basic YTpi").get("/v1/users/me").await.expect(401);
    assert_eq!(basic.code(), "token_missing");
}

/// A token that is signed correctly, by a key the token brings along itself.
fn own_key_token(header: &Value, claims: &Value) -> String {
    use ed25519_dalek::{Signer, SigningKey};
    let key = SigningKey::from_bytes(&[7; 32]);
    let mut header = header.clone();
    header["jwk"] = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.verifying_key()) });
    let signed = format!("{}.{}", part(&header), part(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).to_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_told_from_an_invalid_one() {
    let short = toml! {
        auth.token.access_ttl_s = 1
        gateway.token.leeway_s = 0
    };
    let stack = TestStack::builder().configure(short).start().await;
    let (client, _) = stack.client.sign_up("late@example.com", PASSWORD).await;
    let answer = eventually("the token to expire", || async {
        let answer = client.get("/v1/users/me").await;
        (answer.status == 401).then_some(answer)
    })
    .await;
    assert_eq!(answer.code(), "token_expired");
    assert!(answer.json()["detail"].as_str().is_some_and(|detail| detail.contains("/v1/auth/refresh")));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_routes_that_make_no_sense_get_a_clear_answer() {
    let stack = TestStack::start().await;
    let client = &stack.client;
    let post = |body: Vec<u8>| {
        let request = Request::post(format!("{}/v1/auth/login", client.base()));
        request.header("content-type", "application/json").body(Full::from(body)).expect("request")
    };
    let garbage = client.raw(post(b"\xff\xfe{{{".to_vec())).await.expect(400);
    assert_eq!(garbage.code(), "malformed_json");
    let _ = client.raw(post("[".repeat(60_000).into_bytes())).await.expect(400);
    let missing = client.post("/v1/auth/login", &json!({ "email": "a@example.com" })).await.expect(400);
    assert_eq!(missing.json()["errors"][0]["field"], "password");
    // The refusal may come before the body has been taken, and then the connection ends: both are fine, a hang is not.
    if let Ok(answer) = client.try_raw(post(vec![b'x'; 10 * 1024 * 1024])).await {
        assert_eq!(answer.expect(413).code(), "payload_too_large");
    }
    assert_eq!(client.get("/nowhere").await.expect(404).code(), "route_not_found");
    assert_eq!(client.get("/metrics").await.expect(404).code(), "route_not_found");
    let wrong = client.delete("/ping").await.expect(405);
    assert_eq!(wrong.code(), "method_not_allowed");
    assert!(wrong.header("allow").contains("GET"), "{:?}", wrong.headers);
    assert_eq!(client.get("/v1/products?cursor=%%%").await.expect(400).code(), "invalid_cursor");
    let _ = client.get("/ping").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_ids_and_security_headers_errors_included() {
    let stack = TestStack::start().await;
    let (user, _) = stack.client.sign_up("headers@example.com", PASSWORD).await;
    let large = stack.client.with_header("x-large", &"x".repeat(17_000));
    let answers = [
        stack.client.get("/ping").await,
        stack.client.get("/docs").await,
        stack.client.get("/v1/products").await,
        stack.client.get("/v1/products/not-a-uuid").await,
        stack.client.get("/v1/users/me").await,
        user.get("/v1/users/me").await,
        user.get("/v1/users").await,
        stack.client.get("/nowhere").await,
        stack.client.delete("/ping").await,
        large.get("/ping").await,
    ];
    for answer in &answers {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert!(answer.header("strict-transport-security").contains("max-age=31536000"));
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(answer.headers.get("server").is_none(), "no banner");
        assert!(!answer.header("x-request-id").is_empty());
        let trace_id = answer.header("traceparent").split('-').nth(1).unwrap_or_default().to_owned();
        assert_eq!(trace_id.len(), 32);
        if !answer.status.is_success() {
            assert_eq!(answer.json()["trace_id"], trace_id, "{}", answer.text());
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
    assert_eq!(answers[5].header("cache-control"), "no-store", "personal data is not for caches");
    assert_eq!(answers[9].clone().expect(431).code(), "headers_too_large");
    let mine = stack.client.with_header("x-request-id", "my-id-1").get("/ping").await;
    assert_eq!(mine.header("x-request-id"), "my-id-1");
    let evil = stack.client.with_header("x-request-id", "a b;c").get("/ping").await;
    assert_ne!(evil.header("x-request-id"), "a b;c");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_listed_origins_may_call_from_a_browser() {
    let listed = toml! { gateway.cors.allowed_origins = ["https://shop.example"] };
    let stack = TestStack::builder().configure(listed).start().await;
    let preflight = |origin: &'static str| {
        let client = stack.client.with_header("origin", origin).with_header("access-control-request-method", "POST");
        async move { client.send(Method::OPTIONS, "/v1/auth/login", None).await }
    };
    assert_eq!(preflight("https://shop.example").await.header("access-control-allow-origin"), "https://shop.example");
    assert_eq!(preflight("https://evil.example").await.header("access-control-allow-origin"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn long_answers_are_compressed_for_clients_that_can() {
    let stack = TestStack::start().await;
    let client = stack.client.with_header("accept-encoding", "gzip");
    let answer = client.get("/v1/products?limit=50").await.expect(200);
    assert_eq!(answer.header("content-encoding"), "gzip");
    let plain = stack.client.get("/v1/products?limit=50").await.expect(200);
    assert!(answer.body.len() * 2 < plain.body.len(), "{} of {}", answer.body.len(), plain.body.len());
}
