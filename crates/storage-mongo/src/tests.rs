//! The store keeps the contracts of its ports, and what it promises beyond them. A server of the database's protocol is started for them,
//! or the one of `MONGODB_URI` is used.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use domain::change::ChangeListener;
use domain::time::{Clock, Timestamp};
use tempfile::TempDir;
use test_support::FakeClock;

use self::wire::Watch;
use crate::{Config, MongoStore};

mod changes;
mod crash;
mod doubt;
mod erasure;
mod events;
mod grants;
mod history;
mod login;
mod operator;
mod people;
mod proxy;
mod retention;
mod runs;
mod sealed;
mod server;
mod signals;
mod transactions;
mod utilities;
mod wire;

/// A store with a database of its own.
pub(crate) struct Scratch {
    pub(crate) store: MongoStore,
    pub(crate) config: Config,
    _keys: TempDir,
    /// Looks at every command, once the store is gone.
    _watch: Option<Watch>,
}

impl Scratch {
    pub(crate) async fn new() -> Self {
        Self::with_clock(None).await
    }

    /// A store whose commands are looked at on the wire: the test fails where one of them breaks a rule. On a server that was given, nobody
    /// looks.
    pub(crate) async fn checked() -> Self {
        let watch = server::given().is_none().then(Watch::begin);
        let uri = watch.as_ref().map_or_else(server::uri, Watch::uri);
        Scratch { _watch: watch, ..Self::with(|config| Config { uri, ..config }).await }
    }

    /// A store that is settled otherwise.
    pub(crate) async fn with(change: impl FnOnce(Config) -> Config) -> Self {
        Self::made(None, change).await
    }

    pub(crate) async fn with_clock(clock: Option<Arc<FakeClock>>) -> Self {
        Self::made(clock, |config| config).await
    }

    async fn made(clock: Option<Arc<FakeClock>>, change: impl FnOnce(Config) -> Config) -> Self {
        let keys = TempDir::new().unwrap();
        let config = change(Config {
            // Tests share two cores with compilers: patience keeps them from failing for others' work.
            deadline: Duration::from_secs(60),
            selection: Duration::from_secs(30),
            ..Config::new(server::uri(), format!("test_{}", keys::random_id()), keys.path().join("keys"))
        });
        let store = match clock {
            Some(clock) => MongoStore::open_with_clock(config.clone(), Box::new(Shared(clock))).await,
            None => MongoStore::open(config.clone()).await,
        };
        Scratch { store: store.expect("the database answers"), config, _keys: keys, _watch: None }
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
