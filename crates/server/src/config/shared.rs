//! What servers share beside their store: `[cache]` with its Redis, and `[limits]`.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use cache::limits::Rates;
use cache::{Address, RedisConfig};
use settings::{Place, Reader, Section, section, value};
use tls::Trust;
use zeroize::Zeroizing;

use super::Store;
use crate::error::Error;

/// Bytes of a password at most, as Redis takes it.
const MAX_PASSWORD: usize = 512;

section! {
    /// What is kept of what was read lately.
    pub struct Cache in Place::table("cache");

    /// memory for utilities and policies that were read lately; `0`: every read goes to the store, or to Redis
    max_bytes: u64 = 67108864 => value::number(0..=1 << 40);
    /// a Redis that servers share: `redis://HOST:PORT` on this machine, `rediss://HOST:PORT` anywhere, perhaps with a database behind it such
    /// as `/1`, or nodes of a cluster, separated by commas; see [Cache](cache.md)
    redis: Option<Address> => value::optional(|text| text.parse().map_err(|error: cache::AddressError| error.to_string()));
    /// the user there; not set: Redis's default user
    redis_user: Option<String> => value::optional(value::any);
    /// a file with the password there
    redis_password_file: Option<PathBuf> => value::optional(absolute);
    /// the authorities that may say who Redis is, and no others may, a PEM file; not set: those that the system trusts
    redis_ca: Option<PathBuf> => value::optional(absolute);
}

section! {
    /// How often a tenant may call.
    pub struct Limits in Place::table("limits");

    /// calls a second of one tenant that read, at most; `0`: as many as come
    reads: u32 = 50000 => value::number(0..=1_000_000);
    /// calls a second of one tenant that change something, at most; `0`: as many as come
    writes: u32 = 5000 => value::number(0..=1_000_000);
    /// calls a second of one tenant that execute code, at most; `0`: as many as come
    executions: u32 = 5000 => value::number(0..=1_000_000);
    /// servers that share these limits while their Redis cannot be asked: each lets its share through then; not set: one, so it must be set
    /// for servers that share a store and a Redis
    servers: Option<u32> => value::optional_number(1..=1_000);
}

// === impl Cache ===

impl Cache {
    /// Reads the section, and what its keys have to say of each other.
    pub(super) fn checked(reader: &mut Reader<'_>) -> Option<Self> {
        let cache = Cache::read(reader, Cache::SECTION.path())?;
        let is_alone = cache.redis_user.is_some() && cache.redis_password_file.is_none();
        if is_alone {
            reader.refuse(&Section::key(Cache::SECTION.path(), "redis_user"), "needs `cache.redis_password_file`");
        }
        (!is_alone).then_some(cache)
    }

    /// How Redis is reached; `None` where there is none. Reads the password.
    ///
    /// # Errors
    /// The file with the password cannot be read, or holds none.
    pub fn redis(&self) -> Result<Option<RedisConfig>, Error> {
        let Some(address) = self.redis.clone() else { return Ok(None) };
        let password = self.redis_password_file.as_deref().map(password).transpose()?;
        let trust = self.redis_ca.clone().map_or(Trust::System, Trust::File);
        Ok(Some(RedisConfig { address, user: self.redis_user.clone(), password, trust }))
    }
}

// === impl Limits ===

impl Limits {
    /// Reads the section, and what it has to say where servers share a store and a Redis.
    pub(super) fn checked(reader: &mut Reader<'_>, store: Option<&Store>, cache: Option<&Cache>) -> Option<Self> {
        let limits = Limits::read(reader, Limits::SECTION.path())?;
        let are_shared = store.is_some_and(|store| store.mongodb.is_some()) && cache.is_some_and(|cache| cache.redis.is_some());
        let is_missing = are_shared && limits.servers.is_none();
        if is_missing {
            let problem = "is missing: servers share `store.mongodb` and `cache.redis`; say how many they are, so that each has its share \
                           while Redis is gone";
            reader.refuse(&Section::key(Limits::SECTION.path(), "servers"), problem);
        }
        (!is_missing).then_some(limits)
    }

    /// As the cache counts them.
    pub(crate) fn rates(&self) -> Rates {
        Rates {
            reads: NonZeroU32::new(self.reads),
            writes: NonZeroU32::new(self.writes),
            executions: NonZeroU32::new(self.executions),
            servers: self.servers.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN),
        }
    }
}

fn password(path: &Path) -> Result<Zeroizing<String>, Error> {
    let failed = |source| Error::RedisPassword { path: path.to_owned(), source };
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?);
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() || password.len() > MAX_PASSWORD {
        return Err(failed(std::io::Error::new(std::io::ErrorKind::InvalidData, "it holds no password of 1 to 512 bytes")));
    }
    Ok(Zeroizing::new(password.to_owned()))
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| error.to_string())
}
