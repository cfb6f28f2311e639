//! The store as one value: connects, brings the database to the newest schema, and gives each operation its deadline.

use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::change::ChangeListener;
use domain::execution::Signals;
use domain::name::TenantId;
use domain::news::Bells;
use domain::request::REQUEST_KEY_TTL;
use domain::time::{Clock, Timestamp};
use storage_rules::{States, Told, Trouble};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::audit::Appender;
use crate::config::Config;
use crate::connect::connect;
use crate::deadline::within;
use crate::epochs::{self, Epochs};
use crate::error::{Error, Result, during};
use crate::feed::{Following, follow};
use crate::grants::Held;
use crate::migrations::migrate;
use crate::news::Hearers;
use crate::session::Session;
use crate::shared::{MAX_COMMITS, Shared};
use crate::signals::{Relaying, relay};
use crate::transaction::{Attempts, read, transact};
use crate::turns::Turns;
use crate::vault::Vault;

/// The repositories of one database, which other servers use, too. Share it behind an `Arc`; end it with [`MongoStore::close`].
pub struct MongoStore {
    pub(crate) shared: Arc<Shared>,
    following: Mutex<Option<Following>>,
    relaying: Mutex<Option<Relaying>>,
}

impl MongoStore {
    /// Connects to the database, making and migrating it as needed.
    ///
    /// # Errors
    /// It cannot be reached, refuses the user, or is foreign, newer or broken.
    pub async fn open(config: Config) -> Result<Self, Error> {
        Self::open_with_clock(config, Box::new(WallClock)).await
    }

    /// Opens the store with another clock. It serves only to forget answered requests.
    ///
    /// # Errors
    /// As [`MongoStore::open`].
    pub async fn open_with_clock(config: Config, clock: Box<dyn Clock>) -> Result<Self, Error> {
        let (client, database) = connect(&config).await?;
        migrate(&database, config.deadline).await?;
        let vault = Vault::open(&database, config.keys, config.guard, config.deadline).await?;
        let hearers = Hearers { listener: None, epochs: Epochs::default(), held: Held::default(), bells: Bells::default() };
        let shared = Shared {
            server: keys::random_id(),
            client,
            database,
            deadline: config.deadline,
            clock,
            turns: Turns::default(),
            hearers,
            states: States::default(),
            told: Told::default(),
            vault,
            appender: Appender::default(),
            request_key: OnceLock::new(),
            doubts: Arc::new(Semaphore::new(MAX_COMMITS)),
            lists_from_secondaries: config.lists_from_secondaries,
        };
        let store = MongoStore::of(Arc::new(shared));
        store.prepare().await?;
        Ok(store)
    }

    /// The store as a task of its own sees it.
    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        MongoStore { shared, following: Mutex::default(), relaying: Mutex::default() }
    }

    /// Brings into memory what every session needs.
    async fn prepare(&self) -> Result<()> {
        let vault = &self.shared.vault;
        let key = transact!(self, "reading the key of requests", &TenantId::system(), |session| vault.request_key(session).await)?;
        // It is set here only.
        drop(self.shared.request_key.set(key));
        Ok(())
    }

    /// The store, telling `listener` of each change that it makes, and of those that others make. Called before the store is shared, within
    /// a runtime.
    #[must_use]
    pub fn telling(mut self, listener: Arc<dyn ChangeListener>) -> Self {
        let shared = Arc::get_mut(&mut self.shared).expect("no session is left of opening");
        shared.hearers.listener = Some(Arc::clone(&listener));
        let following = follow(Arc::clone(&self.shared), listener);
        *self.following.lock().unwrap_or_else(PoisonError::into_inner) = Some(following);
        self
    }

    /// Signals that whoever listens on any server of this database hears; `local` is through whom those of this server do. Called once,
    /// after [`MongoStore::telling`] and within a runtime.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn signals(&self, local: Arc<dyn Signals>) -> Result<Arc<dyn Signals>, Error> {
        let (signals, relaying) = relay(&self.shared, local).await?;
        *self.relaying.lock().unwrap_or_else(PoisonError::into_inner) = Some(relaying);
        Ok(Arc::new(signals))
    }

    /// How many documents were met that cannot be read, and were left out where others were looked for, too; at most 1,000 are told apart.
    pub fn unreadable_rows(&self) -> usize {
        self.shared.told.count(Trouble::Unreadable)
    }

    /// Closes the connections, once the operations that run have ended or the deadline is over.
    pub async fn close(&self) {
        // The tasks that follow what others do end with these.
        drop(self.following.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(self.relaying.lock().unwrap_or_else(PoisonError::into_inner).take());
        let ended = timeout(self.shared.deadline, self.shared.client.clone().shutdown()).await;
        if ended.is_err() {
            tracing::warn!("connections to the database were closed with operations on them");
        }
    }

    /// A session for reads.
    pub(crate) async fn session(&self, doing: &'static str) -> Result<Session> {
        let inner = self.shared.client.start_session().await.map_err(during(doing))?;
        Ok(Session::new(inner, Arc::clone(&self.shared), doing))
    }

    /// The attempts of a transaction of this tenant.
    pub(crate) async fn attempts(&self, doing: &'static str, tenant: &TenantId) -> Result<Attempts<'_>> {
        Attempts::new(&self.shared, doing, self.shared.turns.take(tenant)).await
    }

    /// The attempts of a transaction on leases.
    pub(crate) async fn attempts_on_leases(&self, doing: &'static str) -> Result<Attempts<'_>> {
        Attempts::new(&self.shared, doing, self.shared.turns.take_for_leases()).await
    }

    /// How often what is known of a tenant's principals and of itself was changed, as of half a second ago or later.
    pub(crate) async fn identity_epoch(&self, tenant: &TenantId) -> Result<u64> {
        let known = &self.shared.hearers.epochs;
        if let Some(epoch) = known.find(tenant) {
            return Ok(epoch);
        }
        let asked = Instant::now();
        let stored = read!(self, "reading a tenant's epoch", |session| epochs::of_identity(session, tenant).await)?;
        Ok(known.keep(tenant, stored, asked))
    }

    pub(crate) async fn within<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        within(self.shared.deadline, work).await
    }

    /// Now, and the time before which answered requests are forgotten.
    pub(crate) fn request_window(&self) -> (Timestamp, Timestamp) {
        let now = self.shared.clock.now();
        (now, now.minus(REQUEST_KEY_TTL))
    }
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
