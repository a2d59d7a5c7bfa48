//! Refresh tokens: 256 random bits for the client, their hash for the store.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// SHA-256 of a token, the only form that is stored.
pub type TokenHash = [u8; 32];

/// Characters of a token: 32 bytes in base64url without padding.
const LENGTH: usize = 43;

/// An opaque token as the client holds it. Its `Debug` prints nothing of it.
#[derive(Clone, Debug)]
pub struct RefreshToken(SecretString);

impl RefreshToken {
    /// A new one, from a generator fit for secrets.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = [0_u8; 32];
        rand::rng().fill(&mut bytes);
        Self(URL_SAFE_NO_PAD.encode(bytes).into())
    }

    /// One that was presented, unless it cannot be ours.
    #[must_use]
    pub fn parse(text: String) -> Option<Self> {
        (text.len() == LENGTH).then(|| Self(text.into()))
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        Sha256::digest(self.0.expose_secret()).into()
    }

    /// What the client gets.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_come_back() {
        let (one, two) = (RefreshToken::generate(), RefreshToken::generate());
        assert_ne!(one.hash(), two.hash());
        let back = RefreshToken::parse(one.reveal().to_owned()).expect("well-formed");
        assert_eq!(back.hash(), one.hash());
    }

    #[test]
    fn other_lengths_are_not_ours() {
        assert!(RefreshToken::parse(String::new()).is_none());
        assert!(RefreshToken::parse("x".repeat(LENGTH + 1)).is_none());
    }

    #[test]
    fn debug_tells_nothing() {
        let token = RefreshToken::generate();
        assert!(!format!("{token:?}").contains(token.reveal()));
    }
}
