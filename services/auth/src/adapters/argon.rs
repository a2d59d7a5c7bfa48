//! Argon2id with its working memory kept: a hash needs 19 MiB, and asking the allocator for them each time costs page
//! faults on every hash and, with one arena per thread, memory that does not come back.

use std::sync::{Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{Error, Result, generate_salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};

/// Hashes and verifies; as many calls at once as there are callers, each with a memory of its own.
pub(super) struct Argon {
    params: Params,
    /// Memories of past hashes, at most as many as there were calls at once.
    free: Mutex<Vec<Vec<Block>>>,
}

impl Argon {
    pub(super) fn new(params: Params) -> Self {
        Self { params, free: Mutex::default() }
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
        let mut memory = self.free().pop().unwrap_or_default();
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
