//! The cache of a server that shares its store with others: in memory, behind that in Redis, and behind that the store.
//!
//! What is answered was read at the epoch that its tenant has now, by what was read from the store within the last half second, or since the last
//! change that was heard of. So nothing is older than a second, and nothing older than a change of this server, whatever Redis does: it may be gone,
//! slow, full, empty, or hold what it likes. Lists come from the store, and may be newer than what was read at an epoch.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Result;
use domain::access::{Found, TenantScope};
use domain::change::{ChangeListener, Changed};
use domain::name::{TenantId, UtilityId};
use domain::page::{Page, PageRequest};
use domain::request::{Committed, RequestKey};
use domain::utility::{Utility, UtilityChange, UtilityQuery, UtilityRepository, Version, VersionHead};
use tokio::time::{Instant, timeout_at};

use crate::epochs::Epochs;
use crate::hot::Hot;
use crate::news::{News, NewsStats, Wire};
use crate::reads::{Cache, VersionKey};
use crate::redis::{Config, Connection, Error};
use crate::sealing::Sealing;
use crate::second::{Place, Second, SecondStats};
use crate::stamped::Stamped;
use crate::stats::Stats;
use crate::value::{CurrentValue, VersionValue};
use crate::warming::{self, Warmed, WarmingStats};
use crate::weight;

/// Of sixteen parts of the memory: what is executed and read most, and versions that are asked for by number. The rest is for what other
/// servers have no part in.
const UTILITIES_SHARE: u64 = 10;
const VERSIONS_SHARE: u64 = 3;
const SHARES: u64 = 16;
/// Areas of keys.
const UTILITIES: &str = "utilities";
const VERSIONS: &str = "versions";

/// What was read lately, here and on other servers. Share it behind an `Arc`: with the store, which tells it of changes, and with the
/// repository that reads.
pub struct SharedCache {
    utilities: Stamped<(TenantId, UtilityId), (Utility, Version)>,
    versions: Stamped<VersionKey, Version>,
    epochs: Epochs,
    /// What is in memory only, of a store that no other server has: policies and grants.
    own: Arc<Cache>,
    second: Second,
    wire: Wire,
    hot: Hot,
    warmed: Warmed,
    /// Bytes of utilities beyond which nothing is read ahead.
    warm_bytes: u64,
}

/// What a shared cache did and holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedStats {
    /// In memory.
    pub first: Stats,
    /// In Redis.
    pub second: SecondStats,
    /// Messages between servers.
    pub news: NewsStats,
    /// What was read ahead at the start.
    pub warming: WarmingStats,
}

/// The repository of utilities and versions behind such a cache. The repository must tell the cache of changes; what is changed through this
/// one, other servers are told of.
pub struct SharedUtilityRepository {
    inner: Arc<dyn UtilityRepository>,
    cache: Arc<SharedCache>,
}

// === impl SharedCache ===

impl SharedCache {
    /// An empty cache of at most `max_bytes` in memory, by estimate, beside what `own` holds. Begins to connect to Redis, and waits for nothing.
    /// `server` is a word that no other server has.
    ///
    /// # Errors
    /// There can be no way to Redis. That it does not answer is no reason.
    pub fn open(
        max_bytes: u64,
        own: Arc<Cache>,
        redis: &Config,
        sealing: Arc<dyn Sealing>,
        server: &str,
    ) -> std::result::Result<Self, Error> {
        let part = |share| max_bytes / SHARES * share;
        Ok(SharedCache {
            utilities: Stamped::new(part(UTILITIES_SHARE), weight::current),
            versions: Stamped::new(part(VERSIONS_SHARE), weight::version),
            epochs: Epochs::new(),
            own,
            second: Second::new(Connection::open(redis)?, sealing),
            wire: Wire::open(redis, Connection::open(redis)?, server)?,
            hot: Hot::default(),
            warmed: Warmed::default(),
            warm_bytes: part(UTILITIES_SHARE) / 2,
        })
    }

    /// Writes to Redis, and hears and tells of changes, without end.
    pub async fn run(&self) {
        let hear = self.wire.hear(|news| match news {
            News::Of(tenant) => self.epochs.void(&tenant),
            News::Missed => self.epochs.void_all(),
        });
        tokio::join!(hear, self.second.write(), self.wire.send(), warming::remember(&self.hot, &self.second));
    }

    /// What is in memory only.
    pub fn own(&self) -> Arc<Cache> {
        Arc::clone(&self.own)
    }

    /// What it did and holds.
    pub fn stats(&self) -> SharedStats {
        let mut first = self.own.stats();
        self.utilities.add_to(&mut first);
        self.versions.add_to(&mut first);
        SharedStats { first, second: self.second.stats(), news: self.wire.stats(), warming: self.warmed.stats() }
    }

    /// Forgets what of Redis is in memory.
    #[cfg(test)]
    pub(crate) fn forget_first(&self) {
        self.utilities.forget_all();
        self.versions.forget_all();
    }

    /// What is asked for.
    #[cfg(test)]
    pub(crate) fn hot(&self) -> &Hot {
        &self.hot
    }

    /// The second level.
    #[cfg(test)]
    pub(crate) fn second(&self) -> &Second {
        &self.second
    }

    /// The last word that came back of what was said to oneself.
    #[cfg(test)]
    pub(crate) fn echoed(&self) -> u64 {
        self.wire.echoed()
    }

    /// What comes in by messages, beside what is heard.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> tokio::sync::broadcast::Receiver<fred::types::Message> {
        self.wire.messages()
    }
}

/// Does not tell other servers: a store that they share tells of their changes, too, and each would be told by everyone.
#[async_trait]
impl ChangeListener for SharedCache {
    async fn changed(&self, what: &Changed) {
        match what {
            Changed::Utility { tenant, .. } | Changed::Version { tenant, .. } => self.epochs.void(tenant),
            Changed::Anything => self.epochs.void_all(),
            Changed::CodePolicy { .. } | Changed::Grants { .. } => {}
        }
        self.own.forget(what);
    }

    fn heard_all(&self) {
        self.own.heard_all();
    }
}

// === impl SharedUtilityRepository ===

impl SharedUtilityRepository {
    /// Puts `cache` before `inner`.
    pub fn new(inner: Arc<dyn UtilityRepository>, cache: Arc<SharedCache>) -> Self {
        SharedUtilityRepository { inner, cache }
    }

    async fn epoch_of(&self, scope: &TenantScope) -> Result<u64> {
        self.cache.epochs.read(scope.tenant(), || self.inner.epoch(scope)).await
    }

    /// Reads ahead what servers were asked for most, as far as that goes in a bounded time, number and part of the memory; waits for Redis to be
    /// there for a part of that time. Reads as everybody does, one after the other, so that nobody who asks waits for it.
    pub async fn warm(&self) {
        self.warm_until(Instant::now() + warming::TIME).await;
    }

    /// The same with another end.
    pub(crate) async fn warm_until(&self, until: Instant) {
        let cache = &self.cache;
        let keys = warming::keys(&cache.second).await;
        for (tenant, id) in keys {
            let scope = TenantScope::for_system(tenant);
            if Instant::now() >= until || self.is_warm() {
                return;
            }
            let Ok(found) = timeout_at(until, self.current(&scope, &id)).await else { return };
            match found {
                // Whose it is and what it says is asked by whoever asks for it.
                Ok(found) => cache.warmed.note(found.open_for_system().is_some()),
                // A store that fails has enough to do.
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "what is asked for most is not read ahead any further");
                    return;
                }
            }
        }
    }

    async fn current(&self, scope: &TenantScope, id: &UtilityId) -> Result<Found<(Utility, Version)>> {
        let epoch = self.epoch_of(scope).await?;
        let (tenant, second) = (scope.tenant(), &self.cache.second);
        let key = (tenant.clone(), id.clone());
        let load = || async move {
            let place = Place::new(tenant, UTILITIES, id.as_str());
            if let Some(found) = second.find(&place, |text| CurrentValue::read(text, epoch, tenant, id)).await {
                return Ok(Some(found));
            }
            let found = self.inner.find_current(scope, id).await?.open_for_system();
            if let Some((utility, version)) = &found {
                second.put(place, CurrentValue::text(epoch, utility, version));
            }
            Ok(found)
        };
        let found = self.cache.utilities.find(&key, epoch, load).await?;
        Ok(Found::of(found.map(|current| (*current).clone())))
    }

    /// Whether as much of the memory is taken as is read ahead.
    fn is_warm(&self) -> bool {
        self.cache.utilities.bytes() >= self.cache.warm_bytes
    }

    /// Tells the other servers of a change of this one, also where it may not have been stored: nobody else tells them sooner.
    fn tell(&self, scope: &TenantScope) {
        self.cache.wire.tell(scope.tenant());
    }
}

#[async_trait]
impl UtilityRepository for SharedUtilityRepository {
    async fn find(&self, scope: &TenantScope, id: &UtilityId) -> Result<Found<Utility>> {
        let epoch = self.epoch_of(scope).await?;
        match self.cache.utilities.kept(&(scope.tenant().clone(), id.clone()), epoch) {
            Some(current) => Ok(Found::of(current.map(|current| current.0.clone()))),
            None => self.inner.find(scope, id).await,
        }
    }

    async fn find_current(&self, scope: &TenantScope, id: &UtilityId) -> Result<Found<(Utility, Version)>> {
        self.cache.hot.note(scope.tenant(), id);
        self.current(scope, id).await
    }

    async fn find_version(&self, scope: &TenantScope, id: &UtilityId, number: u32) -> Result<Found<Version>> {
        let epoch = self.epoch_of(scope).await?;
        let (tenant, second) = (scope.tenant(), &self.cache.second);
        let load = || async move {
            let place = Place::new(tenant, VERSIONS, &format!("{id}:{number}"));
            if let Some(found) = second.find(&place, |text| VersionValue::read(text, epoch, number)).await {
                return Ok(Some(found));
            }
            let found = self.inner.find_version(scope, id, number).await?.open_for_system();
            if let Some(version) = &found {
                second.put(place, VersionValue::text(epoch, version));
            }
            Ok(found)
        };
        let found = self.cache.versions.find(&(tenant.clone(), id.clone(), number), epoch, load).await?;
        Ok(Found::of(found.map(|version| (*version).clone())))
    }

    async fn list(&self, scope: &TenantScope, query: &UtilityQuery, page: &PageRequest) -> Result<Found<Page<Utility>>> {
        self.inner.list(scope, query, page).await
    }

    async fn list_versions(&self, scope: &TenantScope, id: &UtilityId, page: &PageRequest) -> Result<Found<Page<VersionHead>>> {
        self.inner.list_versions(scope, id, page).await
    }

    async fn epoch(&self, scope: &TenantScope) -> Result<u64> {
        self.inner.epoch(scope).await
    }

    async fn commit(&self, scope: &TenantScope, change: UtilityChange) -> Result<Committed<Utility>> {
        let committed = self.inner.commit(scope, change).await;
        self.tell(scope);
        committed
    }

    async fn mark_compiled(&self, scope: &TenantScope, id: &UtilityId, number: u32, digest: &str) -> Result<()> {
        let marked = self.inner.mark_compiled(scope, id, number, digest).await;
        self.tell(scope);
        marked
    }

    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Utility>>> {
        self.inner.find_answer(scope, request).await
    }

    async fn remember(&self, scope: &TenantScope, request: &RequestKey, answer: &Utility) -> Result<Committed<Utility>> {
        self.inner.remember(scope, request, answer).await
    }
}
