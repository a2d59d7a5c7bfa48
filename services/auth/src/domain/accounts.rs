//! Registration across auth and user, in three steps that can each be repeated: claim the e-mail address here, create
//! the profile there, activate here. A failure in between leaves a pending claim; the next registration of the same
//! address completes it, or the sweeper rolls it back.
//!
//! A known address takes the same steps with the same writes, so neither answer nor time tells that it is known.

use std::sync::Arc;

use chrono::TimeDelta;
use uuid::Uuid;

use super::account::{Claim, NewAccount, NewClaim, Role, State};
use super::error::{Cause, Error};
use super::time::now;
use crate::ports::{CredentialStore, NewProfile, PasswordHasher, ProfileOutcome, Profiles, RollbackStore};

/// Claims of one registration: what an earlier account left may have to be cleared away before the address is free.
const MAX_CLAIMS: usize = 3;

/// What a registration came to. Only our metrics may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// There is a new account.
    Created,
    /// The address was taken before.
    Known,
}

/// What became of the wish for an admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bootstrap {
    /// The admin account is new.
    Created,
    /// An earlier start created it.
    Present,
    /// Somebody registered with that address; the account is left as it is.
    Taken,
}

/// What became of an attempt to create an account.
enum Placement {
    Created,
    /// An earlier account with that role.
    Existing(Role),
    /// A profile whose account is not ours.
    EmailTaken,
}

/// The use cases around accounts.
pub struct Accounts {
    credentials: Arc<dyn CredentialStore>,
    rollbacks: Arc<dyn RollbackStore>,
    profiles: Arc<dyn Profiles>,
    passwords: Arc<dyn PasswordHasher>,
}

impl Accounts {
    /// Wires the use cases; one store usually is both of the first two.
    #[must_use]
    pub fn new(
        credentials: Arc<dyn CredentialStore>,
        rollbacks: Arc<dyn RollbackStore>,
        profiles: Arc<dyn Profiles>,
        passwords: Arc<dyn PasswordHasher>,
    ) -> Self {
        Self { credentials, rollbacks, profiles, passwords }
    }

    /// Registers a user. Clients get the same answer for both outcomes.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::RegistrationUnfinished`] if the user service fails, or those of the store.
    pub async fn register(&self, account: &NewAccount) -> Result<Registration, Error> {
        Ok(match self.create_account(account, Role::User).await? {
            Placement::Created => Registration::Created,
            Placement::Existing(_) | Placement::EmailTaken => Registration::Known,
        })
    }

    /// Makes sure that the address of `account` has an admin account.
    ///
    /// # Errors
    /// As [`Accounts::register`]; repeat it then.
    pub async fn ensure_admin(&self, account: &NewAccount) -> Result<Bootstrap, Error> {
        Ok(match self.create_account(account, Role::Admin).await? {
            Placement::Created => Bootstrap::Created,
            Placement::Existing(Role::Admin) => Bootstrap::Present,
            Placement::Existing(Role::User) | Placement::EmailTaken => Bootstrap::Taken,
        })
    }

    /// Deletes the credentials of a user and ends its sessions. Answers whether there were any.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete(&self, user_id: Uuid) -> Result<bool, Error> {
        self.credentials.delete(user_id).await
    }

    /// Rolls back registrations that have been pending for longer than `ttl`. Answers how many.
    ///
    /// # Errors
    /// Those of the store, or the user service being out of reach; what is left is rolled back by the next run.
    pub async fn sweep(&self, ttl: TimeDelta) -> Result<usize, Error> {
        let now = now();
        let abandoned = self.rollbacks.abandon_stale(now - ttl, now).await?;
        let mut cleared = 0;
        for user_id in abandoned {
            match self.roll_back(user_id).await {
                Ok(()) => cleared += 1,
                Err(error @ Error::Unavailable(_)) => return Err(error),
                // One that cannot be rolled back must not keep the others from it.
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, user.id = %user_id, "a registration could not be rolled back");
                }
            }
        }
        Ok(cleared)
    }

    async fn create_account(&self, account: &NewAccount, role: Role) -> Result<Placement, Error> {
        let hash = self.passwords.hash(account.password()).await?;
        for _ in 0..MAX_CLAIMS {
            let new = NewClaim { user_id: Uuid::now_v7(), email: account.email(), password_hash: &hash, role };
            let claim = self.credentials.claim(new, now()).await?;
            if claim.state == State::Abandoned {
                self.roll_back(claim.user_id).await.map_err(unfinished)?;
                continue;
            }
            if let Some(placement) = self.complete(account, claim, role).await? {
                return Ok(placement);
            }
        }
        Err(Error::RegistrationUnfinished("what an earlier account left could not be cleared away".into()))
    }

    /// Creates the profile and activates. `None` if the claim turned out to be left by a deleted account.
    async fn complete(&self, account: &NewAccount, claim: Claim, role: Role) -> Result<Option<Placement>, Error> {
        let user_id = claim.user_id;
        let profile = NewProfile { user_id, email: account.email(), name: account.name(), role: claim.role };
        match self.profiles.create(profile).await.map_err(unfinished)? {
            ProfileOutcome::EmailTaken => {
                self.credentials.withdraw(user_id).await?;
                tracing::warn!(user.id = %user_id, "the user service knows an e-mail address under another id");
                return Ok(Some(Placement::EmailTaken));
            }
            // An active account has a profile; if this call created it, somebody had deleted the old one. The old
            // password must not open the new account.
            ProfileOutcome::Created if claim.state == State::Active => {
                self.rollbacks.abandon(user_id, now()).await?;
                self.roll_back(user_id).await.map_err(unfinished)?;
                return Ok(None);
            }
            ProfileOutcome::Created | ProfileOutcome::AlreadyExists => {}
        }
        if !self.credentials.activate(user_id, now()).await? {
            return Err(Error::RegistrationUnfinished("the claim was withdrawn meanwhile".into()));
        }
        let ours = claim.state == State::Pending && claim.role == role;
        Ok(Some(if ours { Placement::Created } else { Placement::Existing(claim.role) }))
    }

    /// Deletes the profile, then the row. Works on abandoned rows only, which nobody activates any more.
    async fn roll_back(&self, user_id: Uuid) -> Result<(), Error> {
        self.profiles.delete(user_id).await?;
        self.rollbacks.clear(user_id).await
    }
}

fn unfinished(error: Error) -> Error {
    Error::RegistrationUnfinished(Cause::from(error))
}
