//! The cryptography behind `jsonwebtoken`: Ed25519 signatures and SHA-256 thumbprints. RSA, ECDSA and HMAC are not part of
//! any program, so no header can ask for them, and nobody has to build them. Claims and keys are left to auth and gateway.

use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::{EllipticCurve, ThumbprintHash};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| unsupported(),
        rsa_pub_components_from_public_key: |_| unsupported(),
        ec_pub_components_from_private_key: |_, _| unsupported(),
        ed_pub_components_from_private_key: public_key,
        compute_digest: digest,
    },
};

struct Ed25519Signer(SigningKey);

struct Ed25519Verifier(VerifyingKey);

impl Signer<Vec<u8>> for Ed25519Signer {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.try_sign(message)?.to_vec())
    }
}

impl JwtSigner for Ed25519Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

impl Verifier<Vec<u8>> for Ed25519Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.0.verify(message, &Signature::from_slice(signature)?)
    }
}

impl JwtVerifier for Ed25519Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

/// Makes `jsonwebtoken` use it in this process. To be called before the first token or key; more calls change nothing.
pub fn install() {
    // Refused if there is one already, and nobody here installs another.
    let _ = PROVIDER.install_default();
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    if *algorithm != Algorithm::EdDSA || key.family() != AlgorithmFamily::Ed {
        return unsupported();
    }
    Ok(Box::new(Ed25519Signer(private_key(key.as_bytes())?)))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if *algorithm != Algorithm::EdDSA || key.family() != AlgorithmFamily::Ed {
        return unsupported();
    }
    let key = <&[u8; 32]>::try_from(key.try_get_as_bytes()?).map_err(|_| ErrorKind::InvalidEddsaKey)?;
    let key = VerifyingKey::from_bytes(key).map_err(|_| ErrorKind::InvalidEddsaKey)?;
    Ok(Box::new(Ed25519Verifier(key)))
}

fn private_key(der: &[u8]) -> Result<SigningKey, Error> {
    SigningKey::from_pkcs8_der(der).map_err(|_| ErrorKind::InvalidEddsaKey.into())
}

fn public_key(der: &[u8], curve: &EllipticCurve) -> Result<Vec<u8>, Error> {
    match curve {
        EllipticCurve::Ed25519 => Ok(private_key(der)?.verifying_key().to_bytes().to_vec()),
        _ => unsupported(),
    }
}

fn digest(data: &[u8], hash: ThumbprintHash) -> Result<Vec<u8>, Error> {
    match hash {
        ThumbprintHash::SHA256 => Ok(Sha256::digest(data).to_vec()),
        _ => unsupported(),
    }
}

fn unsupported<T>() -> Result<T, Error> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::crypto::{sign, verify};
    use jsonwebtoken::jwk::Jwk;

    use super::*;

    /// Private key, public key and a token of RFC 8037, appendix A.
    const DER: &[u8] = &[
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20, 0x9d, 0x61,
        0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69,
        0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    ];
    const PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const MESSAGE: &[u8] = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    const SIGNATURE: &str = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    #[test]
    fn signs_and_verifies_as_the_rfc_does() {
        install();
        let signed = sign(MESSAGE, &EncodingKey::from_ed_der(DER), Algorithm::EdDSA).expect("a signature");
        assert_eq!(signed, SIGNATURE);
        let key = DecodingKey::from_ed_components(PUBLIC).expect("a key");
        assert!(verify(SIGNATURE, MESSAGE, &key, Algorithm::EdDSA).expect("a verdict"));
        assert!(!verify(SIGNATURE, b"another message", &key, Algorithm::EdDSA).expect("a verdict"));
        assert!(!verify("c2hvcnQ", MESSAGE, &key, Algorithm::EdDSA).expect("a verdict"));
    }

    #[test]
    fn the_thumbprint_is_that_of_the_rfc() {
        install();
        let jwk = Jwk::from_encoding_key(&EncodingKey::from_ed_der(DER), Algorithm::EdDSA).expect("a key");
        let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).expect("a thumbprint");
        assert_eq!(thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn other_algorithms_and_keys_are_refused() {
        install();
        let secret = EncodingKey::from_secret(b"public key as a secret");
        for algorithm in [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
            assert!(sign(MESSAGE, &secret, algorithm).is_err(), "{algorithm:?}");
            assert!(verify(SIGNATURE, MESSAGE, &DecodingKey::from_secret(b"x"), algorithm).is_err(), "{algorithm:?}");
        }
        let key = DecodingKey::from_ed_der(&[1; 5]);
        assert!(verify(SIGNATURE, MESSAGE, &key, Algorithm::EdDSA).is_err(), "a key that is too short");
    }
}
