//! The shared cache and the limits on a real Redis: of one server, and of a cluster.

use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use domain::access::TenantScope;
use domain::change::{ChangeListener, Changed};
use domain::name::TenantId;
use domain::utility::{Utility, UtilityRepository};
use test_support::sample::{scope, utility_id};
use test_support::{InMemoryUtilityRepository, RedisServer, breathe, in_time};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::ROOMY;
use super::watched::Watched;
use crate::{Cache, RedisConfig, Sealing, SharedCache, SharedUtilityRepository};

mod cluster;
mod diagnosis;
mod differential;
mod encrypted;
mod hearing;
mod limits;
mod live;
mod reading;
mod troubles;
mod warming;

/// The Redis of tests that only use it.
fn url() -> String {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    SERVER.get_or_init(RedisServer::start).url()
}

fn config(url: &str) -> RedisConfig {
    RedisConfig { address: url.parse().unwrap(), user: None, password: None, trust: tls::Trust::System }
}

/// Seals for one store: what others have sealed does not open. That it is not to be read, others' tests show.
struct StoreSealing(String);

impl StoreSealing {
    /// One that no other test has.
    fn new() -> Self {
        static NUMBER: Mutex<u64> = Mutex::new(0);
        let mut number = NUMBER.lock().unwrap();
        *number += 1;
        StoreSealing(format!("{}-{number}", std::process::id()))
    }

    fn head(&self, tenant: &TenantId, place: &str) -> String {
        format!("{} {tenant} {place} ", self.0)
    }
}

impl Sealing for StoreSealing {
    fn seal(&self, tenant: &TenantId, place: &str, text: &[u8]) -> Vec<u8> {
        [self.head(tenant, place).as_bytes(), text].concat()
    }

    fn open(&self, tenant: &TenantId, place: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        sealed.strip_prefix(self.head(tenant, place).as_bytes()).map(|text| Zeroizing::new(text.to_vec()))
    }
}

/// Tells of changes whichever server makes them, and no other.
#[derive(Default)]
struct Maker(Mutex<Option<Arc<SharedCache>>>);

#[async_trait]
impl ChangeListener for Maker {
    async fn changed(&self, what: &Changed) {
        let maker = self.0.lock().unwrap().clone();
        if let Some(maker) = maker {
            maker.changed(what).await;
        }
    }
}

/// One of several servers on one store.
struct Node {
    cache: Arc<SharedCache>,
    utilities: SharedUtilityRepository,
    /// What it does by itself, unless it hears and writes nothing.
    running: Option<JoinHandle<()>>,
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

/// Servers on one store, with one Redis.
struct World {
    store: Arc<Watched<InMemoryUtilityRepository>>,
    maker: Arc<Maker>,
    sealing: Arc<StoreSealing>,
    nodes: Vec<Node>,
    acme: TenantScope,
}

impl World {
    /// As many servers, of which each hears and writes where it says so.
    fn new(url: &str, running: &[bool]) -> Self {
        Self::on(&config(url), running)
    }

    fn on(redis: &RedisConfig, running: &[bool]) -> Self {
        let maker = Arc::new(Maker::default());
        let store = Arc::new(Watched::new(InMemoryUtilityRepository::default().telling(maker.clone())));
        let sealing = Arc::new(StoreSealing::new());
        let node = |(index, running): (usize, &bool)| {
            let own = Arc::new(Cache::new(ROOMY));
            let cache = SharedCache::open(ROOMY, own, redis, sealing.clone(), &format!("{}-{index}", sealing.0)).unwrap();
            let cache = Arc::new(cache);
            let utilities = SharedUtilityRepository::new(store.clone(), cache.clone());
            let running = running.then(|| {
                let cache = cache.clone();
                tokio::spawn(async move { cache.run().await })
            });
            Node { cache, utilities, running }
        };
        let nodes = running.iter().enumerate().map(node).collect();
        World { nodes, store, maker, sealing, acme: scope("acme") }
    }

    /// The server that makes the changes from now on.
    fn made_by(&self, node: usize) -> &SharedUtilityRepository {
        *self.maker.0.lock().unwrap() = Some(self.nodes[node].cache.clone());
        &self.nodes[node].utilities
    }

    async fn current(&self, node: usize, id: &str) -> Option<Utility> {
        let found = self.nodes[node].utilities.find_current(&self.acme, &utility_id(id)).await.unwrap();
        found.open_for_system().map(|(utility, _)| utility)
    }

    /// Waits until a server sees something.
    async fn until(&self, mut sees: impl AsyncFnMut(&Self) -> bool) {
        in_time(async {
            while !sees(self).await {
                breathe().await;
            }
        })
        .await;
    }
}
