//! What the record of a removal of records says, and what a report makes of that, where the removal has ended earlier than it was to.

use std::sync::Arc;

use domain::access::{AccessPolicy, Caller, LocalRules};
use domain::audit::actions::BuildAuditReport;
use domain::audit::{
    Actor, AuditLog, AuditQuery, AuditRepository, AuditTree as _, Auditor, BeginningFault, Building, Entry, LogPorts, Outcome, Period,
    Ports, REMOVE, Removal,
};
use domain::lease::InstanceId;
use domain::name::TenantName;
use domain::page::PageRequest;
use futures_util::StreamExt as _;
use rusqlite::Connection;
use tempfile::TempDir;
use test_support::audit_repository::entry;
use test_support::sample::{at, scope, tenant, user};
use test_support::{FakeClock, FakeTree, InMemoryTenants, RecordedIncidents, SequentialIds, TokioSpawner};

use super::retention::revision;
use crate::EmbeddedStore;
use crate::error::during;

/// The records that the checkpoints cover: the first step goes to the first of them, and the second to the other.
const SIZES: [u64; 2] = [900, 1_100];

struct World {
    store: Arc<EmbeddedStore>,
    tree: Arc<FakeTree>,
    clock: Arc<FakeClock>,
    _directory: TempDir,
}

impl World {
    /// A log whose every record is due.
    async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let store = Arc::new(super::open(directory.path()).unwrap());
        let tree = Arc::new(FakeTree::new(store.clone()));
        let mut from = 0;
        for size in SIZES {
            let nobody = |number| Entry { actor: Actor::default(), ..entry("acme", number) };
            store.append((from..size).map(nobody).collect()).await.unwrap();
            tree.seal(&scope("acme")).await.unwrap();
            from = size;
        }
        World { store, tree, clock: Arc::default(), _directory: directory }
    }

    async fn remove(&self) -> domain::Result<u64> {
        let ports = Ports {
            repository: self.store.clone(),
            spawner: Arc::new(TokioSpawner::current()),
            incidents: Arc::new(RecordedIncidents::default()),
            clock: self.clock.clone(),
            ids: Arc::new(SequentialIds::default()),
        };
        let auditor = Auditor::new(ports, InstanceId::new("one"));
        let removal = Removal { repository: self.store.clone(), tree: self.tree.clone(), auditor };
        removal.remove(&tenant("acme"), at(1), revision(&self.store, "acme").await).await
    }

    async fn run(&self, sql: &'static str) {
        self.store.write(move |connection: &Connection| connection.execute_batch(sql).map_err(during("testing"))).await.unwrap();
    }

    /// What each record of a removal says, oldest first.
    async fn said(&self) -> Vec<(Outcome, String)> {
        let (query, page) = (AuditQuery { action: Some(REMOVE.to_owned()), ..AuditQuery::default() }, PageRequest { size: 9, after: None });
        let mut records = self.store.list(&scope("acme"), &query, &page).await.unwrap().open_for_system().unwrap().items;
        records.sort_by_key(|record| record.sequence);
        records.into_iter().map(|record| (record.entry.outcome, record.entry.resource)).collect()
    }

    /// What a report finds wrong with where the log begins.
    async fn fault(&self) -> Option<BeginningFault> {
        let log = AuditLog::new(LogPorts {
            repository: self.store.clone(),
            tree: self.tree.clone(),
            executions: self.store.clone(),
            policies: self.store.clone(),
            clock: self.clock.clone(),
        });
        let policy =
            AccessPolicy::new(Arc::new(LocalRules::new(tenant("acme"))), Arc::new(InMemoryTenants::of(self.clock.clone(), &["acme"])));
        let target = TenantName { tenant: tenant("acme") };
        let permit = policy.require::<BuildAuditReport>(&Caller::loopback(user("ann")), target).await.unwrap();
        let built: Vec<_> = log.report(permit, Period::new(vec![at(1)], at(2)).unwrap()).await.unwrap().collect().await;
        match built.into_iter().last() {
            Some(Ok(Building::Done(report))) => report.beginning,
            other => panic!("{other:?}"),
        }
    }
}

fn removal(outcome: Outcome, first_kept: u64) -> (Outcome, String) {
    (outcome, format!("tenants/acme/auditLog/records/{first_kept}"))
}

#[tokio::test]
async fn a_removal_that_ends_as_its_tenant_is_changed_lets_nobody_take_the_rest() {
    let world = World::new().await;
    world
        .run("CREATE TRIGGER changed AFTER UPDATE OF first_kept ON audit_logs BEGIN UPDATE tenants SET revision = revision + 1; END")
        .await;
    assert_eq!(world.remove().await.unwrap(), 900);
    assert_eq!(world.said().await, [removal(Outcome::Intent, 1_100), removal(Outcome::Allowed, 900)]);
    assert_eq!(world.fault().await, None);
    world.run("DROP TRIGGER changed; UPDATE audit_logs SET first_kept = 1100").await;
    assert_eq!(world.fault().await, Some(BeginningFault::NotRecorded), "the intent was signed for, and is over");
    world.run("UPDATE audit_records SET action = 'utility.get' WHERE outcome = 'ALLOWED' AND sequence > 1100").await;
    assert_eq!(world.said().await, [removal(Outcome::Intent, 1_100)]);
    assert_eq!(world.fault().await, Some(BeginningFault::NotRecorded), "the outcome is found where it is");
}

#[tokio::test]
async fn a_removal_that_ends_before_its_first_step_lets_nothing_go() {
    let world = World::new().await;
    world.run("CREATE TRIGGER held AFTER INSERT ON audit_intents BEGIN UPDATE tenants SET revision = revision + 1; END").await;
    assert_eq!(world.remove().await.unwrap(), 0);
    assert_eq!(world.said().await, [removal(Outcome::Intent, 1_100), removal(Outcome::Allowed, 0)]);
    world.run("UPDATE audit_logs SET first_kept = 900").await;
    assert_eq!(world.fault().await, Some(BeginningFault::NotRecorded));
}

#[tokio::test]
async fn a_removal_that_fails_says_how_far_the_step_went_in_which_it_did() {
    let world = World::new().await;
    world.run("CREATE TRIGGER failing BEFORE UPDATE OF first_kept ON audit_logs BEGIN SELECT RAISE(ABORT, 'a test'); END").await;
    world.remove().await.unwrap_err();
    assert_eq!(world.said().await, [removal(Outcome::Intent, 1_100), removal(Outcome::Failed, 900)]);
}

#[tokio::test]
async fn a_removal_that_has_begun_may_have_come_as_far_as_it_goes() {
    let world = World::new().await;
    let intent = |number, outcome| {
        let (_, resource) = removal(outcome, 1_100);
        Entry { actor: Actor::default(), action: REMOVE.to_owned(), resource, outcome, ..entry("acme", number) }
    };
    world.store.append(vec![intent(2_000, Outcome::Intent)]).await.unwrap();
    world.run("UPDATE audit_logs SET first_kept = 1100").await;
    assert_eq!(world.fault().await, None);
    // What the next server makes of it where this one dies.
    assert!(AuditRepository::close(&*world.store, intent(2_000, Outcome::Unknown)).await.unwrap());
    assert_eq!(world.fault().await, None);
    world.run("UPDATE audit_logs SET first_kept = 1101").await;
    assert_eq!(world.fault().await, Some(BeginningFault::NotRecorded));
}
