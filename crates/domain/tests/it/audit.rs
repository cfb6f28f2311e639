//! The auditor: nothing happens that is not recorded first, and what happened is recorded once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use domain::access::{Action as _, Caller, Target, TenantScope};
use domain::audit::{
    Actor, AuditQuery, AuditRecord, AuditRepository as _, Auditor, Circumstances, Entry, FieldChange, Notes, Outcome, Ports,
};
use domain::lease::{InstanceId, LeaseName, LeaseRepository as _};
use domain::page::PageRequest;
use domain::time::Clock as _;
use domain::utility::actions::{CreateUtility, ListUtilities};
use domain::{Error, ErrorKind};
use test_support::{FakeClock, InMemoryExecutionRepository, RecordedIncidents, SequentialIds, TokioSpawner, sample};

struct World {
    store: Arc<InMemoryExecutionRepository>,
    clock: Arc<FakeClock>,
    spawner: Arc<TokioSpawner>,
    incidents: Arc<RecordedIncidents>,
    ids: Arc<SequentialIds>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(FakeClock::default());
        World {
            store: Arc::new(InMemoryExecutionRepository::new(clock.clone())),
            clock,
            spawner: Arc::new(TokioSpawner::current()),
            incidents: Arc::default(),
            ids: Arc::default(),
        }
    }

    fn auditor(&self, instance: &str) -> Auditor {
        let ports = Ports {
            repository: self.store.clone(),
            spawner: self.spawner.clone(),
            incidents: self.incidents.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        };
        Auditor::new(ports, InstanceId::new(instance))
    }

    /// Outcome, reason and count of each record of `acme`, oldest first.
    async fn records(&self) -> Vec<AuditRecord> {
        let page = PageRequest { size: 1_000, after: None };
        let found = self.store.list(&scope(), &AuditQuery::default(), &page).await.unwrap();
        let mut found = found.open_for_system().unwrap().items;
        found.sort_by_key(|record| record.sequence);
        found
    }

    async fn outcomes(&self) -> Vec<(Outcome, String)> {
        self.records().await.into_iter().map(|record| (record.entry.outcome, record.entry.reason)).collect()
    }
}

fn scope() -> TenantScope {
    sample::scope("acme")
}

fn entry(auditor: &Auditor) -> Entry {
    let around = Circumstances { method: "/a.B/C".to_owned(), purpose: "a\ntest".to_owned(), ..Circumstances::default() };
    let tenant = sample::tenant("acme");
    auditor.entry(&Caller::loopback(sample::user("ann")), CreateUtility::SPEC, Target::Tenant(&tenant), &around)
}

fn pairs(expected: &[(Outcome, &str)]) -> Vec<(Outcome, String)> {
    expected.iter().map(|(outcome, reason)| (*outcome, (*reason).to_owned())).collect()
}

#[tokio::test]
async fn an_intent_that_cannot_be_stored_is_refused_and_nothing_is_recorded() {
    let world = World::new();
    let auditor = world.auditor("one");
    world.store.faults().fail_next("append_audit", 1);
    let refused = auditor.intent(entry(&auditor), Notes::default()).store().await.unwrap_err();
    assert_eq!((refused.kind(), refused.reason()), (ErrorKind::Unavailable, "AUDIT_UNAVAILABLE"));
    world.spawner.settle().await;
    assert_eq!((world.outcomes().await, world.incidents.kinds()), (Vec::new(), vec!["work-failed"]));
    auditor.intent(entry(&auditor), Notes::default()).store().await.unwrap();
    assert_eq!(world.incidents.kinds(), ["work-failed", "work-resumed"]);
}

#[tokio::test]
async fn an_intent_that_was_stored_although_its_caller_was_refused_is_closed_with_what_the_caller_was_told() {
    let world = World::new();
    let auditor = world.auditor("one");
    let entry = entry(&auditor);
    // Its answer is lost.
    world.store.append(vec![entry.clone()]).await.unwrap();
    world.store.faults().fail_next("append_audit", 1);
    auditor.intent(entry, Notes::default()).store().await.unwrap_err();
    world.spawner.settle().await;
    assert_eq!(world.outcomes().await, pairs(&[(Outcome::Intent, ""), (Outcome::Failed, "AUDIT_UNAVAILABLE")]));
}

#[tokio::test]
async fn an_intent_and_its_outcome_say_the_same_of_the_call() {
    let world = World::new();
    let auditor = world.auditor("one");
    let mut intent = auditor.intent(entry(&auditor), Notes::default());
    intent.store().await.unwrap();
    intent.close(Outcome::Failed, "NOT_FOUND").await;
    let records = world.records().await;
    let [before, after] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((before.entry.outcome, after.entry.outcome, after.entry.reason.as_str()), (Outcome::Intent, Outcome::Failed, "NOT_FOUND"));
    let same = Entry { outcome: Outcome::Intent, reason: String::new(), ..after.entry.clone() };
    assert_eq!(same, before.entry);
    assert_eq!((same.action.as_str(), same.resource.as_str(), same.purpose.as_str()), ("utility.create", "tenants/acme", "atest"));
    assert_eq!(same.actor.principal, Some(sample::user("ann")));
}

#[tokio::test]
async fn an_intent_that_is_dropped_is_closed_as_cancelled() {
    let world = World::new();
    let auditor = world.auditor("one");
    let mut intent = auditor.intent(entry(&auditor), Notes::default());
    intent.store().await.unwrap();
    drop(intent);
    world.spawner.settle().await;
    assert_eq!(world.outcomes().await, pairs(&[(Outcome::Intent, ""), (Outcome::Cancelled, "CALL_DROPPED")]));
}

#[tokio::test]
async fn what_the_work_has_noted_stands_in_the_outcome_also_of_a_call_that_is_dropped() {
    let world = World::new();
    let auditor = world.auditor("one");
    let notes = Notes::default();
    let mut intent = auditor.intent(entry(&auditor), notes.clone());
    intent.store().await.unwrap();
    notes.resource(&"tenants/acme/utilities/a");
    notes.version(7);
    drop(intent);
    world.spawner.settle().await;
    let records = world.records().await;
    let said: Vec<_> = records.iter().map(|record| (record.entry.resource.as_str(), record.entry.version)).collect();
    assert_eq!(said, [("tenants/acme", None), ("tenants/acme/utilities/a", Some(7))]);
    assert_eq!(records[1].entry.outcome, Outcome::Cancelled);
}

#[tokio::test]
async fn an_intent_that_the_work_was_to_store_and_did_not_is_stored_before_its_outcome() {
    let world = World::new();
    let auditor = world.auditor("one");
    let mut refused = auditor.intent(entry(&auditor), Notes::default());
    refused.offer();
    refused.store_unless_taken().await.unwrap();
    refused.close(Outcome::Failed, "INVALID_FIELDS").await;
    let dropped = auditor.intent(entry(&auditor), Notes::default());
    dropped.offer();
    drop(dropped);
    world.spawner.settle().await;
    let each = [(Outcome::Intent, ""), (Outcome::Failed, "INVALID_FIELDS"), (Outcome::Intent, ""), (Outcome::Cancelled, "CALL_DROPPED")];
    assert_eq!(world.outcomes().await, pairs(&each));
}

#[tokio::test]
async fn the_outcome_of_a_dropped_call_waits_for_the_commit_that_carries_its_intent() {
    let world = World::new();
    let auditor = world.auditor("one");
    let notes = Notes::default();
    let intent = auditor.intent(entry(&auditor), notes.clone());
    intent.offer();
    let mut carried = notes.take_intent().unwrap();
    assert!(notes.take_intent().is_none(), "one commit has it");
    drop(intent);
    world.spawner.settle().await;
    assert_eq!(world.outcomes().await, []);
    world.store.append(carried.to_store().to_vec()).await.unwrap();
    drop(carried);
    world.spawner.settle().await;
    assert_eq!(world.outcomes().await, pairs(&[(Outcome::Intent, ""), (Outcome::Cancelled, "CALL_DROPPED")]));
}

#[tokio::test]
async fn an_intent_whose_commit_was_refused_leaves_no_record_and_one_whose_commit_was_never_tried_leaves_both() {
    let world = World::new();
    let auditor = world.auditor("one");
    for tried in [true, false] {
        let notes = Notes::default();
        let intent = auditor.intent(entry(&auditor), notes.clone());
        intent.offer();
        let mut carried = notes.take_intent().unwrap();
        if tried {
            carried.to_store();
        }
        drop(carried);
        intent.close_behind(Outcome::Failed, "AUDIT_UNAVAILABLE");
        world.spawner.settle().await;
        let expected: &[_] = if tried { &[] } else { &[(Outcome::Intent, ""), (Outcome::Failed, "AUDIT_UNAVAILABLE")] };
        assert_eq!(world.outcomes().await, pairs(expected));
    }
}

/// The records of the other tenant, oldest first.
async fn told(world: &World) -> Vec<Entry> {
    let page = PageRequest { size: 10, after: None };
    let found = world.store.list(&sample::scope("beta"), &AuditQuery::default(), &page).await.unwrap();
    let mut records = found.open_for_system().unwrap().items;
    records.sort_by_key(|record| record.sequence);
    records.into_iter().map(|record| record.entry).collect()
}

#[tokio::test]
async fn the_log_of_another_tenant_has_the_intent_too_and_of_who_did_it_the_name_alone() {
    let world = World::new();
    let auditor = world.auditor("one");
    let notes = Notes::default();
    let (session, key, address) = (Some("a-session".to_owned()), Some("a-key".to_owned()), "127.0.0.1".parse().ok());
    let actor = Actor { session, key, address, ..entry(&auditor).actor };
    let entry = Entry { actor, request_id: "a-request".to_owned(), trace_id: "a-trace".to_owned(), ..entry(&auditor) };
    let mut intent = auditor.intent(entry.clone(), notes.clone());
    intent.store().await.unwrap();
    notes.resource(&"tenants/beta/utilities/a");
    notes.also_in(&sample::tenant("beta")).await.unwrap();
    let before = told(&world).await;
    assert_eq!(before.iter().map(|told| told.outcome).collect::<Vec<_>>(), [Outcome::Intent], "before anything happens");
    intent.close(Outcome::Allowed, "").await;
    let records = told(&world).await;
    assert_eq!(records.iter().map(|told| told.outcome).collect::<Vec<_>>(), [Outcome::Intent, Outcome::Allowed]);
    for told in &records {
        assert_eq!(told.actor, Actor { principal: Some(sample::user("ann")), ..Actor::default() });
        assert_eq!((told.purpose.as_str(), told.request_id.as_str(), told.trace_id.as_str()), ("", "", ""));
        assert_eq!((told.resource.as_str(), &told.call), ("tenants/beta/utilities/a", &records[0].call));
        assert_ne!(told.call, entry.call, "an intent is closed by its call");
    }
    assert_eq!(world.records().await[1].entry.actor, entry.actor);
    assert_eq!(world.outcomes().await, pairs(&[(Outcome::Intent, ""), (Outcome::Allowed, "")]));
}

#[tokio::test]
async fn nothing_happens_that_another_tenants_log_does_not_tell_of_first() {
    let world = World::new();
    let auditor = world.auditor("one");
    let notes = Notes::default();
    let mut intent = auditor.intent(entry(&auditor), notes.clone());
    intent.store().await.unwrap();
    world.store.faults().fail_next("append_audit", 1);
    let refused = notes.also_in(&sample::tenant("beta")).await.unwrap_err();
    assert!(matches!(refused, Error::Unaudited { .. }), "{refused}");
    intent.close(Outcome::Failed, refused.reason()).await;
    assert_eq!(told(&world).await, []);
    assert_eq!(world.outcomes().await, pairs(&[(Outcome::Intent, ""), (Outcome::Failed, "AUDIT_UNAVAILABLE")]));
}

#[tokio::test]
async fn what_is_about_something_else_for_the_other_tenant_says_there_nothing_but_that() {
    let world = World::new();
    let auditor = world.auditor("one");
    let notes = Notes::default();
    let mut intent = auditor.intent(entry(&auditor), notes.clone());
    intent.store().await.unwrap();
    notes.also_in_about_version(&sample::tenant("beta"), &"tenants/beta/utilities/a", 3).await.unwrap();
    assert_eq!(told(&world).await.iter().map(|told| told.outcome).collect::<Vec<_>>(), [Outcome::Intent], "before anything happens");
    notes.resource(&"tenants/acme/utilities/copy");
    notes.version(1);
    notes.changes(FieldChange::named("source", None, Some("tenants/beta/utilities/a")).into_iter().collect());
    intent.close(Outcome::Allowed, "").await;
    let records = told(&world).await;
    let said = records.iter().map(|told| (told.outcome, told.resource.as_str(), told.version, told.changes.len())).collect::<Vec<_>>();
    assert_eq!(said, [Outcome::Intent, Outcome::Allowed].map(|outcome| (outcome, "tenants/beta/utilities/a", Some(3), 0)));
    let own = world.records().await[1].entry.clone();
    assert_eq!((own.resource.as_str(), own.version, own.changes.len()), ("tenants/acme/utilities/copy", Some(1), 1));
}

#[tokio::test]
async fn what_a_dead_server_left_open_is_closed_in_the_logs_of_both_tenants() {
    let world = World::new();
    let dead = world.auditor("dead");
    let (early, late) = (Notes::default(), Notes::default());
    early.also_in_about(&sample::tenant("beta"), &"tenants/beta/utilities/a");
    let launch = dead.intent(entry(&dead), early.clone());
    launch.offer();
    let mut carried = early.take_intent().unwrap();
    world.store.append(carried.to_store().to_vec()).await.unwrap();
    let mut change = dead.intent(entry(&dead), late.clone());
    change.store().await.unwrap();
    late.also_in(&sample::tenant("beta")).await.unwrap();
    // It dies here: nothing of it runs any more.
    std::mem::forget((launch, carried, change));
    world.auditor("alive").tend().await.unwrap();
    let unknown = (Outcome::Unknown, "SERVER_DIED");
    let each = [(Outcome::Intent, ""), (Outcome::Intent, ""), unknown, unknown];
    assert_eq!(world.outcomes().await, pairs(&each));
    let records = told(&world).await;
    assert_eq!(records.iter().map(|told| (told.outcome, told.reason.clone())).collect::<Vec<_>>(), pairs(&each));
    assert_eq!(records[0].resource, "tenants/beta/utilities/a");
}

#[tokio::test]
async fn outcomes_of_both_tenants_that_the_store_refuses_are_stored_later() {
    let world = World::new();
    let auditor = world.auditor("one");
    let notes = Notes::default();
    notes.also_in_about(&sample::tenant("beta"), &"tenants/beta/utilities/a");
    let mut intent = auditor.intent(entry(&auditor), notes);
    intent.store().await.unwrap();
    world.store.faults().fail_next("close_audit", 1);
    intent.close(Outcome::Allowed, "").await;
    assert_eq!((world.outcomes().await.len(), told(&world).await.len()), (1, 1));
    auditor.flush().await;
    assert_eq!(world.outcomes().await, pairs(&[(Outcome::Intent, ""), (Outcome::Allowed, "")]));
    assert_eq!(told(&world).await.iter().map(|told| told.outcome).collect::<Vec<_>>(), [Outcome::Intent, Outcome::Allowed]);
}

#[tokio::test]
async fn what_a_dead_server_left_open_is_closed_once_as_unknown() {
    let world = World::new();
    let (dead, alive) = (world.auditor("dead"), world.auditor("alive"));
    for instance in ["dead", "alive"] {
        let id = InstanceId::new(instance);
        world.store.acquire(&LeaseName::of_instance(&id), &id, world.clock.now(), Duration::from_secs(10)).await.unwrap();
    }
    let mut left = dead.intent(entry(&dead), Notes::default());
    left.store().await.unwrap();
    assert_eq!(alive.tend().await.unwrap(), 0, "its lease is in force");
    world.clock.advance(Duration::from_secs(11));
    assert_eq!((alive.tend().await.unwrap(), alive.tend().await.unwrap()), (1, 0));
    // It was only paused: what it has to say comes too late.
    left.close(Outcome::Allowed, "").await;
    assert_eq!(world.outcomes().await, pairs(&[(Outcome::Intent, ""), (Outcome::Unknown, "SERVER_DIED")]));
    assert_eq!(world.records().await[1].entry.instance, InstanceId::new("alive"));
}

#[tokio::test]
async fn a_server_that_was_paused_beyond_its_lease_says_itself_how_its_calls_have_ended() {
    let world = World::new();
    let auditor = world.auditor("one");
    let id = InstanceId::new("one");
    world.store.acquire(&LeaseName::of_instance(&id), &id, world.clock.now(), Duration::from_secs(10)).await.unwrap();
    let mut intent = auditor.intent(entry(&auditor), Notes::default());
    intent.store().await.unwrap();
    world.clock.advance(Duration::from_secs(11));
    assert_eq!(auditor.tend().await.unwrap(), 0, "it lives");
    intent.close(Outcome::Allowed, "").await;
    assert_eq!(world.outcomes().await, pairs(&[(Outcome::Intent, ""), (Outcome::Allowed, "")]));
}

#[tokio::test]
async fn all_that_a_dead_server_left_open_is_closed_in_one_write() {
    let world = World::new();
    let dead = world.auditor("dead");
    let mut left = [(); 3].map(|()| dead.intent(entry(&dead), Notes::default()));
    for intent in &mut left {
        intent.store().await.unwrap();
    }
    let writes = Arc::new(AtomicU32::new(0));
    let counted = writes.clone();
    let count = move || {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    world.store.faults().meanwhile("close_audit", count);
    assert_eq!(world.auditor("alive").tend().await.unwrap(), 3);
    assert_eq!(writes.load(Ordering::Relaxed), 1);
    assert_eq!(world.outcomes().await[3..], pairs(&[(Outcome::Unknown, "SERVER_DIED"); 3]));
}

#[tokio::test]
async fn an_outcome_that_the_store_refuses_is_kept_and_told_of_and_stored_later() {
    let world = World::new();
    let auditor = world.auditor("one");
    let mut intent = auditor.intent(entry(&auditor), Notes::default());
    intent.store().await.unwrap();
    world.store.faults().fail_always("close_audit");
    intent.close(Outcome::Allowed, "").await;
    auditor.flush().await;
    assert_eq!((world.outcomes().await.len(), world.incidents.kinds()), (1, vec!["work-failed"]));
    world.store.faults().heal();
    auditor.flush().await;
    assert_eq!(world.outcomes().await, pairs(&[(Outcome::Intent, ""), (Outcome::Allowed, "")]));
    assert_eq!(world.incidents.kinds(), ["work-failed", "work-resumed"]);
}

#[tokio::test]
async fn refusals_stand_in_the_callers_own_log_singly_until_there_are_too_many() {
    let world = World::new();
    let auditor = world.auditor("one");
    let caller = Caller::loopback(sample::user("ann"));
    let resource = Some("tenants/beta/utilities/a");
    for _ in 0..100 {
        let entry = auditor.refused_entry(Some(&caller), CreateUtility::SPEC, resource, &Circumstances::default());
        auditor.denied(entry, CreateUtility::SPEC, "PERMISSION_DENIED");
    }
    world.spawner.settle().await;
    assert_eq!(world.outcomes().await, vec![(Outcome::Denied, "PERMISSION_DENIED".to_owned()); 60]);
    auditor.flush().await;
    let records = world.records().await;
    let last = &records.last().unwrap().entry;
    assert_eq!((records.len(), last.count, last.outcome, last.resource.as_str()), (61, 40, Outcome::Denied, "utility"));
    assert_eq!(records[0].entry.resource, "tenants/beta/utilities/a");
}

#[tokio::test]
async fn who_is_not_known_is_recorded_in_the_log_of_the_installation() {
    let world = World::new();
    let auditor = world.auditor("one");
    let entry = auditor.refused_entry(None, CreateUtility::SPEC, None, &Circumstances::default());
    auditor.denied(entry, CreateUtility::SPEC, "UNAUTHENTICATED");
    world.spawner.settle().await;
    let page = PageRequest { size: 10, after: None };
    let found = world.store.list(&sample::scope("system"), &AuditQuery::default(), &page).await.unwrap();
    let records = found.open_for_system().unwrap().items;
    assert_eq!(records.iter().map(|record| record.entry.outcome).collect::<Vec<_>>(), [Outcome::Denied]);
}

#[tokio::test]
async fn what_was_counted_is_recorded_when_its_minute_is_over_and_survives_a_store_that_fails() {
    let world = World::new();
    let auditor = world.auditor("one");
    for _ in 0..3 {
        auditor.count(entry(&auditor), ListUtilities::SPEC, Outcome::Allowed);
    }
    auditor.tend().await.unwrap();
    assert_eq!(world.outcomes().await, []);
    world.clock.advance(Duration::from_secs(60));
    world.store.faults().fail_next("append_audit", 1);
    auditor.tend().await.unwrap();
    assert_eq!(world.outcomes().await, [], "the store has failed");
    auditor.tend().await.unwrap();
    let records = world.records().await;
    assert_eq!(records.iter().map(|record| record.entry.count).collect::<Vec<_>>(), [3]);
    assert!(records[0].entry.until.is_some());
}

#[tokio::test]
async fn what_shows_code_is_refused_where_it_cannot_be_recorded() {
    let world = World::new();
    let auditor = world.auditor("one");
    world.store.faults().fail_next("append_audit", 1);
    let refused = auditor.record(entry(&auditor), None).await.unwrap_err();
    assert!(matches!(refused, Error::Unaudited { .. }), "{refused}");
    auditor.record(entry(&auditor), None).await.unwrap();
    assert_eq!(world.outcomes().await, pairs(&[(Outcome::Allowed, "")]));
}
