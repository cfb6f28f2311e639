//! What becomes of a launch whose caller goes away while it is under way.

use domain::execution::{ExecutionQuery, Launch, State};
use domain::page::PageRequest;
use futures_util::FutureExt as _;

use crate::world::{World, acme, eventually, launch, name};

/// State of the only execution after a caller who went away while it was being stored.
async fn left_behind(cancel_on_disconnect: bool) -> State {
    let world = World::new();
    world.create("prints", "#: print hello\n").await.unwrap();
    let permit = world.permit(name("prints")).await;
    let asked = world.executions.execute(&permit, Launch { cancel_on_disconnect, ..launch(None) });
    assert!(asked.now_or_never().is_none(), "it is answered once it is stored, and its task has not begun");
    eventually(|| world.executions.load_now().running == 0).await;
    let (page, query) = (PageRequest { size: 10, after: None }, ExecutionQuery::default());
    let found = world.executions.list(&world.permit(acme()).await, query, &page).await.unwrap().items;
    assert_eq!(found.len(), 1, "it was stored");
    found[0].state
}

#[tokio::test]
async fn an_execution_whose_caller_leaves_while_it_is_being_stored_ends_where_that_was_asked_for() {
    assert_eq!(left_behind(true).await, State::Cancelled);
    assert_eq!(left_behind(false).await, State::Succeeded);
}
