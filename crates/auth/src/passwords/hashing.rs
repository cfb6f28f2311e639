//! Argon2 in memory that goes from one hash to the next. The library maps 19 MiB and more for each and gives them back, which costs a page
//! fault for every 4 KiB, and the rest of the process the wait for its address space.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::password_hash::{CustomizedPasswordHasher, Error, PasswordHasher, Result};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// Hashes under some parameters. Cheap to clone: clones hand on the same memory.
#[derive(Clone)]
pub(super) struct Hashing {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    memory: Memory,
}

/// What no hash computes in at the moment: of each that computes at once, what it has left. Clones are the same.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<Vec<Block>>>>);

// === impl Hashing ===

impl Hashing {
    pub(super) fn new(params: Params) -> Self {
        Hashing { algorithm: Algorithm::Argon2id, version: Version::V0x13, params, memory: Memory::default() }
    }

    /// Gives the memory back, and what is left in it of the last passwords, until the next hash.
    pub(super) fn rest(&self) {
        self.memory.free().clear();
    }

    /// How many hashes find memory of before.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.memory.free().len()
    }
}

impl PasswordHasher<PasswordHash> for Hashing {
    fn hash_password_with_salt(&self, password: &[u8], salt: &[u8]) -> Result<PasswordHash> {
        let salt = Salt::new(salt)?;
        let mut output = [0; Output::MAX_LENGTH];
        let length = self.params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let output = output.get_mut(..length).ok_or(Error::OutputSize)?;
        let argon2 = Argon2::new(self.algorithm, self.version, self.params.clone());
        // All of it is written before it is read: what another hash has left counts for nothing.
        self.memory
            .lend(self.params.block_count(), |blocks| argon2.hash_password_into_with_memory(password, &salt, &mut *output, blocks))?;
        Ok(PasswordHash {
            algorithm: self.algorithm.ident(),
            version: Some(self.version.into()),
            params: (&self.params).try_into()?,
            salt: Some(salt),
            hash: Some(Output::new(output)?),
        })
    }
}

/// With this, the library compares a password with a hash of whatever parameters.
impl CustomizedPasswordHasher<PasswordHash> for Hashing {
    type Params = Params;

    fn hash_password_customized(
        &self,
        password: &[u8],
        salt: &[u8],
        algorithm: Option<&str>,
        version: Option<u32>,
        params: Params,
    ) -> Result<PasswordHash> {
        let algorithm = algorithm.map(Algorithm::try_from).transpose()?.unwrap_or(self.algorithm);
        let version = version.map(Version::try_from).transpose()?.unwrap_or(self.version);
        Hashing { algorithm, version, params, memory: self.memory.clone() }.hash_password_with_salt(password, salt)
    }
}

// === impl Memory ===

impl Memory {
    fn lend<T>(&self, blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        let of_before = self.free().pop().filter(|memory| memory.len() >= blocks);
        let mut memory = of_before.unwrap_or_else(|| vec![Block::new(); blocks]);
        let done = work(&mut memory);
        self.free().push(memory);
        done
    }

    fn free(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordVerifier as _;

    use super::*;

    /// Few, as what is asked does not depend on it.
    fn params(kib: u32) -> Params {
        Params::new(kib, 2, 1, None).unwrap()
    }

    #[test]
    fn what_is_computed_in_used_memory_is_what_the_library_computes_in_fresh() {
        let (hashing, larger) = (Hashing::new(params(64)), Hashing::new(params(256)));
        let used = Hashing { memory: larger.memory.clone(), ..hashing };
        larger.hash_password(b"somebody else's").unwrap();
        for password in [&b"a battery of horses"[..], b"another", b""] {
            let hash = used.hash_password(password).unwrap();
            let fresh = Argon2::new(Algorithm::Argon2id, Version::V0x13, params(64));
            let salt = hash.salt.expect("every hash has one");
            assert_eq!(hash, fresh.hash_password_with_salt(password, &salt).unwrap());
            fresh.verify_password(password, &hash).unwrap();
            used.verify_password(password, &hash).unwrap();
            assert_eq!(used.verify_password(b"wrong", &hash), Err(Error::PasswordInvalid));
        }
        assert_eq!(used.kept(), 1);
    }

    #[test]
    fn memory_that_is_too_small_is_replaced() {
        let small = Hashing::new(params(64));
        small.hash_password(b"any").unwrap();
        let hash = Argon2::from(params(256)).hash_password(b"a battery of horses").unwrap();
        small.verify_password(b"a battery of horses", &hash).unwrap();
        assert_eq!(small.kept(), 1);
        small.rest();
        assert_eq!(small.kept(), 0);
    }
}
