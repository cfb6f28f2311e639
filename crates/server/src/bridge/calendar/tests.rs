//! Days, and what retention removes at their boundaries, with clocks that are driven.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::audit::Key;
use async_trait::async_trait;
use domain::Result;
use domain::access::TenantScope;
use domain::audit::{self, AuditQuery, AuditRepository, AuditTree, Auditor, Removal};
use domain::execution::ExecutionRepository;
use domain::lease::{Acquisition, InstanceId, LeaseName, LeaseRepository, TERM};
use domain::name::TenantId;
use domain::retention::{Due, Removed, Retention, RetentionConfig, RetentionPorts, RetentionStore, Step};
use domain::revision::Revision;
use domain::tenant::{Keep, Settings, Tenant, TenantChange, TenantRepository, TenantState};
use domain::time::Clock;
use test_support::{FakeClock, InMemoryExecutionRepository, InMemoryTenants, RecordedIncidents, SequentialIds, TokioSpawner, sample};

use super::*;
use crate::bridge::merkle::MerkleTree;

const HOUR: Duration = Duration::from_secs(3_600);

fn at(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<Instant>().unwrap().as_millisecond().unsigned_abs())
}

#[test]
fn a_day_begins_with_its_own_midnight_also_where_clocks_are_changed() {
    let cases = [
        ("UTC", "2026-11-29T23:59:59Z", 0, "2026-11-29T00:00:00Z"),
        ("UTC", "2026-11-30T00:00:00Z", 1, "2026-11-29T00:00:00Z"),
        // Summer time ends on 2026-10-25: that day has 25 hours, and the one in March has 23.
        ("Europe/Berlin", "2026-10-26T12:00:00Z", 0, "2026-10-25T23:00:00Z"),
        ("Europe/Berlin", "2026-10-26T12:00:00Z", 1, "2026-10-24T22:00:00Z"),
        ("Europe/Berlin", "2026-03-30T12:00:00Z", 0, "2026-03-29T22:00:00Z"),
        ("Europe/Berlin", "2026-03-30T12:00:00Z", 1, "2026-03-28T23:00:00Z"),
        // Clocks are set forward at midnight: the day begins at one o'clock.
        ("America/Santiago", "2026-09-06T12:00:00Z", 0, "2026-09-06T04:00:00Z"),
        ("Pacific/Kiritimati", "2026-11-29T11:00:00Z", 0, "2026-11-29T10:00:00Z"),
    ];
    for (zone, now, days, expected) in cases {
        assert_eq!(IanaCalendar.day_begun(zone, at(now), days), Some(at(expected)), "{zone} {now} {days}");
    }
    assert_eq!(IanaCalendar.day_begun("Mars/Olympus", at("2026-11-29T11:00:00Z"), 0), None);
    assert!(IanaCalendar.knows("Europe/Berlin") && !IanaCalendar.knows("Mars/Olympus") && !IanaCalendar.knows(""));
    assert_eq!(IanaCalendar.day_begun("UTC", at("1970-01-02T00:00:00Z"), 36_500), None, "before there was any time");
}

/// Things of tenants by when they ended: what is due goes, and nothing else is known of them.
#[derive(Default)]
struct Kept(
    Mutex<Vec<(TenantId, &'static str, Timestamp)>>,
    Mutex<Option<(Arc<FakeClock>, Arc<InMemoryExecutionRepository>)>>,
    /// The revisions by which was judged what was removed.
    Mutex<Vec<Revision>>,
    /// Tenants of which one lets its audit log be kept for good as the first step is done.
    Mutex<Option<Arc<InMemoryTenants>>>,
);

impl Kept {
    fn put(&self, tenant: &str, kind: &'static str, ended: &str) {
        self.0.lock().unwrap().push((sample::tenant(tenant), kind, at(ended)));
    }

    fn left(&self, tenant: &str) -> String {
        let kept = self.0.lock().unwrap();
        kept.iter().filter(|(of, ..)| of.as_str() == tenant).map(|(_, kind, _)| *kind).collect::<Vec<_>>().join(" ")
    }
}

#[async_trait]
impl RetentionStore for Kept {
    async fn is_due(&self, scope: &TenantScope, due: Due) -> Result<bool> {
        Ok(self.0.lock().unwrap().iter().any(|thing| is_due(thing, scope, due)))
    }

    async fn remove_some(&self, scope: &TenantScope, due: Due, judged: Revision) -> Result<Step> {
        self.2.lock().unwrap().push(judged);
        if let Some(tenants) = self.3.lock().unwrap().take() {
            tenants.settle(scope.tenant().as_str(), |settings| settings.keep.audit = None);
        }
        if scope.tenant().as_str() == BROKEN {
            return Err(domain::Error::unavailable("store", "it is broken"));
        }
        let interrupted = self.1.lock().unwrap().take();
        if let Some((clock, leases)) = interrupted {
            clock.advance(TERM);
            leases.acquire(&LeaseName::of_job("retention"), &InstanceId::new("other"), clock.now(), TERM).await?;
        }
        let mut kept = self.0.lock().unwrap();
        // One in a step, so that there are several.
        let Some(first) = kept.iter().position(|thing| is_due(thing, scope, due)) else { return Ok(Step::default()) };
        let (_, kind, _) = kept.remove(first);
        let count = |of: &str| u64::from(kind == of);
        let removed = Removed { executions: count("execution"), output_bytes: count("output"), utilities: count("utility"), records: 0 };
        Ok(Step { removed, more: kept.iter().any(|thing| is_due(thing, scope, due)) })
    }

    async fn tidy_some(&self) -> Result<bool> {
        Ok(false)
    }
}

/// Of this tenant nothing can be removed.
const BROKEN: &str = "broken";

fn is_due((tenant, kind, ended): &(TenantId, &'static str, Timestamp), scope: &TenantScope, due: Due) -> bool {
    let (of, before) = match due {
        Due::Executions(before) => ("execution", before),
        Due::Output(before) => ("output", before),
        Due::DeletedUtilities(before) => ("utility", before),
        Due::OutputBeyond(_) => return false,
        Due::Everything => (*kind, Timestamp::from_millis(u64::MAX)),
    };
    tenant == scope.tenant() && *kind == of && *ended < before
}

struct World {
    clock: Arc<FakeClock>,
    tenants: Arc<InMemoryTenants>,
    kept: Arc<Kept>,
    executions: Arc<InMemoryExecutionRepository>,
    incidents: Arc<RecordedIncidents>,
    tree: Arc<MerkleTree>,
    retention: Retention,
}

impl World {
    fn new(now: &str) -> Self {
        let clock = Arc::new(FakeClock::default());
        clock.advance(at(now).since(clock.now()));
        let tenants = Arc::new(InMemoryTenants::of(clock.clone(), &["acme", "beta", BROKEN, "held"]));
        let incidents = Arc::new(RecordedIncidents::default());
        let (kept, executions) = (Arc::new(Kept::default()), Arc::new(InMemoryExecutionRepository::new(clock.clone())));
        let audit = audit::Ports {
            repository: executions.clone(),
            spawner: Arc::new(TokioSpawner::current()),
            incidents: incidents.clone(),
            clock: clock.clone(),
            ids: Arc::new(SequentialIds::default()),
        };
        let auditor = Auditor::new(audit, InstanceId::new("one"));
        let tree = Arc::new(MerkleTree::new(executions.clone(), Key::from_seed(&[7; 32]), "test", clock.clone(), Vec::new()));
        let ports = RetentionPorts {
            tenants: tenants.clone(),
            executions: executions.clone(),
            store: kept.clone(),
            leases: executions.clone(),
            calendar: Arc::new(IanaCalendar),
            audit: Removal { repository: executions.clone(), tree: tree.clone(), auditor: auditor.clone() },
            auditor,
            incidents: incidents.clone(),
            clock: clock.clone(),
        };
        let config = RetentionConfig { instance: InstanceId::new("one"), keep: 7 * 24 * HOUR, max_output_bytes: 1_000 };
        World { clock, tenants, kept, executions, incidents, tree, retention: Retention::new(ports, config) }
    }

    async fn settle(&self, code: &str, settings: Settings) {
        let scope = sample::scope(code);
        let tenant = self.tenants.find(&scope).await.unwrap().open_for_system().unwrap();
        let tenant = Tenant { settings, revision: tenant.revision.next(), ..tenant };
        self.tenants
            .commit(&scope, TenantChange { expected: Revision::FIRST, tenant, db_password: None, shreds: false, request: None })
            .await
            .unwrap();
    }

    async fn run_at(&self, now: &str) -> Option<Removed> {
        self.clock.advance(at(now).since(self.clock.now()));
        self.retention.run().await.unwrap()
    }
}

/// Actions and outcomes of what stands in a log, oldest first.
async fn recorded(world: &World, tenant: &str) -> Vec<String> {
    let page = domain::page::PageRequest { size: 100, after: None };
    let found = AuditRepository::list(&*world.executions, &sample::scope(tenant), &AuditQuery::default(), &page).await.unwrap();
    let mut records = found.open_for_system().unwrap().items;
    records.sort_by_key(|record| record.sequence);
    records.into_iter().map(|record| format!("{} {}", record.entry.action, record.entry.outcome.as_str())).collect()
}

fn berlin(keep: Keep) -> Settings {
    Settings { time_zone: "Europe/Berlin".to_owned(), keep, ..Settings::default() }
}

#[tokio::test]
async fn what_is_kept_for_days_is_kept_to_the_end_of_the_last_in_the_zone_of_its_tenant() {
    let world = World::new("2026-10-20T00:00:00Z");
    let three = std::num::NonZeroU32::new(3);
    world
        .settle("acme", berlin(Keep { executions: three, output: std::num::NonZeroU32::new(1), deleted_utilities: three, audit: None }))
        .await;
    // All of the evening of the 22nd in Berlin; summer time ends on the 25th.
    for kind in ["execution", "output", "utility"] {
        world.kept.put("acme", kind, "2026-10-22T20:00:00Z");
        world.kept.put("beta", kind, "2026-10-22T20:00:00Z");
    }
    for (now, left) in [
        ("2026-10-23T21:59:59.999Z", "execution output utility"),
        ("2026-10-23T22:00:00Z", "execution utility"),
        // The last day is the 25th, which has 25 hours there.
        ("2026-10-25T22:00:00Z", "execution utility"),
        ("2026-10-25T22:59:59.999Z", "execution utility"),
        ("2026-10-25T23:00:00Z", ""),
    ] {
        world.run_at(now).await.expect("nobody else does it");
        assert_eq!(world.kept.left("acme"), left, "{now}");
    }
    assert_eq!(world.kept.left("beta"), "execution output utility", "who has settled nothing");
    let recorded = recorded(&world, "acme").await;
    let once = ["tenant.retain INTENT", "tenant.retain ALLOWED"];
    assert_eq!(recorded, [once, once].concat(), "what removes nothing is not recorded");
}

#[tokio::test]
async fn a_day_of_23_hours_is_a_day_too() {
    let world = World::new("2026-03-20T00:00:00Z");
    world.settle("acme", berlin(Keep { executions: std::num::NonZeroU32::new(1), ..Keep::default() })).await;
    // The evening of the 28th in Berlin, where summer time begins on the 29th.
    world.kept.put("acme", "execution", "2026-03-28T20:00:00Z");
    for (now, left) in [("2026-03-29T21:59:59.999Z", "execution"), ("2026-03-29T22:00:00Z", "")] {
        world.run_at(now).await.expect("nobody else does it");
        assert_eq!(world.kept.left("acme"), left, "{now}");
    }
}

#[tokio::test]
async fn a_legal_hold_keeps_everything_whatever_else_is_said() {
    let world = World::new("2026-10-20T00:00:00Z");
    let one = std::num::NonZeroU32::new(1);
    let keep = Keep { executions: one, output: one, deleted_utilities: one, audit: None };
    world.settle("held", Settings { legal_hold: true, ..berlin(keep) }).await;
    world.settle("acme", berlin(Keep { executions: std::num::NonZeroU32::new(1_000), ..Keep::default() })).await;
    for kind in ["execution", "output", "utility"] {
        world.kept.put("held", kind, "2026-10-01T00:00:00Z");
    }
    // What the server itself bounds: by age, and all output by its size.
    for (tenant, number, at) in [("held", 1, 0), ("acme", 2, 0), ("beta", 3, 0), ("acme", 4, 1)] {
        let execution = sample::execution(&sample::scope(tenant), number);
        world.executions.insert(&sample::scope(tenant), &execution, None, &[], None).await.unwrap();
        let ended = sample::ended(&execution, at);
        world.executions.save(&sample::scope(tenant), &ended, &[sample::output(1, 600)]).await.unwrap();
    }
    let is_there = async |tenant: &str, number| {
        let found = ExecutionRepository::find(&*world.executions, &sample::scope(tenant), &sample::execution_id(number)).await.unwrap();
        found.open_for_system().is_some()
    };
    world.run_at("2027-10-20T00:00:00Z").await.expect("nobody else does it");
    assert_eq!(world.kept.left("held"), "execution output utility");
    let left = [is_there("held", 1).await, is_there("acme", 2).await, is_there("beta", 3).await, is_there("acme", 4).await];
    assert_eq!(left, [true, false, false, true], "of beta by its age, of acme by its size; what must be kept takes nobody's place");
}

#[tokio::test]
async fn a_deleted_tenant_is_purged_after_its_time_unless_it_is_held() {
    let world = World::new("2026-10-01T00:00:00Z");
    let deleted = async |code: &str, legal_hold: bool| {
        let scope = sample::scope(code);
        let tenant = world.tenants.find(&scope).await.unwrap().open_for_system().unwrap();
        let settings = Settings { legal_hold, ..Settings::default() };
        let closed = Some(world.clock.now());
        let tenant = Tenant { settings, state: TenantState::Deleted, closed, revision: tenant.revision.next(), ..tenant };
        let change = TenantChange { expected: Revision::FIRST, tenant, db_password: None, shreds: false, request: None };
        world.tenants.commit(&scope, change).await.unwrap();
        world.kept.put(code, "execution", "2026-10-01T00:00:00Z");
    };
    deleted("acme", false).await;
    deleted("held", true).await;
    world.kept.put("beta", "execution", "2026-10-01T00:00:00Z");
    world.run_at("2026-10-30T23:59:59.999Z").await.expect("nobody else does it");
    assert_eq!(world.kept.left("acme"), "execution");
    world.run_at("2026-10-31T00:00:00Z").await.expect("nobody else does it");
    assert_eq!(["acme", "held", "beta"].map(|code| world.kept.left(code)), ["", "execution", "execution"]);
    assert_eq!(recorded(&world, "acme").await, ["tenant.purge INTENT", "tenant.purge ALLOWED"]);
    assert!(recorded(&world, "held").await.is_empty() && recorded(&world, "beta").await.is_empty());
    assert!(recorded(&world, "system").await.is_empty());
    let tenant = world.tenants.find(&sample::scope("acme")).await.unwrap().open_for_system().unwrap();
    assert_eq!(tenant.purged, Some(at("2026-10-31T00:00:00Z")), "it says so itself");
    assert_eq!(*world.kept.2.lock().unwrap(), [tenant.revision], "before anything went");
    world.kept.put("acme", "execution", "2026-10-01T00:00:00Z");
    world.run_at("2026-10-31T01:00:00Z").await.expect("nobody else does it");
    let again = world.tenants.find(&sample::scope("acme")).await.unwrap().open_for_system().unwrap();
    assert_eq!((again, world.kept.left("acme")), (tenant, String::new()), "it says so once");
}

#[tokio::test]
async fn one_server_at_a_time_removes() {
    let world = World::new("2026-10-20T00:00:00Z");
    let (name, other) = (LeaseName::of_job("retention"), InstanceId::new("other"));
    let Acquisition::Acquired(held) = world.executions.acquire(&name, &other, world.clock.now(), TERM).await.unwrap() else {
        panic!("it is free")
    };
    assert_eq!(world.retention.run().await.unwrap(), None);
    world.executions.release(&name, &held.fence).await.unwrap();
    assert_eq!(world.retention.run().await.unwrap(), Some(Removed::default()));
    assert_eq!(world.executions.expired(Timestamp::from_millis(u64::MAX), 9).await.unwrap(), [], "it is given up again");
}

#[tokio::test]
async fn what_fails_of_one_tenant_is_told_and_keeps_nothing_of_others() {
    let world = World::new("2026-10-20T00:00:00Z");
    let one = std::num::NonZeroU32::new(1);
    for code in ["acme", BROKEN, "held"] {
        world.settle(code, berlin(Keep { executions: one, ..Keep::default() })).await;
        world.kept.put(code, "execution", "2026-10-01T00:00:00Z");
    }
    let execution = sample::execution(&sample::scope("beta"), 1);
    world.executions.insert(&sample::scope("beta"), &execution, None, &[], None).await.unwrap();
    world.executions.save(&sample::scope("beta"), &sample::ended(&execution, 0), &[]).await.unwrap();
    let removed = world.run_at("2026-10-20T00:00:00Z").await.expect("nobody else does it");
    assert_eq!(["acme", BROKEN, "held"].map(|code| world.kept.left(code)), ["", "execution", ""]);
    assert_eq!(removed.executions, 3, "what the server bounds goes, too");
    assert_eq!(world.incidents.kinds(), ["not-removed"]);
    assert_eq!(recorded(&world, BROKEN).await, ["tenant.retain INTENT", "tenant.retain FAILED"]);
}

#[tokio::test]
async fn a_tenant_that_cannot_be_read_is_told_keeps_all_it_has_and_nothing_of_others() {
    let world = World::new("2026-10-20T00:00:00Z");
    world.settle("beta", berlin(Keep { executions: std::num::NonZeroU32::new(1), ..Keep::default() })).await;
    for code in ["acme", "beta"] {
        world.kept.put(code, "execution", "2026-10-01T00:00:00Z");
    }
    for (code, number) in [("acme", 1), ("held", 2)] {
        let execution = sample::execution(&sample::scope(code), number);
        world.executions.insert(&sample::scope(code), &execution, None, &[], None).await.unwrap();
        world.executions.save(&sample::scope(code), &sample::ended(&execution, 0), &[]).await.unwrap();
    }
    world.tenants.spoil("acme");
    let removed = world.run_at("2026-10-20T00:00:00Z").await.expect("nobody else does it");
    assert_eq!((world.kept.left("acme").as_str(), world.kept.left("beta").as_str()), ("execution", ""));
    assert_eq!(
        removed.executions, 2,
        "of beta by its setting, of the other by the bound of the server, which it may have settled otherwise"
    );
    assert_eq!(world.incidents.kinds(), ["not-removed"]);
}

#[tokio::test]
async fn a_server_that_has_lost_its_lease_removes_no_more() {
    let world = World::new("2026-10-20T00:00:00Z");
    let one = std::num::NonZeroU32::new(1);
    for code in ["acme", "beta"] {
        world.settle(code, berlin(Keep { executions: one, ..Keep::default() })).await;
        world.kept.put(code, "execution", "2026-10-01T00:00:00Z");
    }
    // The term goes by as the first step is done, and another server takes the lease.
    *world.kept.1.lock().unwrap() = Some((world.clock.clone(), world.executions.clone()));
    world.retention.run().await.unwrap();
    assert_eq!(["acme", "beta"].map(|code| world.kept.left(code)), ["", "execution"]);
}

#[tokio::test]
async fn an_audit_log_is_kept_for_its_days_and_says_what_was_removed_of_it() {
    let world = World::new("2026-10-20T00:00:00Z");
    world.settle("acme", berlin(Keep { audit: std::num::NonZeroU32::new(30), ..Keep::default() })).await;
    let acme = sample::scope("acme");
    for code in ["acme", "beta"] {
        let records = (0..5).map(|number| test_support::audit_repository::entry(code, number)).collect();
        AuditRepository::append(&*world.executions, records).await.unwrap();
        world.tree.seal(&sample::scope(code)).await.unwrap();
    }
    for (now, first_kept) in [("2026-11-19T22:59:59.999Z", 0), ("2026-11-19T23:00:00Z", 5), ("2026-11-20T23:00:00Z", 5)] {
        world.run_at(now).await.expect("nobody else does it");
        assert_eq!(world.executions.first_kept(&acme).await.unwrap(), first_kept, "{now}");
    }
    assert_eq!(recorded(&world, "acme").await, ["audit.remove INTENT", "audit.remove ALLOWED"]);
    assert_eq!(world.executions.first_kept(&sample::scope("beta")).await.unwrap(), 0, "who has settled nothing keeps it for good");
}

#[tokio::test]
async fn what_is_settled_while_other_things_go_is_what_the_audit_log_goes_by() {
    let world = World::new("2026-10-20T00:00:00Z");
    let [one, thirty] = [1, 30].map(std::num::NonZeroU32::new);
    world.settle("acme", berlin(Keep { executions: one, audit: thirty, ..Keep::default() })).await;
    world.kept.put("acme", "execution", "2026-10-20T00:00:00Z");
    AuditRepository::append(&*world.executions, vec![test_support::audit_repository::entry("acme", 1)]).await.unwrap();
    let acme = sample::scope("acme");
    world.tree.seal(&acme).await.unwrap();
    *world.kept.3.lock().unwrap() = Some(world.tenants.clone());
    world.run_at("2026-11-20T23:00:00Z").await.expect("nobody else does it");
    assert_eq!((world.kept.left("acme").as_str(), world.executions.first_kept(&acme).await.unwrap()), ("", 0));
}
