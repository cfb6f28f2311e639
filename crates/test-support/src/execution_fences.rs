//! What a store of executions and leases promises when holders die, pause, or have wrong clocks. Run all of it with
//! [`execution_fences_contract!`](crate::execution_fences_contract); each check wants an empty store.

use std::time::Duration;

use domain::Error;
use domain::access::TenantScope;
use domain::execution::{Execution, ExecutionRepository, State};
use domain::lease::{Acquisition, Fence, InstanceId, LeaseName, LeaseRepository, Renewal};
use domain::name::ExecutionName;
use domain::request::Committed;
use domain::time::Timestamp;

use crate::sample::{at, ended, execution, execution_id, fence, output, scope};
use crate::utility_repository::together;

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to an empty store of both.
#[macro_export]
macro_rules! execution_fences_contract {
    ($make:expr) => {
        $crate::execution_fences_contract!($make;
            what_a_lease_in_force_protects_is_neither_abandoned_nor_taken,
            what_no_lease_in_force_protects_is_abandoned_in_every_tenant,
            a_released_lease_protects_nothing,
            a_lease_that_was_acquired_anew_protects_nothing_of_before,
            a_paused_holder_writes_nothing_once_its_execution_was_taken,
            a_paused_holder_goes_on_where_nobody_took_anything,
            a_holder_with_a_clock_behind_loses_to_the_others_clock_but_never_writes_over_them,
            of_two_claimants_one_takes_an_execution,
            taking_over_twice_is_taking_over_once,
            what_has_ended_is_taken_by_nobody,
            a_wish_to_stop_waits_for_its_holder,
            a_wish_to_stop_follows_an_execution_to_its_next_holder,
        );
    };
    ($make:expr; $($check:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $check() {
            let store = $make;
            $crate::execution_fences::$check(&*store, &*store).await;
        }
    )+};
}

type Executions<'a> = &'a dyn ExecutionRepository;
type Leases<'a> = &'a dyn LeaseRepository;

const TERM: Duration = Duration::from_millis(10_000);

/// Whoever is alive keeps what is theirs.
pub async fn what_a_lease_in_force_protects_is_neither_abandoned_nor_taken(executions: Executions<'_>, leases: Leases<'_>) {
    let (acme, a, b) = (scope("acme"), held(leases, "a", at(0)).await, held(leases, "b", at(0)).await);
    let running = inserted(executions, &acme, 1, &a).await;
    assert_eq!(executions.abandoned(at(9_999), 10).await.expect("listed"), []);
    assert_eq!(taken(executions, &running, &b, at(9_999)).await, None);
    leases.renew(&LeaseName::of_instance(&a.holder), &a, at(9_999), TERM).await.expect("renewed");
    assert_eq!(executions.abandoned(at(19_998), 10).await.expect("listed"), []);
    assert_eq!(taken(executions, &running, &b, at(19_998)).await, None);
    assert_eq!(found(executions, &running).await, running);
}

/// An expired lease protects nothing, and neither does one that was never there.
pub async fn what_no_lease_in_force_protects_is_abandoned_in_every_tenant(executions: Executions<'_>, leases: Leases<'_>) {
    let (acme, zeta) = (scope("acme"), scope("zeta"));
    let (dead, alive) = (held(leases, "dead", at(0)).await, held(leases, "alive", at(5_000)).await);
    let left = inserted(executions, &acme, 1, &dead).await;
    let left_too = inserted(executions, &zeta, 2, &fence("never", 4_711)).await;
    inserted(executions, &acme, 3, &alive).await;
    let done = inserted(executions, &acme, 4, &dead).await;
    executions.save(&acme, &ended(&done, 5), &[]).await.expect("saved");
    let mut abandoned = executions.abandoned(at(10_000), 10).await.expect("listed");
    abandoned.sort_by_key(|execution| execution.created);
    assert_eq!(abandoned, [left, left_too]);
    assert_eq!(executions.abandoned(at(10_000), 1).await.expect("listed").len(), 1);
}

/// A server that stops in order leaves nothing to wait for.
pub async fn a_released_lease_protects_nothing(executions: Executions<'_>, leases: Leases<'_>) {
    let (acme, a) = (scope("acme"), held(leases, "a", at(0)).await);
    let left = inserted(executions, &acme, 1, &a).await;
    leases.release(&LeaseName::of_instance(&a.holder), &a).await.expect("released");
    assert_eq!(executions.abandoned(at(1), 10).await.expect("listed"), [left]);
}

/// An instance that lost its lease and holds another does not hold what it wrote under the first.
pub async fn a_lease_that_was_acquired_anew_protects_nothing_of_before(executions: Executions<'_>, leases: Leases<'_>) {
    let (acme, first) = (scope("acme"), held(leases, "a", at(0)).await);
    let left = inserted(executions, &acme, 1, &first).await;
    let second = held(leases, "a", at(1)).await;
    assert_eq!(executions.abandoned(at(2), 10).await.expect("listed"), vec![left.clone()]);
    let claimed = taken(executions, &left, &second, at(2)).await.expect("it is abandoned");
    assert_eq!(executions.abandoned(at(2), 10).await.expect("listed"), []);
    refused(executions, &acme, &left).await;
    executions.save(&acme, &ended(&claimed, 3), &[]).await.expect("its own");
}

/// Neither state nor output of a holder that lost it reaches the store, and its successor's does.
pub async fn a_paused_holder_writes_nothing_once_its_execution_was_taken(executions: Executions<'_>, leases: Leases<'_>) {
    let (acme, paused, b) = (scope("acme"), held(leases, "a", at(0)).await, held(leases, "b", at(9_000)).await);
    let before = inserted(executions, &acme, 1, &paused).await;
    executions.append(&acme, &execution_id(1), &paused, &[output(1, 3)]).await.expect("appended");
    let claimed = taken(executions, &before, &b, at(10_000)).await.expect("its lease has expired");
    assert_eq!(claimed, Execution { fence: b.clone(), ..before.clone() });

    refused(executions, &acme, &before).await;
    assert_eq!(found(executions, &before).await, claimed);
    assert_eq!(executions.events_after(&acme, &execution_id(1), 0, usize::MAX).await.expect("read"), [output(1, 3)]);

    executions.append(&acme, &execution_id(1), &b, &[output(2, 3)]).await.expect("its own");
    let last = ended(&claimed, 10_001);
    executions.save(&acme, &last, &[output(3, 3)]).await.expect("its own");
    refused(executions, &acme, &before).await;
    assert_eq!(found(executions, &before).await, last);
    assert_eq!(executions.events_after(&acme, &execution_id(1), 0, usize::MAX).await.expect("read").len(), 3);
}

/// To be late is no harm by itself.
pub async fn a_paused_holder_goes_on_where_nobody_took_anything(executions: Executions<'_>, leases: Leases<'_>) {
    let (acme, a) = (scope("acme"), held(leases, "a", at(0)).await);
    let running = inserted(executions, &acme, 1, &a).await;
    executions.append(&acme, &execution_id(1), &a, &[output(1, 3)]).await.expect("nobody took it");
    let name = LeaseName::of_instance(&a.holder);
    assert!(matches!(leases.renew(&name, &a, at(60_000), TERM).await.expect("answered"), Renewal::Renewed(_)));
    assert_eq!(executions.abandoned(at(60_000), 10).await.expect("listed"), []);
    executions.save(&acme, &ended(&running, 60_001), &[]).await.expect("its own");
}

/// Its renewals do not reach the others' time. What it loses is lost once, and it hears.
pub async fn a_holder_with_a_clock_behind_loses_to_the_others_clock_but_never_writes_over_them(
    executions: Executions<'_>,
    leases: Leases<'_>,
) {
    let acme = scope("acme");
    let (behind, b) = (held(leases, "a", at(60_000)).await, held(leases, "b", at(3_600_000)).await);
    let running = inserted(executions, &acme, 1, &behind).await;
    let name = LeaseName::of_instance(&behind.holder);
    assert!(matches!(leases.renew(&name, &behind, at(1_000), TERM).await.expect("answered"), Renewal::Renewed(_)));
    assert_eq!(executions.abandoned(at(69_999), 10).await.expect("listed"), []);
    let claimed = taken(executions, &running, &b, at(3_600_000)).await.expect("for the others it has expired");
    refused(executions, &acme, &running).await;
    assert_eq!(found(executions, &running).await, claimed);
}

/// Two servers that recover at once do not both finish an execution.
pub async fn of_two_claimants_one_takes_an_execution(executions: Executions<'_>, leases: Leases<'_>) {
    let (acme, dead) = (scope("acme"), held(leases, "dead", at(0)).await);
    let left = inserted(executions, &acme, 1, &dead).await;
    let claimants = [held(leases, "b", at(9_000)).await, held(leases, "c", at(9_000)).await];
    let racing = claimants.iter().map(|claimant| executions.take_over(&acme, &left.name.execution, &dead, claimant, at(10_000)));
    let taken: Vec<Execution> = together(racing.collect()).await.into_iter().filter_map(|taken| taken.expect("answered")).collect();
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert_eq!(found(executions, &left).await, taken[0]);
}

/// A claim that was not answered is repeated.
pub async fn taking_over_twice_is_taking_over_once(executions: Executions<'_>, leases: Leases<'_>) {
    let (acme, b) = (scope("acme"), held(leases, "b", at(0)).await);
    let left = inserted(executions, &acme, 1, &fence("dead", 4_711)).await;
    let claimed = taken(executions, &left, &b, at(1)).await;
    assert!(claimed.is_some());
    assert_eq!(taken(executions, &left, &b, at(2)).await, claimed);
    assert_eq!(taken(executions, &execution(&acme, 2), &b, at(2)).await, None);
}

/// A final state is final, whoever held it.
pub async fn what_has_ended_is_taken_by_nobody(executions: Executions<'_>, leases: Leases<'_>) {
    let (acme, dead, b) = (scope("acme"), held(leases, "dead", at(0)).await, held(leases, "b", at(9_000)).await);
    let last = ended(&inserted(executions, &acme, 1, &dead).await, 5);
    executions.save(&acme, &last, &[]).await.expect("saved");
    assert_eq!(taken(executions, &last, &b, at(10_000)).await, None);
    assert_eq!(found(executions, &last).await, last);
}

/// Anybody may wish, and the wish is no write: it changes nothing of the execution.
pub async fn a_wish_to_stop_waits_for_its_holder(executions: Executions<'_>, leases: Leases<'_>) {
    let (acme, a, b) = (scope("acme"), held(leases, "a", at(0)).await, held(leases, "b", at(0)).await);
    let absent = executions.ask_stop(&acme, &execution_id(1)).await;
    assert!(matches!(absent, Err(Error::NotFound { .. })), "{absent:?}");
    let running = inserted(executions, &acme, 1, &a).await;
    inserted(executions, &acme, 2, &a).await;
    inserted(executions, &acme, 3, &b).await;
    let elsewhere = executions.ask_stop(&scope("zeta"), &execution_id(1)).await;
    assert!(matches!(elsewhere, Err(Error::NotFound { .. })), "{elsewhere:?}");
    assert_eq!(asked(executions, &a).await, []);
    for _ in 0..2 {
        executions.ask_stop(&acme, &execution_id(1)).await.expect("asked");
    }
    assert_eq!(asked(executions, &a).await, vec![running.name.clone()]);
    assert_eq!(asked(executions, &b).await, []);
    assert_eq!(found(executions, &running).await, running);

    executions.save(&acme, &Execution { state: State::Cancelling, ..running.clone() }, &[]).await.expect("saved");
    assert_eq!(asked(executions, &a).await, vec![running.name.clone()]);
    executions.save(&acme, &ended(&running, 5), &[]).await.expect("saved");
    assert_eq!(asked(executions, &a).await, []);
    executions.ask_stop(&acme, &execution_id(1)).await.expect("does nothing");
    assert_eq!(asked(executions, &a).await, []);
}

/// Whoever takes an execution over finds the wish.
pub async fn a_wish_to_stop_follows_an_execution_to_its_next_holder(executions: Executions<'_>, leases: Leases<'_>) {
    let (acme, b) = (scope("acme"), held(leases, "b", at(0)).await);
    let dead = fence("dead", 4_711);
    let left = inserted(executions, &acme, 1, &dead).await;
    executions.ask_stop(&acme, &execution_id(1)).await.expect("asked");
    taken(executions, &left, &b, at(1)).await.expect("it is abandoned");
    assert_eq!((asked(executions, &dead).await, asked(executions, &b).await), (vec![], vec![left.name]));
}

async fn held(leases: Leases<'_>, holder: &str, now: Timestamp) -> Fence {
    let instance = InstanceId::new(holder);
    match leases.acquire(&LeaseName::of_instance(&instance), &instance, now, TERM).await.expect("answered") {
        Acquisition::Acquired(lease) => lease.fence,
        Acquisition::Held(by) => panic!("it is held: {by:?}"),
    }
}

async fn inserted(executions: Executions<'_>, scope: &TenantScope, number: u64, fence: &Fence) -> Execution {
    let execution = Execution { fence: fence.clone(), ..execution(scope, number) };
    assert_eq!(executions.insert(scope, &execution, None, &[], None).await.expect("stored"), Committed::Stored);
    execution
}

async fn found(executions: Executions<'_>, execution: &Execution) -> Execution {
    let scope = TenantScope::for_system(execution.name.tenant.clone());
    executions.find(&scope, &execution.name.execution).await.expect("found").open_for_system().expect("it exists")
}

async fn taken(executions: Executions<'_>, execution: &Execution, by: &Fence, now: Timestamp) -> Option<Execution> {
    let scope = TenantScope::for_system(execution.name.tenant.clone());
    executions.take_over(&scope, &execution.name.execution, &execution.fence, by, now).await.expect("answered")
}

/// Nothing can be written under the fence that the execution had.
async fn refused(executions: Executions<'_>, scope: &TenantScope, stale: &Execution) {
    let saved = executions.save(scope, &ended(stale, 9), &[output(2, 9)]).await;
    assert!(matches!(saved, Err(Error::StaleFence { .. })), "{saved:?}");
    let appended = executions.append(scope, &stale.name.execution, &stale.fence, &[output(2, 9)]).await;
    assert!(matches!(appended, Err(Error::StaleFence { .. })), "{appended:?}");
}

async fn asked(executions: Executions<'_>, of: &Fence) -> Vec<ExecutionName> {
    executions.stops_asked(&of.holder).await.expect("listed")
}
