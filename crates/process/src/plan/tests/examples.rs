//! Single plans with their steps and reasons.

use super::simulation::finish;
use super::*;

/// Each wave as `service kind: steps`.
fn shown(plan: &Plan) -> Vec<Vec<String>> {
    let steps = |action: &Action| action.steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let action = |action: &Action| format!("{} {}: {}", action.service, action.kind.as_str(), steps(action));
    plan.waves.iter().map(|wave| wave.actions.iter().map(action).collect()).collect()
}

fn reasons(plan: &Plan, service: &str) -> Vec<String> {
    plan.actions().filter(|action| action.service == service).flat_map(|action| &action.reasons).map(ToString::to_string).collect()
}

fn platform(image: &str) -> Manifest {
    let db = Service { group: Group::System, ..service("db", image) };
    let api = Service {
        replicas: 3,
        depends_on: vec![needs("db", true)],
        update: Update { min_available: 3, ..Update::default() },
        ..service("api", "api:1")
    };
    let web = Service { group: Group::App, depends_on: vec![needs("api", false)], ..service("web", "web:1") };
    manifest(vec![web, api, db])
}

#[test]
fn a_platform_starts_by_groups_and_dependencies() {
    let plan = plan(&platform("db:1"), &Observed::default());
    assert_eq!(
        shown(&plan),
        [
            ["db create: start 1, wait until healthy"],
            ["api create: start 3, wait until healthy"],
            ["web create: start 1, wait until healthy"]
        ]
    );
    assert_eq!(plan.waves[1].actions[0].waits_for, [Wait { service: "db".to_owned(), condition: Condition::Healthy }]);
    assert_eq!(reasons(&plan, "db"), ["it does not run"]);
}

#[test]
fn a_change_touches_who_follows_it_and_nobody_else() {
    let before = applied(&platform("db:1"));
    let plan = plan(&platform("db:2"), &before);
    assert_eq!(plan.waves.len(), 2);
    assert_eq!(reasons(&plan, "db"), ["changed: image"]);
    assert_eq!(reasons(&plan, "api"), ["changed: dependencies"]);
    assert_eq!(reasons(&plan, "web"), [""; 0]);
}

#[test]
fn what_a_config_holds_is_part_of_who_reads_it() {
    let with = |content: &str| {
        let config = Content { source: Source::Inline(content.to_owned()), digest: None, version: None };
        let reader = Service {
            context: Context { configs: vec![Attached { source: "c".to_owned(), target: "/c".to_owned() }], ..service("a", "a:1").context },
            ..service("a", "a:1")
        };
        Manifest { configs: [("c".to_owned(), config)].into(), ..manifest(vec![reader, service("b", "b:1")]) }
    };
    let plan = plan(&with("two"), &applied(&with("one")));
    assert_eq!((reasons(&plan, "a"), plan.actions().count()), (vec!["changed: configs".to_owned()], 1));
}

#[test]
fn a_secret_is_seen_by_its_version_and_by_nothing_that_comes_of_its_value() {
    let with = |version: &str| {
        let secret = Content { source: Source::External, digest: None, version: Some(version.to_owned()) };
        let secrets = vec![Attached { source: "s".to_owned(), target: "/s".to_owned() }];
        let reader = Service { context: Context { secrets, ..service("a", "a:1").context }, ..service("a", "a:1") };
        Manifest { secrets: [("s".to_owned(), secret)].into(), ..manifest(vec![reader, service("b", "b:1")]) }
    };
    let plan = plan(&with("two"), &applied(&with("one")));
    assert_eq!((reasons(&plan, "a"), plan.actions().count()), (vec!["changed: secrets".to_owned()], 1));
}

/// From four replicas of version 1 to four of version 2.
fn update(policy: Update) -> Vec<String> {
    let of = |image: &str| manifest(vec![Service { replicas: 4, update: policy, ..service("web", image) }]);
    let plan = plan(&of("web:2"), &applied(&of("web:1")));
    plan.waves[0].actions[0].steps.iter().map(ToString::to_string).collect()
}

#[test]
fn a_rolling_update_replaces_a_few_at_a_time() {
    assert_eq!(
        update(Update { parallelism: 2, min_available: 4, ..Update::default() }),
        ["start 2", "wait until healthy", "stop new-0, new-1", "start 2", "wait until healthy", "stop new-2, new-3"]
    );
    assert_eq!(
        update(Update { parallelism: 2, min_available: 3, order: Order::StopFirst, ..Update::default() })[..3],
        ["stop new-0", "start 1", "wait until healthy"]
    );
    assert_eq!(
        update(Update { min_available: 4, order: Order::StopFirst, ..Update::default() })[..3],
        ["start 1", "wait until healthy", "stop new-0"],
        "where none may be missing, the new one comes first all the same"
    );
}

#[test]
fn blue_green_switches_once() {
    assert_eq!(
        update(Update { strategy: Strategy::BlueGreen, min_available: 4, ..Update::default() }),
        ["start 4 without calls", "wait until healthy", "let calls reach only the new ones", "stop new-0, new-1, new-2, new-3"]
    );
}

#[test]
fn a_canary_comes_first_and_is_watched() {
    let hold = Duration::from_secs(60);
    assert_eq!(
        update(Update { strategy: Strategy::Canary { share: 30, hold }, parallelism: 4, min_available: 4, ..Update::default() }),
        ["start 2", "wait until healthy", "watch for 1m", "start 2", "wait until healthy", "stop new-0, new-1, new-2, new-3"]
    );
}

#[test]
fn scaling_stops_the_ones_that_came_last() {
    let of = |replicas: u32| manifest(vec![Service { replicas, ..service("web", "web:1") }]);
    let up = plan(&of(3), &applied(&of(1)));
    assert_eq!(
        (shown(&up), reasons(&up, "web")),
        (vec![vec!["web scale: start 2, wait until healthy".to_owned()]], vec!["1 replicas of 3".to_owned()])
    );
    let down = plan(&of(1), &applied(&of(3)));
    assert_eq!(shown(&down), [["web scale: stop new-1, stop new-2"]]);
    assert_eq!(shown(&plan(&of(0), &applied(&of(3)))), [["web stop: stop new-0, new-1, new-2"]]);
}

#[test]
fn what_has_ended_or_is_not_well_is_replaced_and_the_reason_says_so() {
    let wanted = manifest(vec![Service { replicas: 3, ..service("web", "web:1") }]);
    let mut observed = applied(&wanted);
    observed.services[0].replicas[0].state = State::Failed;
    observed.services[0].replicas[1].state = State::Unhealthy;
    let plan = plan(&wanted, &observed);
    assert_eq!(plan.waves[0].actions[0].kind, Kind::Repair);
    assert_eq!(reasons(&plan, "web"), ["not well: 1", "ended: 1"]);
    assert_eq!(finish(&wanted, &observed).services[0].replicas.len(), 3);
}

#[test]
fn what_is_not_well_stops_before_anything_is_waited_for() {
    let of = |update: Update, image: &str| manifest(vec![Service { replicas: 2, update, ..service("web", image) }]);
    for strategy in [Strategy::Rolling, Strategy::BlueGreen] {
        let policy = Update { strategy, min_available: 2, ..Update::default() };
        let mut observed = applied(&of(policy, "web:2"));
        observed.services[0].replicas[1].state = State::Unhealthy;
        let wanted = of(policy, "web:2");
        assert_eq!(shown(&plan(&wanted, &observed)), [["web repair: stop new-1, start 1, wait until healthy"]]);
        // The same in the middle of an update.
        let old = Replica { id: "old".to_owned(), ..applied(&of(policy, "web:1")).services[0].replicas[0].clone() };
        observed.services[0].replicas.push(old);
        let steps = &plan(&wanted, &observed).waves[0].actions[0].steps;
        assert_eq!(steps[0], Step::Stop(vec!["new-1".to_owned()]), "{steps:?}");
        assert_eq!(finish(&wanted, &observed).services[0].replicas.len(), 2);
    }
}

#[test]
fn what_is_started_again_after_failures_only_is_waited_for_and_kept_available_as_a_service() {
    let restart = Restart { condition: RestartCondition::OnFailure, ..Restart::default() };
    let of = |image: &str| {
        let update = Update { min_available: 2, ..Update::default() };
        manifest(vec![Service { replicas: 2, restart, update, ..service("web", image) }])
    };
    let before = applied(&of("web:1"));
    assert_eq!(
        shown(&plan(&of("web:2"), &before))[0],
        ["web replace: start 1, wait until healthy, stop new-0, start 1, wait until healthy, stop new-1"]
    );
    let with = |state: State| {
        let mut observed = before.clone();
        observed.services[0].replicas[0].state = state;
        plan(&of("web:1"), &observed)
    };
    assert!(with(State::Completed).is_empty(), "it has not failed");
    assert_eq!(reasons(&with(State::Failed), "web"), ["ended: 1"]);
}

#[test]
fn what_runs_once_and_has_failed_is_not_run_again_until_it_changes() {
    let of = |image: &str| {
        let restart = Restart { condition: RestartCondition::Never, ..Restart::default() };
        manifest(vec![Service { restart, ..service("migrate", image) }])
    };
    let mut observed = applied(&of("m:1"));
    observed.services[0].replicas[0].state = State::Failed;
    assert!(plan(&of("m:1"), &observed).is_empty());
    assert_eq!(reasons(&plan(&of("m:2"), &observed), "migrate"), ["it does not run", "ended: 1"]);
}

#[test]
fn what_is_not_in_the_manifest_stops_last_and_in_the_opposite_order() {
    let plan = plan(&manifest(vec![service("new", "new:1")]), &applied(&platform("db:1")));
    let services: Vec<_> = plan.waves.iter().map(|wave| wave.actions[0].service.as_str()).collect();
    assert_eq!(services, ["new", "web", "api", "db"]);
    assert_eq!(reasons(&plan, "db"), ["it is not in the manifest"]);
}

#[test]
fn services_that_exchange_their_ports_let_go_of_them_first() {
    let holder = |name: &str, published| Service {
        ports: vec![Port { target: 80, published: Some(published), protocol: Protocol::Tcp }],
        update: Update { order: Order::StopFirst, ..Update::default() },
        ..service(name, "a:1")
    };
    let before = applied(&manifest(vec![holder("a", 80), holder("b", 81)]));
    let after = manifest(vec![holder("a", 81), holder("b", 80)]);
    let plan = plan(&after, &before);
    assert_eq!(reasons(&plan, "a"), ["`b` needs port 80, which it holds", "changed: ports"]);
    assert_eq!(plan.waves.len(), 2);
    assert_eq!(super::plan(&after, &finish(&after, &before)), Plan::default());
}

#[test]
fn what_runs_once_is_waited_for_to_its_end_and_is_not_run_again() {
    let migrate = Service { restart: Restart { condition: RestartCondition::Never, ..Restart::default() }, ..service("migrate", "m:1") };
    let after = Dependency { condition: Condition::Completed, ..needs("migrate", false) };
    let wanted = manifest(vec![migrate, Service { depends_on: vec![after], ..service("web", "web:1") }]);
    let first = plan(&wanted, &Observed::default());
    assert_eq!(shown(&first)[0], ["migrate create: start 1, wait until completed"]);
    assert!(plan(&wanted, &applied(&wanted)).is_empty());
}

#[test]
fn each_part_of_what_runs_is_seen_and_nothing_else_is() {
    let base = Service { replicas: 1, ..service("web", "web:1") };
    let changed = |change: fn(&mut Service)| {
        let mut changed = base.clone();
        change(&mut changed);
        let (before, after) = (manifest(vec![base.clone()]), manifest(vec![changed]));
        revisions(&after)["web"].changed(&revisions(&before)["web"])
    };
    assert_eq!(changed(|web| web.context.command = vec!["a".to_owned()]), [Part::Command]);
    assert_eq!(changed(|web| web.context.environment = [("A".to_owned(), "b".to_owned())].into()), [Part::Environment]);
    assert_eq!(changed(|web| web.context.networks = vec!["n".to_owned()]), [Part::Networks]);
    assert_eq!(changed(|web| web.context.resources.memory = Some(1)), [Part::Resources]);
    assert_eq!(changed(|web| web.context.user = Some("app".to_owned())), [Part::Process]);
    assert_eq!(changed(|web| web.ports = vec![Port { target: 1, published: None, protocol: Protocol::Udp }]), [Part::Ports]);
    assert_eq!(changed(|web| web.replicas = 5), []);
    assert_eq!(changed(|web| web.labels = [("a".to_owned(), "b".to_owned())].into()), []);
    assert_eq!(changed(|web| web.update.parallelism = 5), []);
}

#[test]
fn the_order_of_lists_that_have_none_changes_nothing() {
    let port = |target| Port { target, published: None, protocol: Protocol::Tcp };
    let of = |ports: Vec<Port>, networks: [&str; 2]| {
        let context = Context { networks: networks.map(str::to_owned).to_vec(), ..service("web", "web:1").context };
        revisions(&manifest(vec![Service { ports, context, ..service("web", "web:1") }]))["web"].clone()
    };
    assert_eq!(of(vec![port(1), port(2)], ["a", "b"]), of(vec![port(2), port(1)], ["b", "a"]));
}

#[test]
fn a_revision_reads_back_from_its_text() {
    let revision = revisions(&platform("db:1"))["api"].clone();
    assert_eq!(revision.to_string().parse(), Ok(revision));
    for text in ["", "image", "image=1", "color=0123456789abcdef", "image=0123456789abcdeg"] {
        assert!(text.parse::<crate::revision::Revision>().is_err(), "{text}");
    }
}
