//! The work beside the calls: no part of it keeps another from being done, and a stop loses nothing. And the key.

use async_trait::async_trait;
use domain::access::Action as _;
use domain::audit::{Entry, Outcome};
use domain::lease::InstanceId;
use domain::name::TenantId;
use domain::time::Timestamp;
use domain::utility::actions::ListUtilities;
use telemetry::Metrics;
use test_support::TokioSpawner;

use super::*;
use crate::bridge::incidents::LoggedIncidents;
use crate::bridge::merkle::tests::{World, entry};
use crate::system::{SystemClock, UuidIds};

fn audit(world: &World, clock: Arc<dyn Clock>) -> Audit {
    let ports = Ports {
        repository: world.store.clone(),
        spawner: Arc::new(TokioSpawner::current()),
        incidents: Arc::new(LoggedIncidents::new(Arc::new(Metrics::new()))),
        clock,
        ids: Arc::new(UuidIds),
    };
    let reported = Reported { executions: world.store.clone(), policies: world.store.clone() };
    let signing = Signing { installation: "test".to_owned(), key: Key::from_seed(&[7; 32]), witnesses: Vec::new() };
    Audit::new(ports, reported, "alive", signing)
}

fn tenant(id: &str) -> TenantId {
    TenantId::parse("tenant", id).unwrap()
}

/// How many records of a log a checkpoint covers.
async fn covered(world: &World, id: &str) -> u64 {
    let found = world.store.checkpoint(&TenantScope::for_system(tenant(id)), u64::MAX).await.unwrap();
    found.map_or(0, |checkpoint| checkpoint.size)
}

#[tokio::test]
async fn what_cannot_be_closed_keeps_nothing_else_from_being_closed_and_covered_and_no_server_from_starting() {
    for (damage, closed, expected) in [
        // One that cannot be read.
        ("UPDATE audit_records SET record = CAST('x' AS BLOB) WHERE tenant = 'beta'", 1, [("acme", 2), ("beta", 1)]),
        // One whose outcome has no place.
        ("UPDATE audit_logs SET records = 0 WHERE tenant = 'beta'", 1, [("acme", 2), ("beta", 0)]),
        // Nothing can be looked for.
        ("DROP TABLE audit_intents", 0, [("acme", 1), ("beta", 1)]),
    ] {
        let world = World::new();
        let left = |id, number| {
            let (tenant, instance) = (tenant(id), InstanceId::new("dead"));
            Entry { tenant, instance, outcome: Outcome::Intent, ..entry(number) }
        };
        world.store.append(vec![left("beta", 1), left("acme", 2)]).await.unwrap();
        let world = world.tampered(damage).await;
        let audit = audit(&world, Arc::new(SystemClock));
        assert_eq!(audit.tend().await, closed, "{damage}");
        audit.round(&CancellationToken::new()).await;
        for (id, size) in expected {
            assert_eq!(covered(&world, id).await, size, "{id}: {damage}");
        }
    }
}

/// A clock by which a round is due at once, and which asks for the stop when the round has begun.
struct StopsInTheMiddle(CancellationToken);

#[async_trait]
impl Clock for StopsInTheMiddle {
    fn now(&self) -> Timestamp {
        self.0.cancel();
        Timestamp::from_millis(120_000)
    }

    async fn sleep(&self, _: Duration) {}
}

#[tokio::test]
async fn what_a_round_has_taken_to_record_survives_a_stop_in_its_middle() {
    let (world, stopping) = (World::new(), CancellationToken::new());
    let audit = audit(&world, Arc::new(StopsInTheMiddle(stopping.clone())));
    audit.auditor.count(entry(1), ListUtilities::SPEC, Outcome::Allowed);
    audit.clone().tend_until(stopping).await;
    let acme = TenantScope::for_system(tenant("acme"));
    assert_eq!(world.store.size(&acme).await.unwrap(), 1);
    audit.finish().await;
    assert_eq!(covered(&world, "acme").await, 1);
}

fn signed(key: &Key) -> String {
    key.named("a.example/log").sign("text\n")
}

#[test]
fn an_installation_keeps_its_audit_key_and_shows_it_to_nobody() {
    use std::os::unix::fs::PermissionsExt as _;
    let data = tempfile::tempdir().unwrap();
    let first = signed(&key(data.path()).unwrap());
    assert_eq!(signed(&key(data.path()).unwrap()), first);
    assert_ne!(signed(&key(tempfile::tempdir().unwrap().path()).unwrap()), first);
    assert_eq!(std::fs::metadata(data.path().join(KEY)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_damaged_audit_key_is_refused_instead_of_replaced() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join(KEY), "").unwrap();
    assert!(matches!(key(data.path()), Err(Error::AuditKey { .. })));
}
