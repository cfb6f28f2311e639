//! Whoever reaches only what is their own cannot tell what belongs to others from what is absent.

use domain::Error;
use domain::execution::{Launch, TransformCall};
use domain::name::ExecutionName;
use domain::page::PageRequest;
use domain::secret::References;
use domain::utility::{Call, Patch, UtilityQuery, UtilityRepository as _, actions};
use test_support::sample;

use crate::world::{World, acme, launch, name};

const TRANSFORMER: &str = "def transform(value):\n    return value\n";

/// The answer with its names made equal, as a caller could compare it.
fn answer<T>(result: Result<T, Error>, id: &str) -> String {
    match result {
        Err(error @ Error::NotFound { .. }) => format!("{error:?}").replace(id, "ID"),
        Err(other) => panic!("{id}: {other:?}"),
        Ok(_) => panic!("{id} was answered"),
    }
}

/// What `bob` is answered for a utility of this id, by every way that names one.
async fn utility_answers(world: &World, id: &str) -> Vec<String> {
    let (utility, page) = (name(id), PageRequest { size: 10, after: None });
    let launch = || Launch { version: Some(1), params_json: r#"{"value": 1}"#.to_owned(), ..launch(None) };
    let values_json = vec!["1".to_owned()];
    let call = TransformCall { version: None, params_json: String::new(), secrets: References::new(), values_json, timeout: None };
    let (utilities, executions) = (&world.utilities, &world.executions);
    let version = |number| utility.version(number);
    vec![
        answer(utilities.get(&world.own("bob", utility.clone()).await).await, id),
        answer(utilities.update(&world.own("bob", utility.clone()).await, Patch::default(), Call::default()).await, id),
        answer(utilities.delete(&world.own("bob", utility.clone()).await, Call::default()).await, id),
        answer(utilities.undelete(&world.own("bob", utility.clone()).await, Call::default()).await, id),
        answer(utilities.list_versions(&world.own("bob", utility.clone()).await, &page).await, id),
        answer(utilities.get_version(&world.own("bob", version(1)).await).await, id),
        answer(utilities.get_version(&world.own("bob", version(9)).await).await, id),
        answer(utilities.diff(&world.own("bob", utility.clone()).await, None, None).await, id),
        answer(utilities.diff(&world.own("bob", utility.clone()).await, Some(1), Some(9)).await, id),
        answer(utilities.restore(&world.own("bob", version(1)).await, String::new(), Call::default()).await, id),
        answer(executions.transform(&world.own("bob", utility.clone()).await, call).await, id),
        answer(executions.start(&world.own("bob", utility.clone()).await, launch()).await, id),
        answer(executions.execute(&world.own("bob", utility.clone()).await, launch()).await, id),
    ]
}

#[tokio::test]
async fn a_utility_of_somebody_else_is_answered_like_one_that_is_absent() {
    let world = World::new();
    world.create("present", TRANSFORMER).await.unwrap();
    assert_eq!(utility_answers(&world, "present").await, utility_answers(&world, "missing").await);
    let own = world.utilities.get(&world.own("ann", name("present")).await).await;
    assert_eq!(own.unwrap().0.name, name("present"), "its owner reaches it");
}

async fn execution_answers(world: &World, execution: &ExecutionName) -> Vec<String> {
    let (executions, id) = (&world.executions, execution.execution.to_string());
    vec![
        answer(executions.get(&world.own("bob", execution.clone()).await).await, &id),
        answer(executions.watch(&world.own("bob", execution.clone()).await, 0).await, &id),
        answer(executions.watch(&world.own("bob", execution.clone()).await, 9_999).await, &id),
        answer(executions.cancel(&world.own("bob", execution.clone()).await).await, &id),
    ]
}

#[tokio::test]
async fn an_execution_of_somebody_else_is_answered_like_one_that_is_absent() {
    let world = World::new();
    world.create("present", TRANSFORMER).await.unwrap();
    let present = world.transform("present").await.unwrap().execution;
    let missing = ExecutionName { execution: sample::execution_id(0xdead), ..present.clone() };
    assert_eq!(execution_answers(&world, &present).await, execution_answers(&world, &missing).await);
    assert!(world.executions.get(&world.own("ann", present.clone()).await).await.is_ok(), "who asked for it reaches it");
}

#[tokio::test]
async fn a_list_holds_nothing_of_others_even_where_the_store_was_not_asked_to_leave_it_out() {
    let world = World::new();
    world.create("present", TRANSFORMER).await.unwrap();
    let everything =
        || async { world.stored.list(&sample::scope("acme"), &UtilityQuery::default(), &PageRequest { size: 10, after: None }).await };
    let bob = world.own::<actions::ListUtilities>("bob", acme()).await;
    let ann = world.own::<actions::ListUtilities>("ann", acme()).await;
    assert_eq!(bob.open_page(everything().await.unwrap()).items, []);
    assert_eq!(ann.open_page(everything().await.unwrap()).items.len(), 1);
}
