//! What callers and operators hear when the store fails: each method of each repository fails once, under a use case that needs it.
//! The caller is told that it can try again; nothing is half done; and once the store answers, the same call succeeds.

use std::fs;
use std::path::Path;

use domain::execution::{self, ExecutionQuery, State};
use domain::name::ExecutionName;
use domain::page::PageRequest;
use domain::revision::Etag;
use domain::utility::{self, Call, Patch, UtilityQuery};
use domain::{Error, Result, code_policy};
use futures_util::StreamExt as _;
use test_support::{Faults, sample};

use crate::world::{World, acme, code_policy as policy, eventually, launch, name, start, try_start};

const TRANSFORMER: &str = "def transform(value):\n    return value\n";
const PAGE: PageRequest = PageRequest { size: 10, after: None };

/// Methods whose failures have tests of their own, by the sentence that says what happens.
const ELSEWHERE: [(&str, &str, &str); 8] = [
    ("execution", "save", "an_end_that_the_store_refuses_is_told_once_and_kept_until_it_is_stored"),
    ("execution", "append", "output_that_cannot_be_stored_holds_the_program_up_at_a_bound_and_is_not_lost"),
    ("execution", "take_over", "what_was_taken_over_and_could_not_be_ended_is_ended_in_a_later_round"),
    ("execution", "abandoned", "rounds_that_fail_are_told_once_and_go_on"),
    ("execution", "stops_asked", "rounds_that_fail_are_told_once_and_go_on"),
    // Without what servers tell each other it is `events_after`.
    ("execution", "watched_after", "a_use_case_of_executions_fails_with_its_store_and_succeeds_with_it"),
    ("lease", "renew", "a_lost_lease_is_acquired_anew_and_what_the_store_refuses_meanwhile_is_told"),
    ("lease", "release", "a_lease_that_cannot_be_given_up_is_told"),
];

/// Methods that no use case calls yet, by their areas.
const UNUSED: [(&str, &str); 3] = [("utility", "epoch"), ("lease", "find"), ("lease", "expired")];

/// The call fails while the method of the area's repository does, with a status that says to try again, and succeeds afterwards.
async fn check<T>(_area: &str, faults: &Faults, method: &'static str, call: impl AsyncFn() -> Result<T>) {
    faults.fail_always(method);
    let before = faults.failed(method);
    match call().await {
        Err(Error::Unavailable { dependency: "store", .. }) => {}
        Err(other) => panic!("{method}: {other:?}"),
        Ok(_) => panic!("{method}: it succeeded although the store fails"),
    }
    assert!(faults.failed(method) > before, "{method} was not asked");
    faults.heal();
    if let Err(error) = call().await {
        panic!("{method}: it fails although the store answers: {error:?}");
    }
}

fn keyed(id: &str) -> Call {
    Call { request: Some(sample::request("UpdateUtility", id, 1)), ..Call::default() }
}

fn tagged(tag: &str) -> Patch {
    Patch { tags: Some(vec![tag.to_owned()]), ..Patch::default() }
}

#[tokio::test]
async fn a_use_case_of_utilities_fails_with_its_store_and_succeeds_with_it() {
    let world = World::new();
    world.create("some", TRANSFORMER).await.unwrap();
    let (utilities, faults) = (&world.utilities, world.stores().utilities.faults().clone());
    let some = || name("some");
    check("utility", &faults, "find_current", async || utilities.get(&world.permit(some()).await).await).await;
    check("utility", &faults, "find", async || utilities.list_versions(&world.permit(some()).await, &PAGE).await).await;
    check("utility", &faults, "list_versions", async || utilities.list_versions(&world.permit(some()).await, &PAGE).await).await;
    check("utility", &faults, "find_version", async || utilities.get_version(&world.permit(some().version(1)).await).await).await;
    check("utility", &faults, "list", async || utilities.list(&world.permit(acme()).await, UtilityQuery::default(), false, &PAGE).await)
        .await;
    check("utility", &faults, "commit", async || utilities.update(&world.permit(some()).await, tagged("new"), Call::default()).await).await;
    check("utility", &faults, "find_answer", async || {
        utilities.update(&world.permit(some()).await, tagged("newer"), keyed("0197a0b0-0000-7000-8000-000000000001")).await
    })
    .await;
    check("utility", &faults, "remember", async || {
        utilities.update(&world.permit(some()).await, tagged("newer"), keyed("0197a0b0-0000-7000-8000-000000000002")).await
    })
    .await;
    check("utility", &faults, "commit", async || world.create("another", TRANSFORMER).await).await;
    world.compiler.replace_runtime("sha256:second");
    check("utility", &faults, "mark_compiled", async || world.transform("some").await).await;
    let delete = async || utilities.delete(&world.permit::<utility::actions::DeleteUtility>(some()).await, Call::default()).await;
    check("utility", &faults, "commit", delete).await;
    let undelete = async || utilities.undelete(&world.permit::<utility::actions::UndeleteUtility>(some()).await, Call::default()).await;
    check("utility", &faults, "commit", undelete).await;
}

#[tokio::test]
async fn a_use_case_of_policies_fails_with_its_store_and_succeeds_with_it() {
    let world = World::new();
    let faults = world.stored_policies.faults().clone();
    check("code_policy", &faults, "find", async || world.policies.get(&world.permit(policy()).await).await).await;
    check("code_policy", &faults, "find", async || world.create("some", TRANSFORMER).await).await;
    let update = async || {
        let permit = world.permit::<code_policy::actions::UpdateCodePolicy>(policy()).await;
        world.policies.update(&permit, code_policy::PolicyPatch::default(), &Etag::default()).await
    };
    check("code_policy", &faults, "commit", update).await;
}

#[tokio::test]
async fn a_use_case_of_executions_fails_with_its_store_and_succeeds_with_it() {
    let world = World::new();
    let (executions, faults) = (&world.executions, world.stores().executions.faults().clone());
    world.create("prints", "#: print hello\n").await.unwrap();
    world.create("echoes", TRANSFORMER).await.unwrap();
    check("execution", &faults, "insert", async || try_start(&world, "prints").await).await;
    check("execution", &faults, "insert", async || world.transform("echoes").await).await;
    let keyed = async || {
        let request = sample::request("StartExecution", "0197a0b0-0000-7000-8000-000000000003", 1);
        executions.start(&world.permit(name("prints")).await, launch(Some(request))).await
    };
    check("execution", &faults, "find_answer", keyed).await;
    assert_eq!(world.executions.load_now().running, world.running() as u32, "who was refused holds no place");
    let ended = start(&world, "prints").await;
    eventually(|| executions.load_now().running == 0).await;
    check("execution", &faults, "find", async || executions.get(&world.permit(ended.clone()).await).await).await;
    check("execution", &faults, "find", async || executions.cancel(&world.permit(ended.clone()).await).await).await;
    check("execution", &faults, "list", async || executions.list(&world.permit(acme()).await, ExecutionQuery::default(), &PAGE).await)
        .await;
    check("execution", &faults, "events_after", async || first_event(&world, &ended).await).await;
    world.clock.advance(std::time::Duration::from_secs(60));
    let retention = world.retention(std::time::Duration::from_secs(1), 1 << 20);
    check("execution", &faults, "prune", async || retention.run().await).await;
    check("execution", &faults, "is_prunable", async || retention.run().await).await;
    check("lease", &faults, "acquire", async || executions.begin().await).await;
}

async fn first_event(world: &World, name: &ExecutionName) -> Result<execution::Watched> {
    let mut watch = world.executions.watch(&world.permit(name.clone()).await, 0).await?;
    watch.next().await.expect("a watch has an item")
}

#[tokio::test]
async fn a_wish_to_stop_that_could_not_be_stored_is_refused() {
    let first = World::new();
    let second = first.beside("second").begun();
    first.create("waits", "#: wait\n").await.unwrap();
    let running = start(&first, "waits").await;
    eventually(|| first.running() == 1).await;
    let faults = first.stores().executions.faults().clone();
    check("execution", &faults, "ask_stop", async || second.executions.cancel(&second.permit(running.clone()).await).await).await;
    let cancelled = second.executions.cancel(&second.permit(running).await).await.unwrap();
    assert_eq!(cancelled.state, State::Cancelling);
}

#[tokio::test]
async fn rounds_that_fail_are_told_once_and_go_on() {
    for method in ["abandoned", "stops_asked"] {
        let world = World::new();
        let faults = world.stores().executions.faults().clone();
        faults.fail_always(method);
        for _ in 0..3 {
            world.executions.tend().await;
        }
        assert_eq!(world.incidents.kinds(), ["work-failed"], "{method}");
        faults.heal();
        world.executions.tend().await;
        assert_eq!(world.incidents.kinds(), ["work-failed", "work-resumed"], "{method}");
    }
}

#[tokio::test]
async fn a_lease_that_cannot_be_given_up_is_told() {
    let world = World::new();
    world.stores().executions.faults().fail_always("release");
    world.executions.leave().await;
    assert_eq!(world.incidents.kinds(), ["work-failed"]);
}

#[test]
fn every_method_of_every_store_has_a_test_of_its_failure() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(package.join(path)).unwrap();
    let tests = ["instances.rs", "unstored.rs", "failures.rs"].map(|file| read(&format!("tests/it/{file}")));
    let here: String = tests[2].split_whitespace().collect();
    let mut methods = 0;
    for area in ["utility", "code_policy", "execution", "lease"] {
        let text = read(&format!("src/{area}/repository.rs"));
        let declared = text.lines().filter_map(|line| line.trim().strip_prefix("async fn ")?.split_once("(&self"));
        for (method, _) in declared {
            methods += 1;
            let is_checked = here.contains(&format!("check(\"{area}\",&faults,\"{method}\""));
            let elsewhere = ELSEWHERE.iter().find(|(of, name, _)| (*of, *name) == (area, method));
            let has_test = elsewhere.is_some_and(|(_, _, test)| tests.iter().any(|text| text.contains(&format!("fn {test}("))));
            assert!(is_checked || has_test || UNUSED.contains(&(area, method)), "no test lets `{method}` of `{area}` fail");
        }
    }
    assert!(methods > 20, "{methods}");
}
