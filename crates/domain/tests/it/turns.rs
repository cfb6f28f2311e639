//! What is judged when the turn of an execution comes that has waited in the store: whose turn it is, what may still run, and what can run
//! here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::access::{Access, Grant, GrantRepository};
use domain::execution::{Claimable, Execution, ExecutionQueue, FIRST_REST, Launch, Room, State};
use domain::name::{ExecutionName, RuntimeId};
use domain::request::Committed;
use domain::sandbox::Reason;
use domain::tenant::TenantState;
use domain::time::Clock as _;
use domain::utility::Call;
use test_support::sample;

use crate::queue::{WAITING, becomes, becomes_held_by, full, narrow, stored};
use crate::world::{World, eventually, launch, name, start};

/// What `acme` offers `beta` of the utility, without an end.
fn offer(access: Access) -> Grant {
    Grant { expires: None, ..sample::offer("waits", access) }
}

/// Shares a utility of `acme` with `beta`, in place of what was shared before.
async fn share_with_beta(world: &World, share: &Grant) {
    let (grants, acme, beta) = (&world.stores().grants, sample::scope("acme"), sample::scope("beta"));
    if let Some(before) = grants.find_received(&beta, &share.utility).await.unwrap().open_for_system() {
        assert_eq!(grants.remove(&acme, &before, None).await.unwrap(), Committed::Stored);
    }
    assert_eq!(grants.put(&acme, share, sample::at(9), None).await.unwrap(), Committed::Stored);
}

/// Has an execution like this one wait on the account of `beta`.
async fn wait_of_beta(world: &World, like: &Execution, number: u64) -> ExecutionName {
    let (beta, room) = (sample::scope("beta"), Room { of_tenant: 100, in_all: 100 });
    let name = ExecutionName { tenant: beta.tenant().clone(), execution: sample::execution_id(number) };
    let claimable = Some(Claimable { params_json: r#"{"of": "beta"}"#.into(), retries: 0 });
    let waiting = Execution { name: name.clone(), claimable, ..like.clone() };
    world.stores().executions.enqueue(&beta, &waiting, None, &[], None, room).await.unwrap();
    name
}

#[tokio::test]
async fn what_another_tenant_shares_is_denied_when_its_turn_comes_after_the_share() {
    let (first, second, waiting) = full().await;
    let like = stored(&first, &waiting).await;
    let accepted = sample::accepted(&offer(Access::Execute));
    let denied = async |number: u64| {
        let of_beta = wait_of_beta(&first, &like, number).await;
        second.executions.claim().await;
        let ended = becomes(&second, &of_beta, State::Denied).await;
        assert_eq!(ended.failure.map(|failure| failure.reason), Some(Reason::NotPermitted));
    };
    // It is shared no more; only offered; only to read it; it was until now.
    denied(1).await;
    share_with_beta(&first, &offer(Access::Execute)).await;
    denied(2).await;
    share_with_beta(&first, &sample::accepted(&offer(Access::Read))).await;
    denied(3).await;
    share_with_beta(&first, &Grant { expires: Some(first.clock.now()), ..accepted.clone() }).await;
    denied(4).await;
    // The tenant that shares it is suspended.
    share_with_beta(&first, &accepted).await;
    first.stores().tenants.turn("acme", TenantState::Suspended);
    denied(5).await;
}

#[tokio::test]
async fn what_one_host_cannot_contain_waits_for_another_and_holds_up_nothing_behind_it() {
    let first = narrow(8);
    let second = first.beside("second").begun();
    let extra = RuntimeId::new("extra");
    first.create("waits", WAITING).await.unwrap();
    first.create_for(extra.clone(), "extra", WAITING).await.unwrap();
    start(&first, "waits").await;
    eventually(|| first.running() == 1).await;
    let older = [start(&first, "extra").await, start(&first, "extra").await, start(&first, "extra").await];
    let newer = start(&first, "waits").await;
    second.sandbox.lose_image(Some(&extra));
    let claims = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&claims);
    first.stores().executions.faults().meanwhile("claim", move || {
        counting.fetch_add(1, Ordering::SeqCst);
    });
    second.executions.claim().await;
    eventually(|| second.running() == 1).await;
    becomes_held_by(&second, &newer, "second").await;
    for _ in 0..100 {
        second.executions.claim().await;
        tokio::task::yield_now().await;
    }
    for older in &older {
        assert!(stored(&first, older).await.is_waiting(), "one host decides nothing for all");
    }
    assert_eq!(claims.load(Ordering::SeqCst), 2, "what is known to be hopeless is not claimed");

    second.sandbox.lose_image(None);
    second.clock.advance(FIRST_REST);
    second.executions.claim().await;
    eventually(|| second.running() == 4).await;
}

#[tokio::test]
async fn what_cannot_be_compiled_on_one_host_waits_for_another() {
    let (first, second, waiting) = full().await;
    // Its runtime is another one, which is to compile the code, and its host contains nothing.
    second.compiler.replace_runtime("sha256:second");
    second.compiler.refuse_host(true);
    second.executions.claim().await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(second.compiler.asked() > 0);
    assert!(stored(&first, &waiting).await.is_waiting());
    second.compiler.refuse_host(false);
    second.clock.advance(FIRST_REST);
    second.executions.claim().await;
    eventually(|| second.running() == 1).await;
}

#[tokio::test]
async fn what_its_utility_allows_no_more_when_its_turn_comes_is_denied() {
    let (first, _second, waiting) = full().await;
    first.utilities.delete(&first.permit(name("waits")).await, Call::default()).await.unwrap();
    first.release();
    let ended = becomes(&first, &waiting, State::Denied).await;
    assert_eq!(ended.failure.map(|failure| failure.reason), Some(Reason::NotPermitted));
}

#[tokio::test]
async fn tenants_whose_executions_wait_in_the_store_take_turns_whatever_the_length_of_their_queues() {
    let world = narrow(100);
    world.create("waits", WAITING).await.unwrap();
    start(&world, "waits").await;
    eventually(|| world.running() == 1).await;
    let mut last = None;
    for _ in 0..6 {
        let asked = Launch { params_json: r#"{"of": "acme"}"#.to_owned(), ..launch(None) };
        last = Some(world.executions.start(&world.permit(name("waits")).await, asked).await.unwrap());
    }
    // Another tenant, with which the utility is shared, comes later and has less.
    share_with_beta(&world, &sample::accepted(&offer(Access::Execute))).await;
    for number in 1..=3 {
        wait_of_beta(&world, last.as_ref().unwrap(), number).await;
    }
    world.executions.claim().await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    world.release();
    eventually(|| world.sandbox.handed().len() == 10).await;
    let of_beta = |(params, _): &(String, _)| params.contains("beta");
    let turns: Vec<bool> = world.sandbox.handed()[1..7].iter().map(of_beta).collect();
    assert_eq!(turns.iter().filter(|beta| **beta).count(), 3, "{turns:?}");
    assert!(turns.windows(2).all(|turn| turn[0] != turn[1]), "they take turns: {turns:?}");
}
