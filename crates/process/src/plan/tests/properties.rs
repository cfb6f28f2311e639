//! What holds of every plan.

use proptest::prelude::*;
use proptest::strategy::Strategy as _;

use super::simulation::{Engine, finish, has_ended, in_turn};
use super::*;
use crate::service::Strategy;

const GROUPS: [Group; 4] = [Group::System, Group::Core, Group::Batch, Group::App];
/// Services of a case.
const SERVICES: usize = 6;

/// What a case says of one service.
#[derive(Debug, Clone)]
struct Draft {
    group: usize,
    needs: Vec<(bool, bool)>,
    wanted: u32,
    enabled: bool,
    held_port: bool,
    /// Whether it held a port before.
    past_port: bool,
    restart: RestartCondition,
    strategy: u8,
    stop_first: bool,
    parallelism: u32,
    min_available: u32,
    version: u8,
    /// Whether it is in the manifest.
    known: bool,
    /// Version, state and whether calls reach it, of each replica that runs.
    replicas: Vec<(u8, u8, bool)>,
}

fn draft() -> impl proptest::strategy::Strategy<Value = Draft> {
    let shape = (
        0..4_usize,
        prop::collection::vec((any::<bool>(), any::<bool>()), SERVICES),
        0..5_u32,
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.3),
    );
    let restart =
        prop_oneof![8 => Just(RestartCondition::Always), 1 => Just(RestartCondition::OnFailure), 1 => Just(RestartCondition::Never)];
    let policy = (restart, 0..3_u8, any::<bool>(), 1..4_u32, 0..5_u32);
    let now = (0..2_u8, prop::bool::weighted(0.85), prop::collection::vec((0..2_u8, 0..8_u8, prop::bool::weighted(0.9)), 0..5));
    (shape, policy, now).prop_map(|(shape, policy, now)| Draft {
        group: shape.0,
        needs: shape.1,
        wanted: shape.2,
        enabled: shape.3,
        held_port: shape.4,
        past_port: shape.5,
        restart: policy.0,
        strategy: policy.1,
        stop_first: policy.2,
        parallelism: policy.3,
        min_available: policy.4,
        version: now.0,
        known: now.1,
        replicas: now.2,
    })
}

/// A service of a case, with a version of its image and a port.
fn build(drafts: &[Draft], index: usize, version: u8, port: u16) -> Service {
    let draft = &drafts[index];
    let held_port = draft.held_port && draft.restart != RestartCondition::Never;
    let wanted = if held_port { draft.wanted.min(1) } else { draft.wanted };
    let others = draft.needs.iter().take(index).enumerate().filter(|(other, (needs, _))| *needs && drafts[*other].known);
    Service {
        enabled: draft.enabled,
        replicas: wanted,
        ports: if held_port { vec![Port { target: 80, published: Some(port), protocol: Protocol::Tcp }] } else { Vec::new() },
        depends_on: others.map(|(other, (_, restart))| needs(&format!("s{other}"), *restart)).collect(),
        group: GROUPS[draft.group],
        restart: Restart { condition: draft.restart, ..Restart::default() },
        update: Update {
            strategy: match draft.strategy {
                _ if held_port => Strategy::Rolling,
                0 => Strategy::Rolling,
                1 => Strategy::BlueGreen,
                _ => Strategy::Canary { share: 25, hold: Duration::from_secs(1) },
            },
            parallelism: draft.parallelism,
            order: if held_port || draft.stop_first { Order::StopFirst } else { Order::StartFirst },
            min_available: if held_port { 0 } else { draft.min_available.min(wanted) },
            max_failures: 0,
        },
        ..service(&format!("s{index}"), &format!("image:{version}"))
    }
}

/// What is wanted, and what runs before.
fn case(mut drafts: Vec<Draft>, shift: usize) -> (Manifest, Observed) {
    drafts.sort_by_key(|draft| draft.group);
    let known: Vec<usize> = (0..drafts.len()).filter(|index| drafts[*index].known).collect();
    let port = |index: usize, shift: usize| 100 + u16::try_from((index + shift) % SERVICES).expect("a few services");
    let wanted = manifest(known.iter().map(|index| build(&drafts, *index, drafts[*index].version, port(*index, 0))).collect());
    // Two states of the past, whose ports were those of the neighbors.
    let before: Vec<Draft> = drafts.iter().map(|draft| Draft { held_port: draft.past_port, ..draft.clone() }).collect();
    let past = [0, 1].map(|version| manifest((0..drafts.len()).map(|index| build(&before, index, version, port(index, shift))).collect()));
    let services = drafts.iter().enumerate().map(|(index, draft)| {
        let name = format!("s{index}");
        let service = &past[0].services[index];
        let holds_port = service.holds_port() || (draft.known && draft.held_port);
        let most = if holds_port { 1 } else { draft.replicas.len() };
        let replicas = draft.replicas.iter().take(most).enumerate().map(|(number, (version, state, serving))| {
            let current = *version == draft.version && draft.known && shift == 0;
            let from = if current { &wanted } else { &past[usize::from(*version)] };
            let states = [State::Healthy, State::Starting, State::Unhealthy, State::Failed, State::Completed];
            Replica {
                id: format!("{name}-{number}"),
                revision: revisions(from)[name.as_str()].clone(),
                // Half of them are well.
                state: states[usize::from(state.saturating_sub(3))],
                serving: *serving,
                published: from
                    .services
                    .iter()
                    .find(|service| service.name == name)
                    .expect("it is there")
                    .ports
                    .iter()
                    .filter_map(|port| Some((port.published?, port.protocol)))
                    .collect(),
            }
        });
        ObservedService {
            name: name.clone(),
            group: service.group,
            depends_on: service.depends_on.iter().map(|other| other.service.clone()).collect(),
            replicas: replicas.collect(),
        }
    });
    let observed = Observed { services: services.collect() };
    (wanted, observed)
}

fn any_case() -> impl proptest::strategy::Strategy<Value = (Manifest, Observed)> {
    (prop::collection::vec(draft(), SERVICES), 0..3_usize).prop_map(|(drafts, shift)| case(drafts, shift))
}

/// Whether everything is as it shall be.
fn is_reached(manifest: &Manifest, observed: &Observed) -> Result<(), TestCaseError> {
    let revisions = revisions(manifest);
    for service in &observed.services {
        let wanted = manifest.services.iter().find(|known| known.name == service.name);
        prop_assert_eq!(service.replicas.len(), wanted.map_or(0, |wanted| wanted.wanted() as usize), "{}", service.name);
        for replica in &service.replicas {
            prop_assert_eq!(&replica.revision, &revisions[service.name.as_str()]);
            prop_assert!(replica.serving || has_ended(replica));
            let may_fail = wanted.is_some_and(|wanted| wanted.ends(false));
            prop_assert!(replica.state != State::Failed || may_fail);
        }
    }
    let missing = manifest
        .services
        .iter()
        .filter(|service| service.wanted() > 0 && !observed.services.iter().any(|other| other.name == service.name));
    prop_assert_eq!(missing.count(), 0);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_plan_reaches_what_is_wanted_and_then_nothing_is_left_to_do((manifest, observed) in any_case()) {
        let after = finish(&manifest, &observed);
        is_reached(&manifest, &after)?;
        prop_assert_eq!(plan(&manifest, &after), Plan::default());
    }

    #[test]
    fn fewer_than_the_policy_demands_are_never_available((manifest, observed) in any_case()) {
        let plan = plan(&manifest, &observed);
        let mut engine = Engine::new(&manifest, observed);
        // Who lets go of a port that another one needs is not spared.
        let released = |service: &Service| {
            let actions = plan.actions().filter(|action| action.service == service.name);
            actions.flat_map(|action| &action.reasons).any(|reason| matches!(reason, Reason::ReleasesPort { .. }))
        };
        let kept: Vec<_> = manifest.services.iter().filter(|service| !service.ends(false) && !service.holds_port() && !released(service)).map(|service| {
            // What has ended and is not started again is nobody's to keep available.
            let of_done = |replica: &&Replica| replica.state == State::Completed && replica.revision == revisions(&manifest)[service.name.as_str()];
            let done = match service.restart.condition {
                RestartCondition::Always => 0,
                RestartCondition::OnFailure | RestartCondition::Never => engine.replicas(&service.name).iter().filter(of_done).count(),
            };
            let most = (service.wanted() as usize).saturating_sub(done);
            let least = (service.update.min_available as usize).min(most).min(engine.available(&service.name));
            (service.name.clone(), least)
        }).collect();
        for (action, step) in in_turn(&plan) {
            engine.step(action, step);
            for (service, least) in &kept {
                prop_assert!(engine.available(service) >= *least, "{service}: {} of {least} after {step:?}", engine.available(service));
            }
        }
    }

    #[test]
    fn what_a_service_needs_is_done_in_an_earlier_wave((manifest, observed) in any_case()) {
        let plan = plan(&manifest, &observed);
        let starts = |action: &&Action| action.steps.iter().any(|step| matches!(step, Step::Start { .. }));
        let wave_of = |name: &str| plan.waves.iter().position(|wave| wave.actions.iter().filter(starts).any(|action| action.service == name));
        for service in &manifest.services {
            let Some(own) = wave_of(&service.name) else { continue };
            for dependency in &service.depends_on {
                prop_assert!(wave_of(&dependency.service).is_none_or(|other| other < own));
            }
            for other in manifest.services.iter().filter(|other| other.group < service.group) {
                prop_assert!(wave_of(&other.name).is_none_or(|other| other < own), "{} before {}", service.name, other.name);
            }
        }
    }

    #[test]
    fn what_is_as_it_shall_be_is_not_touched((manifest, observed) in any_case()) {
        let plan = plan(&manifest, &observed);
        let revisions = revisions(&manifest);
        for service in &manifest.services {
            let replicas = observed.services.iter().find(|other| other.name == service.name).map(|other| other.replicas.as_slice()).unwrap_or_default();
            let right = |replica: &Replica| {
                replica.revision == revisions[service.name.as_str()] && replica.serving && matches!(replica.state, State::Starting | State::Healthy)
            };
            let is_right = replicas.len() == service.wanted() as usize && replicas.iter().all(right);
            let actions: Vec<_> = plan.actions().filter(|action| action.service == service.name).collect();
            prop_assert!(!is_right || actions.is_empty(), "{actions:?}");
            prop_assert!(actions.iter().all(|action| !action.reasons.is_empty() && !action.steps.is_empty()));
        }
    }

    #[test]
    fn whoever_is_stopped_anywhere_goes_on_and_starts_nothing_twice((manifest, observed) in any_case(), at in any::<prop::sample::Index>()) {
        let whole = plan(&manifest, &observed);
        let steps = in_turn(&whole);
        let mut all = Engine::new(&manifest, observed.clone());
        steps.iter().for_each(|(action, step)| all.step(action, step));

        let mut engine = Engine::new(&manifest, observed);
        for (action, step) in &steps[..at.index(steps.len() + 1)] {
            engine.step(action, step);
        }
        let rest = plan(&manifest, &engine.observed);
        for (action, step) in in_turn(&rest) {
            engine.step(action, step);
        }
        is_reached(&manifest, &engine.observed)?;
        prop_assert_eq!(engine.started, all.started);
    }
}
