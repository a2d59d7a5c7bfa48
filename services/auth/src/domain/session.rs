//! What sessions are made of: the tokens that are stored, what became of them, and what access tokens say.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::account::Role;
use super::refresh_token::TokenHash;

/// What an access token says.
#[derive(Clone, Copy, Debug)]
pub struct AccessClaims {
    /// Who.
    pub user_id: Uuid,
    /// What they may do.
    pub role: Role,
    /// From when.
    pub issued_at: DateTime<Utc>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// A session to store with its first refresh token.
#[derive(Clone, Copy, Debug)]
pub struct NewSession {
    /// Id of the family.
    pub family_id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// Its first token.
    pub token: NewToken,
}

/// A refresh token to store.
#[derive(Clone, Copy, Debug)]
pub struct NewToken {
    /// Hash of the token.
    pub hash: TokenHash,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// When it expires if it is not used, unless its session ends first.
    pub expires_at: DateTime<Utc>,
}

/// What became of a session to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenOutcome {
    /// It is stored.
    Stored,
    /// The user has no credentials any more.
    NoCredentials,
    /// A store may hold it, or may do so later. Its token must not be stored a second time, because two stores do not
    /// know of each other's uses: forget it and open another session.
    Unknown,
}

/// What is known of a refresh token of a living session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// Its family.
    pub family_id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// Whether it was used before.
    pub spent: bool,
}

/// What became of an attempt to spend a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotateOutcome {
    /// It is spent and the next one is stored.
    Rotated,
    /// It was spent before; its family is revoked now.
    Reused,
    /// It expired or was revoked meanwhile.
    Refused,
}
