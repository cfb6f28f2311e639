//! What every engine keeps to: the same tests on each.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use orchestrator::engine::{Engine, Error, Instance, LogAsk, NetworkOrder, Order, Phase};

use crate::in_memory::InMemoryEngine;
use crate::support::{Installation, PATIENCE, image, order, unique};

/// An engine, and the installation that it works for.
struct Place {
    engine: Arc<dyn Engine>,
    scope: String,
    _installation: Option<Installation>,
}

macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod on_docker {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Place::docker().await).await;
            })+
        }
        mod in_memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Place::in_memory().await).await;
            })+
        }
    };
}

contract!(
    what_was_created_runs_once_it_is_started,
    a_name_is_created_once,
    stopping_and_removing_twice_is_no_error,
    an_end_is_told_with_its_code,
    what_cannot_start_says_so_and_is_seen,
    an_image_that_nobody_has_is_missing,
    a_network_that_is_not_there_is_missing_at_the_start,
    a_network_that_is_there_and_is_another_is_refused,
    calls_reach_what_serves,
    a_command_in_it_answers_with_its_code,
    lines_come_with_their_output_and_bounds,
    who_listens_hears_of_starts_and_stops,
);

// === impl Place ===

impl Place {
    async fn docker() -> Self {
        image("1");
        let installation = Installation::new();
        let place = Place { engine: installation.engine.clone(), scope: installation.scope.clone(), _installation: Some(installation) };
        place.with_network().await
    }

    async fn in_memory() -> Self {
        Place { engine: InMemoryEngine::new(), scope: unique(), _installation: None }.with_network().await
    }

    async fn with_network(self) -> Self {
        let network = NetworkOrder { name: format!("zona-{}", self.scope), internal: false };
        self.engine.network(&network).await.unwrap();
        // One that is there stays as it is.
        self.engine.network(&network).await.unwrap();
        self
    }

    fn order(&self, command: &str) -> Order {
        order(&self.scope, &service("zona-orchestrator-test:1", command))
    }

    async fn started(&self, command: &str) -> String {
        let id = self.engine.create(&self.order(command)).await.unwrap();
        self.engine.start(&id).await.unwrap();
        id
    }

    async fn only(&self) -> Instance {
        let mut listed = self.engine.list().await.unwrap();
        assert_eq!(listed.len(), 1, "{listed:#?}");
        listed.remove(0)
    }

    /// Looks until the one that there is fits.
    async fn until(&self, fits: impl Fn(&Instance) -> bool) -> Instance {
        let begun = std::time::Instant::now();
        loop {
            let instance = self.only().await;
            if fits(&instance) {
                return instance;
            }
            assert!(begun.elapsed() < PATIENCE, "{instance:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn service(image: &str, command: &str) -> String {
    format!("{{name: shop, services: [{{name: web, context: {{image: '{image}', command: [{command}], stop_grace: 3s}}}}]}}")
}

async fn what_was_created_runs_once_it_is_started(place: Place) {
    let order = Order {
        resources: process::service::Resources { memory: Some(64 << 20), memory_reserved: None, milli_processors: Some(500) },
        ..place.order("")
    };
    let id = place.engine.create(&order).await.unwrap();
    let created = place.only().await;
    assert_eq!((&created.id, &created.name, &created.phase), (&id, &order.name, &Phase::Created));
    assert_eq!((&created.identity, &created.image), (&order.identity, &order.image));
    assert_eq!((created.stop_grace, created.changeable.resources), (Duration::from_secs(3), order.resources));
    place.engine.start(&id).await.unwrap();
    let running = place.only().await;
    assert!(running.is_running() && running.serving && running.started.is_some(), "{running:#?}");
    assert_eq!(running.changeable.networks, order.identity.networks);
    // What runs is not started a second time.
    place.engine.start(&id).await.unwrap();
    assert_eq!(place.only().await.started, running.started);
}

async fn a_name_is_created_once(place: Place) {
    place.engine.create(&place.order("")).await.unwrap();
    assert!(matches!(place.engine.create(&place.order("")).await, Err(Error::Taken(_))));
    assert_eq!(place.engine.list().await.unwrap().len(), 1);
}

async fn stopping_and_removing_twice_is_no_error(place: Place) {
    let id = place.started("").await;
    for _ in 0..2 {
        place.engine.stop(&id, Duration::from_secs(3)).await.unwrap();
        assert!(matches!(place.only().await.phase, Phase::Ended { .. }));
    }
    for _ in 0..2 {
        place.engine.remove(&id).await.unwrap();
        assert!(place.engine.list().await.unwrap().is_empty());
    }
    place.engine.stop(&id, Duration::from_secs(3)).await.unwrap();
}

async fn an_end_is_told_with_its_code(place: Place) {
    for expected in [0, 7] {
        let id = place.started(&format!("--end-after, '0', '{expected}'")).await;
        let ended = place.until(|instance| !instance.is_running()).await;
        let Phase::Ended { code, at, out_of_memory } = ended.phase else { panic!("{ended:#?}") };
        assert_eq!((code, out_of_memory), (expected, false));
        assert!(at.as_millis() > 0);
        place.engine.remove(&id).await.unwrap();
    }
}

async fn what_cannot_start_says_so_and_is_seen(place: Place) {
    let order = Order { entrypoint: vec!["/nothing".to_owned()], ..place.order("") };
    let id = place.engine.create(&order).await.unwrap();
    match place.engine.start(&id).await {
        Err(Error::Refused(_)) => assert!(matches!(place.only().await.phase, Phase::Unstartable(why) if !why.is_empty())),
        Err(other) => panic!("{other:?}"),
        // Docker starts its own first process, which then finds no program.
        Ok(()) => {
            let ended = place.until(|instance| !instance.is_running()).await;
            assert!(matches!(ended.phase, Phase::Ended { code: 127, .. }), "{ended:#?}");
        }
    }
}

async fn an_image_that_nobody_has_is_missing(place: Place) {
    place.engine.fetch("zona-orchestrator-test:1").await.unwrap();
    let nothing = "127.0.0.1:1/zona/nothing:1";
    assert!(matches!(place.engine.fetch(nothing).await, Err(Error::Missing(_))));
    let order = order(&place.scope, &service(nothing, ""));
    assert!(matches!(place.engine.create(&order).await, Err(Error::Missing(_))));
    assert!(place.engine.list().await.unwrap().is_empty());
}

async fn a_network_that_is_not_there_is_missing_at_the_start(place: Place) {
    let mut order = place.order("");
    order.identity.networks = vec![format!("zona-{}.absent", place.scope)];
    let id = place.engine.create(&order).await.unwrap();
    assert!(matches!(place.engine.start(&id).await, Err(Error::Missing(_))));
}

async fn a_network_that_is_there_and_is_another_is_refused(place: Place) {
    let network = |internal| NetworkOrder { name: format!("zona-{}.inner", place.scope), internal };
    place.engine.network(&network(true)).await.unwrap();
    place.engine.network(&network(true)).await.unwrap();
    assert!(matches!(place.engine.network(&network(false)).await, Err(Error::Refused(why)) if why.contains(".inner")));
    // What is connected to the outside must not pass for what is not.
    let open = NetworkOrder { name: format!("zona-{}", place.scope), internal: true };
    assert!(matches!(place.engine.network(&open).await, Err(Error::Refused(_))));
}

async fn calls_reach_what_serves(place: Place) {
    let id = place.started("").await;
    for serving in [false, false, true, true] {
        place.engine.serve(&id, serving).await.unwrap();
        let instance = place.only().await;
        assert_eq!(instance.serving, serving);
        assert!(instance.is_running());
        assert_eq!(instance.changeable.networks, instance.identity.networks);
    }
}

async fn a_command_in_it_answers_with_its_code(place: Place) {
    let id = place.started("--ready-after, '600'").await;
    let probe = ["/service", "--probe", "80"].map(str::to_owned);
    assert_eq!(place.engine.run(&id, &probe, PATIENCE).await, Ok(1));
    let begun = std::time::Instant::now();
    while place.engine.run(&id, &probe, PATIENCE).await != Ok(0) {
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn lines_come_with_their_output_and_bounds(place: Place) {
    let id = place.started("--say, one, --complain, two, --say, three").await;
    let read = async |ask: LogAsk| -> Vec<(bool, String)> {
        let lines = place.engine.logs(&id, ask).await.unwrap().map_ok(|line| (line.nanos, line.is_error, line.text));
        let mut lines: Vec<_> = lines.try_collect().await.unwrap();
        // Each output is in order; between both, time decides.
        lines.sort_by_key(|(nanos, ..)| *nanos);
        lines.into_iter().map(|(_, is_error, text)| (is_error, text)).collect()
    };
    let begun = std::time::Instant::now();
    let mut all = read(LogAsk::default()).await;
    while !["two", "begins"].iter().all(|wanted| all.iter().any(|(_, text)| text == wanted)) {
        assert!(begun.elapsed() < PATIENCE, "{all:?}");
        all = read(LogAsk::default()).await;
    }
    // Docker reads both outputs by themselves, so lines of the same moment have no order between them.
    let of = |is_error| all.iter().filter(|line| line.0 == is_error).map(|line| line.1.as_str()).collect::<Vec<_>>();
    assert_eq!((&of(false)[..3], &of(true)[..1]), (&["one", "three", "begins"][..], &["two"][..]));
    let last = read(LogAsk { tail: Some(1), ..LogAsk::default() }).await;
    assert_eq!(last.len(), 1);
    let later = place.only().await.started.unwrap().plus(Duration::from_secs(60));
    assert!(read(LogAsk { since: Some(later), ..LogAsk::default() }).await.is_empty());
    let followed = place.engine.logs(&id, LogAsk { follow: true, ..LogAsk::default() }).await.unwrap();
    let first: Vec<_> = followed.take(3).try_collect().await.unwrap();
    assert_eq!(first.len(), 3);
}

async fn who_listens_hears_of_starts_and_stops(place: Place) {
    let mut changes = place.engine.changes().await.unwrap();
    let id = place.engine.create(&place.order("")).await.unwrap();
    // Whether the daemon listens already when its answer begins is not told: what is heard decides.
    let heard = async {
        let mut seen = Vec::new();
        while let Some(change) = changes.next().await {
            let change = change.unwrap();
            assert_eq!((change.id.as_str(), change.service.as_str()), (id.as_str(), "web"));
            seen.push(change.action);
            if seen.iter().any(|action| action == "start") && seen.iter().any(|action| action == "stop") {
                return;
            }
        }
    };
    let done = async {
        place.engine.start(&id).await.unwrap();
        place.engine.stop(&id, Duration::from_secs(3)).await.unwrap();
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(heard, done) }).await.expect("both are heard");
}
