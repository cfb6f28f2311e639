//! The store of a server with what is kept of it in memory and in Redis: opened, put behind the domain's ports, and closed. Whether it lies in
//! the data directory or in a database that servers share, nothing else knows.

use std::sync::Arc;

use async_trait::async_trait;
use auth::KeyRing;
use blobs::BlobObjects;
use cache::limits::Limits;
use cache::{Cache, CachedCodePolicyRepository, CachedGrantRepository, CachedUtilityRepository};
use cache::{LiveEvents, RedisConfig, Sealing, SharedCache, SharedExecutionRepository, SharedUtilityRepository};
use domain::access::GrantRepository;
use domain::archive::ArchiveRepository;
use domain::audit::AuditRepository;
use domain::change::ChangeListener;
use domain::code_policy::CodePolicyRepository;
use domain::event::EventRepository;
use domain::execution::{ExecutionQueue, ExecutionRepository, Signals};
use domain::identity::{ApiKeyRepository, BootstrapRepository, PrincipalRepository, SessionRepository, SubjectRepository};
use domain::lease::LeaseRepository;
use domain::operation::OperationRepository;
use domain::process::PlatformRepository;
use domain::retention::RetentionStore;
use domain::schedule::ScheduleRepository;
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
use crate::bridge::sealing::ProcessSealing;
use crate::config::{Config, WRAPPING_KEYS};
use crate::directory::{DataDirectory, OpeningKeys};
use crate::tasks::Tasks;
use crate::{archive, audit, identity};

/// Everything that a server keeps, whatever keeps it.
#[async_trait]
pub(crate) trait Store:
    ApiKeyRepository
    + ArchiveRepository
    + AuditRepository
    + BootstrapRepository
    + CodePolicyRepository
    + EventRepository
    + ExecutionQueue
    + ExecutionRepository
    + GrantRepository
    + KeyRepository
    + LeaseRepository
    + OperationRepository
    + PlatformRepository
    + PrincipalRepository
    + RetentionStore
    + ScheduleRepository
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
    /// Executions, with what of them is archived.
    pub executions: Arc<dyn ExecutionRepository>,
    /// Where that is; `None` where nothing is archived.
    pub objects: Option<Arc<BlobObjects>>,
    /// Utilities, from memory where they were read lately.
    pub utilities: Arc<dyn UtilityRepository>,
    /// Code policies, likewise.
    pub policies: Arc<dyn CodePolicyRepository>,
    /// Grants, likewise.
    pub grants: Arc<dyn GrantRepository>,
    /// What servers of the store tell each other.
    pub signals: Arc<dyn Signals>,
    /// What is kept of what was read.
    pub cache: Kept,
    /// What servers tell each other of what executions print; `None` where they have no Redis, or there is one server.
    pub live: Option<Live>,
    /// The data directory, where the store does not hold it.
    _data: Option<Arc<DataDirectory>>,
}

/// What servers tell each other of what executions print, and who is told here.
#[derive(Clone)]
pub(crate) struct Live {
    pub events: Arc<LiveEvents>,
    local: Arc<dyn Signals>,
}

/// The Redis of the configuration, and what seals what goes there.
struct Shared<'a> {
    redis: &'a RedisConfig,
    instance: &'a str,
    sealing: Arc<dyn Sealing>,
}

/// What is kept of what was read.
#[derive(Clone)]
pub(crate) enum Kept {
    /// Nothing.
    Nothing,
    /// What is in memory.
    Own(Arc<Cache>),
    /// What is in memory and in Redis.
    Shared(Arc<SharedCache>),
}

// === impl Stores ===

impl Stores {
    /// Opens the store of the configuration, and makes what keys are missing beside it: those of access tokens, which it answers, and in
    /// their files the key of audit logs and the id of the installation. Servers that share these do that one after the other. `instance` is
    /// a word that no other server has.
    ///
    /// # Errors
    /// Those of the store, and of the keys, and what is wrong with the way to Redis.
    pub(crate) async fn open(config: &Config, now: Timestamp, instance: &str) -> Result<(Self, Arc<KeyRing>), Error> {
        migrate(config).await?;
        let opening = OpeningKeys::of(config).await?;
        let stores = Stores::opened(config, instance).await?;
        let keys = make_keys(config, now).await;
        let keys = match keys {
            Ok(ring) => belong(config).await.map(|()| ring),
            Err(error) => Err(error),
        };
        // Others wait for this, and for nothing that comes behind it.
        drop(opening);
        let opened = match keys {
            Ok(ring) => archive::open(config).await.map(|objects| (objects, ring)),
            Err(error) => Err(error),
        };
        match opened {
            Ok((objects, ring)) => {
                let executions = archive::before(stores.store.clone(), stores.store.clone(), objects.as_ref());
                let executions = Live::before(executions, stores.live.as_ref());
                Ok((Stores { executions, objects, ..stores }, ring))
            }
            Err(error) => {
                stores.close().await;
                Err(error)
            }
        }
    }

    async fn opened(config: &Config, instance: &str) -> Result<Self, Error> {
        bring_key(config).await?;
        let redis = config.cache.redis()?;
        let redis = redis.as_ref().map(|redis| (redis, instance));
        match config.store.shared(config.keys_directory(), config.keys.guard()) {
            Some(settings) => Stores::shared(config, settings, redis).await,
            None => Stores::alone(config, redis).await,
        }
    }

    /// Begins what goes on between servers through Redis, where they share one.
    pub(crate) fn share(&self, tasks: &Tasks) {
        if let Kept::Shared(cache) = &self.cache {
            let repository = Arc::new(SharedUtilityRepository::new(self.store.clone(), cache.clone()));
            tasks.background("warming", move || {
                let repository = Arc::clone(&repository);
                async move { repository.warm().await }
            });
            let cache = Arc::clone(cache);
            tasks.background("shared cache", move || {
                let cache = Arc::clone(&cache);
                async move { cache.run().await }
            });
        }
        if let Some(live) = self.live.clone() {
            tasks.background("live events", move || {
                let live = live.clone();
                async move { live.run().await }
            });
        }
    }

    /// Closes the store; what was answered is stored already.
    pub(crate) async fn close(&self) {
        self.store.end().await;
    }

    /// The store of the data directory, which nobody else has.
    async fn alone(config: &Config, redis: Option<(&RedisConfig, &str)>) -> Result<Self, Error> {
        let settings = config.store.config(&config.listening.data, config.keys.guard());
        let store = match tokio::task::spawn_blocking(move || EmbeddedStore::open(settings)).await {
            Ok(store) => store?,
            Err(panic) => return Err(Error::Panicked(panic)),
        };
        let cache = Kept::open(config, Shared::open(config, redis).await?.as_ref(), Cache::new)?;
        let store = Arc::new(match cache.listener() {
            Some(listener) => store.telling(listener),
            None => store,
        });
        let signals = Arc::new(LocalSignals::default());
        let Some(own) = cache.own() else {
            return Ok(Stores::of(store.clone(), store.clone(), store, signals, cache));
        };
        let policies = Arc::new(CachedCodePolicyRepository::new(store.clone(), own.clone()));
        let grants = Arc::new(CachedGrantRepository::new(store.clone(), own));
        Ok(Stores::of(store, policies, grants, signals, cache))
    }

    /// The store of a database, which other servers have, too.
    async fn shared(config: &Config, settings: storage_mongo::Config, redis: Option<(&RedisConfig, &str)>) -> Result<Self, Error> {
        let data = DataDirectory::take(&config.listening.data)?;
        let store = on_one_thread(move |runtime| runtime.block_on(MongoStore::open(settings))).await??;
        let redis = Shared::open(config, redis).await?;
        let cache = Kept::open(config, redis.as_ref(), |most| Cache::of_several(most, HEARD_WITHIN))?;
        let local = Arc::new(LocalSignals::default());
        let live = redis.as_ref().map(|redis| Live::open(redis, local.clone())).transpose()?;
        let listener = cache.listener();
        let (store, signals) = on_one_thread(move |runtime| runtime.block_on(join(store, listener, local))).await??;
        // It keeps in memory itself what a grantee holds, by an epoch that it reads again and again: no memory stands before it that only
        // messages void, which may be lost.
        let grants = store.clone();
        // Nor of policies, which have no epoch, where messages come by Redis, too.
        let policies: Arc<dyn CodePolicyRepository> = match &cache {
            Kept::Own(own) => Arc::new(CachedCodePolicyRepository::new(store.clone(), own.clone())),
            Kept::Nothing | Kept::Shared(_) => store.clone(),
        };
        Ok(Stores { live, _data: Some(Arc::new(data)), ..Stores::of(store, policies, grants, signals, cache) })
    }

    fn of(
        store: Arc<dyn Store>,
        policies: Arc<dyn CodePolicyRepository>,
        grants: Arc<dyn GrantRepository>,
        signals: Arc<dyn Signals>,
        cache: Kept,
    ) -> Self {
        let utilities: Arc<dyn UtilityRepository> = match &cache {
            Kept::Nothing => store.clone(),
            Kept::Own(cache) => Arc::new(CachedUtilityRepository::new(store.clone(), cache.clone())),
            Kept::Shared(cache) => Arc::new(SharedUtilityRepository::new(store.clone(), cache.clone())),
        };
        let executions = store.clone();
        Stores { store, executions, objects: None, utilities, policies, grants, signals, cache, live: None, _data: None }
    }
}

// === impl Shared ===

impl<'a> Shared<'a> {
    /// The Redis, if there is one. The store has been opened before, and has made its wrapping keys.
    async fn open(config: &Config, redis: Option<(&'a RedisConfig, &'a str)>) -> Result<Option<Self>, Error> {
        let Some((redis, instance)) = redis else { return Ok(None) };
        let (keys, guard) = (config.keys_directory().join(WRAPPING_KEYS), config.keys.guard());
        let sealing = tokio::task::spawn_blocking(move || ProcessSealing::open(keys, guard)).await;
        let sealing = Arc::new(sealing.map_err(Error::Panicked)?.map_err(Error::RedisKeys)?);
        Ok(Some(Shared { redis, instance, sealing }))
    }
}

// === impl Live ===

impl Live {
    fn open(shared: &Shared<'_>, local: Arc<dyn Signals>) -> Result<Self, Error> {
        let events = LiveEvents::open(shared.redis, Arc::clone(&shared.sealing), shared.instance)?;
        Ok(Live { events: Arc::new(events), local })
    }

    /// The executions of a store, with what is told of them.
    fn before(executions: Arc<dyn ExecutionRepository>, live: Option<&Self>) -> Arc<dyn ExecutionRepository> {
        match live {
            Some(live) => Arc::new(SharedExecutionRepository::new(executions, live.events.clone())),
            None => executions,
        }
    }

    /// Tells and hears, without end.
    async fn run(&self) {
        self.events.run(self.local.as_ref()).await;
    }
}

// === impl Kept ===

impl Kept {
    /// What the configuration has kept.
    fn open(config: &Config, shared: Option<&Shared<'_>>, made: fn(u64) -> Cache) -> Result<Self, Error> {
        let max_bytes = config.cache.max_bytes;
        let Some(Shared { redis, instance, sealing }) = shared else {
            return Ok(if max_bytes == 0 { Kept::Nothing } else { Kept::Own(Arc::new(made(max_bytes))) });
        };
        let (own, sealing) = (Arc::new(made(max_bytes)), Arc::clone(sealing));
        Ok(Kept::Shared(Arc::new(SharedCache::open(max_bytes, own, redis, sealing, instance)?)))
    }

    /// Who is to hear of changes.
    fn listener(&self) -> Option<Arc<dyn ChangeListener>> {
        match self {
            Kept::Nothing => None,
            Kept::Own(cache) => Some(cache.clone()),
            Kept::Shared(cache) => Some(cache.clone()),
        }
    }

    /// What is in memory only.
    fn own(&self) -> Option<Arc<Cache>> {
        match self {
            Kept::Nothing => None,
            Kept::Own(cache) => Some(cache.clone()),
            Kept::Shared(cache) => Some(cache.own()),
        }
    }
}

/// The compiler cannot tell that all that is awaited there may go on on another.
async fn on_one_thread<T: Send + 'static>(work: impl FnOnce(Handle) -> T + Send + 'static) -> Result<T, Error> {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || work(runtime)).await.map_err(Error::Panicked)
}

/// Has the store of a database tell `listener` of what changes, and joins the signals of its servers.
async fn join(
    store: MongoStore,
    listener: Option<Arc<dyn ChangeListener>>,
    local: Arc<LocalSignals>,
) -> Result<(Arc<MongoStore>, Arc<dyn Signals>), storage_mongo::Error> {
    let store = Arc::new(match listener {
        Some(listener) => store.telling(listener),
        None => store,
    });
    let signals = store.signals(local).await?;
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

/// Has a database that servers share be that of the installation whose keys these are: with keys of its own, a server would sign the audit
/// logs of the others by another key and let in nobody whom they let in.
async fn belong(config: &Config) -> Result<(), Error> {
    let Some(settings) = config.store.shared(config.keys_directory(), None) else { return Ok(()) };
    let (directory, runtime) = (config.keys_directory().to_owned(), Handle::current());
    let asked = move || {
        let installation = identity::installation(&directory)?;
        runtime.block_on(async {
            let operator = Operator::connect(&settings).await?;
            let belongs = operator.belong(&installation).await;
            operator.close().await;
            Ok(belongs?)
        })
    };
    tokio::task::spawn_blocking(asked).await.map_err(Error::Panicked)?
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

/// How often tenants may call: counted by all servers together where they share a Redis.
pub(crate) fn call_limits(config: &Config) -> Result<Limits, Error> {
    let rates = config.limits.rates();
    Ok(match config.cache.redis()? {
        Some(redis) => Limits::shared(&rates, &redis)?,
        None => Limits::local(&rates),
    })
}
