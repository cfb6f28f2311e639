//! The store of a server with what is kept of it in memory: opened, put behind the domain's ports, and closed. Whether it lies in the data
//! directory or in a database that servers share, nothing else knows.

use std::sync::Arc;

use async_trait::async_trait;
use auth::KeyRing;
use cache::{Cache, CachedCodePolicyRepository, CachedGrantRepository, CachedUtilityRepository};
use domain::access::GrantRepository;
use domain::audit::AuditRepository;
use domain::code_policy::CodePolicyRepository;
use domain::event::EventRepository;
use domain::execution::{ExecutionRepository, Signals};
use domain::identity::{ApiKeyRepository, BootstrapRepository, PrincipalRepository, SessionRepository, SubjectRepository};
use domain::lease::LeaseRepository;
use domain::retention::RetentionStore;
use domain::secret::SecretRepository;
use domain::server::KeyRepository;
use domain::tenant::TenantRepository;
use domain::time::Timestamp;
use domain::utility::UtilityRepository;
use domain::webhook::WebhookRepository;
use keys::FileKeys;
use storage_embedded::{EmbeddedStore, LocalSignals};
use storage_mongo::{HEARD_WITHIN, MongoStore, Operator};
use tokio::runtime::Handle;

use super::Error;
use crate::config::{Config, WRAPPING_KEYS};
use crate::directory::{DataDirectory, OpeningKeys};
use crate::{audit, identity};

/// Everything that a server keeps, whatever keeps it.
#[async_trait]
pub(crate) trait Store:
    ApiKeyRepository
    + AuditRepository
    + BootstrapRepository
    + CodePolicyRepository
    + EventRepository
    + ExecutionRepository
    + GrantRepository
    + KeyRepository
    + LeaseRepository
    + PrincipalRepository
    + RetentionStore
    + SecretRepository
    + SessionRepository
    + SubjectRepository
    + TenantRepository
    + UtilityRepository
    + WebhookRepository
{
    /// How much was met that cannot be read.
    fn unreadable(&self) -> usize;
    /// Closes it; what was answered is stored already.
    async fn end(&self);
}

/// Repositories of a server.
#[derive(Clone)]
pub(crate) struct Stores {
    /// The store itself.
    pub store: Arc<dyn Store>,
    /// Utilities, from memory where they were read lately.
    pub utilities: Arc<dyn UtilityRepository>,
    /// Code policies, likewise.
    pub policies: Arc<dyn CodePolicyRepository>,
    /// Grants, likewise.
    pub grants: Arc<dyn GrantRepository>,
    /// What servers of the store tell each other.
    pub signals: Arc<dyn Signals>,
    /// What is in memory, unless nothing is to be.
    pub cache: Option<Arc<Cache>>,
    /// The data directory, where the store does not hold it.
    _data: Option<Arc<DataDirectory>>,
}

// === impl Stores ===

impl Stores {
    /// Opens the store of the configuration, and makes what keys are missing beside it: those of access tokens, which it answers, and in
    /// their files the key of audit logs and the id of the installation. Servers that share these do that one after the other.
    ///
    /// # Errors
    /// Those of the store, and of the keys.
    pub(crate) async fn open(config: &Config, now: Timestamp) -> Result<(Self, Arc<KeyRing>), Error> {
        migrate(config).await?;
        let opening = OpeningKeys::of(config).await?;
        let stores = Stores::opened(config).await?;
        let keys = make_keys(config, now).await;
        // Others wait for this, and for nothing that comes behind it.
        drop(opening);
        match keys {
            Ok(ring) => Ok((stores, ring)),
            Err(error) => {
                stores.close().await;
                Err(error)
            }
        }
    }

    async fn opened(config: &Config) -> Result<Self, Error> {
        bring_key(config).await?;
        let most = config.cache.max_bytes;
        let cache = |made: fn(u64) -> Cache| (most > 0).then(|| Arc::new(made(most)));
        match config.store.shared(config.keys_directory(), config.keys.guard()) {
            Some(settings) => Stores::shared(config, settings, cache(|most| Cache::of_several(most, HEARD_WITHIN))).await,
            None => Stores::alone(config, cache(Cache::new)).await,
        }
    }

    /// Closes the store; what was answered is stored already.
    pub(crate) async fn close(&self) {
        self.store.end().await;
    }

    /// The store of the data directory, which nobody else has.
    async fn alone(config: &Config, cache: Option<Arc<Cache>>) -> Result<Self, Error> {
        let settings = config.store.config(&config.listening.data, config.keys.guard());
        let store = match tokio::task::spawn_blocking(move || EmbeddedStore::open(settings)).await {
            Ok(store) => store?,
            Err(panic) => return Err(Error::Panicked(panic)),
        };
        let signals = Arc::new(LocalSignals::default());
        Ok(match cache {
            None => {
                let store = Arc::new(store);
                Stores::of(store.clone(), store, signals, None)
            }
            Some(cache) => {
                let store = Arc::new(store.telling(cache.clone()));
                let grants = Arc::new(CachedGrantRepository::new(store.clone(), cache.clone()));
                Stores::of(store, grants, signals, Some(cache))
            }
        })
    }

    /// The store of a database, which other servers have, too.
    async fn shared(config: &Config, settings: storage_mongo::Config, cache: Option<Arc<Cache>>) -> Result<Self, Error> {
        let data = DataDirectory::take(&config.listening.data)?;
        let (runtime, listener) = (Handle::current(), cache.clone());
        // On one thread: the compiler cannot tell that all that is awaited there may go on on another.
        let opened = tokio::task::spawn_blocking(move || runtime.block_on(open_shared(settings, listener))).await;
        let (store, signals) = opened.map_err(Error::Panicked)??;
        // It keeps in memory itself what a grantee holds, by an epoch that it reads again and again: no memory stands before it that only
        // messages void, which may be lost.
        let grants = store.clone();
        Ok(Stores { _data: Some(Arc::new(data)), ..Stores::of(store, grants, signals, cache) })
    }

    fn of(store: Arc<dyn Store>, grants: Arc<dyn GrantRepository>, signals: Arc<dyn Signals>, cache: Option<Arc<Cache>>) -> Self {
        let (utilities, policies): (Arc<dyn UtilityRepository>, Arc<dyn CodePolicyRepository>) = match &cache {
            None => (store.clone(), store.clone()),
            Some(cache) => (
                Arc::new(CachedUtilityRepository::new(store.clone(), cache.clone())),
                Arc::new(CachedCodePolicyRepository::new(store.clone(), cache.clone())),
            ),
        };
        Stores { store, utilities, policies, grants, signals, cache, _data: None }
    }
}

/// The store of a database that tells `listener` of what changes, and the signals of its servers.
async fn open_shared(
    settings: storage_mongo::Config,
    listener: Option<Arc<Cache>>,
) -> Result<(Arc<MongoStore>, Arc<dyn Signals>), storage_mongo::Error> {
    let store = MongoStore::open(settings).await?;
    let store = Arc::new(match listener {
        Some(listener) => store.telling(listener),
        None => store,
    });
    let signals = store.signals(Arc::new(LocalSignals::default())).await?;
    Ok((store, signals))
}

/// Brings a database that servers share to the newest schema: a store would do it, too, but others wait for the keys less long than that may
/// take.
async fn migrate(config: &Config) -> Result<(), Error> {
    let Some(settings) = config.store.shared(config.keys_directory(), None) else { return Ok(()) };
    let runtime = Handle::current();
    // On one thread, as above.
    let migrated = tokio::task::spawn_blocking(move || runtime.block_on(migrate_shared(settings))).await;
    Ok(migrated.map_err(Error::Panicked)??)
}

async fn migrate_shared(settings: storage_mongo::Config) -> Result<(), storage_mongo::Error> {
    let operator = Operator::connect(&settings).await?;
    let migrated = operator.migrate().await;
    operator.close().await;
    migrated
}

/// Makes the keys that are no wrapping keys, where they are missing.
async fn make_keys(config: &Config, now: Timestamp) -> Result<Arc<KeyRing>, Error> {
    let (directory, keys) = (config.keys_directory().to_owned(), config.identity.keys(config.keys_directory()));
    let make = move || {
        identity::installation(&directory)?;
        audit::key(&directory)?;
        Ok::<_, Error>(Arc::new(KeyRing::open(keys, now)?))
    };
    tokio::task::spawn_blocking(make).await.map_err(Error::Panicked)?
}

/// Has the wrapping key that the configuration names be among those of the store.
async fn bring_key(config: &Config) -> Result<(), Error> {
    let Some(file) = config.keys.kek_file.clone() else { return Ok(()) };
    let (directory, guard) = (config.keys_directory().join(WRAPPING_KEYS), config.keys.guard());
    let taken = tokio::task::spawn_blocking(move || FileKeys::take_up(&directory, &file, guard.as_deref())).await;
    taken.map_err(Error::Panicked)?.map_err(Error::WrappingKey)
}

#[async_trait]
impl Store for EmbeddedStore {
    fn unreadable(&self) -> usize {
        self.unreadable_rows()
    }

    async fn end(&self) {
        if let Err(error) = self.close().await {
            tracing::error!(error = &error as &dyn std::error::Error, "the store did not close cleanly");
        }
    }
}

#[async_trait]
impl Store for MongoStore {
    fn unreadable(&self) -> usize {
        self.unreadable_rows()
    }

    async fn end(&self) {
        self.close().await;
    }
}
