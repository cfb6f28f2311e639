//! What every `Platform` promises. Each check wants one on which nothing runs, and a function that says what is wanted: so many replicas of
//! a service `web`, by revision; 0 is a manifest without services that run.

use std::sync::Arc;

use domain::process::{Desired, LogQuery, Outcome, Platform, ServiceState, What};
use futures_util::StreamExt as _;

use crate::in_time;

/// What is wanted, by revision and replicas.
pub type Wanted = fn(u64, u32) -> Desired;

/// Makes one test of each check. `$make` is an expression that dereferences to a `Platform`, `$wanted` a [`Wanted`].
#[macro_export]
macro_rules! platform_contract {
    ($make:expr, $wanted:expr) => {
        $crate::platform_contract! { $make, $wanted;
            what_is_reached_runs_and_leaves_nothing_to_do,
            what_is_not_wanted_any_more_stops,
            a_restart_replaces_what_runs,
            an_older_revision_does_not_take_over_from_a_newer_one,
            a_feed_begins_with_how_everything_is_and_goes_on_where_it_was_left,
            logs_are_of_the_services_that_are_named,
        }
    };
    ($make:expr, $wanted:expr; $($check:ident,)*) => {
        $(#[tokio::test]
        async fn $check() {
            let platform = $make;
            $crate::platform::$check(&*platform, $wanted).await;
        })*
    };
}

async fn reach(platform: &dyn Platform, desired: &Desired) {
    let outcome = platform.apply(Arc::new(desired.clone()), None).await.expect("the engine answers");
    assert_eq!(outcome, Outcome::Reached);
}

async fn web(platform: &dyn Platform, desired: &Desired) -> Option<(ServiceState, u32, u32)> {
    let statuses = platform.status(Some(desired)).await.expect("the engine answers");
    let web = statuses.into_iter().find(|status| status.name == "web")?;
    Some((web.state, web.wanted, web.available))
}

/// A second plan of what was reached is empty.
pub async fn what_is_reached_runs_and_leaves_nothing_to_do(platform: &dyn Platform, wanted: Wanted) {
    let desired = wanted(1, 2);
    let plan = platform.plan(&desired).await.expect("the engine answers");
    assert_eq!(plan.waves.iter().flat_map(|wave| &wave.actions).map(|action| action.kind).collect::<Vec<_>>(), ["create"]);
    reach(platform, &desired).await;
    assert_eq!(web(platform, &desired).await, Some((ServiceState::Running, 2, 2)));
    assert_eq!(platform.plan(&desired).await.expect("the engine answers").waves, []);
    reach(platform, &desired).await;
    assert_eq!(web(platform, &desired).await, Some((ServiceState::Running, 2, 2)), "nothing is doubled");
}

/// Fewer replicas stop, and so do all.
pub async fn what_is_not_wanted_any_more_stops(platform: &dyn Platform, wanted: Wanted) {
    for (revision, replicas, state) in [(1, 2, ServiceState::Running), (2, 1, ServiceState::Running), (3, 0, ServiceState::Stopped)] {
        let desired = wanted(revision, replicas);
        reach(platform, &desired).await;
        let found = web(platform, &desired).await;
        assert!(found.is_none_or(|found| found == (state, replicas, replicas)), "{found:?}");
        assert!(found.is_some() || replicas == 0);
    }
}

/// Replicas of another number of restarts are others.
pub async fn a_restart_replaces_what_runs(platform: &dyn Platform, wanted: Wanted) {
    let (first, mut second) = (wanted(1, 1), wanted(2, 1));
    second.overrides.entry("web".to_owned()).or_default().restarts = 1;
    reach(platform, &first).await;
    let revision = async |desired: &Desired| {
        let statuses = platform.status(Some(desired)).await.expect("the engine answers");
        statuses.into_iter().find(|status| status.name == "web").map(|status| status.replicas[0].revision.clone())
    };
    let before = revision(&first).await;
    reach(platform, &second).await;
    assert_ne!(revision(&second).await, before);
    assert_eq!(web(platform, &second).await, Some((ServiceState::Running, 1, 1)));
}

/// Revisions may come in another order than they were made in.
pub async fn an_older_revision_does_not_take_over_from_a_newer_one(platform: &dyn Platform, wanted: Wanted) {
    let (older, newer) = (wanted(1, 1), wanted(2, 2));
    reach(platform, &newer).await;
    let outcome = platform.apply(Arc::new(older), None).await.expect("the engine answers");
    assert_eq!(outcome, Outcome::Superseded);
    assert_eq!(web(platform, &newer).await, Some((ServiceState::Running, 2, 2)));
    assert_eq!(platform.plan(&newer).await.expect("the engine answers").waves, []);
}

/// What a follower has heard comes no second time, and nothing is left out.
pub async fn a_feed_begins_with_how_everything_is_and_goes_on_where_it_was_left(platform: &dyn Platform, wanted: Wanted) {
    let mut feed = platform.watch(None).await.expect("the engine answers");
    let first = in_time(feed.next()).await.expect("a feed goes on");
    assert!(matches!(first.what, What::Snapshot(_)), "{first:?}");
    reach(platform, &wanted(1, 1)).await;
    let mut reached = first.sequence;
    loop {
        let told = in_time(feed.next()).await.expect("a feed goes on");
        assert_eq!(told.sequence, reached + 1);
        reached = told.sequence;
        if told.what == (What::Ended { revision: 1, outcome: Outcome::Reached }) {
            break;
        }
    }
    let mut later = platform.watch(Some(first.sequence)).await.expect("the engine answers");
    assert_eq!(in_time(later.next()).await.map(|told| told.sequence), Some(first.sequence + 1));
    let mut elsewhere = platform.watch(Some(reached + 1_000)).await.expect("the engine answers");
    let told = in_time(elsewhere.next()).await.expect("a feed goes on");
    assert!(matches!(told.what, What::Snapshot(_)), "a number that was never told is of another process: {told:?}");
}

/// Without following they end.
pub async fn logs_are_of_the_services_that_are_named(platform: &dyn Platform, wanted: Wanted) {
    reach(platform, &wanted(1, 2)).await;
    let query = LogQuery { services: vec!["web".to_owned()], follow: false, since: None, tail: None };
    let lines: Vec<_> = in_time(platform.logs(query.clone()).await.expect("the engine answers").collect::<Vec<_>>()).await;
    let lines: Vec<_> = lines.into_iter().map(|line| line.expect("the engine answers")).collect();
    assert!(lines.iter().all(|line| line.service == "web"));
    assert!(lines.is_sorted_by_key(|line| line.time));
    let query = LogQuery { services: vec!["nobody".to_owned()], ..query };
    assert_eq!(platform.logs(query).await.err().map(|error| error.reason()), Some("NOT_FOUND"));
}
