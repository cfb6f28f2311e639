//! The store keeps the contracts of its ports, and what it promises beyond them. A server of the database's protocol is started for them,
//! or the one of `MONGODB_URI` is used.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use domain::change::ChangeListener;
use domain::time::{Clock, Timestamp};
use tempfile::TempDir;
use test_support::FakeClock;

use crate::{Config, MongoStore};

mod changes;
mod erasure;
mod events;
mod grants;
mod people;
mod retention;
mod runs;
mod sealed;
mod server;
mod transactions;
mod utilities;

/// A store with a database of its own.
pub(crate) struct Scratch {
    pub(crate) store: MongoStore,
    pub(crate) config: Config,
    _keys: TempDir,
}

impl Scratch {
    pub(crate) async fn new() -> Self {
        Self::with_clock(None).await
    }

    pub(crate) async fn with_clock(clock: Option<Arc<FakeClock>>) -> Self {
        let keys = TempDir::new().unwrap();
        let config = Config {
            // Tests share two cores with compilers: patience keeps them from failing for others' work.
            deadline: Duration::from_secs(60),
            selection: Duration::from_secs(30),
            ..Config::new(server::uri(), format!("test_{}", keys::random_id()), keys.path().join("keys"))
        };
        let store = match clock {
            Some(clock) => MongoStore::open_with_clock(config.clone(), Box::new(Shared(clock))).await,
            None => MongoStore::open(config.clone()).await,
        };
        Scratch { store: store.expect("the database answers"), config, _keys: keys }
    }

    pub(crate) fn telling(self, listener: Arc<dyn ChangeListener>) -> Self {
        Scratch { store: self.store.telling(listener), ..self }
    }

    /// Another server on the same database.
    pub(crate) async fn another(&self) -> MongoStore {
        MongoStore::open(self.config.clone()).await.expect("the database answers")
    }

    /// Another server, with a clock.
    pub(crate) async fn another_with_clock(&self, clock: Arc<FakeClock>) -> MongoStore {
        MongoStore::open_with_clock(self.config.clone(), Box::new(Shared(clock))).await.expect("the database answers")
    }
}

impl Deref for Scratch {
    type Target = MongoStore;

    fn deref(&self) -> &MongoStore {
        &self.store
    }
}

/// A clock that the test goes on holding.
struct Shared(Arc<FakeClock>);

#[async_trait::async_trait]
impl Clock for Shared {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }
}
