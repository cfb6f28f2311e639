//! What a server keeps for good: `[store]`, in MongoDB or in the data directory.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use keys::KeyGuard;
use settings::{Place, Reader, Section, section, value};

/// The database where neither a setting nor the address names one.
const DATABASE: &str = "zona";
/// Where wrapping keys are in the directory of keys, as in a data directory.
pub(crate) const WRAPPING_KEYS: &str = "keys";
/// Most bytes of a database's name, as MongoDB has it.
const MAX_DATABASE: usize = 63;
/// What addresses begin with.
const SCHEMES: [&str; 2] = ["mongodb://", "mongodb+srv://"];
/// Options of an address that are secrets, in lower case: the address is shown.
const SECRET_OPTIONS: [&str; 2] = ["password=", "aws_session_token"];
/// A server of the database is looked for during this part of the deadline, so that there is time left to say what is missing.
const LOOKED_FOR: (u32, u32) = (4, 5);

section! {
    /// How the store is used.
    pub struct Store in Place::table("store");

    /// the MongoDB that keeps everything for any number of servers: `mongodb://HOST:PORT,.../?replicaSet=NAME` or `mongodb+srv://HOST/`,
    /// without a password; `zona dev` and `zona demo` do not use it. See [Many servers](operations.md#many-servers-on-mongodb)
    mongodb: Option<String> => value::optional(mongodb_address);
    /// the database there; not set: the one that the address names, else `zona`
    mongodb_database: Option<String> => value::optional(database);
    /// a file with the name of the user of MongoDB, its first line
    mongodb_user_file: Option<PathBuf> => value::optional(absolute);
    /// a file with the password of that user, its first line
    mongodb_password_file: Option<PathBuf> => value::optional(absolute);
    /// connections to each server of MongoDB at the same time
    mongodb_connections: u32 = 64 => value::number(1..=1_000);
    /// lists of audit records and executions may come from secondaries of MongoDB, which may be behind; what decides about access never does
    mongodb_secondaries: bool = false => value::flag();
    /// a server for which no `store.mongodb` is set keeps everything in its data directory, alone; `false`: it does not start
    embedded: bool = true, shown "`true`; for `zona server` `false`" => value::flag();
    /// connections that read at once, of the store in the data directory
    readers: NonZeroUsize = 4 => value::count(64);
    /// after this the store counts as unavailable
    deadline: Duration = "2s" => value::duration(Duration::from_millis(100));
}

// === impl Store ===

impl Store {
    /// Reads the section, and what its keys have to say of each other.
    pub(super) fn checked(reader: &mut Reader<'_>) -> Option<Self> {
        let store = Store::read(reader, Store::SECTION.path())?;
        let problem = store.problem();
        if let Some((key, problem)) = &problem {
            reader.refuse(&Section::key(Store::SECTION.path(), key), problem);
        }
        problem.is_none().then_some(store)
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        let Some(address) = &self.mongodb else {
            let missing = "is missing: `zona server` keeps everything in a MongoDB, which servers share; name it, or set \
                           `store.embedded = true` for one server that keeps everything in its data directory";
            return (!self.embedded).then(|| ("mongodb", missing.to_owned()));
        };
        if let Some(Err(problem)) = database_of(address).map(database) {
            return Some(("mongodb", format!("names a database that {problem}")));
        }
        match (&self.mongodb_user_file, &self.mongodb_password_file) {
            (Some(_), None) => Some(("mongodb_user_file", "needs `store.mongodb_password_file` beside it".to_owned())),
            (None, Some(_)) => Some(("mongodb_password_file", "needs `store.mongodb_user_file` beside it".to_owned())),
            _ => None,
        }
    }

    /// The configuration of the store in this data directory, whose wrapping keys something may protect.
    pub fn config(&self, data: &Path, guard: Option<Arc<dyn KeyGuard>>) -> storage_embedded::Config {
        storage_embedded::Config { directory: data.to_owned(), readers: self.readers, deadline: self.deadline, guard }
    }

    /// The configuration of the store that servers share, whose wrapping keys lie in this directory of keys, and something may protect
    /// them; `None` where it is not used.
    pub fn shared(&self, keys: &Path, guard: Option<Arc<dyn KeyGuard>>) -> Option<storage_mongo::Config> {
        let address = self.mongodb.as_ref()?;
        let database = self.mongodb_database.as_deref().or(database_of(address)).unwrap_or(DATABASE);
        Some(storage_mongo::Config {
            user_file: self.mongodb_user_file.clone(),
            password_file: self.mongodb_password_file.clone(),
            guard,
            deadline: self.deadline,
            selection: self.deadline * LOOKED_FOR.0 / LOOKED_FOR.1,
            connections: self.mongodb_connections,
            lists_from_secondaries: self.mongodb_secondaries,
            ..storage_mongo::Config::new(address, database, keys.join(WRAPPING_KEYS))
        })
    }
}

/// An address that may be shown. Nothing of it is said of one that is refused: it may hold a password.
fn mongodb_address(text: &str) -> Result<String, String> {
    let rest = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)).ok_or("must begin with mongodb:// or mongodb+srv://")?;
    let user = rest.rsplit_once('@').map(|(user, _)| user);
    let options = text.to_ascii_lowercase();
    if user.is_some_and(|user| user.contains(':')) || SECRET_OPTIONS.iter().any(|secret| options.contains(secret)) {
        return Err("holds a secret; it is shown, so name `store.mongodb_user_file` and `store.mongodb_password_file` instead".to_owned());
    }
    Ok(text.to_owned())
}

/// The database that an address names: between its hosts and its options.
fn database_of(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    let (_, path) = rest.split('?').next()?.split_once('/')?;
    Some(path).filter(|name| !name.is_empty())
}

/// A name that needs no escape anywhere.
fn database(text: &str) -> Result<String, String> {
    let is_one = !text.is_empty()
        && text.len() <= MAX_DATABASE
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    match is_one {
        true => Ok(text.to_owned()),
        false => Err(format!("must have letters, digits, hyphens and underscores only, at most {MAX_DATABASE}")),
    }
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_secret_is_refused_without_saying_it() {
        for address in [
            "mongodb://ann:hunter2@db.example.com/",
            "mongodb://ann:hunt/er2@db.example.com/",
            "mongodb+srv://ann:hunter2@db.example.com/?tls=true",
            "mongodb://db.example.com/?tls=true&tlsCertificateKeyFilePassword=hunter2",
            "mongodb://db.example.com/?authMechanismProperties=AWS_SESSION_TOKEN:hunter2",
        ] {
            let refused = mongodb_address(address).unwrap_err();
            assert!(refused.contains("password_file") && !refused.contains("hunter2"), "{refused}");
        }
        assert!(mongodb_address("postgres://db.example.com/").is_err());
        for address in
            ["mongodb://127.0.0.1:27017/?replicaSet=a", "mongodb://ann@db.example.com/zona?tls=true", "mongodb+srv://db.example.com"]
        {
            assert_eq!(mongodb_address(address).as_deref(), Ok(address));
        }
    }

    #[test]
    fn the_database_is_the_one_that_the_address_names() {
        assert_eq!(database_of("mongodb://a:1,b:2/zona?replicaSet=a/b"), Some("zona"));
        for address in ["mongodb://a", "mongodb://a/", "mongodb://a/?replicaSet=b", "mongodb://a?replicaSet=b/c"] {
            assert_eq!(database_of(address), None, "{address}");
        }
        assert!(database("zona-2_a").is_ok() && database("a.b").is_err() && database(&"x".repeat(64)).is_err());
    }
}
