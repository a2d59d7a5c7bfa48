//! Access tokens as JSON Web Tokens (RFC 9068) signed with Ed25519, and the key set that verifies them.

use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rand::RngExt;
use secrecy::SecretString;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::Error;
use crate::domain::keys::{Phase, Seed, SigningKey};
use crate::domain::sessions::Grant;
use crate::ports::AccessTokens;

/// `typ` of access tokens, so that no other kind of token passes for one.
const TYPE: &str = "at+jwt";

/// Signs with whatever key is current.
pub struct JwtSigner {
    issuer: String,
    audience: String,
    ring: RwLock<Option<Arc<Ring>>>,
}

struct Ring {
    header: Header,
    key: EncodingKey,
    key_set: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: Uuid,
    role: &'static str,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

/// A public key as RFC 8037 spells it.
#[derive(Serialize)]
struct Jwk<'a> {
    kty: &'static str,
    crv: &'static str,
    r#use: &'static str,
    alg: &'static str,
    kid: &'a str,
    x: String,
}

#[derive(Serialize)]
struct KeySet<'a> {
    keys: Vec<Jwk<'a>>,
}

impl JwtSigner {
    /// A signer without keys.
    #[must_use]
    pub fn new(issuer: &str, audience: &str) -> Self {
        Self { issuer: issuer.to_owned(), audience: audience.to_owned(), ring: RwLock::new(None) }
    }

    fn ring(&self) -> Result<Arc<Ring>, Error> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        ring.clone().ok_or_else(|| Error::Internal("no signing key is installed".into()))
    }
}

impl AccessTokens for JwtSigner {
    fn generate(&self, phase: Phase, at: DateTime<Utc>) -> SigningKey {
        let seed = Seed::init_with_mut(|seed: &mut [u8; 32]| rand::rng().fill(seed));
        let unnamed = SigningKey::new(String::new(), seed, phase, at);
        let id = thumbprint(&public(&unnamed));
        let seed = Seed::new(Box::new(*unnamed.seed()));
        SigningKey::new(id, seed, phase, at)
    }

    fn install(&self, keys: &[SigningKey]) -> Result<(), Error> {
        let current = keys.iter().find(|key| key.phase() == Phase::Current);
        let current = current.ok_or_else(|| Error::Internal("no signing key is current".into()))?;
        let ring = Ring {
            header: Header {
                typ: Some(TYPE.to_owned()),
                kid: Some(current.id().to_owned()),
                ..Header::new(Algorithm::EdDSA)
            },
            key: encoding_key(current)?,
            key_set: key_set(keys)?,
        };
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(ring));
        Ok(())
    }

    fn sign(&self, grant: Grant) -> Result<SecretString, Error> {
        let ring = self.ring()?;
        let claims = Claims {
            iss: &self.issuer,
            aud: &self.audience,
            sub: grant.user_id,
            role: grant.role.as_str(),
            iat: grant.issued_at.timestamp(),
            exp: grant.expires_at.timestamp(),
            jti: Uuid::new_v4(),
        };
        let token = jsonwebtoken::encode(&ring.header, &claims, &ring.key);
        token.map(SecretString::from).map_err(|error| Error::Internal(error.into()))
    }

    fn key_set(&self) -> Result<String, Error> {
        Ok(self.ring()?.key_set.clone())
    }
}

fn encoding_key(key: &SigningKey) -> Result<EncodingKey, Error> {
    let pair = ed25519_dalek::SigningKey::from_bytes(key.seed());
    let der = pair.to_pkcs8_der().map_err(|error| Error::Internal(error.to_string().into()))?;
    Ok(EncodingKey::from_ed_der(der.as_bytes()))
}

fn key_set(keys: &[SigningKey]) -> Result<String, Error> {
    let jwk =
        |key| Jwk { kty: "OKP", crv: "Ed25519", r#use: "sig", alg: "EdDSA", kid: SigningKey::id(key), x: public(key) };
    let set = KeySet { keys: keys.iter().map(jwk).collect() };
    serde_json::to_string(&set).map_err(|error| Error::Internal(error.into()))
}

/// The public half in base64url.
fn public(key: &SigningKey) -> String {
    let pair = ed25519_dalek::SigningKey::from_bytes(key.seed());
    URL_SAFE_NO_PAD.encode(pair.verifying_key().as_bytes())
}

/// RFC 7638: SHA-256 over the required members in alphabetical order.
fn thumbprint(x: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
