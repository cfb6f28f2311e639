//! What a store of executions promises of those that wait. Run all of it with
//! [`execution_queue_contract!`](crate::execution_queue_contract); each check wants an empty store.

use std::collections::BTreeMap;

use domain::Error;
use domain::access::TenantScope;
use domain::execution::{Claimable, Claimed, Enqueued, Execution, ExecutionQueue, ExecutionRepository, Room, State};
use domain::lease::Fence;
use domain::name::ExecutionId;
use domain::request::{Committed, RequestKey};
use futures_util::future::join_all;

use crate::sample::{at, ended, execution, execution_id, fence, output, request, scope, tenant};

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to an empty store of both.
#[macro_export]
macro_rules! execution_queue_contract {
    ($make:expr) => {
        $crate::execution_queue_contract!($make;
            what_waits_is_found_by_tenant_and_age_and_is_abandoned_by_nobody,
            of_sixteen_claimants_each_execution_goes_to_one,
            what_was_claimed_is_its_claimants_and_waits_no_more,
            no_more_wait_than_there_is_room_for,
            a_repeated_request_is_answered_whether_or_not_there_is_room,
            what_is_put_back_waits_again_and_is_written_under_no_earlier_fence,
            only_what_its_holder_has_and_has_not_ended_is_put_back,
            a_wish_to_stop_is_told_to_whoever_claims,
        );
    };
    ($make:expr; $($check:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $check() {
            let store = $make;
            $crate::execution_queue::$check(&*store, &*store).await;
        }
    )+};
}

type Queue<'a> = &'a dyn ExecutionQueue;
type Executions<'a> = &'a dyn ExecutionRepository;

const ROOM: Room = Room { of_tenant: 100, in_all: 1_000 };
/// Who claims at the same time.
const CLAIMANTS: u64 = 16;

/// An execution that waits.
pub fn waiting(scope: &TenantScope, number: u64) -> Execution {
    let claimable = Some(Claimable { params_json: r#"{"value": "ä"}"#.into(), retries: 1 });
    Execution { state: State::Pending, fence: Fence::nobody(), claimable, ..execution(scope, number) }
}

/// Whoever looks for work finds it; whoever looks for what the dead left does not.
pub async fn what_waits_is_found_by_tenant_and_age_and_is_abandoned_by_nobody(queue: Queue<'_>, executions: Executions<'_>) {
    let (acme, beta) = (scope("acme"), scope("beta"));
    assert_eq!(queue.tenants_waiting(None, 10).await.expect("read"), []);
    for (scope, number) in [(&acme, 2), (&beta, 4), (&acme, 1), (&acme, 3)] {
        assert_eq!(put(queue, scope, number, None, ROOM).await, Enqueued::Committed(Committed::Stored));
    }
    assert_eq!(queue.tenants_waiting(None, 10).await.expect("read"), [tenant("acme"), tenant("beta")]);
    assert_eq!(queue.tenants_waiting(None, 1).await.expect("read"), [tenant("acme")]);
    assert_eq!(queue.tenants_waiting(Some(&tenant("acme")), 10).await.expect("read"), [tenant("beta")]);
    assert_eq!(ids(queue, &acme).await, [1, 2, 3].map(execution_id));
    assert_eq!(queue.waiting(&acme, None, 2).await.expect("read"), [1, 2].map(execution_id));
    assert_eq!(queue.waiting(&acme, Some(&execution_id(2)), 2).await.expect("read"), [execution_id(3)]);
    assert_eq!(found(executions, &acme, 2).await, waiting(&acme, 2));

    assert_eq!(executions.abandoned(at(1_000_000), 10).await.expect("listed"), []);
    let taken = executions.take_over(&acme, &execution_id(1), &Fence::nobody(), &fence("a", 1), at(1_000_000)).await;
    assert_eq!(taken.expect("answered"), None, "what waits is claimed, so that it is counted");
    assert_eq!(ids(queue, &acme).await, [1, 2, 3].map(execution_id));
}

/// Nothing runs twice at once.
pub async fn of_sixteen_claimants_each_execution_goes_to_one(queue: Queue<'_>, executions: Executions<'_>) {
    let acme = scope("acme");
    for number in 1..=24 {
        put(queue, &acme, number, None, ROOM).await;
    }
    let claimed = join_all((1..=CLAIMANTS).map(|token| claim_all(queue, &acme, fence("server", token)))).await;
    let mut holders = BTreeMap::new();
    for execution in claimed.into_iter().flatten() {
        let id = execution.name.execution.clone();
        assert_eq!(holders.insert(id, execution.fence.clone()), None, "it was claimed twice");
    }
    assert_eq!(holders.len(), 24);
    for (id, holder) in holders {
        let stored = executions.find(&acme, &id).await.expect("read").open_for_system().expect("it is stored");
        assert_eq!(stored.fence, holder);
    }
    assert_eq!(queue.tenants_waiting(None, 10).await.expect("read"), []);
}

/// From its claim on it is like any other that a server holds.
pub async fn what_was_claimed_is_its_claimants_and_waits_no_more(queue: Queue<'_>, executions: Executions<'_>) {
    let (acme, own) = (scope("acme"), fence("a", 7));
    put(queue, &acme, 1, None, ROOM).await;
    let claimed = claim(queue, &acme, 1, &own).await.expect("it waits");
    assert_eq!(claimed, Claimed { execution: Execution { fence: own.clone(), ..waiting(&acme, 1) }, stop_asked: false });
    assert_eq!(found(executions, &acme, 1).await, claimed.execution);
    assert_eq!(claim(queue, &acme, 1, &fence("b", 8)).await, None);
    assert_eq!(claim(queue, &acme, 2, &own).await, None, "there is none");
    assert_eq!(ids(queue, &acme).await, []);

    executions.append(&acme, &execution_id(1), &own, &[output(1, 9)]).await.expect("it is its own");
    let done = Execution { claimable: None, ..ended(&claimed.execution, 5) };
    executions.save(&acme, &done, &[]).await.expect("it is its own");
    assert_eq!(found(executions, &acme, 1).await, done);
    assert_eq!(claim(queue, &acme, 1, &own).await, None);
}

/// The bounds hold, and what is claimed makes room.
pub async fn no_more_wait_than_there_is_room_for(queue: Queue<'_>, executions: Executions<'_>) {
    let (acme, beta, gamma) = (scope("acme"), scope("beta"), scope("gamma"));
    let room = Room { of_tenant: 2, in_all: 3 };
    let stored = Enqueued::Committed(Committed::Stored);
    assert_eq!(put(queue, &acme, 1, None, room).await, stored);
    assert_eq!(put(queue, &acme, 2, None, room).await, stored);
    assert_eq!(put(queue, &acme, 3, None, room).await, Enqueued::TenantFull);
    assert_eq!(put(queue, &beta, 4, None, room).await, stored);
    assert_eq!(put(queue, &gamma, 5, None, room).await, Enqueued::Full);
    assert!(executions.find(&gamma, &execution_id(5)).await.expect("read").open_for_system().is_none(), "nothing of it is stored");
    claim(queue, &acme, 1, &fence("a", 1)).await.expect("it waits");
    assert_eq!(put(queue, &gamma, 5, None, room).await, stored);
    assert_eq!(put(queue, &acme, 3, None, room).await, Enqueued::Full);
}

/// A request that was answered stays answered.
pub async fn a_repeated_request_is_answered_whether_or_not_there_is_room(queue: Queue<'_>, _executions: Executions<'_>) {
    let (acme, first) = (scope("acme"), request("StartExecution", "first", 1));
    let room = Room { of_tenant: 1, in_all: 1 };
    put(queue, &acme, 1, Some(&first), room).await;
    let again = put(queue, &acme, 2, Some(&first), room).await;
    assert_eq!(again, Enqueued::Committed(Committed::Answered(Box::new(waiting(&acme, 1)))));
    let other = request("StartExecution", "first", 2);
    assert_eq!(put(queue, &acme, 2, Some(&other), room).await, Enqueued::Committed(Committed::KeyReused));
    assert_eq!(ids(queue, &acme).await, [execution_id(1)]);
}

/// A second claim is as the first, and knows how many are left.
pub async fn what_is_put_back_waits_again_and_is_written_under_no_earlier_fence(queue: Queue<'_>, executions: Executions<'_>) {
    let (acme, dead) = (scope("acme"), fence("a", 1));
    put(queue, &acme, 1, None, ROOM).await;
    let held = claim(queue, &acme, 1, &dead).await.expect("it waits").execution;
    executions.append(&acme, &execution_id(1), &dead, &[output(1, 9)]).await.expect("it is its own");
    let again = held.clone().retried().expect("it has one left");
    assert!(queue.put_back(&again, &dead).await.expect("answered"));
    assert!(!queue.put_back(&again, &dead).await.expect("answered"), "it is no longer under that fence");
    assert_eq!(ids(queue, &acme).await, [execution_id(1)]);
    assert_eq!(queue.tenants_waiting(None, 10).await.expect("read"), [tenant("acme")]);
    let saved = executions.save(&acme, &ended(&held, 9), &[output(2, 9)]).await;
    assert!(matches!(saved, Err(Error::StaleFence { .. })), "{saved:?}");

    let second = claim(queue, &acme, 1, &fence("b", 2)).await.expect("it waits").execution;
    assert_eq!(second, Execution { fence: fence("b", 2), ..again });
    assert_eq!(second.retried(), None);
    let events = executions.events_after(&acme, &execution_id(1), 0, 1_000).await.expect("read");
    assert_eq!(events, [output(1, 9)], "what it printed is kept");
}

/// What somebody else has, or what is over, stays as it is.
pub async fn only_what_its_holder_has_and_has_not_ended_is_put_back(queue: Queue<'_>, executions: Executions<'_>) {
    let (acme, own) = (scope("acme"), fence("a", 1));
    put(queue, &acme, 1, None, ROOM).await;
    let held = claim(queue, &acme, 1, &own).await.expect("it waits").execution;
    let again = held.clone().waiting_again().expect("it may");
    assert!(!queue.put_back(&again, &fence("b", 2)).await.expect("answered"));
    let done = Execution { claimable: None, ..ended(&held, 5) };
    executions.save(&acme, &done, &[]).await.expect("it is its own");
    assert!(!queue.put_back(&again, &own).await.expect("answered"));
    assert_eq!(found(executions, &acme, 1).await, done);
    assert_eq!(queue.tenants_waiting(None, 10).await.expect("read"), []);
}

/// Whoever cancels need not be the one that runs it.
pub async fn a_wish_to_stop_is_told_to_whoever_claims(queue: Queue<'_>, executions: Executions<'_>) {
    let acme = scope("acme");
    put(queue, &acme, 1, None, ROOM).await;
    executions.ask_stop(&acme, &execution_id(1)).await.expect("anybody may wish");
    assert!(claim(queue, &acme, 1, &fence("a", 1)).await.expect("it waits").stop_asked);
}

async fn put(queue: Queue<'_>, scope: &TenantScope, number: u64, request: Option<&RequestKey>, room: Room) -> Enqueued {
    queue.enqueue(scope, &waiting(scope, number), request, &[], None, room).await.expect("answered")
}

async fn claim(queue: Queue<'_>, scope: &TenantScope, number: u64, to: &Fence) -> Option<Claimed> {
    queue.claim(scope, &execution_id(number), to).await.expect("answered")
}

/// What a server claims that goes on until nothing waits.
async fn claim_all(queue: Queue<'_>, scope: &TenantScope, to: Fence) -> Vec<Execution> {
    let mut own = Vec::new();
    loop {
        let Some(first) = queue.waiting(scope, None, 1).await.expect("read").pop() else { return own };
        own.extend(queue.claim(scope, &first, &to).await.expect("answered").map(|claimed| claimed.execution));
    }
}

async fn ids(queue: Queue<'_>, scope: &TenantScope) -> Vec<ExecutionId> {
    queue.waiting(scope, None, 100).await.expect("read")
}

async fn found(executions: Executions<'_>, scope: &TenantScope, number: u64) -> Execution {
    executions.find(scope, &execution_id(number)).await.expect("read").open_for_system().expect("it is stored")
}
