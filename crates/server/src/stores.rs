//! The store of a server with what is kept of it in memory: opened, put behind the domain's ports, and closed.

use std::sync::Arc;

use cache::{Cache, CachedCodePolicyRepository, CachedGrantRepository, CachedUtilityRepository};
use domain::access::GrantRepository;
use domain::code_policy::CodePolicyRepository;
use domain::utility::UtilityRepository;
use storage_embedded::EmbeddedStore;

use super::Error;
use crate::config::Config;

/// Repositories of a server.
#[derive(Clone)]
pub(crate) struct Stores {
    /// The store itself.
    pub store: Arc<EmbeddedStore>,
    /// Utilities, from memory where they were read lately.
    pub utilities: Arc<dyn UtilityRepository>,
    /// Code policies, likewise.
    pub policies: Arc<dyn CodePolicyRepository>,
    /// Grants, likewise.
    pub grants: Arc<dyn GrantRepository>,
    /// What is in memory, unless nothing is to be.
    pub cache: Option<Arc<Cache>>,
}

impl Stores {
    /// Opens the store of the data directory.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn open(config: &Config) -> Result<Self, Error> {
        let settings = config.store.config(&config.listening.data, config.keys.guard());
        let store = match tokio::task::spawn_blocking(move || EmbeddedStore::open(settings)).await {
            Ok(store) => store?,
            Err(panic) => return Err(Error::Panicked(panic)),
        };
        Ok(match config.cache.max_bytes {
            0 => Stores::uncached(Arc::new(store)),
            max_bytes => Stores::cached(store, Arc::new(Cache::new(max_bytes))),
        })
    }

    /// Closes the store; what was answered is on disk already.
    pub(crate) async fn close(&self) {
        if let Err(error) = self.store.close().await {
            tracing::error!(error = &error as &dyn std::error::Error, "the store did not close cleanly");
        }
    }

    fn uncached(store: Arc<EmbeddedStore>) -> Self {
        Stores { utilities: store.clone(), policies: store.clone(), grants: store.clone(), store, cache: None }
    }

    fn cached(store: EmbeddedStore, cache: Arc<Cache>) -> Self {
        let store = Arc::new(store.telling(cache.clone()));
        Stores {
            utilities: Arc::new(CachedUtilityRepository::new(store.clone(), cache.clone())),
            policies: Arc::new(CachedCodePolicyRepository::new(store.clone(), cache.clone())),
            grants: Arc::new(CachedGrantRepository::new(store.clone(), cache.clone())),
            store,
            cache: Some(cache),
        }
    }
}
