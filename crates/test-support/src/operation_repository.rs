//! What every `OperationRepository` promises, whose leases lie in the same store. Each check wants an empty store.

use std::time::Duration;

use domain::access::{Credential, CredentialKind, Origin};
use domain::error::ErrorKind;
use domain::execution::State;
use domain::identity::Role;
use domain::lease::{Acquisition, Fence, InstanceId, LeaseName, LeaseRepository};
use domain::name::{ApiKeyId, OperationId, OperationName, PrincipalName, SecretName, SessionId, UtilityName};
use domain::operation::{
    Batch, Counts, Creator, Entry, Failure, ITEMS_OF_CHUNK, Item, ItemOutcome, MAX_OPEN, Operation, OperationQuery, OperationRepository,
    OperationState, Refusal,
};
use domain::page::PageRequest;
use domain::request::Committed;
use domain::revision::Revision;
use domain::sandbox::OnOutputLimit;
use domain::time::Timestamp;

use crate::sample::{at, request, scope, tenant, user, utility_id};
use crate::secret_repository;

/// Makes one test of each check. `$make` is an expression that dereferences to the store.
#[macro_export]
macro_rules! operation_repository_contract {
    ($make:expr) => {
        $crate::operation_repository_contract!($make;
            an_operation_survives_whole_with_its_items_and_what_became_of_them,
            progress_is_stored_under_the_fence_of_its_operation_alone,
            a_wish_to_stop_outlives_progress_and_comes_too_late_after_the_end,
            what_has_ended_never_changes_and_its_items_are_gone,
            operations_are_listed_the_newest_first_in_pages_and_by_creator,
            no_tenant_has_more_operations_that_go_on_than_it_may,
            a_remembered_request_is_answered_with_the_operation_as_it_is,
            what_no_lease_in_force_protects_is_taken_over_by_one,
            what_ended_long_ago_is_removed_with_what_became_of_its_items,
        );
    };
    ($make:expr; $($check:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $check() {
            let store = $make;
            $crate::operation_repository::$check(&*store, &*store).await;
        }
    )+};
}

type Operations<'a> = &'a dyn OperationRepository;
type Leases<'a> = &'a dyn LeaseRepository;

const TERM: Duration = Duration::from_millis(10_000);

/// The name of an operation; later numbers are newer.
pub fn name(code: &str, number: u64) -> OperationName {
    let text = format!("018f0000-0000-7000-8000-{number:012x}");
    OperationName { tenant: tenant(code), operation: OperationId::parse("operation", &text).expect("it is one") }
}

/// An operation that goes on under this fence, of which something has begun.
pub fn operation(code: &str, number: u64, fence: &Fence) -> Operation {
    let counts = Counts { succeeded: 1, failed: 2, timed_out: 3, cancelled: 4, denied: 5, lost: 6, refused: 7 };
    Operation {
        name: name(code, number),
        creator: Creator { principal: user("ann"), origin: Origin::Local, role: Some(Role::Admin) },
        state: OperationState::Running,
        cancel_asked: false,
        batch: Batch { total: 250, concurrency: 3, next: 30, open: vec![28, 29], counts },
        failure: None,
        request_id: "r".to_owned(),
        created: at(number),
        updated: at(number),
        ended: None,
        fence: fence.clone(),
        revision: Revision::FIRST,
    }
}

/// Items, every field of some filled.
pub fn entries(count: u32) -> Vec<Entry> {
    let item = |index: u32| Item {
        utility: UtilityName { tenant: tenant("beta"), utility: utility_id("extract") },
        version: index.is_multiple_of(2).then_some(7),
        params_json: format!("{{\"n\":{index},\"text\":\"\u{1F600}\"}}"),
        secrets: [("token".to_owned(), SecretName { tenant: tenant("acme"), secret: secret_repository::id("github") })].into(),
        timeout: Some(Duration::from_millis(1_500)),
        on_output_limit: Some(OnOutputLimit::Stop),
        retry_if_lost: index.is_multiple_of(3),
    };
    let entry = |index| match index % 10 {
        9 => Entry::Refused(refusal(index)),
        _ => Entry::Item(Box::new(item(index))),
    };
    (0..count).map(entry).collect()
}

fn refusal(index: u32) -> Refusal {
    Refusal { reason: "NOT_FOUND".to_owned(), message: format!("number {index} does not exist") }
}

fn outcomes(first: u32, count: u32) -> Vec<ItemOutcome> {
    let outcome = |index| match index % 4 {
        0 => ItemOutcome::Started,
        1 => ItemOutcome::Refused(refusal(index)),
        2 => ItemOutcome::Ended { state: State::Succeeded, reason: None },
        _ => ItemOutcome::Ended { state: State::Failed, reason: Some("USER_ERROR".to_owned()) },
    };
    (first..first + count).map(outcome).collect()
}

fn advanced(before: &Operation) -> Operation {
    let batch = Batch { next: before.batch.next + 1, open: vec![29, 30], ..before.batch.clone() };
    Operation { batch, updated: at(before.updated.as_millis() + 1), revision: before.revision.next(), ..before.clone() }
}

fn ended(before: &Operation, now: u64) -> Operation {
    let failure = Some(Failure { reason: "INTERNAL".to_owned(), message: "broken".to_owned() });
    Operation { state: OperationState::Failed, failure, ended: Some(at(now)), ..advanced(before) }
}

async fn held(leases: Leases<'_>, holder: &str, now: Timestamp) -> Fence {
    let holder = InstanceId::new(holder);
    match leases.acquire(&LeaseName::of_instance(&holder), &holder, now, TERM).await.expect("the store answers") {
        Acquisition::Acquired(lease) => lease.fence,
        Acquisition::Held(lease) => panic!("{lease:?} is somebody else's"),
    }
}

async fn insert(operations: Operations<'_>, operation: &Operation, count: u32) {
    let scope = scope(operation.name.tenant.as_str());
    let committed = operations.insert(&scope, operation, &entries(count), None).await.expect("the store answers");
    assert_eq!(committed, Committed::Stored);
}

async fn find(operations: Operations<'_>, name: &OperationName) -> Option<Operation> {
    operations.find(&scope(name.tenant.as_str()), &name.operation).await.expect("the store answers").open_for_system()
}

async fn advance(operations: Operations<'_>, operation: &Operation, chunks: &[(u32, Vec<ItemOutcome>)]) -> bool {
    operations.advance(&scope(operation.name.tenant.as_str()), operation, chunks).await.expect("the store answers")
}

/// Each comes back as it was, and only under its own name.
pub async fn an_operation_survives_whole_with_its_items_and_what_became_of_them(operations: Operations<'_>, leases: Leases<'_>) {
    let (fence, acme, beta) = (held(leases, "a", at(0)).await, scope("acme"), scope("beta"));
    let first = operation("acme", 1, &fence);
    insert(operations, &first, 250).await;
    assert_eq!(operations.insert(&acme, &first, &[], None).await.expect("the store answers"), Committed::Conflict);
    assert_eq!(find(operations, &first.name).await, Some(first.clone()));
    assert_eq!((find(operations, &name("acme", 2)).await, find(operations, &name("beta", 1)).await), (None, None));
    let all = entries(250);
    for (chunk, expected) in (0_u32..).zip(all.chunks(ITEMS_OF_CHUNK as usize)) {
        assert_eq!(operations.entries(&acme, &first.name.operation, chunk).await.expect("the store answers"), expected);
        assert_eq!(operations.entries(&beta, &first.name.operation, chunk).await.expect("the store answers"), []);
        assert_eq!(operations.outcomes(&acme, &first.name.operation, chunk).await.expect("the store answers"), []);
    }
    assert_eq!(operations.entries(&acme, &first.name.operation, 3).await.expect("the store answers"), []);
    let second = advanced(&first);
    assert!(advance(operations, &second, &[(0, outcomes(0, 100)), (1, outcomes(100, 7))]).await);
    assert_eq!(find(operations, &first.name).await, Some(second.clone()));
    assert!(advance(operations, &advanced(&second), &[(1, outcomes(1, 9))]).await);
    let stored = async |chunk| operations.outcomes(&acme, &first.name.operation, chunk).await.expect("the store answers");
    assert_eq!((stored(0).await, stored(1).await, stored(2).await), (outcomes(0, 100), outcomes(1, 9), Vec::new()));
    let credential = Credential {
        kind: CredentialKind::Session,
        session: Some(SessionId::parse("session", "018f0000-0000-7000-8000-000000000001").expect("it is one")),
        key: Some(ApiKeyId::parse("key", "abcdefgh234567ab").expect("it is one")),
        issuer: Some("https://id.example".into()),
        issued: at(3),
        expires: Some(at(9)),
    };
    for (number, kind) in (10..).zip([
        CredentialKind::AccessToken,
        CredentialKind::Session,
        CredentialKind::ExternalToken,
        CredentialKind::ApiKey,
        CredentialKind::Certificate,
    ]) {
        let origin = Origin::Credential(Credential { kind, ..credential.clone() });
        let creator = Creator { principal: user("bob"), origin, role: None };
        let one = Operation { creator, ..operation("acme", number, &fence) };
        insert(operations, &one, 1).await;
        assert_eq!(find(operations, &one.name).await, Some(one));
    }
}

/// Whoever is not its holder stores nothing, of its items neither.
pub async fn progress_is_stored_under_the_fence_of_its_operation_alone(operations: Operations<'_>, leases: Leases<'_>) {
    let (a, b) = (held(leases, "a", at(0)).await, held(leases, "b", at(0)).await);
    let first = operation("acme", 1, &a);
    insert(operations, &first, 5).await;
    let stale = Operation { fence: Fence { token: a.token + 100, ..a.clone() }, ..advanced(&first) };
    for other in [Operation { fence: b, ..advanced(&first) }, stale, advanced(&operation("acme", 2, &a))] {
        assert!(!advance(operations, &other, &[(0, outcomes(0, 3))]).await, "{other:?}");
    }
    assert_eq!(find(operations, &first.name).await, Some(first.clone()));
    assert_eq!(operations.outcomes(&scope("acme"), &first.name.operation, 0).await.expect("the store answers"), []);
}

/// Whoever does it does not overwrite the wish, although they did not know of it.
pub async fn a_wish_to_stop_outlives_progress_and_comes_too_late_after_the_end(operations: Operations<'_>, leases: Leases<'_>) {
    let (fence, acme) = (held(leases, "a", at(0)).await, scope("acme"));
    let first = operation("acme", 1, &fence);
    insert(operations, &first, 5).await;
    operations.ask_cancel(&acme, &name("acme", 2).operation).await.expect("there is none");
    operations.ask_cancel(&acme, &first.name.operation).await.expect("the store answers");
    let second = advanced(&first);
    assert!(advance(operations, &second, &[]).await);
    assert_eq!(find(operations, &first.name).await, Some(Operation { cancel_asked: true, ..second }));
    let other = operation("acme", 3, &fence);
    insert(operations, &other, 5).await;
    assert!(advance(operations, &ended(&other, 50), &[]).await);
    operations.ask_cancel(&acme, &other.name.operation).await.expect("the store answers");
    assert_eq!(find(operations, &other.name).await, Some(ended(&other, 50)));
}

/// What was asked for is not kept; what became of it is.
pub async fn what_has_ended_never_changes_and_its_items_are_gone(operations: Operations<'_>, leases: Leases<'_>) {
    let (fence, acme) = (held(leases, "a", at(0)).await, scope("acme"));
    let first = operation("acme", 1, &fence);
    insert(operations, &first, 120).await;
    let last = ended(&first, 50);
    assert!(advance(operations, &last, &[(0, outcomes(0, 4))]).await);
    assert!(!advance(operations, &advanced(&first), &[(0, outcomes(0, 9))]).await);
    assert!(!advance(operations, &ended(&first, 60), &[]).await);
    assert_eq!(find(operations, &first.name).await, Some(last));
    for chunk in 0..2 {
        assert_eq!(operations.entries(&acme, &first.name.operation, chunk).await.expect("the store answers"), []);
    }
    assert_eq!(operations.outcomes(&acme, &first.name.operation, 0).await.expect("the store answers"), outcomes(0, 4));
}

/// A page ends where the next one begins.
pub async fn operations_are_listed_the_newest_first_in_pages_and_by_creator(operations: Operations<'_>, leases: Leases<'_>) {
    let fence = held(leases, "a", at(0)).await;
    for number in 1..=4 {
        let principal = if number == 2 { user("bob") } else { user("ann") };
        let creator = Creator { principal, origin: Origin::Local, role: None };
        insert(operations, &Operation { creator, ..operation("acme", number, &fence) }, 1).await;
    }
    insert(operations, &operation("beta", 9, &fence), 1).await;
    let list = async |creator: Option<PrincipalName>, after| {
        let query = OperationQuery { creator };
        let page = operations.list(&scope("acme"), &query, &PageRequest { size: 2, after }).await.expect("the store answers");
        let page = page.open_for_system().expect("there is a page");
        (page.items.into_iter().map(|operation| operation.name).collect::<Vec<_>>(), page.next)
    };
    let all = [4, 3, 2, 1].map(|number| name("acme", number));
    let (first, next) = list(None, None).await;
    let (second, end) = list(None, next).await;
    assert_eq!(([first, second].concat(), end), (all.to_vec(), None));
    let (first, next) = list(Some(user("ann")), None).await;
    let (second, end) = list(Some(user("ann")), next).await;
    assert_eq!(([first, second].concat(), end), ([4, 3, 1].map(|number| name("acme", number)).to_vec(), None));
}

/// Others do not count, and what has ended does not.
pub async fn no_tenant_has_more_operations_that_go_on_than_it_may(operations: Operations<'_>, leases: Leases<'_>) {
    let (fence, acme) = (held(leases, "a", at(0)).await, scope("acme"));
    for number in 1..=MAX_OPEN as u64 {
        insert(operations, &operation("acme", number, &fence), 1).await;
    }
    insert(operations, &operation("beta", 1, &fence), 1).await;
    let more = operation("acme", 100, &fence);
    let refused =
        operations.insert(&acme, &more, &entries(1), Some(&request("StartBatch", "one", 1))).await.expect_err("it is one too many");
    assert_eq!((refused.kind(), refused.reason()), (ErrorKind::Exhausted, "TOO_MANY_OPERATIONS"));
    assert_eq!(find(operations, &more.name).await, None);
    assert_eq!(operations.entries(&acme, &more.name.operation, 0).await.expect("the store answers"), []);
    assert!(advance(operations, &ended(&operation("acme", 3, &fence), 50), &[]).await);
    insert(operations, &more, 1).await;
}

/// However far it is by then, and until it is removed.
pub async fn a_remembered_request_is_answered_with_the_operation_as_it_is(operations: Operations<'_>, leases: Leases<'_>) {
    let (fence, acme) = (held(leases, "a", at(0)).await, scope("acme"));
    let (first, key) = (operation("acme", 1, &fence), request("StartBatch", "one", 1));
    assert_eq!(operations.find_answer(&acme, &key).await.expect("the store answers"), None);
    let stored = operations.insert(&acme, &first, &entries(2), Some(&key)).await.expect("the store answers");
    assert_eq!(stored, Committed::Stored);
    let second = advanced(&first);
    assert!(advance(operations, &second, &[]).await);
    let again = operations.insert(&acme, &operation("acme", 2, &fence), &entries(2), Some(&key)).await.expect("the store answers");
    assert_eq!(again, Committed::Answered(Box::new(second.clone())));
    assert_eq!(find(operations, &name("acme", 2)).await, None);
    assert_eq!(operations.find_answer(&acme, &key).await.expect("the store answers"), Some(Committed::Answered(Box::new(second))));
    let other = operations.find_answer(&acme, &request("StartBatch", "one", 2)).await.expect("the store answers");
    assert_eq!(other, Some(Committed::KeyReused));
    assert_eq!(operations.find_answer(&scope("beta"), &key).await.expect("the store answers"), None);
}

/// Of two that take it over one gets it, who may ask twice.
pub async fn what_no_lease_in_force_protects_is_taken_over_by_one(operations: Operations<'_>, leases: Leases<'_>) {
    let (a, acme) = (held(leases, "a", at(0)).await, scope("acme"));
    let first = operation("acme", 1, &a);
    insert(operations, &first, 5).await;
    let done = operation("beta", 2, &a);
    insert(operations, &done, 5).await;
    assert!(advance(operations, &ended(&done, 5), &[]).await);
    let (b, c) = (held(leases, "b", at(5_000)).await, held(leases, "c", at(5_000)).await);
    assert_eq!(operations.abandoned(at(9_999), 10).await.expect("the store answers"), []);
    let take = async |to: &Fence, now| operations.take_over(&acme, &first.name.operation, &a, to, now).await.expect("the store answers");
    assert_eq!(take(&b, at(9_999)).await, None);
    assert_eq!(operations.abandoned(at(10_001), 10).await.expect("the store answers"), std::slice::from_ref(&first));
    let taken = Operation { fence: b.clone(), ..first.clone() };
    assert_eq!(take(&b, at(10_001)).await, Some(taken.clone()));
    assert_eq!((take(&c, at(10_001)).await, take(&b, at(10_001)).await), (None, Some(taken.clone())));
    assert!(!advance(operations, &advanced(&first), &[]).await, "the paused one returns");
    assert!(advance(operations, &advanced(&taken), &[]).await);
    assert_eq!(operations.abandoned(at(10_002), 10).await.expect("the store answers"), []);
    assert_eq!(operations.abandoned(at(90_000), 10).await.expect("the store answers"), [advanced(&taken)]);
}

/// What goes on stays, however old it is.
pub async fn what_ended_long_ago_is_removed_with_what_became_of_its_items(operations: Operations<'_>, leases: Leases<'_>) {
    let (fence, acme) = (held(leases, "a", at(0)).await, scope("acme"));
    for number in 1..=3 {
        let one = operation("acme", number, &fence);
        insert(operations, &one, 2).await;
        if number < 3 {
            assert!(advance(operations, &ended(&one, number * 1_000), &[(0, outcomes(0, 2))]).await);
        }
    }
    while operations.prune(at(2_000)).await.expect("the store answers") {}
    let left = async |number| find(operations, &name("acme", number)).await.is_some();
    assert_eq!((left(1).await, left(2).await, left(3).await), (false, true, true));
    let stored = async |number| operations.outcomes(&acme, &name("acme", number).operation, 0).await.expect("the store answers").len();
    assert_eq!((stored(1).await, stored(2).await), (0, 2));
}
