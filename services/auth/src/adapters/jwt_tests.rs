//! What [`super`] signs, read back with a verifier.

use chrono::TimeDelta;
use jsonwebtoken::{DecodingKey, Validation};
use secrecy::ExposeSecret;

use super::*;
use crate::domain::account::Role;
use crate::domain::now;

fn claims() -> AccessClaims {
    let issued_at = now();
    AccessClaims {
        user_id: Uuid::from_u128(7),
        role: Role::Admin,
        issued_at,
        expires_at: issued_at + TimeDelta::minutes(15),
    }
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
    signer.install(&[signer.generate(Phase::Current, now()).expect("generated")]).expect("installed");
    let token = signer.sign(claims()).expect("signed");
    let claims = verify(token.expose_secret(), &signer.key_set().expect("a set")).expect("valid");
    assert_eq!(claims["sub"], Uuid::from_u128(7).to_string());
    assert_eq!(claims["role"], "admin");
    assert_eq!(claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat), Some(900));
    assert!(Uuid::try_parse(claims["jti"].as_str().expect("text")).is_ok());
}

#[test]
fn tokens_outlive_the_rotation_of_their_key() {
    let signer = JwtSigner::new("issuer", "audience");
    let old = signer.generate(Phase::Current, now()).expect("generated");
    signer.install(std::slice::from_ref(&old)).expect("installed");
    let token = signer.sign(claims()).expect("signed");
    let retired = SigningKey::new(old.id().to_owned(), Seed::new(Box::new(*old.seed())), Phase::Retired, now());
    let keys = [
        retired,
        signer.generate(Phase::Current, now()).expect("generated"),
        signer.generate(Phase::Next, now()).expect("generated"),
    ];
    signer.install(&keys).expect("installed");
    let set = signer.key_set().expect("a set");
    verify(token.expose_secret(), &set).expect("still valid");
    verify(signer.sign(claims()).expect("signed").expose_secret(), &set).expect("valid");
    assert_eq!(serde_json::from_str::<JwkSet>(&set).expect("a set").keys.len(), 3);
}

#[test]
fn a_token_of_a_foreign_key_does_not_verify() {
    let (ours, theirs) = (JwtSigner::new("issuer", "audience"), JwtSigner::new("issuer", "audience"));
    let key = ours.generate(Phase::Current, now()).expect("generated");
    let forged = SigningKey::new(key.id().to_owned(), Seed::new(Box::new([1; 32])), Phase::Current, now());
    ours.install(&[key]).expect("installed");
    theirs.install(&[forged]).expect("installed");
    let token = theirs.sign(claims()).expect("signed");
    assert!(verify(token.expose_secret(), &ours.key_set().expect("a set")).is_err());
}

#[test]
fn nothing_is_signed_without_a_current_key() {
    let signer = JwtSigner::new("issuer", "audience");
    assert!(signer.sign(claims()).is_err());
    assert!(signer.install(&[signer.generate(Phase::Next, now()).expect("generated")]).is_err());
}

/// The key pair of RFC 8037, appendix A, and what is published of it.
#[test]
fn the_published_key_and_its_thumbprint_are_those_of_rfc_8037() {
    let seed: [u8; 32] = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49,
        0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    ];
    let id = public_key(&seed).and_then(|jwk| jwk.thumbprint(ThumbprintHash::SHA256).map_err(internal));
    let id = id.expect("a thumbprint");
    assert_eq!(id, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let signer = JwtSigner::new("issuer", "audience");
    signer.install(&[SigningKey::new(id, Seed::new(Box::new(seed)), Phase::Current, now())]).expect("installed");
    let published: serde_json::Value = serde_json::from_str(&signer.key_set().expect("a set")).expect("JSON");
    let expected = serde_json::json!({ "keys": [{
        "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
        "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }] });
    assert_eq!(published, expected);
}

#[test]
fn keys_do_not_print_their_private_half() {
    let signer = JwtSigner::new("issuer", "audience");
    let key = SigningKey::new("id".to_owned(), Seed::new(Box::new([0xAB; 32])), Phase::Current, now());
    assert!(!format!("{key:?}").contains("171"));
    assert_ne!(
        signer.generate(Phase::Next, now()).expect("generated").id(),
        signer.generate(Phase::Next, now()).expect("generated").id()
    );
}
