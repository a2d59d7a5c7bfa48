//! What [`super`] signs, read back with a verifier.

use chrono::TimeDelta;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use secrecy::ExposeSecret;

use super::*;
use crate::domain::account::Role;
use crate::domain::now;

fn grant() -> Grant {
    let issued_at = now();
    Grant { user_id: Uuid::from_u128(7), role: Role::Admin, issued_at, expires_at: issued_at + TimeDelta::minutes(15) }
}

fn verify(token: &str, key_set: &str) -> Result<serde_json::Value, jsonwebtoken::errors::Error> {
    let set: JwkSet = serde_json::from_str(key_set).expect("a key set");
    let header = jsonwebtoken::decode_header(token)?;
    assert_eq!(header.typ.as_deref(), Some(TYPE));
    let jwk = set.find(&header.kid.expect("a key id")).expect("the key is published");
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&["issuer"]);
    validation.set_audience(&["audience"]);
    Ok(jsonwebtoken::decode(token, &DecodingKey::from_jwk(jwk)?, &validation)?.claims)
}

#[test]
fn a_signed_token_verifies_with_the_key_set() {
    let signer = JwtSigner::new("issuer", "audience");
    signer.install(&[signer.generate(Phase::Current, now())]).expect("installed");
    let token = signer.sign(grant()).expect("signed");
    let claims = verify(token.expose_secret(), &signer.key_set().expect("a set")).expect("valid");
    assert_eq!(claims["sub"], Uuid::from_u128(7).to_string());
    assert_eq!(claims["role"], "admin");
    assert_eq!(claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat), Some(900));
    assert!(Uuid::try_parse(claims["jti"].as_str().expect("text")).is_ok());
}

#[test]
fn tokens_outlive_the_rotation_of_their_key() {
    let signer = JwtSigner::new("issuer", "audience");
    let old = signer.generate(Phase::Current, now());
    signer.install(std::slice::from_ref(&old)).expect("installed");
    let token = signer.sign(grant()).expect("signed");
    let retired = SigningKey::new(old.id().to_owned(), Seed::new(Box::new(*old.seed())), Phase::Retired, now());
    let keys = [retired, signer.generate(Phase::Current, now()), signer.generate(Phase::Next, now())];
    signer.install(&keys).expect("installed");
    let set = signer.key_set().expect("a set");
    verify(token.expose_secret(), &set).expect("still valid");
    verify(signer.sign(grant()).expect("signed").expose_secret(), &set).expect("valid");
    assert_eq!(serde_json::from_str::<JwkSet>(&set).expect("a set").keys.len(), 3);
}

#[test]
fn a_token_of_a_foreign_key_does_not_verify() {
    let (ours, theirs) = (JwtSigner::new("issuer", "audience"), JwtSigner::new("issuer", "audience"));
    let key = ours.generate(Phase::Current, now());
    let forged = SigningKey::new(key.id().to_owned(), Seed::new(Box::new([1; 32])), Phase::Current, now());
    ours.install(&[key]).expect("installed");
    theirs.install(&[forged]).expect("installed");
    let token = theirs.sign(grant()).expect("signed");
    assert!(verify(token.expose_secret(), &ours.key_set().expect("a set")).is_err());
}

#[test]
fn nothing_is_signed_without_a_current_key() {
    let signer = JwtSigner::new("issuer", "audience");
    assert!(signer.sign(grant()).is_err());
    assert!(signer.install(&[signer.generate(Phase::Next, now())]).is_err());
}

#[test]
fn the_thumbprint_is_that_of_rfc_8037() {
    let id = thumbprint("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_eq!(id, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn keys_do_not_print_their_private_half() {
    let signer = JwtSigner::new("issuer", "audience");
    let key = SigningKey::new("id".to_owned(), Seed::new(Box::new([0xAB; 32])), Phase::Current, now());
    assert!(!format!("{key:?}").contains("171"));
    assert_ne!(signer.generate(Phase::Next, now()).id(), signer.generate(Phase::Next, now()).id());
}
