//! What every `EventRepository` promises, together with the repositories whose changes are events: each change has its event as soon as
//! it is answered, once, and what changes nothing has none. Each check wants empty repositories.

use domain::access::{Access, Consent, Grant, GrantRepository, Grantee, TenantScope};
use domain::event::{Detail, Event, EventKind, EventRepository, EventSpan, MAX_EVENTS_AT_ONCE};
use domain::execution::ExecutionRepository;
use domain::hash::Hash;
use domain::identity::{
    BootstrapRepository, Erasure, Principal, PrincipalChange, PrincipalRepository, PrincipalState, Role, SubjectRepository,
};
use domain::process::{Asked, Desired, Failure, Outcome, PlatformRepository, PlatformRevision, Sighting, Standing};
use domain::request::{Committed, Expected};
use domain::tenant::{Tenant, TenantChange, TenantRepository, TenantState};
use domain::time::Timestamp;
use domain::utility::{Occasion, Utility, UtilityChange, UtilityRepository};

use crate::sample::{self, at, scope, tenant, user};

/// The repositories of one store.
#[derive(Clone, Copy)]
pub struct Stores<'a> {
    /// What happened.
    pub events: &'a dyn EventRepository,
    /// What it happened to.
    pub utilities: &'a dyn UtilityRepository,
    /// The same.
    pub executions: &'a dyn ExecutionRepository,
    /// The same.
    pub grants: &'a dyn GrantRepository,
    /// The same.
    pub principals: &'a dyn PrincipalRepository,
    /// The same.
    pub subjects: &'a dyn SubjectRepository,
    /// The same.
    pub bootstrap: &'a dyn BootstrapRepository,
    /// The same.
    pub tenants: &'a dyn TenantRepository,
    /// The same.
    pub platform: &'a dyn PlatformRepository,
}

/// Makes one test of each check. `$make` is an expression of which a reference becomes [`Stores`].
#[macro_export]
macro_rules! event_repository_contract {
    ($make:expr) => {
        $crate::event_repository_contract! { $make;
            each_change_of_a_utility_is_one_event,
            the_end_of_an_execution_is_told_once,
            the_end_of_an_execution_that_is_stored_with_it_is_told_once,
            changes_of_a_tenant_are_told_to_it_and_to_the_installation,
            changes_of_access_are_told_and_other_changes_of_principals_are_not,
            the_first_administrator_and_an_erasure_are_told_once,
            what_is_shared_is_told_to_both_tenants_once_it_is_accepted,
            what_is_refused_or_repeated_is_no_event,
            changes_of_the_platform_are_told_in_their_commits,
            each_change_of_what_runs_is_told_once_and_to_the_tenant_whose_it_is,
            events_are_read_in_order_and_of_one_tenant_only,
            only_the_beginning_of_a_log_is_removed,
        }
    };
    ($make:expr; $($check:ident,)*) => {
        $(#[tokio::test]
        async fn $check() {
            let stores = $make;
            $crate::event_repository::$check((&stores).into()).await;
        })*
    };
}

async fn behind(stores: Stores<'_>, code: &str, sequence: u64) -> Vec<Event> {
    let found = stores.events.behind(&scope(code), sequence).await.expect("the store answers");
    found.open_for_system().expect("there is a page").items
}

/// Kinds and subjects of what happened behind a place, the subject without the tenant.
async fn told(stores: Stores<'_>, code: &str, sequence: u64) -> Vec<(EventKind, String)> {
    let own = format!("tenants/{code}/");
    let short = |event: Event| (event.kind, event.subject.strip_prefix(&own).unwrap_or(&event.subject).to_owned());
    behind(stores, code, sequence).await.into_iter().map(short).collect()
}

async fn commit(stores: Stores<'_>, of: &TenantScope, change: UtilityChange) -> Committed<Utility> {
    stores.utilities.commit(of, change).await.expect("the store answers")
}

fn text(event: &Event, name: &str) -> Option<String> {
    match event.details.get(name) {
        Some(Detail::Text(text)) => Some(text.clone()),
        Some(Detail::Number(_)) | None => None,
    }
}

/// Of each occasion, with the version and the revision that it led to.
pub async fn each_change_of_a_utility_is_one_event(stores: Stores<'_>) {
    let acme = scope("acme");
    let mut now = sample::utility(&acme, "u");
    assert_eq!(commit(stores, &acme, sample::creation(now.clone())).await, Committed::Stored);
    for occasion in [Occasion::Update, Occasion::Delete, Occasion::Undelete, Occasion::Restore] {
        let deleted = (occasion == Occasion::Delete).then(|| at(5));
        let change = sample::change(&now, Utility { deleted, ..now.clone() });
        now = change.utility.clone();
        assert_eq!(commit(stores, &acme, UtilityChange { occasion, ..change }).await, Committed::Stored);
    }
    let all = behind(stores, "acme", 0).await;
    let kinds = all.iter().map(|event| event.kind).collect::<Vec<_>>();
    let expected = [
        EventKind::UtilityCreated,
        EventKind::UtilityUpdated,
        EventKind::UtilityDeleted,
        EventKind::UtilityUndeleted,
        EventKind::UtilityRestored,
    ];
    assert_eq!(kinds, expected);
    for (event, number) in all.iter().zip(1..) {
        assert_eq!((event.sequence, event.subject.as_str()), (number, "tenants/acme/utilities/u"));
        let numbers = [("revision".to_owned(), Detail::Number(number)), ("version".to_owned(), Detail::Number(1))];
        assert_eq!(event.details, numbers.into(), "and nothing else is said of it");
    }
    let ids: std::collections::BTreeSet<_> = all.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), all.len(), "no two share an id");
}

/// However often its last state is stored, and not before.
pub async fn the_end_of_an_execution_is_told_once(stores: Stores<'_>) {
    let acme = scope("acme");
    let pending = sample::execution(&acme, 1);
    stores.executions.insert(&acme, &pending, None, &[], None).await.expect("the store answers");
    stores.executions.save(&acme, &pending, &[]).await.expect("the store answers");
    assert_eq!(behind(stores, "acme", 0).await, []);
    let ended = sample::ended(&pending, 5);
    for _ in 0..3 {
        stores.executions.save(&acme, &ended, &[]).await.expect("the store answers");
    }
    let [event] = &behind(stores, "acme", 0).await[..] else { panic!("one event") };
    assert_eq!((event.kind, event.subject.clone()), (EventKind::ExecutionEnded, pending.name.to_string()));
    assert_eq!(text(event, "utility"), Some(pending.version.utility.to_string()));
    assert_eq!(text(event, "state").as_deref(), Some(ended.state.as_str()));
    assert_eq!(text(event, "reason").as_deref(), ended.failure.as_ref().map(|failure| failure.reason.as_str()));
}

/// As that of a transform is, and not again where the request is repeated.
pub async fn the_end_of_an_execution_that_is_stored_with_it_is_told_once(stores: Stores<'_>) {
    let acme = scope("acme");
    let (ended, asked) = (sample::ended(&sample::execution(&acme, 1), 5), sample::request("Transform", "one", 1));
    let insert = async || stores.executions.insert(&acme, &ended, Some(&asked), &[], None).await.expect("the store answers");
    assert_eq!(insert().await, Committed::Stored);
    assert!(matches!(insert().await, Committed::Answered(_)));
    let subject = ended.name.to_string();
    let short = subject.strip_prefix("tenants/acme/").expect("it is of the tenant");
    assert_eq!(told(stores, "acme", 0).await, [(EventKind::ExecutionEnded, short.to_owned())]);
}

/// Neither goes through a change of a principal.
pub async fn the_first_administrator_and_an_erasure_are_told_once(stores: Stores<'_>) {
    let (code, root) = (Hash::from_bytes([7; 32]), sample::principal("tenants/system/users/root"));
    let root = Principal { role: Role::SuperAdmin, ..root };
    assert!(stores.bootstrap.offer(code).await.expect("the store answers"));
    for is_first in [true, false] {
        assert_eq!(stores.bootstrap.redeem(&code, &root).await.expect("the store answers"), is_first);
    }
    assert_eq!(told(stores, "system", 0).await, [(EventKind::PrincipalCreated, "users/root".to_owned())]);
    let (acme, ann) = (scope("acme"), sample::principal("tenants/acme/users/ann"));
    let change = PrincipalChange { expected: Expected::Absent, principal: ann.clone(), deletes: false, judged_at: None, request: None };
    assert_eq!(stores.principals.commit(&acme, change).await.expect("the store answers"), Committed::Stored);
    let erasure = Erasure { user: ann.name.clone(), principal: Some(ann.clone()), judged_at: None, request: None };
    assert_eq!(stores.subjects.erase(&acme, erasure).await.expect("the store answers"), Committed::Stored);
    let again = Erasure { user: ann.name, principal: None, judged_at: None, request: None };
    stores.subjects.erase(&acme, again).await.expect("the store answers");
    let kinds = told(stores, "acme", 0).await.into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
    assert_eq!(kinds, [EventKind::PrincipalCreated, EventKind::PrincipalDeleted]);
}

/// Under one id. What leaves it as it is, nobody is told.
pub async fn changes_of_a_tenant_are_told_to_it_and_to_the_installation(stores: Stores<'_>) {
    let new = Tenant::new(tenant("acme"), at(1));
    let made = stores.tenants.create(&scope("system"), new, None, None).await.expect("the store answers");
    let Committed::Answered(mut acme) = made else { panic!("{made:?}") };
    let changes = [
        (TenantState::Active, EventKind::TenantUpdated),
        (TenantState::Suspended, EventKind::TenantSuspended),
        (TenantState::Active, EventKind::TenantResumed),
        (TenantState::Deleted, EventKind::TenantDeleted),
    ];
    let commit = async |expected, tenant: &Tenant| {
        let change = TenantChange { expected, tenant: tenant.clone(), db_password: None, shreds: false, request: None };
        assert_eq!(stores.tenants.commit(&scope("acme"), change).await.expect("the store answers"), Committed::Stored);
    };
    for (state, _) in changes {
        let expected = acme.revision;
        *acme = Tenant { state, revision: expected.next(), ..(*acme).clone() };
        commit(expected, &acme).await;
        commit(acme.revision, &acme).await;
    }
    let kinds = std::iter::once(EventKind::TenantCreated).chain(changes.map(|(_, kind)| kind)).collect::<Vec<_>>();
    let (own, installation) = (behind(stores, "acme", 0).await, behind(stores, "system", 0).await);
    assert_eq!(own.iter().map(|event| event.kind).collect::<Vec<_>>(), kinds);
    let same = |event: &Event| (event.id.clone(), event.kind, event.subject.clone(), event.details.clone());
    assert_eq!(own.iter().map(same).collect::<Vec<_>>(), installation.iter().map(same).collect::<Vec<_>>());
    stores.tenants.ensure(&[tenant("acme"), tenant("system")], at(2)).await.expect("the store answers");
    assert_eq!(told(stores, "system", 5).await, [(EventKind::TenantCreated, "tenants/system".to_owned())], "once, and not of acme again");
    assert_eq!(behind(stores, "acme", 5).await, []);
}

/// Grants, roles, and who may do anything at all.
pub async fn changes_of_access_are_told_and_other_changes_of_principals_are_not(stores: Stores<'_>) {
    let acme = scope("acme");
    let ann = domain::identity::Principal { state: PrincipalState::Active, ..sample::principal("tenants/acme/users/ann") };
    let change = async |expected, principal: &domain::identity::Principal, deletes| {
        let change = PrincipalChange { expected, principal: principal.clone(), deletes, judged_at: None, request: None };
        assert_eq!(stores.principals.commit(&acme, change).await.expect("the store answers"), Committed::Stored);
    };
    change(Expected::Absent, &ann, false).await;
    let mut now = ann.clone();
    let role = if ann.role == Role::Admin { Role::User } else { Role::Admin };
    for next in [
        domain::identity::Principal { display_name: "Somebody else".to_owned(), ..now.clone() },
        domain::identity::Principal { role, ..now.clone() },
        domain::identity::Principal { role, state: PrincipalState::Disabled, ..now.clone() },
        domain::identity::Principal { role, state: PrincipalState::Active, ..now.clone() },
    ] {
        let expected = Expected::Revision(now.revision);
        now = domain::identity::Principal { revision: now.revision.next(), ..next };
        change(expected, &now, false).await;
    }
    let utility = sample::utility(&acme, "u").name;
    let grant = Grant {
        utility,
        grantee: Grantee::Principal(ann.name.clone()),
        access: Access::Execute,
        reason: "a secret reason".to_owned(),
        expires: Some(at(9)),
        granted_by: user("bob"),
        created: at(1),
        consent: Consent::Unneeded,
    };
    assert_eq!(stores.grants.put(&acme, &grant, at(1), None).await.expect("the store answers"), Committed::Stored);
    assert_eq!(stores.grants.remove(&acme, &grant, None).await.expect("the store answers"), Committed::Stored);
    change(Expected::Revision(now.revision), &now, true).await;
    let principal = |kind| (kind, "users/ann".to_owned());
    let expected = [
        principal(EventKind::PrincipalCreated),
        principal(EventKind::PrincipalRoleChanged),
        principal(EventKind::PrincipalDisabled),
        principal(EventKind::PrincipalEnabled),
        (EventKind::AccessGranted, "utilities/u".to_owned()),
        (EventKind::AccessRevoked, "utilities/u".to_owned()),
        principal(EventKind::PrincipalDeleted),
    ];
    assert_eq!(told(stores, "acme", 0).await, expected);
    let all = behind(stores, "acme", 0).await;
    assert_eq!(text(&all[1], "role").as_deref(), Some(role.as_str()));
    assert_eq!((text(&all[4], "grantee"), text(&all[4], "access")), (Some(ann.name.to_string()), Some("execute".to_owned())));
    let said = format!("{all:?}");
    assert!(!said.contains("secret reason") && !said.contains("bob") && !said.contains(&ann.display_name), "{said}");
}

/// What is only offered is told to nobody.
pub async fn what_is_shared_is_told_to_both_tenants_once_it_is_accepted(stores: Stores<'_>) {
    let (acme, beta, offered) = (scope("acme"), scope("beta"), sample::offer("u", Access::Read));
    assert_eq!(stores.grants.put(&acme, &offered, at(1), None).await.expect("the store answers"), Committed::Stored);
    assert_eq!((told(stores, "acme", 0).await, told(stores, "beta", 0).await), (Vec::new(), Vec::new()));
    let shared = sample::accepted(&offered);
    let answered = async |before, after| stores.grants.answer(&beta, before, after, None).await.expect("the store answers");
    assert_eq!(answered(&offered, Some(&shared)).await, Committed::Stored);
    assert_eq!(answered(&shared, None).await, Committed::Stored);
    let kinds = [EventKind::AccessGranted, EventKind::AccessRevoked];
    assert_eq!(told(stores, "acme", 0).await, kinds.map(|kind| (kind, "utilities/u".to_owned())));
    assert_eq!(told(stores, "beta", 0).await, kinds.map(|kind| (kind, "tenants/acme/utilities/u".to_owned())));
}

/// Conflicts, and requests that were answered before.
pub async fn what_is_refused_or_repeated_is_no_event(stores: Stores<'_>) {
    let acme = scope("acme");
    let utility = sample::utility(&acme, "u");
    let asked = || UtilityChange { request: Some(sample::request("CreateUtility", "one", 1)), ..sample::creation(utility.clone()) };
    assert_eq!(commit(stores, &acme, asked()).await, Committed::Stored);
    assert!(matches!(commit(stores, &acme, asked()).await, Committed::Answered(_)));
    assert_eq!(commit(stores, &acme, sample::creation(utility.clone())).await, Committed::Conflict);
    let stale = sample::change(&Utility { revision: utility.revision.next(), ..utility.clone() }, utility.clone());
    assert_eq!(commit(stores, &acme, stale).await, Committed::Conflict);
    assert_eq!(told(stores, "acme", 0).await, [(EventKind::UtilityCreated, "utilities/u".to_owned())]);
}

/// Without gaps, a bounded number at once.
pub async fn events_are_read_in_order_and_of_one_tenant_only(stores: Stores<'_>) {
    let none = EventSpan { oldest: 1, newest: 0 };
    assert_eq!(stores.events.span(&scope("acme")).await.expect("the store answers"), none);
    let many = u64::from(MAX_EVENTS_AT_ONCE) + 10;
    for number in 0..many {
        for code in ["acme", "beta"] {
            let of = scope(code);
            commit(stores, &of, sample::creation(sample::utility(&of, &format!("u-{number}")))).await;
        }
    }
    let mut seen = Vec::new();
    loop {
        let next = behind(stores, "acme", seen.len() as u64).await;
        assert!(next.len() <= MAX_EVENTS_AT_ONCE as usize);
        if next.is_empty() {
            break;
        }
        assert!(next.iter().all(|event| event.tenant == tenant("acme") && event.subject.starts_with("tenants/acme/")));
        seen.extend(next.into_iter().map(|event| event.sequence));
    }
    assert_eq!(seen, (1..=many).collect::<Vec<_>>());
    assert_eq!(stores.events.span(&scope("acme")).await.expect("the store answers"), EventSpan { oldest: 1, newest: many });
    assert_eq!(stores.events.span(&scope("other")).await.expect("the store answers"), none);
}

/// That one is stored, and what comes of it; nothing where that is known already.
pub async fn changes_of_the_platform_are_told_in_their_commits(stores: Stores<'_>) {
    let revision = |number| PlatformRevision {
        desired: Desired { revision: number, manifest: "name: shop".into(), ..Desired::default() },
        asked: Asked::Apply,
        author: user("ann"),
        created: at(7),
        standing: Standing::UnderWay,
    };
    for number in [1, 1, 2] {
        stores.platform.add(&revision(number), None).await.expect("the store answers");
    }
    let failure =
        Failure { service: "web".to_owned(), message: "hunter2".to_owned(), log: vec!["hunter2".to_owned()], ..Failure::default() };
    // Two servers, one after the other, have failed in the same way.
    let again = Failure { message: "it takes longer".to_owned(), ..failure.clone() };
    for outcome in [Outcome::Failed(failure.clone()), Outcome::Failed(again), Outcome::RolledBack(failure), Outcome::Reached] {
        stores.platform.settle(2, &outcome, at(9)).await.expect("the store answers");
    }
    let all = behind(stores, "system", 0).await;
    let kinds: Vec<_> = all.iter().map(|event| (event.kind, event.details["revision"].clone())).collect();
    let changes = [1, 2].map(|revision| (EventKind::PlatformChanged, Detail::Number(revision)));
    let ends = [2, 2].map(|revision| (EventKind::PlatformEnded, Detail::Number(revision)));
    assert_eq!(kinds, [changes, ends].concat());
    for (event, outcome) in all[2..].iter().zip(["failed", "rolled_back"]) {
        assert_eq!((text(event, "outcome"), text(event, "service")), (Some(outcome.to_owned()), Some("web".to_owned())));
    }
    assert!(!format!("{all:?}").contains("hunter2"), "{all:?}");
}

/// An alert stands beside the change of state that it comes with, or alone.
pub async fn each_change_of_what_runs_is_told_once_and_to_the_tenant_whose_it_is(stores: Stores<'_>) {
    let tell = async |sighting: Sighting| {
        stores.platform.tell(&sighting, at(8)).await.expect("the store answers");
    };
    let web = |state, has_given_up| Sighting::of_service("web", state, has_given_up, 3);
    for sighting in [web("running", false), web("running", false), web("running", true), web("failed", true), web("running", false)] {
        tell(sighting).await;
    }
    tell(Sighting::of_integration(&tenant("acme"), 7, "failed", true, 3)).await;
    tell(web("running", false).removed(4)).await;
    let said = |event: &Event| (event.kind, text(event, "before"), text(event, "state").expect("each has one"));
    let all = behind(stores, "system", 0).await;
    let word = |word: &str| Some(word.to_owned());
    let expected = [
        (EventKind::ServiceStateChanged, None, "running".to_owned()),
        (EventKind::ServiceGivenUp, None, "running".to_owned()),
        (EventKind::ServiceStateChanged, word("running"), "failed".to_owned()),
        (EventKind::ServiceStateChanged, word("failed"), "running".to_owned()),
        (EventKind::IntegrationStateChanged, None, "failed".to_owned()),
        (EventKind::IntegrationGivenUp, None, "failed".to_owned()),
        (EventKind::ServiceStateChanged, word("running"), "removed".to_owned()),
    ];
    assert_eq!(all.iter().map(said).collect::<Vec<_>>(), expected);
    let own = behind(stores, "acme", 0).await;
    assert_eq!(own.iter().map(said).collect::<Vec<_>>(), expected[4..6]);
    let ids = |events: &[Event]| events.iter().map(|event| event.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&own), ids(&all[4..6]), "the same events");
    assert!(own.iter().all(|event| event.subject == "tenants/acme/integrations/7"));
}

/// By number and by age; places are never given anew.
pub async fn only_the_beginning_of_a_log_is_removed(stores: Stores<'_>) {
    let acme = scope("acme");
    let create = async |number: u64| {
        commit(stores, &acme, sample::creation(sample::utility(&acme, &format!("u-{number}")))).await;
    };
    for number in 0..1_500 {
        create(number).await;
    }
    let prune = async |before, most| stores.events.prune(before, most).await.expect("the store answers");
    let span = async || stores.events.span(&acme).await.expect("the store answers");
    assert_eq!(prune(Timestamp::from_millis(0), 2_000).await, 0);
    assert_eq!(prune(Timestamp::from_millis(0), 100).await, 1_400);
    assert_eq!(span().await, EventSpan { oldest: 1_401, newest: 1_500 });
    assert_eq!(behind(stores, "acme", 3).await.first().map(|event| event.sequence), Some(1_401), "behind the gap");
    assert_eq!(prune(Timestamp::from_millis(u64::MAX / 2), 2_000).await, 100);
    assert_eq!((span().await, behind(stores, "acme", 0).await), (EventSpan { oldest: 1_501, newest: 1_500 }, Vec::new()));
    create(1_500).await;
    assert_eq!(span().await, EventSpan { oldest: 1_501, newest: 1_501 });
}
