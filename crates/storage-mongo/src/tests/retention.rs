//! Retention of one tenant: what is due goes whole, and nothing else does.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::access::{Access, GrantRepository, Grantee};
use domain::audit::{AuditQuery, AuditRepository, Checkpoint, Sealed};
use domain::code::Kind;
use domain::event::EventRepository;
use domain::execution::{Bounds, ExecutionQuery, ExecutionRepository, Pruned};
use domain::identity::{Erasure, PrincipalChange, PrincipalRepository, Secret, SubjectRepository, SubjectState};
use domain::name::PrincipalName;
use domain::page::PageRequest;
use domain::request::{Committed, Expected, REQUEST_KEY_TTL};
use domain::retention::{Due, Removed, RetentionStore, Step};
use domain::revision::Revision;
use domain::tenant::{Settings, Tenant, TenantChange, TenantRepository, TenantState};
use domain::utility::{Occasion, Utility, UtilityChange, UtilityQuery, UtilityRepository};
use domain::webhook::{Failed, Queued, Verdict, WebhookChange, WebhookRepository, WebhookSecrets};
use mongodb::bson::{Document, doc};
use test_support::sample::{
    at, ended, execution, execution_id, grant, lineage, output, principal, request, scope, user, utility, utility_id, version,
};
use test_support::{FakeClock, webhook_repository};

use super::Scratch;
use crate::MongoStore;
use crate::collections::{DATA_KEYS, EVENTS, REQUESTS, SUBJECTS, TENANTS, WEBHOOK_DELIVERIES, WEBHOOKS};
use crate::transaction::transact;
use crate::{epochs, tenants};

pub(super) async fn ran(store: &MongoStore, tenant: &str, number: u64, ended_at: u64) {
    let scope = scope(tenant);
    let run = execution(&scope, number);
    store.insert(&scope, &run, None, &[], None).await.unwrap();
    ExecutionRepository::save(store, &scope, &ended(&run, ended_at), &[output(1, 100)]).await.unwrap();
}

#[tokio::test]
async fn executions_of_one_tenant_go_with_their_output_or_lose_only_that() {
    let store = Scratch::new().await;
    for number in 1..=150 {
        ran(&store, "acme", number, number).await;
    }
    ran(&store, "beta", 200, 1).await;
    let acme = scope("acme");
    let gone = removed(&store, "acme", Due::Output(at(101))).await;
    assert_eq!(gone, Removed { output_bytes: 100 * 100, ..Removed::default() });
    assert!(ExecutionRepository::find(&*store, &acme, &execution_id(1)).await.unwrap().open_for_system().is_some());
    assert_eq!(store.events_after(&acme, &execution_id(100), 0, 1_000).await.unwrap(), []);
    assert_eq!(store.events_after(&acme, &execution_id(101), 0, 1_000).await.unwrap().len(), 1);
    let gone = removed(&store, "acme", Due::Executions(at(121))).await;
    assert_eq!(gone, Removed { executions: 120, output_bytes: 20 * 100, ..Removed::default() });
    assert_eq!(ExecutionRepository::find(&*store, &acme, &execution_id(120)).await.unwrap().open_for_system(), None);
    assert!(ExecutionRepository::find(&*store, &acme, &execution_id(121)).await.unwrap().open_for_system().is_some());
    assert!(ExecutionRepository::find(&*store, &scope("beta"), &execution_id(200)).await.unwrap().open_for_system().is_some());
    let bounds = Bounds { ended_before: at(0), max_output_bytes: 31 * 100, except: Vec::new() };
    assert!(!store.is_prunable(&bounds).await.unwrap(), "what was removed is counted no more");
    assert!(store.is_prunable(&Bounds { max_output_bytes: 31 * 100 - 1, ..bounds }).await.unwrap());
}

#[tokio::test]
async fn a_deleted_utility_goes_whole_and_leaves_its_name() {
    let store = Scratch::new().await;
    let acme = scope("acme");
    let make = async |id: &str, deleted_at: Option<u64>| {
        let (deleted, updated) = (deleted_at.map(at), at(deleted_at.unwrap_or(1)));
        let made = Utility { deleted, updated, lineage: Some(lineage()), ..utility(&acme, id) };
        let new_version = Some(version(made.latest_version, Kind::Script));
        let change = UtilityChange { expected: Expected::Absent, utility: made, new_version, request: None, occasion: Occasion::Create };
        UtilityRepository::commit(&*store, &acme, change).await.unwrap()
    };
    for (id, deleted_at) in [("due", Some(5)), ("later", Some(6)), ("alive", None)] {
        assert_eq!(make(id, deleted_at).await, Committed::Stored);
        let bob = Grantee::Principal(user("bob"));
        assert_eq!(store.put(&acme, &grant(id, bob, Access::Read), at(1), None).await.unwrap(), Committed::Stored);
    }
    assert_eq!(removed(&store, "beta", Due::DeletedUtilities(at(6))).await, Removed::default());
    let before = store.epoch_of_utilities(&acme).await;
    assert_eq!(removed(&store, "acme", Due::DeletedUtilities(at(6))).await, Removed { utilities: 1, ..Removed::default() });
    assert!(store.epoch_of_utilities(&acme).await > before, "copies are known to be old");
    let is_there = async |id: &str| UtilityRepository::find(&*store, &acme, &utility_id(id)).await.unwrap().open_for_system().is_some();
    assert_eq!([is_there("due").await, is_there("later").await, is_there("alive").await], [false, true, true]);
    let page = PageRequest { size: 9, after: None };
    let grants = GrantRepository::list(&*store, &acme, &utility_id("due"), &page).await.unwrap().open_for_system().unwrap();
    assert_eq!(grants.items, []);
    assert_eq!(make("due", None).await, Committed::Stored, "somebody else may take the name");
}

#[tokio::test]
async fn a_purged_tenant_leaves_its_audit_log_and_nothing_else() {
    let store = Scratch::new().await;
    for code in ["acme", "beta"] {
        let scope = scope(code);
        ran(&store, code, if code == "acme" { 1 } else { 2 }, 5).await;
        let new_version = Some(version(1, Kind::Script));
        let made = Utility { latest_version: 1, lineage: Some(lineage()), ..utility(&scope, "some") };
        let change = UtilityChange { expected: Expected::Absent, utility: made, new_version, request: None, occasion: Occasion::Create };
        assert_eq!(UtilityRepository::commit(&*store, &scope, change).await.unwrap(), Committed::Stored);
        let ann = principal(&format!("tenants/{code}/users/ann"));
        let change = PrincipalChange { expected: Expected::Absent, principal: ann, deletes: false, judged_at: None, request: None };
        assert_eq!(PrincipalRepository::commit(&*store, &scope, change).await.unwrap(), Committed::Stored);
        AuditRepository::append(&*store, vec![test_support::audit_repository::entry(code, 1)]).await.unwrap();
        told_to_a_webhook(&store, code).await;
    }
    assert_eq!((told_of(&store, "acme").await, told_of(&store, "beta").await), ([1, 2, 3], [1, 2, 3]));
    let left = async |code: &str| {
        let (scope, page) = (scope(code), PageRequest { size: 9, after: None });
        let ann = PrincipalName::parse("name", &format!("tenants/{code}/users/ann")).unwrap();
        let utilities = UtilityRepository::list(&*store, &scope, &UtilityQuery::default(), &page).await.unwrap().open_for_system().unwrap();
        let executions = ExecutionRepository::list(&*store, &scope, &ExecutionQuery::default(), &page).await.unwrap();
        let ann = PrincipalRepository::find(&*store, &scope, &ann).await.unwrap().open_for_system();
        let records = store.records_from(&scope, 0, 100_000).await.unwrap();
        (utilities.items.len(), executions.open_for_system().unwrap().items.len(), ann.is_some(), records.len())
    };
    let epoch = PrincipalRepository::epoch(&*store, &scope("acme")).await.unwrap();
    assert_eq!(left("acme").await, (1, 1, true, 1));
    assert_eq!(removed(&store, "acme", Due::Everything).await, Removed::default(), "it is not deleted");
    let ann = PrincipalName::parse("name", "tenants/acme/users/ann").unwrap();
    settle(&store, "acme", TenantState::Deleted, |settings| settings.consent.said = Some((ann, at(3)))).await;
    let consenters = || doc! { "document": { "$regex": "users/ann" } };
    assert_eq!(count(&store, TENANTS.name, consenters()).await, 1);
    let gone = removed(&store, "acme", Due::Everything).await;
    assert_eq!(gone, Removed { executions: 1, output_bytes: 100, utilities: 1, records: 0 });
    assert_eq!(count(&store, TENANTS.name, consenters()).await, 0, "nor does its own row say who has agreed for it");
    assert_eq!((left("acme").await, left("beta").await), ((0, 0, false, 1), (1, 1, true, 1)));
    assert_eq!((told_of(&store, "acme").await, told_of(&store, "beta").await), ([0, 0, 0], [1, 2, 3]));
    let newest = EventRepository::span(&*store, &scope("acme")).await.unwrap();
    assert_eq!((newest.oldest, newest.newest >= 3), (newest.newest + 1, true), "no place is given anew, should the tenant be resumed");
    assert!(PrincipalRepository::epoch(&*store, &scope("acme")).await.unwrap() > epoch, "nobody is known any more");
    assert!(!store.is_due(&scope("acme"), Due::Everything).await.unwrap(), "nothing is left of it");
    let found = count(&store, DATA_KEYS.name, doc! { "tenant": "acme" }).await
        + count(&store, SUBJECTS.name, doc! { "tenant": "acme", "name": { "$exists": true } }).await;
    assert_eq!(found, 0, "no key of it opens anything any more");
    assert!(count(&store, DATA_KEYS.name, doc! { "tenant": "beta" }).await >= 2);
    let page = PageRequest { size: 9, after: None };
    let records = AuditRepository::list(&*store, &scope("acme"), &AuditQuery::default(), &page).await.unwrap();
    let actor = records.open_for_system().unwrap().items[0].entry.actor.principal.clone().expect("somebody did it");
    assert!(actor.erased_id().is_some(), "{actor}: whoever it was, nobody can say any more");
}

#[tokio::test]
async fn a_legal_hold_that_comes_while_something_is_removed_stops_it_at_the_next_step() {
    let store = Scratch::new().await;
    let scope = scope("acme");
    turn(&store, "acme", TenantState::Deleted, false).await;
    for number in 1..=130 {
        ran(&store, "acme", number, number).await;
    }
    for due in [Due::Output(at(1_000)), Due::Executions(at(1_000)), Due::Everything] {
        turn(&store, "acme", TenantState::Deleted, false).await;
        assert!(store.is_due(&scope, due).await.unwrap());
        let step = store.remove_some(&scope, due, revision(&store, "acme").await).await.unwrap();
        assert!(step.more && step.removed != Removed::default(), "{due:?}: {step:?}");
        turn(&store, "acme", TenantState::Deleted, true).await;
        let judged = revision(&store, "acme").await;
        assert_eq!(store.remove_some(&scope, due, judged).await.unwrap(), Step::default(), "{due:?}");
        assert!(!store.is_due(&scope, due).await.unwrap(), "{due:?}");
    }
    // Neither do the bounds of the server, whatever whoever asks has read of tenants before.
    let bounds = Bounds { ended_before: at(1_000), max_output_bytes: 0, except: Vec::new() };
    assert!(!store.is_prunable(&bounds).await.unwrap());
    assert_eq!(ExecutionRepository::prune(&*store, &bounds).await.unwrap(), Pruned::default());
    turn(&store, "acme", TenantState::Active, false).await;
    let judged = revision(&store, "acme").await;
    assert_eq!(store.remove_some(&scope, Due::Everything, judged).await.unwrap(), Step::default(), "it was resumed");
    assert!(store.is_prunable(&bounds).await.unwrap());
}

#[tokio::test]
async fn nobody_is_erased_under_a_legal_hold_that_comes_after_it_was_judged() {
    let store = Scratch::new().await;
    let ann = principal("tenants/acme/users/ann");
    let change = PrincipalChange { expected: Expected::Absent, principal: ann.clone(), deletes: false, judged_at: None, request: None };
    assert_eq!(PrincipalRepository::commit(&*store, &scope("acme"), change).await.unwrap(), Committed::Stored);
    let erasure = || Erasure { user: ann.name.clone(), principal: Some(ann.clone()), judged_at: None, request: None };
    turn(&store, "acme", TenantState::Active, true).await;
    assert_eq!(store.erase(&scope("acme"), erasure()).await.unwrap(), Committed::Conflict);
    assert_eq!(store.find_subject(&scope("acme"), &ann.name).await.unwrap(), Some(SubjectState::Known));
    turn(&store, "acme", TenantState::Active, false).await;
    assert_eq!(store.erase(&scope("acme"), erasure()).await.unwrap(), Committed::Stored);
    // What is left of an erasure that has begun waits, too.
    turn(&store, "acme", TenantState::Active, true).await;
    ran(&store, "acme", 1, 5).await;
    assert_eq!(store.go_on_erasing().await.unwrap(), 0);
    turn(&store, "acme", TenantState::Active, false).await;
    assert!(store.go_on_erasing().await.unwrap() > 0, "executions name who called");
}

#[tokio::test]
async fn requests_are_forgotten_in_steps_once_their_time_is_over() {
    let clock = Arc::new(FakeClock::default());
    let store = Scratch::with_clock(Some(clock.clone())).await;
    for number in 1..=260 {
        let key = request("ExecuteUtility", &format!("r-{number}"), 1);
        store.insert(&scope("acme"), &execution(&scope("acme"), number), Some(&key), &[], None).await.unwrap();
    }
    let kept = async || count(&store, REQUESTS.name, doc! {}).await;
    assert_eq!((store.tidy_some().await.unwrap(), kept().await), (false, 260));
    clock.advance(REQUEST_KEY_TTL + std::time::Duration::from_secs(1));
    assert_eq!((store.tidy_some().await.unwrap(), kept().await), (true, 4));
    assert_eq!((store.tidy_some().await.unwrap(), kept().await), (false, 0));
}

#[tokio::test]
async fn a_tenant_keeps_the_newest_of_its_output_within_its_bound() {
    let store = Scratch::new().await;
    for number in 1..=150 {
        ran(&store, "acme", number, number).await;
    }
    ran(&store, "beta", 200, 1).await;
    let gone = removed(&store, "acme", Due::OutputBeyond(1_050)).await;
    assert_eq!(gone, Removed { executions: 140, output_bytes: 14_000, ..Removed::default() });
    let is_there = async |number| ExecutionRepository::find(&*store, &scope("acme"), &execution_id(number)).await.unwrap();
    assert!(is_there(140).await.open_for_system().is_none() && is_there(141).await.open_for_system().is_some());
    assert_eq!(removed(&store, "acme", Due::OutputBeyond(1_000)).await, Removed::default());
    assert!(ExecutionRepository::find(&*store, &scope("beta"), &execution_id(200)).await.unwrap().open_for_system().is_some());
}

#[tokio::test]
async fn what_a_deleted_tenant_was_told_goes_in_steps() {
    const MANY: i64 = 1_200;
    let store = Scratch::new().await;
    turn(&store, "acme", TenantState::Deleted, false).await;
    let rows = |of: &str| (0..MANY).map(|number| doc! { "_id": format!("acme/{of}{number}"), "tenant": "acme" }).collect::<Vec<_>>();
    let stored = transact!(&store, "testing", scope("acme").tenant(), |session| {
        session.add_all(EVENTS.name, &rows("e")).await?;
        session.add_all(WEBHOOK_DELIVERIES.name, &rows("d")).await
    });
    stored.unwrap();
    let judged = revision(&store, "acme").await;
    let (mut before, mut steps) = (told_of(&store, "acme").await, 0);
    assert!(before[1] >= 1_200 && before[2] >= 1_200, "{before:?}");
    while store.remove_some(&scope("acme"), Due::Everything, judged).await.unwrap().more {
        let after = told_of(&store, "acme").await;
        let gone = before[1] + before[2] - after[1] - after[2];
        assert!((1..=500).contains(&gone), "{gone} documents in one step");
        (before, steps) = (after, steps + 1);
    }
    assert_eq!((before[1], before[2]), (0, 0), "nothing is left for the last step");
    assert!(steps >= 6, "{steps}");
    assert!(!store.is_due(&scope("acme"), Due::Everything).await.unwrap());
}

#[tokio::test]
async fn the_keys_and_names_of_many_persons_of_a_deleted_tenant_go_in_steps() {
    const MANY: usize = 700;
    let store = Scratch::new().await;
    turn(&store, "acme", TenantState::Deleted, false).await;
    let persons = |range: Range<usize>| range.map(|number| format!("{number:04}")).collect::<Vec<_>>();
    let keys = persons(0..MANY).into_iter().map(|id| doc! { "_id": format!("acme/{id}"), "tenant": "acme", "subject": id, "kek": "k" });
    let named = persons(0..MANY).into_iter().map(|id| doc! { "_id": format!("acme/d{id}"), "tenant": "acme", "id": id, "name": "sealed" });
    let erasing = persons(MANY..2 * MANY).into_iter();
    let erasing = erasing.map(
        |id| doc! { "_id": format!("acme/d{id}"), "tenant": "acme", "id": id, "erased": 1_i64, "erasing": "sealed", "is_erasing": true },
    );
    let (keys, subjects): (Vec<_>, Vec<_>) = (keys.collect(), named.chain(erasing).collect());
    let stored = transact!(&store, "testing", scope("acme").tenant(), |session| {
        session.add_all(DATA_KEYS.name, &keys).await?;
        session.add_all(SUBJECTS.name, &subjects).await?;
        session.add(DATA_KEYS.name, doc! { "_id": "acme/", "tenant": "acme", "subject": "", "kek": "k" }).await
    });
    stored.unwrap();
    let judged = revision(&store, "acme").await;
    let left = async || {
        let field = |field: &str| doc! { "tenant": "acme", field: { "$exists": true } };
        let of_persons = count(&store, DATA_KEYS.name, doc! { "tenant": "acme", "subject": { "$gt": "" } }).await;
        [of_persons, count(&store, SUBJECTS.name, field("name")).await, count(&store, SUBJECTS.name, field("erasing")).await]
    };
    let mut before = left().await;
    assert_eq!(before, [MANY as u64; 3]);
    while store.remove_some(&scope("acme"), Due::Everything, judged).await.unwrap().more {
        let after = left().await;
        assert_eq!(before[0] - after[0], before[1] - after[1], "a name goes with its key");
        assert!((0..3).all(|what| before[what] - after[what] <= 500), "{before:?} {after:?}");
        before = after;
    }
    assert_eq!(before, [0; 3], "nothing of persons is left for the last step");
    assert_eq!(count(&store, DATA_KEYS.name, doc! { "tenant": "acme" }).await, 0, "which destroys the key of the tenant");
    assert_eq!(count(&store, SUBJECTS.name, doc! { "tenant": "acme", "erased": { "$exists": true } }).await, 2 * MANY as u64);
    assert!(!store.is_due(&scope("acme"), Due::Everything).await.unwrap());
}

#[tokio::test]
async fn whoever_guards_a_removal_sees_a_legal_hold_that_is_set_beside_it() {
    let (store, acme) = (Scratch::new().await, scope("acme"));
    let another = store.another().await;
    turn(&another, "acme", TenantState::Active, false).await;
    let attempts = AtomicU32::new(0);
    let seen = transact!(&store, "testing", acme.tenant(), |session| {
        let is_held = tenants::is_held(session, acme.tenant()).await?;
        if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
            turn(&another, "acme", TenantState::Active, true).await;
        }
        epochs::guard(session, acme.tenant()).await?;
        Ok(is_held)
    });
    assert!(seen.unwrap(), "what was begun before it is begun anew");
    assert_eq!(attempts.into_inner(), 2);
}

/// Makes a webhook behind which things have happened: one is on its way to it, and one was given up.
pub(super) async fn told_to_a_webhook(store: &Scratch, code: &str) {
    let (scope, made) = (scope(code), webhook_repository::webhook(code, "hook"));
    let (id, secrets) = (made.name.webhook.clone(), WebhookSecrets { current: Secret::new("whsec_"), previous: Vec::new() });
    let change =
        WebhookChange { expected: Expected::Absent, webhook: made, deletes: false, secrets: Some(secrets), replays: None, request: None };
    assert_eq!(WebhookRepository::commit(&**store, &scope, change).await.unwrap(), Committed::Stored);
    let events = EventRepository::behind(&**store, &scope, 0).await.unwrap().open_for_system().unwrap().items;
    let (given_up, to) = (events[0].sequence, events.last().unwrap().sequence);
    let queued = Queued { revision: Revision::FIRST, from: to, to, missed: 0, events: events[..2].to_vec(), due: at(1) };
    assert!(store.queue(&scope, &id, queued).await.unwrap());
    let failed = Failed { sequence: given_up, attempts: 1, failure: "a failure".to_owned(), verdict: Verdict::GivenUp(at(2)) };
    store.failed(&scope, &id, failed).await.unwrap();
}

/// How many webhooks, deliveries and events there are of a tenant.
async fn told_of(store: &Scratch, code: &'static str) -> [u64; 3] {
    let of = || doc! { "tenant": code };
    let webhooks = count(store, WEBHOOKS.name, of()).await;
    [webhooks, count(store, WEBHOOK_DELIVERIES.name, of()).await, count(store, EVENTS.name, of()).await]
}

/// All that the steps remove.
pub(super) async fn removed(store: &MongoStore, tenant: &str, due: Due) -> Removed {
    let (scope, mut all) = (scope(tenant), Removed::default());
    let judged = revision(store, tenant).await;
    let is_due = store.is_due(&scope, due).await.unwrap();
    loop {
        let step = store.remove_some(&scope, due, judged).await.unwrap();
        all = all.and(step.removed);
        if !step.more {
            assert_eq!(is_due, all != Removed::default(), "it is said before whether anything goes");
            return all;
        }
    }
}

/// At which revision a tenant, made where there is none, is.
pub(super) async fn revision(store: &MongoStore, code: &str) -> Revision {
    let scope = scope(code);
    store.ensure(&[scope.tenant().clone()], at(1)).await.unwrap();
    TenantRepository::find(store, &scope).await.unwrap().open_for_system().unwrap().revision
}

/// Puts a tenant, made where there is none, into a state.
pub(super) async fn turn(store: &MongoStore, code: &str, state: TenantState, legal_hold: bool) {
    settle(store, code, state, |settings| settings.legal_hold = legal_hold).await;
}

pub(super) async fn settle(store: &MongoStore, code: &str, state: TenantState, change: impl FnOnce(&mut Settings)) {
    let scope = scope(code);
    store.ensure(&[scope.tenant().clone()], at(1)).await.unwrap();
    let old: Tenant = TenantRepository::find(store, &scope).await.unwrap().open_for_system().unwrap();
    let mut settings = old.settings.clone();
    change(&mut settings);
    let tenant = Tenant { state, settings, revision: old.revision.next(), ..old.clone() };
    let change = TenantChange { expected: old.revision, tenant, db_password: None, shreds: false, request: None };
    assert_eq!(TenantRepository::commit(store, &scope, change).await.unwrap(), Committed::Stored);
}

async fn count(store: &Scratch, collection: &'static str, filter: Document) -> u64 {
    store.shared.database.collection::<Document>(collection).count_documents(filter).await.unwrap()
}

impl Scratch {
    async fn epoch_of_utilities(&self, scope: &domain::access::TenantScope) -> u64 {
        UtilityRepository::epoch(&**self, scope).await.unwrap()
    }
}

#[tokio::test]
async fn no_audit_record_of_a_tenant_on_legal_hold_is_removed() {
    let store = Scratch::new().await;
    let acme = scope("acme");
    AuditRepository::append(&*store, (0..4).map(|number| test_support::audit_repository::entry("acme", number)).collect()).await.unwrap();
    let checkpoint = Checkpoint { size: 4, time: at(9), note: "four".to_owned() };
    assert!(AuditRepository::seal(&*store, &acme, Sealed { from: 0, tiles: Vec::new(), checkpoint }).await.unwrap());
    turn(&store, "acme", TenantState::Active, true).await;
    assert_eq!((AuditRepository::remove(&*store, &acme, 4, 9, None).await.unwrap(), store.first_kept(&acme).await.unwrap()), (0, 0));
    turn(&store, "acme", TenantState::Active, false).await;
    assert_eq!((AuditRepository::remove(&*store, &acme, 4, 9, None).await.unwrap(), store.first_kept(&acme).await.unwrap()), (4, 4));
}

#[tokio::test]
async fn no_audit_record_of_a_tenant_that_was_changed_since_is_removed() {
    let store = Scratch::new().await;
    let acme = scope("acme");
    turn(&store, "acme", TenantState::Active, false).await;
    AuditRepository::append(&*store, (0..4).map(|number| test_support::audit_repository::entry("acme", number)).collect()).await.unwrap();
    let checkpoint = Checkpoint { size: 4, time: at(9), note: "four".to_owned() };
    assert!(AuditRepository::seal(&*store, &acme, Sealed { from: 0, tiles: Vec::new(), checkpoint }).await.unwrap());
    let judged = async || TenantRepository::find(&*store, &acme).await.unwrap().open_for_system().unwrap().revision;
    let (before, remove) = (judged().await, async |judged| AuditRepository::remove(&*store, &acme, 4, 3, Some(judged)).await.unwrap());
    settle(&store, "acme", TenantState::Active, |settings| settings.keep.audit = None).await;
    assert_eq!((remove(before).await, store.first_kept(&acme).await.unwrap()), (0, 0));
    let now = judged().await;
    assert_eq!((remove(now).await, store.first_kept(&acme).await.unwrap()), (3, 4));
    // What nobody is shown any more goes with the next removal, whatever was settled.
    turn(&store, "acme", TenantState::Active, false).await;
    assert_eq!(remove(now).await, 0);
    assert_eq!(AuditRepository::remove(&*store, &acme, 4, 3, None).await.unwrap(), 1);
}
