//! Whoever reaches only what is their own cannot tell what belongs to others from what is absent.

use domain::Error;
use domain::execution::{Launch, TransformCall};
use domain::name::ExecutionName;
use domain::page::PageRequest;
use domain::utility::{Call, Patch};
use test_support::sample;

use crate::world::{World, name};

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
    let launch = || Launch {
        utility: utility.clone(),
        version: Some(1),
        params_json: r#"{"value": 1}"#.to_owned(),
        timeout: None,
        on_output_limit: None,
        request: None,
    };
    let values_json = vec!["1".to_owned()];
    let call = TransformCall { utility: utility.clone(), version: None, params_json: String::new(), values_json, timeout: None };
    let (utilities, executions) = (&world.utilities, &world.executions);
    vec![
        answer(utilities.get(&world.own("bob").await, &utility).await, id),
        answer(utilities.update(&world.own("bob").await, &utility, Patch::default(), Call::default()).await, id),
        answer(utilities.delete(&world.own("bob").await, &utility, Call::default()).await, id),
        answer(utilities.undelete(&world.own("bob").await, &utility, Call::default()).await, id),
        answer(utilities.list_versions(&world.own("bob").await, &utility, &page).await, id),
        answer(utilities.get_version(&world.own("bob").await, &utility.version(1)).await, id),
        answer(utilities.get_version(&world.own("bob").await, &utility.version(9)).await, id),
        answer(utilities.diff(&world.own("bob").await, &utility, None, None).await, id),
        answer(utilities.diff(&world.own("bob").await, &utility, Some(1), Some(9)).await, id),
        answer(utilities.restore(&world.own("bob").await, &utility.version(1), String::new(), Call::default()).await, id),
        answer(executions.transform(&world.own("bob").await, call).await, id),
        answer(executions.start(&world.own("bob").await, launch()).await, id),
        answer(executions.execute(&world.own("bob").await, launch()).await, id),
    ]
}

#[tokio::test]
async fn a_utility_of_somebody_else_is_answered_like_one_that_is_absent() {
    let world = World::new();
    world.create("present", TRANSFORMER).await.unwrap();
    assert_eq!(utility_answers(&world, "present").await, utility_answers(&world, "missing").await);
    let own = world.utilities.get(&world.own("ann").await, &name("present")).await;
    assert_eq!(own.unwrap().0.name, name("present"), "its owner reaches it");
}

async fn execution_answers(world: &World, execution: &ExecutionName) -> Vec<String> {
    let (executions, id) = (&world.executions, execution.execution.to_string());
    vec![
        answer(executions.get(&world.own("bob").await, execution).await, &id),
        answer(executions.watch(&world.own("bob").await, execution, 0).await, &id),
        answer(executions.watch(&world.own("bob").await, execution, 9_999).await, &id),
        answer(executions.cancel(&world.own("bob").await, execution).await, &id),
    ]
}

#[tokio::test]
async fn an_execution_of_somebody_else_is_answered_like_one_that_is_absent() {
    let world = World::new();
    world.create("present", TRANSFORMER).await.unwrap();
    let present = world.transform("present").await.unwrap().execution;
    let missing = ExecutionName { execution: sample::execution_id(0xdead), ..present.clone() };
    assert_eq!(execution_answers(&world, &present).await, execution_answers(&world, &missing).await);
    assert!(world.executions.get(&world.own("ann").await, &present).await.is_ok(), "who asked for it reaches it");
}
