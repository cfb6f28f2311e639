//! What every session of the store knows, and what the store does with what it cannot read.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::time::Clock;
use keys::Key;
use mongodb::{Client, Database};
use storage_rules::{Failure as _, Refusal, States, Told, Trouble};
use tokio::sync::Semaphore;

use crate::audit::Appender;
use crate::error::{Error, Result};
use crate::news::Hearers;
use crate::turns::Turns;
use crate::vault::Vault;

/// Commits at the same time, those in doubt included: several times as many as connections do, and few enough to be held in memory.
pub(crate) const MAX_COMMITS: usize = 512;

/// What every session of the store knows.
pub(crate) struct Shared {
    /// Names this server in the feed of changes, until it ends.
    pub(crate) server: String,
    pub(crate) client: Client,
    pub(crate) database: Database,
    pub(crate) deadline: Duration,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) turns: Turns,
    pub(crate) hearers: Hearers,
    pub(crate) states: States,
    pub(crate) told: Told,
    pub(crate) vault: Vault,
    /// Audit records that wait for their transaction.
    pub(crate) appender: Appender,
    /// By which bodies of requests are remembered; there once the store is open.
    pub(crate) request_key: OnceLock<Key>,
    /// Commits that are on their way or in doubt: each holds a session.
    pub(crate) doubts: Arc<Semaphore>,
    /// Lists may be read from secondaries.
    pub(crate) lists_from_secondaries: bool,
}

impl Shared {
    /// One of several documents that were looked for together; `None` where it cannot be read, so that it hides none of the others. That
    /// is logged once, with its place and nothing of its content, and counted.
    pub(crate) fn readable<T>(&self, read: Result<T>) -> Result<Option<T>> {
        let error = match read {
            Ok(found) => return Ok(Some(found)),
            // What was destroyed is left out, too, and nothing is wrong with it.
            Err(Error::Refused(Refusal::Destroyed { .. })) => return Ok(None),
            Err(error) if error.is_of_one_thing() => error,
            Err(error) => return Err(error),
        };
        if self.told.is_news(Trouble::Unreadable, &error) {
            tracing::error!(%error, "a document cannot be read: it is left out where several are, and refused where it is asked for by name");
        }
        Ok(None)
    }
}
