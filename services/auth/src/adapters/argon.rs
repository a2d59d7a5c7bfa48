//! Argon2id with its working memory kept from one hash to the next: a hash needs 19 MiB, and asking the allocator for them
//! each time costs page faults. When nobody has signed in for a while, it goes back to the system.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{Error, Result, generate_salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};

/// glibc maps an allocation by itself, and unmaps it when it is freed, only above a threshold that rises to 32 MiB; a
/// smaller one may stay with the arena of a thread. What is reserved and not used costs no memory.
const RESERVED_BLOCKS: usize = 33 * 1024 * 1024 / Block::SIZE;

/// Hashes and verifies; as many calls at once as there are callers, each with a memory of its own.
pub(super) struct Argon {
    params: Params,
    /// Memories of past hashes, at most as many as there were calls at once.
    free: Mutex<Vec<Vec<Block>>>,
    /// Whether there was a hash since `release_unused` was last called.
    used: AtomicBool,
}

impl Argon {
    pub(super) fn new(params: Params) -> Self {
        Self { params, free: Mutex::default(), used: AtomicBool::new(false) }
    }

    /// Gives memory back if there was no hash since the last call.
    pub(super) fn release_unused(&self) {
        if !self.used.swap(false, Ordering::Relaxed) {
            self.free().clear();
        }
    }

    /// The costs of new hashes.
    pub(super) fn params(&self) -> &Params {
        &self.params
    }

    /// A new PHC string with a random salt.
    pub(super) fn hash(&self, password: &[u8]) -> Result<String> {
        let salt = Salt::new(&generate_salt())?;
        let hash = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params)?,
            salt: Some(salt),
            hash: Some(self.derive(&self.params, password, &salt, Params::DEFAULT_OUTPUT_LEN)?),
        };
        Ok(hash.to_string())
    }

    /// Whether `password` is the one of `stored`; compares in constant time.
    pub(super) fn verify(&self, password: &[u8], stored: &PasswordHash) -> Result<bool> {
        let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else { return Err(Error::EncodingInvalid) };
        if stored.algorithm != ARGON2ID_IDENT || stored.version != Some(Version::V0x13.into()) {
            return Err(Error::Algorithm);
        }
        Ok(self.derive(&Params::try_from(stored)?, password, salt, expected.len())? == *expected)
    }

    fn derive(&self, params: &Params, password: &[u8], salt: &[u8], length: usize) -> Result<Output> {
        let mut buffer = [0; Output::MAX_LENGTH];
        let output = buffer.get_mut(..length).ok_or(Error::OutputSize)?;
        self.used.store(true, Ordering::Relaxed);
        let mut memory = self.free().pop().unwrap_or_else(|| Vec::with_capacity(RESERVED_BLOCKS));
        memory.resize(params.block_count(), Block::new());
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let outcome = argon.hash_password_into_with_memory(password, salt, output, &mut memory);
        self.free().push(memory);
        outcome.map_err(|_| Error::Crypto)?;
        Output::new(output).map_err(|_| Error::OutputSize)
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_kept_between_hashes_and_given_back_when_there_are_none() {
        let argon = Argon::new(Params::new(64, 1, 1, None).expect("valid costs"));
        let kept = |argon: &Argon| argon.free().len();
        argon.hash(b"first").expect("hashed");
        argon.release_unused();
        assert_eq!(kept(&argon), 1, "it was used since the last look");
        argon.hash(b"second").expect("hashed");
        argon.release_unused();
        argon.release_unused();
        assert_eq!(kept(&argon), 0);
        argon.hash(b"third").expect("hashed with new memory");
        assert_eq!(kept(&argon), 1);
    }
}
