//! Access tokens as JSON Web Tokens (RFC 9068) signed with Ed25519, and the key set that verifies them.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use ed25519_dalek::pkcs8::{EncodePrivateKey, KeypairBytes};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use uuid::Uuid;

use crate::domain::Error;
use crate::domain::keys::{Phase, Seed, SigningKey};
use crate::domain::session::AccessClaims;
use crate::ports::AccessTokens;

/// `typ` of access tokens, so that no other kind of token passes for one.
const TYPE: &str = "at+jwt";

/// Signs with whatever key is current.
pub struct JwtSigner {
    issuer: String,
    audience: String,
    keyring: RwLock<Option<Arc<Keyring>>>,
}

/// What signs now, and what verifies it.
struct Keyring {
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

impl JwtSigner {
    /// A signer without keys.
    #[must_use]
    pub fn new(issuer: &str, audience: &str) -> Self {
        jwt::install();
        Self { issuer: issuer.to_owned(), audience: audience.to_owned(), keyring: RwLock::new(None) }
    }

    fn keyring(&self) -> Result<Arc<Keyring>, Error> {
        let keyring = self.keyring.read().unwrap_or_else(PoisonError::into_inner);
        keyring.clone().ok_or_else(|| Error::Internal("no signing key is installed".into()))
    }
}

impl AccessTokens for JwtSigner {
    fn generate(&self, phase: Phase, at: DateTime<Utc>) -> Result<SigningKey, Error> {
        let seed = Seed::init_with_mut(|seed: &mut [u8; 32]| rand::rng().fill(seed));
        let id = public_key(seed.expose_secret())?.thumbprint(ThumbprintHash::SHA256).map_err(internal)?;
        Ok(SigningKey::new(id, seed, phase, at))
    }

    fn install(&self, keys: &[SigningKey]) -> Result<(), Error> {
        let current = keys.iter().find(|key| key.phase() == Phase::Current);
        let current = current.ok_or_else(|| Error::Internal("no signing key is current".into()))?;
        let keyring = Keyring {
            header: Header {
                typ: Some(TYPE.to_owned()),
                kid: Some(current.id().to_owned()),
                ..Header::new(Algorithm::EdDSA)
            },
            key: encoding_key(current.seed())?,
            key_set: key_set(keys)?,
        };
        *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keyring));
        Ok(())
    }

    fn sign(&self, claims: AccessClaims) -> Result<SecretString, Error> {
        let keyring = self.keyring()?;
        let claims = Claims {
            iss: &self.issuer,
            aud: &self.audience,
            sub: claims.user_id,
            role: claims.role.as_str(),
            iat: claims.issued_at.timestamp(),
            exp: claims.expires_at.timestamp(),
            jti: Uuid::new_v4(),
        };
        let token = jsonwebtoken::encode(&keyring.header, &claims, &keyring.key);
        token.map(SecretString::from).map_err(internal)
    }

    fn key_set(&self) -> Result<String, Error> {
        Ok(self.keyring()?.key_set.clone())
    }
}

/// The private half alone, without the public one that PKCS #8 allows beside it: the library reads no other form.
fn encoding_key(seed: &[u8; 32]) -> Result<EncodingKey, Error> {
    let pair = KeypairBytes { secret_key: *seed, public_key: None };
    let der = pair.to_pkcs8_der().map_err(|error| Error::Internal(error.to_string().into()))?;
    Ok(EncodingKey::from_ed_der(der.as_bytes()))
}

fn public_key(seed: &[u8; 32]) -> Result<Jwk, Error> {
    Jwk::from_encoding_key(&encoding_key(seed)?, Algorithm::EdDSA).map_err(internal)
}

fn key_set(keys: &[SigningKey]) -> Result<String, Error> {
    let publish = |key: &SigningKey| {
        let mut jwk = public_key(key.seed())?;
        jwk.common.key_id = Some(key.id().to_owned());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(jwk)
    };
    let set = JwkSet { keys: keys.iter().map(publish).collect::<Result<_, Error>>()? };
    serde_json::to_string(&set).map_err(|error| Error::Internal(error.into()))
}

fn internal(error: jsonwebtoken::errors::Error) -> Error {
    Error::Internal(error.into())
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
