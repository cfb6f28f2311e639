//! What is said of services, for what was seen of them.

use std::time::Duration;

use process::revision::revisions;
use process::service::{Restart, RestartCondition};

use super::*;
use crate::engine::{Changeable, Instance};
use crate::labels::Identity;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn service(restart: RestartCondition, replicas: u32) -> Service {
    let restart = Restart { condition: restart, ..Restart::default() };
    Service { name: "web".to_owned(), enabled: true, replicas, restart, ..Service::default() }
}

fn seen(manifest: &Manifest, phase: Phase, state: State, restarts: u64) -> Seen {
    let revision = revisions(manifest).get("web").cloned().unwrap_or_default();
    let identity = Identity {
        service: "web".to_owned(),
        group: service::Group::Core,
        depends_on: Vec::new(),
        revision,
        slot: 1,
        restarts: (1..=restarts).map(|minutes| NOW.minus(Duration::from_secs(minutes * 60))).collect(),
        health: None,
        networks: vec!["zona-main".to_owned()],
        is_gated: false,
    };
    let instance = Instance {
        id: "c0ffee".to_owned(),
        name: "web".to_owned(),
        identity,
        phase,
        serving: true,
        published: Vec::new(),
        address: None,
        image: "shop:1".to_owned(),
        started: None,
        stop_grace: Duration::ZERO,
        changeable: Changeable::default(),
    };
    let detail = if state == State::Failed { "it ended with 3".to_owned() } else { String::new() };
    Seen { instance, state: Some(state), detail, unwell_since: None }
}

fn check(service: Service, replicas: &[(Phase, State, u64)], state: ServiceState, detail: &str) {
    let manifest = Manifest { name: "shop".to_owned(), services: vec![service], ..Manifest::default() };
    let seen = replicas.iter().map(|(phase, state, restarts)| seen(&manifest, phase.clone(), *state, *restarts));
    let sight = Sight::of_seen(seen.collect());
    let found = statuses(&sight, &Surroundings { manifest: Some(&manifest), now: NOW, ..Surroundings::default() });
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].state, found[0].detail.as_str()), (state, detail), "{replicas:?}");
}

fn ended(code: i64) -> Phase {
    Phase::Ended { code, at: NOW.minus(Duration::from_secs(1)), out_of_memory: false }
}

#[test]
fn a_service_is_as_its_replicas_are() {
    let running = Phase::Running(None);
    let always = RestartCondition::Always;
    check(service(always, 1), &[(running.clone(), State::Healthy, 0)], ServiceState::Running, "");
    check(service(always, 2), &[(running.clone(), State::Healthy, 0)], ServiceState::Degraded, "");
    check(service(always, 1), &[(running.clone(), State::Starting, 0)], ServiceState::Starting, "");
    check(service(always, 1), &[], ServiceState::Waiting, "waiting for its turn");
    check(service(always, 0), &[], ServiceState::Stopped, "");
    check(service(always, 0), &[(running, State::Healthy, 0)], ServiceState::Stopping, "it shall not run");
}

#[test]
fn what_has_ended_says_what_becomes_of_it() {
    let failed = |restarts| (ended(3), State::Failed, restarts);
    let (always, never) = (RestartCondition::Always, RestartCondition::Never);
    let told = "it ended with 3, and was started again 2 times within 30m";
    check(service(always, 1), &[failed(2)], ServiceState::Failed, told);
    check(service(never, 1), &[failed(0)], ServiceState::Failed, "it ended with 3");
    check(service(never, 1), &[(ended(0), State::Completed, 0)], ServiceState::Completed, "");
    let healthy = (Phase::Running(None), State::Healthy, 0);
    check(service(always, 2), &[healthy, failed(2)], ServiceState::Degraded, told);
}

#[test]
fn what_is_being_done_comes_before_what_is_seen() {
    let manifest = Manifest { services: vec![service(RestartCondition::Always, 1)], ..Manifest::default() };
    let activities = HashMap::from([("web".to_owned(), Activity::Waits("`db` to be healthy".to_owned()))]);
    let found = statuses(&Sight::of_seen(Vec::new()), &Surroundings { manifest: Some(&manifest), activities, ..Surroundings::default() });
    assert_eq!((found[0].state, found[0].detail.as_str()), (ServiceState::Waiting, "waiting for `db` to be healthy"));
}
