//! Watching over what runs: restarts and where they end, what somebody does by hand, and a manager that begins anew.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::process::{Desired, IntegrationOverride, Notation, Outcome, Platform as _, ServiceState, ServiceStatus, What};
use futures_util::StreamExt as _;
use orchestrator::engine::Engine;
use orchestrator::platform::{Config, Orchestrator};

use crate::in_memory::InMemoryEngine;
use crate::support::{Installation, PATIENCE, RuntimeClock, alone, docker, image, quick};

/// A service that runs on, and one that crashes a minute after each start.
const SHOP: &str = "
name: shop
services:
  - {name: web, context: {image: 'zona-orchestrator-test:1', stop_grace: 1s}, replicas: 2}
  - {name: frail, context: {image: 'zona-orchestrator-test:1', command: [--crash-after, '60000']}}
";

fn desired(revision: u64, manifest: &str) -> Arc<Desired> {
    Arc::new(Desired { revision, manifest: manifest.into(), notation: Notation::Yaml, ..Desired::default() })
}

async fn orchestrator(engine: Arc<dyn Engine>, scope: &str, corrects: bool) -> Arc<Orchestrator> {
    let config = Config { scope: scope.to_owned(), secrets: None, patience: quick(), corrects };
    Orchestrator::new(config, engine, alone().await, RuntimeClock::new())
}

async fn status(orchestrator: &Orchestrator, manifest: &str, service: &str) -> ServiceStatus {
    let all = orchestrator.status(Some(&*desired(1, manifest))).await.unwrap();
    all.into_iter().find(|status| status.name == service).expect("it is wanted")
}

/// Lets time pass, with a round every few seconds.
async fn rounds(orchestrator: &Orchestrator, time: Duration) {
    let until = tokio::time::Instant::now() + time;
    while tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_secs(5)).await;
        orchestrator.round().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_ends_after_two_restarts_and_stays_so_for_the_next_manager() {
    let engine = InMemoryEngine::new();
    let first = orchestrator(engine.clone(), "t", true).await;
    assert_eq!(first.apply(desired(1, SHOP), None).await.unwrap(), Outcome::Reached);
    rounds(&first, Duration::from_secs(70)).await;
    let waiting = status(&first, SHOP, "frail").await;
    assert!(waiting.detail.starts_with("it ended with 3; it starts again in "), "{waiting:?}");
    // One that begins anew knows from the labels how often that was.
    rounds(&first, Duration::from_secs(60)).await;
    let second = orchestrator(engine.clone(), "t", true).await;
    let applied = second.apply(desired(1, SHOP), None).await.unwrap();
    assert_eq!(applied, Outcome::Reached);
    rounds(&second, Duration::from_secs(600)).await;
    let failed = status(&second, SHOP, "frail").await;
    assert_eq!(failed.state, ServiceState::Failed);
    assert!(failed.detail.contains("started again 2 times within 30m"), "{failed:?}");
    assert_eq!(failed.replicas.len(), 1, "what ended last is left to be looked at");
    assert_eq!(status(&second, SHOP, "web").await.state, ServiceState::Running);
    assert_eq!(engine.names().len(), 3);
}

/// What was logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn integrations_run_as_services_of_their_own_until_they_shall_not() {
    let engine = InMemoryEngine::new();
    let manager = orchestrator(engine.clone(), "t", true).await;
    let text = "
name: shop
services: [{name: web, context: {image: 'zona-orchestrator-test:1'}}]
integrations: [{integration_id: 7, title: Mail, serviceName: web, executable: /service, executionDir: /var/mail, tenantcode: acme}]
";
    assert_eq!(manager.apply(desired(1, text), None).await.unwrap(), Outcome::Reached);
    assert_eq!((engine.available("web"), engine.available("integration-7")), (1, 1));
    assert_eq!(engine.directories("integration-7"), [Some("/var/mail".to_owned())]);
    let off = IntegrationOverride { enabled: Some(false), ..IntegrationOverride::default() };
    let mut without = Desired::clone(&desired(2, text));
    without.integrations.overrides.insert(7, off);
    assert_eq!(manager.apply(Arc::new(without), None).await.unwrap(), Outcome::Reached);
    assert_eq!((engine.available("web"), engine.available("integration-7")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_a_service_writes_is_not_in_the_log_of_its_manager() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _only_here = tracing::subscriber::set_default(subscriber);
    let engine = InMemoryEngine::new();
    let manager = orchestrator(engine.clone(), "t", true).await;
    let text = "{name: shop, services: [{name: frail, context: {image: 'zona-orchestrator-test:1',
        command: [--say, hunter2, --crash-after, '60000']}}]}";
    manager.apply(desired(1, text), None).await.unwrap();
    rounds(&manager, Duration::from_secs(600)).await;
    let text = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("ended too often") && !text.contains("hunter2"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_stops_takes_away_or_limits_by_hand_is_put_right() {
    let engine = InMemoryEngine::new();
    let manager = orchestrator(engine.clone(), "t", true).await;
    manager.apply(desired(1, SHOP), None).await.unwrap();
    let ids = |status: &ServiceStatus| status.replicas.iter().map(|replica| replica.id.clone()).collect::<Vec<_>>();
    let before = ids(&status(&manager, SHOP, "web").await);

    engine.remove(&before[0]).await.unwrap();
    manager.round().await;
    assert_eq!(engine.available("web"), 2, "taken away");

    let now = ids(&status(&manager, SHOP, "web").await);
    engine.stop_by_hand(&now[0]);
    rounds(&manager, Duration::from_secs(30)).await;
    let stopped = status(&manager, SHOP, "web").await;
    assert_eq!((stopped.available, stopped.restarts), (2, 1), "stopped");

    let now = ids(&stopped);
    engine.limit_by_hand(&now[0], 1 << 20);
    manager.round().await;
    assert!(!ids(&status(&manager, SHOP, "web").await).contains(&now[0]), "limited");
    assert_eq!(engine.available("web"), 2);
    assert_eq!(status(&manager, SHOP, "web").await.drift, "");
}

#[tokio::test(start_paused = true)]
async fn what_comes_out_no_other_for_being_put_right_is_shown_only() {
    let engine = InMemoryEngine::new();
    engine.ignore_limits();
    let manager = orchestrator(engine.clone(), "t", true).await;
    let text = "{name: shop, services: [{name: web, context: {image: 'zona-orchestrator-test:1', resources: {memory: 64MiB}}}]}";
    manager.apply(desired(1, text), None).await.unwrap();
    rounds(&manager, Duration::from_secs(120)).await;
    let web = status(&manager, text, "web").await;
    assert_eq!((engine.created(), web.drift.as_str()), (2, "its memory is unlimited in place of 64MiB"));
    // What a person does then is another matter.
    engine.limit_by_hand(&web.replicas[0].id, 1 << 20);
    rounds(&manager, Duration::from_secs(120)).await;
    assert_eq!(engine.created(), 4, "once for what the person did, and once for what came of that");
}

/// A service whose program goes missing after its first start, as an image that was moved to another.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_started_again_is_tried_as_often_as_may_be_and_leaves_one_behind() {
    let engine = InMemoryEngine::new();
    let manager = orchestrator(engine.clone(), "t", true).await;
    manager.apply(desired(1, SHOP), None).await.unwrap();
    let frail = status(&manager, SHOP, "frail").await;
    engine.lose_programs();
    engine.stop_by_hand(&frail.replicas[0].id);
    rounds(&manager, Duration::from_secs(900)).await;
    let failed = status(&manager, SHOP, "frail").await;
    assert_eq!((failed.state, failed.replicas.len()), (ServiceState::Failed, 1), "{failed:?}");
    assert!(failed.detail.contains("it could not be started"), "{failed:?}");
    assert_eq!(engine.names().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn where_it_is_so_configured_drift_is_shown_only() {
    let engine = InMemoryEngine::new();
    let manager = orchestrator(engine.clone(), "t", false).await;
    manager.apply(desired(1, SHOP), None).await.unwrap();
    let web = status(&manager, SHOP, "web").await;
    engine.remove(&web.replicas[0].id).await.unwrap();
    engine.limit_by_hand(&web.replicas[1].id, 1 << 20);
    manager.round().await;
    let web = status(&manager, SHOP, "web").await;
    assert_eq!(web.drift, "1 of 2 replicas have gone; its memory is 1MiB in place of unlimited");
    assert_eq!((web.state, web.available), (ServiceState::Degraded, 1));
}

#[tokio::test(start_paused = true)]
async fn a_newer_revision_takes_over_from_one_that_waits() {
    let engine = InMemoryEngine::new();
    let manager = orchestrator(engine.clone(), "t", true).await;
    let never = "{name: shop, services: [{name: web, context: {image: 'zona-orchestrator-test:1', command: [--ready-after, '9000000']},
        health: {command: [/service, --probe, '80'], interval: 1s, retries: 2, start_period: 1h}}]}";
    let first = manager.apply(desired(1, never), None);
    let second = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        manager.apply(desired(2, SHOP), None).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.unwrap(), second.unwrap()), (Outcome::Superseded, Outcome::Reached));
    assert_eq!(engine.names().len(), 3, "nothing of the first is left");
}

#[tokio::test(start_paused = true)]
async fn a_newer_revision_takes_over_from_one_whose_image_does_not_come() {
    let engine = InMemoryEngine::new();
    let manager = orchestrator(engine.clone(), "t", true).await;
    let endless = "{name: shop, services: [{name: web, context: {image: 'zona-orchestrator-test:endless'}}]}";
    let first = manager.apply(desired(1, endless), None);
    let second = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        manager.apply(desired(2, SHOP), None).await
    };
    let both = async { tokio::join!(first, second) };
    let (first, second) = tokio::time::timeout(PATIENCE, both).await.expect("the first lets go");
    assert_eq!((first.unwrap(), second.unwrap()), (Outcome::Superseded, Outcome::Reached));
}

#[tokio::test(start_paused = true)]
async fn an_older_revision_that_comes_later_changes_nothing() {
    let engine = InMemoryEngine::new();
    let manager = orchestrator(engine.clone(), "t", true).await;
    let older = "{name: shop, services: [{name: other, context: {image: 'zona-orchestrator-test:1'}}]}";
    let slow = "{name: shop, services: [{name: web, context: {image: 'zona-orchestrator-test:1', command: [--ready-after, '5000']},
        health: {command: [/service, --probe, '80'], interval: 1s, retries: 2, start_period: 1h}}]}";
    let newer = manager.apply(desired(2, slow), None);
    let late = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        manager.apply(desired(1, older), None).await
    };
    let (newer, late) = tokio::join!(newer, late);
    assert_eq!((newer.unwrap(), late.unwrap()), (Outcome::Reached, Outcome::Superseded));
    assert_eq!((engine.available("web"), engine.available("other")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_an_apply_came_to_is_answered_where_nobody_can_look_afterwards() {
    let engine = InMemoryEngine::new();
    let manager = orchestrator(engine.clone(), "t", true).await;
    let absent = "{name: shop, services: [{name: web, context: {image: 'zona-orchestrator-test:absent'}}]}";
    engine.fall_silent_at_an_image();
    let outcome = manager.apply(desired(1, absent), None).await.unwrap();
    assert!(matches!(outcome, Outcome::Failed(ref failure) if failure.service == "web"), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_last_good_state_that_no_longer_reads_stands_in_nobodys_way() {
    let engine = InMemoryEngine::new();
    let manager = orchestrator(engine.clone(), "t", true).await;
    let unreadable = desired(1, "{name: shop, services: [{name: web}]}");
    assert_eq!(manager.apply(desired(2, SHOP), Some(unreadable)).await.unwrap(), Outcome::Reached);
}

#[tokio::test(start_paused = true)]
async fn who_follows_hears_each_change_once_and_goes_on_where_they_were() {
    let engine = InMemoryEngine::new();
    let manager = orchestrator(engine.clone(), "t", true).await;
    let mut feed = manager.watch(None).await.unwrap();
    let first = feed.next().await.unwrap();
    assert!(matches!(first.what, What::Snapshot(ref services) if services.is_empty()), "{first:?}");
    manager.apply(desired(7, SHOP), None).await.unwrap();
    let mut last = first.sequence;
    let mut statuses = Vec::new();
    loop {
        let told = feed.next().await.unwrap();
        assert_eq!(told.sequence, last + 1, "without gaps");
        last = told.sequence;
        match told.what {
            What::Service(status) => statuses.push((status.name, status.state)),
            What::Ended { revision, outcome } => {
                assert_eq!((revision, outcome), (7, Outcome::Reached));
                break;
            }
            What::Progress { revision, .. } => assert_eq!(revision, 7),
            What::Snapshot(_) | What::Gone(_) => panic!("nothing was missed, and nothing went"),
        }
    }
    assert!(statuses.contains(&("web".to_owned(), ServiceState::Running)), "{statuses:?}");
    // One who comes back hears what came since, and one from nowhere begins with how everything is.
    let again = manager.watch(Some(last - 1)).await.unwrap().next().await.unwrap();
    assert_eq!(again.sequence, last);
    let lost = manager.watch(Some(last + 1_000)).await.unwrap().next().await.unwrap();
    assert!(matches!(lost.what, What::Snapshot(ref services) if services.len() == 2), "{lost:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_never_answers_holds_up_nobody_who_looks() {
    let engine = InMemoryEngine::new();
    let manager = orchestrator(engine.clone(), "t", true).await;
    let text = "
name: shop
services:
  - name: mute
    context: {image: 'zona-orchestrator-test:1'}
    health: {command: [/service, --hang], interval: 1s, timeout: 1h, retries: 1}
  - name: web
    context: {image: 'zona-orchestrator-test:1'}
    health: {command: [/service, --probe, '80'], interval: 1s, retries: 1}
";
    let applying = manager.apply(desired(1, text), None);
    let looking = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let begun = tokio::time::Instant::now();
        let (web, mute) = (status(&manager, text, "web").await, status(&manager, text, "mute").await);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        (web.state, mute.state)
    };
    tokio::select! {
        outcome = applying => panic!("{outcome:?}"),
        seen = looking => assert_eq!((seen.0, seen.1 == ServiceState::Running), (ServiceState::Running, false)),
    }
}

#[tokio::test(start_paused = true)]
async fn lines_of_several_services_come_in_the_order_of_time() {
    let engine = InMemoryEngine::new();
    let manager = orchestrator(engine.clone(), "t", true).await;
    let talking = |name: &str, needs: &str| {
        format!(
            "{{name: {name}, context: {{image: 'zona-orchestrator-test:1', command: [--say, {name}-1, --say, {name}-2]}}, depends_on: [{needs}]}}"
        )
    };
    let text = format!("{{name: shop, services: [{}, {}]}}", talking("b", ""), talking("a", "{service: b}"));
    manager.apply(desired(1, &text), None).await.unwrap();
    let query = |services: &[&str], follow| domain::process::LogQuery {
        services: services.iter().map(|name| (*name).to_owned()).collect(),
        follow,
        since: None,
        tail: None,
    };
    let expected = ["b-1", "b-2", "begins", "a-1", "a-2", "begins"];
    for follow in [false, true] {
        let lines = manager.logs(query(&["a", "b"], follow)).await.unwrap().take(6);
        let lines: Vec<String> = lines.map(|line| line.unwrap().text).collect().await;
        assert_eq!(lines, expected, "following: {follow}");
    }
    let error = manager.logs(query(&["nobody"], false)).await.err().expect("nobody runs");
    assert_eq!(error.reason(), "NOT_FOUND");
}

/// A service that crashes when it is told to, with a restart policy that a test can wait for.
const REAL: &str = "
name: shop
services:
  - name: web
    context: {image: 'zona-orchestrator-test:1', stop_grace: 1s}
    health: {http: {port: 80, path: /healthz}, interval: 1s, retries: 2}
    restart: {delay: 1s, attempts: 3}
    replicas: 2
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_real_daemon_a_new_manager_adopts_what_runs_and_mends_what_stops() {
    image("1");
    let installation = Installation::new();
    let first = orchestrator(installation.engine.clone(), &installation.scope, true).await;
    assert_eq!(first.apply(desired(1, REAL), None).await.unwrap(), Outcome::Reached);
    let before = status(&first, REAL, "web").await;
    drop(first);

    let second = orchestrator(installation.engine.clone(), &installation.scope, true).await;
    assert_eq!(second.apply(desired(1, REAL), None).await.unwrap(), Outcome::Reached);
    let adopted = status(&second, REAL, "web").await;
    assert_eq!(adopted.replicas, before.replicas, "services are untouched");

    let watcher = second.clone();
    let watching = tokio::spawn(async move { watcher.watch_over().await });
    docker(&["stop", "--time", "0", &before.replicas[0].id]);
    docker(&["rm", "--force", &before.replicas[1].id]);
    let begun = std::time::Instant::now();
    loop {
        let now = status(&second, REAL, "web").await;
        let is_new = now.replicas.iter().all(|replica| before.replicas.iter().all(|old| old.id != replica.id));
        if now.available == 2 && is_new {
            assert_eq!((now.replicas.len(), now.restarts), (2, 1));
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{now:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    watching.abort();
}
