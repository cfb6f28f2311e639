//! What holds of every change from one platform to another, on the engine in memory: it is reached, or taken back as a whole; never fewer
//! run than must; and whatever is asked of it twice is done once.

use orchestrator::apply::Ending;
use proptest::prelude::*;

use crate::in_memory::InMemoryEngine;
use crate::support::{Manager, manifest};

/// What a case says of one service, before and after.
#[derive(Debug, Clone)]
struct Draft {
    group: usize,
    needs_first: bool,
    replicas: (u32, u32),
    version: (u8, u8),
    strategy: usize,
    stop_first: bool,
    parallelism: u32,
    slow: bool,
    checked: bool,
    /// Whether the new image ends at once.
    bad: bool,
    known: (bool, bool),
}

fn draft() -> impl Strategy<Value = Draft> {
    let shape = (0..4_usize, any::<bool>(), (1..4_u32, 1..4_u32), (1..4_u8, 1..4_u8), 0..3_usize);
    let rest = (any::<bool>(), 1..3_u32, any::<bool>(), any::<bool>(), prop::bool::weighted(0.15));
    (shape, rest, (prop::bool::weighted(0.9), prop::bool::weighted(0.9))).prop_map(|(shape, rest, known)| Draft {
        group: shape.0,
        needs_first: shape.1,
        replicas: shape.2,
        version: shape.3,
        strategy: shape.4,
        stop_first: rest.0,
        parallelism: rest.1,
        slow: rest.2,
        checked: rest.3,
        bad: rest.4,
        known,
    })
}

/// The fewest replicas that must be available at any time. Beside those there is one that may be missed.
fn fewest(replicas: u32) -> u32 {
    replicas.saturating_sub(1)
}

fn text(drafts: &[Draft], after: bool) -> String {
    let pick = |pair: (bool, bool)| if after { pair.1 } else { pair.0 };
    let groups = ["SYSTEM", "CORE", "BATCH", "APP"];
    let mut order: Vec<usize> = (0..drafts.len()).filter(|index| pick(drafts[*index].known)).collect();
    order.sort_by_key(|index| drafts[*index].group);
    let first = order.first().copied();
    let services = order.iter().map(|index| {
        let draft = &drafts[*index];
        let replicas = if after { draft.replicas.1 } else { draft.replicas.0 };
        let version = if after { draft.version.1 } else { draft.version.0 };
        let tag = if after && draft.bad { "bad".to_owned() } else { version.to_string() };
        let needs = match first.filter(|first| draft.needs_first && first != index) {
            Some(first) => format!("depends_on: [{{service: s{first}}}], "),
            None => String::new(),
        };
        let health = if draft.checked { "health: {command: [/service, --probe, '80'], interval: 1s, retries: 2}, " } else { "" };
        let strategy = ["rolling", "blue-green", "canary, canary_hold: 2s"][draft.strategy];
        let stop_first = if draft.stop_first { "stop-first" } else { "start-first" };
        format!(
            "  - {{name: s{index}, group: {}, {needs}{health}replicas: {replicas}, \
             context: {{image: 'zona-orchestrator-test:{tag}', command: [--ready-after, '{}'], stop_grace: 1s}}, \
             update: {{strategy: {strategy}, order: {stop_first}, parallelism: {}, min_available: {}}}}}\n",
            groups[draft.group],
            if draft.slow { 700 } else { 0 },
            draft.parallelism,
            fewest(replicas),
        )
    });
    let services: String = services.collect();
    if services.is_empty() { "{name: shop, services: []}".to_owned() } else { format!("name: shop\nservices:\n{services}") }
}

async fn case(drafts: Vec<Draft>) {
    let engine = InMemoryEngine::new();
    let (before, after) = (manifest(&text(&drafts, false)), manifest(&text(&drafts, true)));
    let manager = Manager::new(engine.clone(), "t");
    manager.reach(&before).await;
    let names = engine.names();
    manager.reach(&before).await;
    assert_eq!(engine.names(), names, "a second time nothing is done");
    engine.forget_lowest();
    let ending = manager.apply(&after, Some(&before)).await;
    let wanted = match &ending {
        Ending::Reached => &after,
        Ending::RolledBack(failure) => {
            assert!(after.services.iter().any(|service| service.name == failure.service && service.context.image.ends_with("bad")));
            assert_eq!(failure.log, ["no such setting", "begins"], "{failure:?}");
            &before
        }
        Ending::Failed(_) | Ending::LetGo => panic!("{ending:?}"),
    };
    let has_bad = after.services.iter().any(|service| service.context.image.ends_with("bad"));
    assert_eq!(has_bad, matches!(ending, Ending::RolledBack(_)));
    let plan = manager.applier.plan(wanted).await.unwrap();
    assert!(plan.is_empty(), "{plan:#?}");
    for (index, draft) in drafts.iter().enumerate() {
        let name = format!("s{index}");
        let is_in = |manifest: &process::manifest::Manifest| manifest.services.iter().any(|service| service.name == name);
        // Both manifests say how few there may be; a new image that is seen to be well by running only is well when it is not.
        if is_in(&before) && is_in(&after) && draft.checked {
            let least = fewest(draft.replicas.0).min(fewest(draft.replicas.1)) as usize;
            assert!(engine.lowest(&name).unwrap_or(least) >= least, "{name}: {:?} of {least}", engine.lowest(&name));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_change_is_reached_or_taken_back_as_a_whole(drafts in prop::collection::vec(draft(), 1..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(case(drafts));
    }
}
