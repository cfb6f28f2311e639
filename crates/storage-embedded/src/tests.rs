//! The store keeps the contracts of its ports, and what it promises beyond them.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::hash::Hash;
use domain::request::Committed;
use domain::time::{Clock, Timestamp};
use domain::utility::{UtilityChange, UtilityRepository};
use rusqlite::Connection;
use tempfile::TempDir;
use test_support::FakeClock;
use test_support::sample::{creation, request, scope, utility};

use crate::error::during;
use crate::{Config, EmbeddedStore};

mod changes;
mod durability;
mod erasure;
mod faults;
mod happened;
mod holding;
mod personal;
mod plans;
mod records;
mod removal;
mod retention;
mod scale;
mod schedule_params;
mod sealed;
mod secret_values;
mod tenants;
mod unreadable;

mod utilities {
    test_support::utility_repository_contract!(super::Scratch::new());
}

mod reach {
    test_support::utility_reach_contract!(super::Scratch::new());
}

mod copies {
    test_support::utility_copies_contract!(super::Scratch::new());
}

mod policies {
    test_support::code_policy_repository_contract!(super::Scratch::new());
}

mod grants {
    test_support::grant_repository_contract!(super::Scratch::new());
}

mod known_tenants {
    test_support::tenant_repository_contract!(super::Scratch::new());
}

mod identity {
    use domain::audit::AuditRepository as _;
    use domain::identity::SessionRepository;
    use test_support::audit_repository::entry;
    use test_support::identity_repository::session;
    use test_support::sample::scope;

    use crate::error::during;

    test_support::identity_repository_contract!(super::Scratch::new());

    #[tokio::test]
    async fn a_session_and_the_record_of_its_beginning_are_stored_both_or_neither() {
        let (store, acme) = (super::Scratch::new(), scope("acme"));
        let [first, second] = [1, 2].map(|number| session("tenants/acme/users/ann", number));
        store.insert(&acme, &first, Some(&entry("acme", 1))).await.unwrap();
        assert_eq!(SessionRepository::find_shown(&*store, &first.id).await.unwrap(), Some(first));
        assert_eq!(store.size(&acme).await.unwrap(), 1);
        let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON audit_records BEGIN SELECT RAISE(ABORT, 'a test'); END";
        store.write(move |connection| connection.execute_batch(refuse).map_err(during("refusing records"))).await.unwrap();
        store.insert(&acme, &second, Some(&entry("acme", 2))).await.unwrap_err();
        assert_eq!(SessionRepository::find_shown(&*store, &second.id).await.unwrap(), None);
        assert_eq!(store.size(&acme).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_principal_made_again_under_the_same_name_holds_nothing() {
        let store = super::Scratch::new();
        test_support::identity_repository::a_principal_made_again_under_the_same_name_holds_nothing(&*store, &*store).await;
    }
}

mod executions {
    test_support::execution_repository_contract!(super::Scratch::new());
}

mod archive {
    test_support::archive_repository_contract!(super::Scratch::new());
}

mod fences {
    test_support::execution_fences_contract!(super::Scratch::new());
}

mod queue {
    test_support::execution_queue_contract!(super::Scratch::new());
}

mod schedules {
    test_support::schedule_repository_contract!(super::Scratch::new());
}

mod audit {
    test_support::audit_repository_contract!(super::Scratch::new());
}

mod events {
    use test_support::event_repository::Stores;

    use super::Scratch;

    impl<'a> From<&'a Scratch> for Stores<'a> {
        fn from(scratch: &'a Scratch) -> Self {
            let store = &scratch.store;
            Stores {
                events: store,
                utilities: store,
                executions: store,
                grants: store,
                principals: store,
                subjects: store,
                bootstrap: store,
                tenants: store,
                platform: store,
            }
        }
    }

    test_support::event_repository_contract!(Scratch::new());
    test_support::webhook_repository_contract!(Scratch::new());
}

mod operations {
    test_support::operation_repository_contract!(super::Scratch::new());
}

mod secrets {
    test_support::secret_repository_contract!(super::Scratch::new());
}

mod platform {
    test_support::platform_repository_contract!(super::Scratch::new());
}

mod leases {
    test_support::lease_repository_contract!(super::Scratch::new());
}

#[tokio::test]
async fn answered_requests_are_forgotten_in_time() {
    let (clock, directory) = (Arc::new(FakeClock::default()), TempDir::new().unwrap());
    let store = EmbeddedStore::open_with_clock(Config::new(directory.path()), Box::new(Shared(clock.clone()))).unwrap();
    test_support::utility_repository::an_answered_request_is_forgotten_in_time(&store, &|by| clock.advance(by)).await;
    test_support::execution_repository::an_answered_request_is_forgotten_in_time(&store, &|by| clock.advance(by)).await;
}

#[tokio::test]
async fn what_a_request_held_cannot_be_guessed_from_what_is_remembered_of_it_and_hashes_of_before_are_recognized() {
    let store = Scratch::new();
    let (acme, made) = (scope("acme"), [("one", 1), ("two", 1)]);
    let commit = async |id: &str, body| {
        let change = UtilityChange { request: Some(request("CreateUtility", id, body)), ..creation(utility(&acme, id)) };
        UtilityRepository::commit(&*store, &acme, change).await.unwrap()
    };
    for (id, body) in made {
        assert_eq!(commit(id, body).await, Committed::Stored);
    }
    let bodies = |connection: &Connection| {
        let mut statement = connection.prepare("SELECT body FROM requests")?;
        statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()
    };
    let bodies: Vec<String> = store.read(move |connection| bodies(connection).map_err(during("testing"))).await.unwrap();
    let hash = Hash::from_bytes([1; 32]).to_string();
    assert!(bodies.len() == 2 && bodies[0] != bodies[1] && !bodies.contains(&hash), "{bodies:?}");

    let sql = format!("UPDATE requests SET body = '{hash}' WHERE id = 'two'");
    store.write(move |connection| connection.execute_batch(&sql).map_err(during("testing"))).await.unwrap();
    for (id, body) in made {
        assert!(matches!(commit(id, body).await, Committed::Answered(_)), "{id}");
        assert_eq!(commit(id, 2).await, Committed::KeyReused, "{id}");
    }
}

/// A store in a directory that goes away with it.
struct Scratch {
    store: EmbeddedStore,
    directory: TempDir,
}

impl Scratch {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let store = open(directory.path()).unwrap();
        Scratch { store, directory }
    }
}

impl Deref for Scratch {
    type Target = EmbeddedStore;

    fn deref(&self) -> &EmbeddedStore {
        &self.store
    }
}

fn open(directory: &Path) -> Result<EmbeddedStore, crate::Error> {
    // Tests share two cores with compilers: patience keeps them from failing for others' work.
    EmbeddedStore::open(Config { deadline: Duration::from_secs(60), ..Config::new(directory.join("data")) })
}

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
