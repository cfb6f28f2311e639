//! What an operator decides about the store.

use std::fmt::{Debug, Formatter, Result};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keys::KeyGuard;

/// Where the database is and how patient the store is with it.
#[derive(Clone)]
pub struct Config {
    /// Where its servers are: `mongodb://host:port,.../?replicaSet=...` or `mongodb+srv://...`. Without user and password.
    pub uri: String,
    /// The file that holds the user's name; with [`Config::password_file`], or neither.
    pub user_file: Option<PathBuf>,
    /// The file that holds the user's password.
    pub password_file: Option<PathBuf>,
    /// The database.
    pub database: String,
    /// The directory of the keys that wrap others. All servers of one database have the same ones.
    pub keys: PathBuf,
    /// What protects the files of these keys; `None` where nothing does beside their mode.
    pub guard: Option<Arc<dyn KeyGuard>>,
    /// After this an operation answers that the store is unavailable. A write that was not answered in time may still be stored.
    pub deadline: Duration,
    /// How long a server that answers is looked for.
    pub selection: Duration,
    /// Connections to each server of the database at the same time.
    pub connections: u32,
    /// Whether lists of audit records and executions may be read from secondaries, which may be behind. What decides about access is
    /// always read from the primary.
    pub lists_from_secondaries: bool,
}

impl Config {
    /// How long an operation may take.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_millis(2_500);
    /// How long a server that answers is looked for: below the deadline, so that it is said what is missing.
    pub const DEFAULT_SELECTION: Duration = Duration::from_secs(2);
    /// Connections: many more than cores, as most of a write is waiting, and few enough that ten servers do not exhaust a small database.
    pub const DEFAULT_CONNECTIONS: u32 = 64;

    /// The database of this name at `uri`, with the defaults above, and its wrapping keys.
    pub fn new(uri: impl Into<String>, database: impl Into<String>, keys: impl Into<PathBuf>) -> Self {
        Config {
            uri: uri.into(),
            user_file: None,
            password_file: None,
            database: database.into(),
            keys: keys.into(),
            guard: None,
            deadline: Self::DEFAULT_DEADLINE,
            selection: Self::DEFAULT_SELECTION,
            connections: Self::DEFAULT_CONNECTIONS,
            lists_from_secondaries: false,
        }
    }
}

/// Without the address: it may hold a password, for which it is refused only where it is used.
impl Debug for Config {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let Config { uri: _, user_file, password_file, database, keys, guard, .. } = self;
        let Config { deadline, selection, connections, lists_from_secondaries, .. } = self;
        formatter
            .debug_struct("Config")
            .field("user_file", user_file)
            .field("password_file", password_file)
            .field("database", database)
            .field("keys", keys)
            .field("guard", guard)
            .field("deadline", deadline)
            .field("selection", selection)
            .field("connections", connections)
            .field("lists_from_secondaries", lists_from_secondaries)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_address_is_not_shown() {
        let shown = format!("{:?}", Config::new("mongodb://ann:hunter2@db.example.com/", "zona", "keys"));
        assert!(shown.contains("zona") && !shown.contains("hunter2"), "{shown}");
    }
}
