//! The store as one value: opens and closes it, and gives each operation its deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::audit::Entry;
use domain::change::{ChangeListener, Changed};
use domain::name::TenantId;
use domain::request::REQUEST_KEY_TTL;
use domain::time::{Clock, Timestamp};
use keys::FileKeys;
use rusqlite::Connection;
use storage_rules::States;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::added::Added;
use crate::config::Config;
use crate::connection;
use crate::contents::seal_contents_of_before;
use crate::directory::DataDirectory;
use crate::epochs::Epochs;
use crate::error::{Error, Result, during};
use crate::migration::migrate;
use crate::personal::seal_what_is_personal;
use crate::readers::Readers;
use crate::request;
use crate::vault::{Vault, used_keys};
use crate::writer::{Telling, Writer};

/// The directory of the keys that wrap others.
const KEYS: &str = "keys";

/// The repositories of one data directory. Share it behind an `Arc`; end it with [`EmbeddedStore::close`].
pub struct EmbeddedStore {
    writer: Writer,
    readers: Readers,
    deadline: Duration,
    clock: Box<dyn Clock>,
    listener: Option<Arc<dyn ChangeListener>>,
    epochs: Epochs,
    states: States,
    vault: Arc<Vault>,
    added: Added,
}

impl EmbeddedStore {
    /// Opens the store, making and migrating it as needed. Blocks: call it before serving.
    ///
    /// # Errors
    /// The directory cannot be used or is in use, or its database is foreign, newer or broken.
    pub fn open(config: Config) -> Result<Self, Error> {
        Self::open_with_clock(config, Box::new(WallClock))
    }

    /// Opens the store with another clock. It serves only to forget answered requests.
    ///
    /// # Errors
    /// As [`EmbeddedStore::open`].
    pub fn open_with_clock(config: Config, clock: Box<dyn Clock>) -> Result<Self, Error> {
        let directory = DataDirectory::take(&config.directory)?;
        let path = directory.database();
        let mut connection = connection::writing(&path)?;
        migrate(&mut connection, &path)?;
        connection::keep_temporaries_in_memory(&connection)?;
        end_leases(&connection)?;
        let vault = Arc::new(open_vault(&connection, &config)?);
        seal_what_is_personal(&mut connection, &vault)?;
        if seal_contents_of_before(&mut connection, &vault)? {
            vault.refuse_plain_text();
        }
        let digests = Arc::new(vault.request_key(&connection)?);
        request::give_digest(&connection, &digests)?;
        let readers = Readers::open(&path, config.readers, |reader| request::give_digest(reader, &digests))?;
        let added = Added::default();
        added.give(&connection)?;
        let writer = Writer::start(connection, directory, Arc::clone(&vault), added.clone())?;
        let (epochs, states) = (Epochs::default(), States::default());
        Ok(EmbeddedStore { writer, readers, deadline: config.deadline, clock, listener: None, epochs, states, vault, added })
    }

    /// The store, telling `listener` of each change. Nobody else changes what a data directory holds while a store has it open.
    #[must_use]
    pub fn telling(self, listener: Arc<dyn ChangeListener>) -> Self {
        EmbeddedStore { listener: Some(listener), ..self }
    }

    /// How many rows were met that cannot be read, and were left out where others were looked for, too; at most 1,000 are told apart.
    pub fn unreadable_rows(&self) -> usize {
        self.vault.unreadable()
    }

    /// Refuses new operations, finishes the writes that wait, and releases the directory. Closing twice does nothing more.
    ///
    /// # Errors
    /// [`Error::Panicked`] when the writer did; [`Error::Deadline`] when the listener does not come to an end with what it was told.
    /// The directory is released then, too.
    pub async fn close(&self) -> Result<(), Error> {
        self.readers.close();
        let Some(thread) = self.writer.close() else { return Ok(()) };
        let ended = spawn_blocking(move || thread.join()).await;
        let told = timeout(self.deadline, self.writer.all_told()).await;
        match ended {
            Ok(Ok(())) => told.map_err(|_elapsed| Error::Deadline(self.deadline)),
            Ok(Err(_)) | Err(_) => Err(Error::Panicked),
        }
    }

    /// Runs a read within the deadline.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        timeout(self.deadline, self.readers.read(work)).await.unwrap_or(Err(Error::Deadline(self.deadline)))
    }

    /// Runs a write within the deadline.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.write_and(work, None).await
    }

    /// Runs a write for which nobody waits, within the deadline: it may wait a moment for others, and share their commit.
    pub(crate) async fn write_behind<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        timeout(self.deadline, self.writer.write_behind(work)).await.unwrap_or(Err(Error::Deadline(self.deadline)))
    }

    /// Runs a write within the deadline, and tells the listener what it changed; that counts to the time that the write takes.
    pub(crate) async fn change<T, F>(&self, what: Changed, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.change_all(vec![what], work).await
    }

    /// As [`EmbeddedStore::change`], of several things.
    pub(crate) async fn change_all<T, F>(&self, what: Vec<Changed>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let tell = |listener: Arc<dyn ChangeListener>| {
            Box::pin(async move {
                for what in &what {
                    listener.changed(what).await;
                }
            }) as Telling
        };
        self.write_and(work, self.listener.clone().map(tell)).await
    }

    /// Runs a write within the deadline. Where it has advanced the tenant's epoch of identity, that is done again once the write is decided,
    /// and the listener is told what else was changed.
    pub(crate) async fn change_identity<T, F>(&self, tenant: &TenantId, what: Option<Changed>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let (epochs, tenant, listener) = (self.epochs.clone(), tenant.clone(), self.listener.clone());
        let (seen, of, has_changed) = (self.epochs.clone(), tenant.clone(), Arc::new(AtomicBool::new(false)));
        let changed = Arc::clone(&has_changed);
        let work = move |connection: &Connection| {
            let before = seen.find(&of);
            let done = work(connection);
            changed.store(seen.find(&of) != before, Ordering::Release);
            done
        };
        let tell = async move {
            // What was refused voids no copy, and nothing that is judged meanwhile.
            if !has_changed.load(Ordering::Acquire) {
                return;
            }
            epochs.advance(&tenant);
            if let (Some(listener), Some(what)) = (listener, what) {
                listener.changed(&what).await;
            }
        };
        self.write_and(work, Some(Box::pin(tell) as Telling)).await
    }

    /// The keys that seal what is personal.
    pub(crate) fn added(&self) -> &Added {
        &self.added
    }

    pub(crate) fn vault(&self) -> Arc<Vault> {
        Arc::clone(&self.vault)
    }

    /// Adds records to audit logs, which begins within the deadline or not at all.
    pub(crate) async fn append_records(&self, entries: Vec<Entry>) -> Result<()> {
        self.writer.append(entries, self.deadline).await
    }

    /// The epochs of tenants, as the ports of identity know them.
    pub(crate) fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// The states of tenants that were read lately.
    pub(crate) fn states(&self) -> &States {
        &self.states
    }

    async fn write_and<T, F>(&self, work: F, telling: Option<Telling>) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        timeout(self.deadline, self.writer.write(work, telling)).await.unwrap_or(Err(Error::Deadline(self.deadline)))
    }

    /// Now, and the time before which answered requests are forgotten.
    pub(crate) fn request_window(&self) -> (Timestamp, Timestamp) {
        let now = self.clock.now();
        (now, now.minus(REQUEST_KEY_TTL))
    }
}

/// The keys of a data directory, all of which must be there that seal something in it.
fn open_vault(connection: &Connection, config: &Config) -> Result<Vault> {
    let provider = FileKeys::open_guarded(&config.directory.join(KEYS), &used_keys(connection)?, config.guard.clone())?;
    Ok(Vault::new(Arc::new(provider)))
}

/// Ends every lease: whoever opens a data directory is its only user, so that no holder of before is left. Tokens go on.
fn end_leases(connection: &Connection) -> Result<()> {
    connection.execute("DELETE FROM leases", []).map(drop).map_err(during("ending the leases of before"))
}

/// The machine's clock.
struct WallClock;

#[async_trait::async_trait]
impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
