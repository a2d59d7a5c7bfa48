//! Keeps the signing keys moving through their phases and the signer up to date. Safe on any number of replicas:
//! a step that another one has taken changes nothing.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::error::Error;
use super::keys::{KeyPolicy, KeyStep};
use crate::ports::{AccessTokens, KeyStore};

/// More steps than can ever be due at once, unless something is badly wrong.
const MAX_STEPS: usize = 16;

/// See the module.
pub struct KeyRotation {
    store: Arc<dyn KeyStore>,
    tokens: Arc<dyn AccessTokens>,
    policy: KeyPolicy,
}

impl KeyRotation {
    /// Rotates the keys of `store` as `policy` says and hands them to `tokens`.
    #[must_use]
    pub fn new(store: Arc<dyn KeyStore>, tokens: Arc<dyn AccessTokens>, policy: KeyPolicy) -> Self {
        Self { store, tokens, policy }
    }

    /// Takes all steps due at `now`, and answers when rotation has failed if the key that signs then still does: see
    /// [`KeyPolicy::expiry`].
    ///
    /// # Errors
    /// If the store cannot be used; the signer keeps the keys it has.
    pub async fn run(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Error> {
        for _ in 0..MAX_STEPS {
            let keys = self.store.load().await?;
            match self.policy.due(&keys, now) {
                None => {
                    self.tokens.install(&keys)?;
                    return Ok(self.policy.expiry(&keys));
                }
                Some(step) => self.apply(step, now).await?,
            }
        }
        Err(Error::Internal("the signing keys do not settle".into()))
    }

    async fn apply(&self, step: KeyStep, now: DateTime<Utc>) -> Result<(), Error> {
        match step {
            KeyStep::Add(phase) => {
                let key = self.tokens.generate(phase, now)?;
                tracing::info!(key.id = key.id(), key.phase = phase.as_str(), "signing key added");
                self.store.add(&key).await
            }
            KeyStep::Promote(id) => {
                tracing::info!(key.id = id, "signing key takes over");
                self.store.promote(&id, now).await
            }
            KeyStep::Remove(id) => {
                tracing::info!(key.id = id, "signing key removed");
                self.store.remove(&id).await
            }
        }
    }
}
