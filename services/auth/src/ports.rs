//! What the use cases need from outside. Every method is a business operation, atomic where it writes.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use uuid::Uuid;

use crate::domain::Error;
use crate::domain::account::{Claim, Credential, Email, NewClaim, Role};
use crate::domain::keys::{Phase, SigningKey};
use crate::domain::refresh_token::TokenHash;
use crate::domain::session::{AccessClaims, NewSession, NewToken, OpenOutcome, RotateOutcome, StoredToken};

/// Credentials by e-mail address.
#[async_trait]
pub trait CredentialStore: Send + Sync {
    /// Claims the address for a new pending account, or tells who holds it. A pending account of the same role takes
    /// the new password hash, for nobody has proven anything yet; any other is left as it is.
    async fn claim(&self, claim: NewClaim<'_>, at: DateTime<Utc>) -> Result<Claim, Error>;

    /// Lets a pending account sign in. Answers whether it may now: not if it is abandoned or gone.
    async fn activate(&self, user_id: Uuid, at: DateTime<Utc>) -> Result<bool, Error>;

    /// Forgets a pending account that has no profile.
    async fn withdraw(&self, user_id: Uuid) -> Result<(), Error>;

    /// The credentials of an address, in whatever state.
    async fn find(&self, email: &Email) -> Result<Option<Credential>, Error>;

    /// Whether a user has credentials that may sign in; sessions are worth nothing without.
    async fn may_sign_in(&self, user_id: Uuid) -> Result<bool, Error>;

    /// Replaces a password hash unless it has changed meanwhile.
    async fn replace_hash(&self, user_id: Uuid, old: &str, new: &str, at: DateTime<Utc>) -> Result<(), Error>;

    /// Deletes the credentials and all sessions of a user. Answers whether there were credentials.
    async fn delete(&self, user_id: Uuid) -> Result<bool, Error>;
}

/// Accounts that have to be cleared away together with their profile.
#[async_trait]
pub trait RollbackStore: Send + Sync {
    /// Abandons users' registrations pending since `before` or earlier, and answers the ids of all abandoned accounts,
    /// oldest first, up to a batch. Pending admins are left to the bootstrap, which repeats until it succeeds.
    async fn abandon_stale(&self, before: DateTime<Utc>, at: DateTime<Utc>) -> Result<Vec<Uuid>, Error>;

    /// Abandons one account in whatever state and ends its sessions.
    async fn abandon(&self, user_id: Uuid, at: DateTime<Utc>) -> Result<(), Error>;

    /// Deletes an abandoned account, which frees its address.
    async fn clear(&self, user_id: Uuid) -> Result<(), Error>;
}

/// Refresh tokens and their families.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Stores a session with its first token, unless the user has no credentials any more.
    async fn open(&self, session: NewSession) -> Result<OpenOutcome, Error>;

    /// A token of a living session that has not expired, spent or not.
    async fn find(&self, token: &TokenHash, now: DateTime<Utc>) -> Result<Option<StoredToken>, Error>;

    /// Spends `token` and stores `next`, at most once however many try; a second try revokes the family and announces
    /// that, as [`SessionStore::revoke_reused`] does.
    async fn rotate(&self, family_id: Uuid, token: &TokenHash, next: NewToken) -> Result<RotateOutcome, Error>;

    /// Revokes the family of a token that was used a second time and announces that, wholly or not at all. A family is
    /// announced once, also if [`SessionStore::rotate`] revoked it before or several callers come at once.
    async fn revoke_reused(&self, session: &StoredToken, at: DateTime<Utc>) -> Result<(), Error>;

    /// Revokes the family of a token, if there is one.
    async fn revoke(&self, token: &TokenHash, at: DateTime<Utc>) -> Result<(), Error>;

    /// Deletes what has expired and does not go by itself. Answers how many rows.
    async fn purge(&self, now: DateTime<Utc>) -> Result<u64, Error>;
}

/// Tells others of reused refresh tokens whose session is not in the database.
#[async_trait]
pub trait ReuseLog: Send + Sync {
    /// Announces that a token of `session` was used a second time, once for each session and only if its user still
    /// has credentials.
    async fn announce_reused(&self, session: &StoredToken, at: DateTime<Utc>) -> Result<(), Error>;
}

/// Signing keys.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// All keys.
    async fn load(&self) -> Result<Vec<SigningKey>, Error>;

    /// Stores a next or current key, unless there is one in that phase already.
    async fn add(&self, key: &SigningKey) -> Result<(), Error>;

    /// Retires the current key and lets the next key of that id sign; nothing happens if it is not next any more.
    async fn promote(&self, id: &str, at: DateTime<Utc>) -> Result<(), Error>;

    /// Deletes a retired key.
    async fn remove(&self, id: &str) -> Result<(), Error>;
}

/// How a password compares with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// It is another password, or there was no hash.
    Mismatch,
    /// It is the password.
    Match,
    /// It is the password, but the hash costs less than configured now.
    NeedsRehash,
}

/// Slow hashing on few workers.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// A new PHC string. [`Error::Busy`] if no worker is free in time.
    async fn hash(&self, password: &SecretString) -> Result<String, Error>;

    /// Compares; without a hash it does the same work and answers [`PasswordCheck::Mismatch`]. [`Error::Busy`] as above.
    async fn verify(&self, password: &SecretString, hash: Option<&str>) -> Result<PasswordCheck, Error>;
}

/// A profile to create.
#[derive(Clone, Copy, Debug)]
pub struct NewProfile<'a> {
    /// Its id.
    pub user_id: Uuid,
    /// E-mail address.
    pub email: &'a Email,
    /// Display name.
    pub name: &'a str,
    /// Role.
    pub role: Role,
}

/// What the user service did with a [`NewProfile`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileOutcome {
    /// Stored it.
    Created,
    /// Had one with that id and left it as it is.
    AlreadyExists,
    /// Refused: a profile with another id has that address.
    EmailTaken,
}

/// The user service, asked on our own behalf.
#[async_trait]
pub trait Profiles: Send + Sync {
    /// Creates a profile; repeating it changes nothing.
    async fn create(&self, profile: NewProfile<'_>) -> Result<ProfileOutcome, Error>;

    /// The role of a user; `None` if there is no such user.
    async fn role(&self, user_id: Uuid) -> Result<Option<Role>, Error>;

    /// Deletes a profile; none to delete is fine.
    async fn delete(&self, user_id: Uuid) -> Result<(), Error>;
}

/// Access tokens and the public keys that verify them.
pub trait AccessTokens: Send + Sync {
    /// Makes a key pair.
    ///
    /// # Errors
    /// If it cannot be encoded, which would be a bug.
    fn generate(&self, phase: Phase, at: DateTime<Utc>) -> Result<SigningKey, Error>;

    /// Uses these keys from now on.
    ///
    /// # Errors
    /// If none of them is current.
    fn install(&self, keys: &[SigningKey]) -> Result<(), Error>;

    /// A signed token.
    ///
    /// # Errors
    /// If no key is installed.
    fn sign(&self, claims: AccessClaims) -> Result<SecretString, Error>;

    /// The key set (RFC 7517) as JSON.
    ///
    /// # Errors
    /// If no key is installed.
    fn key_set(&self) -> Result<String, Error>;
}
