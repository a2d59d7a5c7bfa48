//! Access tokens, checked here against the key set of the auth service, so that no request waits for auth.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use chassis::backoff::{Backoff, Jitter};
use chassis::ports::Ports;
use chassis::{Actor, Kind, Problem};
use contracts::auth::v1::GetJwksRequest;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use uuid::Uuid;

use crate::clients::Clients;
use crate::config;

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 4096;

/// At most one look-up of unknown keys in this time, however many tokens name them.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(5);

/// First pause after a failed fetch; doubles up to the last.
const RETRY: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10), Jitter::None);

/// A token that does not admit its bearer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// There is none.
    #[error("This needs an access token: send `Authorization: Bearer <access_token>`.")]
    Missing,
    /// It was valid once.
    #[error("The access token has expired: get a new one with POST /v1/auth/refresh.")]
    Expired,
    /// It is not one of ours.
    #[error("The access token is not valid.")]
    Invalid,
    /// No key set has arrived yet.
    #[error("Tokens cannot be checked yet. Try again shortly.")]
    NoKeys,
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let (kind, code) = match error {
            TokenError::Missing => (Kind::Unauthenticated, "token_missing"),
            TokenError::Expired => (Kind::Unauthenticated, "token_expired"),
            TokenError::Invalid => (Kind::Unauthenticated, "token_invalid"),
            TokenError::NoKeys => (Kind::Unavailable, "keys_unavailable"),
        };
        Problem::new(kind, code, error.to_string())
    }
}

/// Checks tokens. Cloning shares the keys.
#[derive(Clone)]
pub(crate) struct Verifier(Arc<Inner>);

struct Inner {
    keys: RwLock<HashMap<String, DecodingKey>>,
    fetch: tokio::sync::Mutex<Option<Instant>>,
    validation: Validation,
    clients: Clients,
    refresh: Duration,
}

#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
    role: Role,
    /// Required, though only its presence matters here.
    #[allow(dead_code, reason = "demanded of every token")]
    jti: String,
    iat: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Admin,
}

impl Verifier {
    pub(crate) fn new(settings: &config::Token, clients: Clients) -> Self {
        jwt::install();
        telemetry::init_to_zero("jwks_refreshes_total", &[("outcome", &["success", "failed"])]);
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&[&settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = settings.leeway.as_secs();
        Self(Arc::new(Inner {
            keys: RwLock::default(),
            fetch: tokio::sync::Mutex::new(None),
            validation,
            clients,
            refresh: settings.jwks_refresh,
        }))
    }

    /// Checks signature, type, issuer, audience, times and key of a token, and answers whose it is.
    pub(crate) async fn verify(&self, token: &str) -> Result<Actor, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Invalid);
        }
        let header = decode_header(token).map_err(|_| TokenError::Invalid)?;
        let access_token = header.typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case("at+jwt"));
        // A header may not bring its own key or demand what we do not implement.
        let foreign = header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() || header.crit.is_some();
        if header.alg != Algorithm::EdDSA || !access_token || foreign {
            return Err(TokenError::Invalid);
        }
        let key = self.key(&header.kid.ok_or(TokenError::Invalid)?).await?;
        let claims = decode::<Claims>(token, &key, &self.0.validation)
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::ExpiredSignature => TokenError::Expired,
                _ => TokenError::Invalid,
            })?
            .claims;
        if claims.iat > jsonwebtoken::get_current_timestamp() + self.0.validation.leeway {
            return Err(TokenError::Invalid);
        }
        Ok(match claims.role {
            Role::User => Actor::User(claims.sub),
            Role::Admin => Actor::Admin(claims.sub),
        })
    }

    /// Whether tokens can be checked; for `/readyz`.
    pub(crate) fn ready(&self) -> Result<(), String> {
        if self.keys().is_empty() { Err("no key set from auth yet".to_owned()) } else { Ok(()) }
    }

    /// Keeps the key set current, for ever.
    pub(crate) async fn run(self) {
        let (ports, mut failures) = (Ports::default(), 0);
        loop {
            match self.fetch().await {
                Ok(()) => {
                    failures = 0;
                    ports.clock.sleep(self.0.refresh).await;
                }
                Err(status) => {
                    tracing::warn!(error = &status as &dyn std::error::Error, "cannot fetch the key set of auth yet");
                    failures += 1;
                    ports.clock.sleep(RETRY.wait(failures, &*ports.random)).await;
                }
            }
        }
    }

    fn keys(&self) -> std::sync::RwLockReadGuard<'_, HashMap<String, DecodingKey>> {
        self.0.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn key(&self, kid: &str) -> Result<DecodingKey, TokenError> {
        if let Some(key) = self.keys().get(kid).cloned() {
            return Ok(key);
        }
        // Perhaps a key that is newer than our set: ask once, not once per forged token.
        let mut last = self.0.fetch.lock().await;
        if last.is_none_or(|at| at.elapsed() >= UNKNOWN_KEY_PAUSE) {
            *last = Some(Instant::now());
            // A failure leaves the old keys; the refresh loop reports it.
            let _ = self.fetch().await;
        }
        drop(last);
        let keys = self.keys();
        if keys.is_empty() {
            return Err(TokenError::NoKeys);
        }
        keys.get(kid).cloned().ok_or(TokenError::Invalid)
    }

    async fn fetch(&self) -> Result<(), tonic::Status> {
        let outcome = self.0.clients.auth.clone().get_jwks(GetJwksRequest {}).await;
        let label = if outcome.is_ok() { "success" } else { "failed" };
        telemetry::counter!("jwks_refreshes_total", "outcome" => label).increment(1);
        let set: JwkSet = serde_json::from_str(&outcome?.into_inner().jwks_json)
            .map_err(|error| tonic::Status::internal(format!("auth sent a malformed key set: {error}")))?;
        let keys = set.keys.iter().filter(|key| {
            matches!(&key.algorithm, AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519)
        });
        let keys: HashMap<_, _> =
            keys.filter_map(|key| Some((key.common.key_id.clone()?, DecodingKey::from_jwk(key).ok()?))).collect();
        *self.0.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = keys;
        Ok(())
    }
}
