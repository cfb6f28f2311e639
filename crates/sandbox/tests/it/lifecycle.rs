//! Tenants, stopping, load, and what stays afterwards.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use domain::json::JsonText;
use domain::name::{RuntimeId, TenantId};
use domain::sandbox::{Isolation, Job, Reason, Sandbox as _, Stream};

use crate::support::{Host, Kind, PATIENCE, agents, collect, limited, script, transform};

crate::on_both_backends!(
    tenants_never_share_a_sandbox,
    many_tenants_at_once_find_only_what_is_theirs,
    two_hundred_executions_in_flight_all_end,
    a_stopped_run_is_cancelled,
    a_stopped_run_has_its_grace,
    dropping_a_run_kills_it,
    shutdown_ends_what_runs,
);

fn tenant(name: &str) -> TenantId {
    TenantId::parse("tenant", name).unwrap()
}

async fn tenants_never_share_a_sandbox(host: &Host) {
    let mut owners = HashMap::new();
    for round in 0..3 {
        for name in ["acme", "umbrella", "globex"] {
            let mut job = transform("def transform(value):\n    return value", &round.to_string());
            job.tenant = tenant(name);
            let ran = host.run(job).await;
            assert_eq!(ran.outcome, Ok(JsonText::read(round.to_string())));
            let owner = owners.entry(ran.attestation.sandbox).or_insert(name);
            assert_eq!(*owner, name);
        }
    }
    assert_eq!(owners.len(), 3, "each tenant keeps its own: {owners:?}");
}

async fn many_tenants_at_once_find_only_what_is_theirs(host: &Host) {
    const TENANTS: usize = 12;
    let code = "import builtins, os, time
def main(owner):
    found = [getattr(builtins, 'owner', owner), *os.listdir('/tmp')]
    builtins.owner = owner
    with open('/tmp/owner', 'w') as file:
        file.write(str(owner))
    time.sleep(0.2)
    with open('/tmp/owner') as file:
        return found + [int(file.read())]";
    let runs = (0..TENANTS).flat_map(|number| [Isolation::TenantWarm, Isolation::OneShot].map(|isolation| (number, isolation)));
    let runs = runs.map(|(number, isolation)| async move {
        let params_json = JsonText::read(format!(r#"{{"owner":{number}}}"#));
        let job = Job { tenant: tenant(&format!("tenant-{number}")), isolation, params_json, ..script(code) };
        let ran = host.run(job).await;
        assert_eq!(ran.outcome, Ok(JsonText::read(format!("[{number},{number}]"))), "{}", isolation.tier());
        ran.attestation.sandbox
    });
    let sandboxes: HashSet<_> = futures_util::future::join_all(runs).await.into_iter().collect();
    assert_eq!(sandboxes.len(), 2 * TENANTS, "one for each");
}

async fn two_hundred_executions_in_flight_all_end(host: &Host) {
    let runs = (0..200).map(|number| async move {
        let mut job = transform("def transform(value):\n    return value * 2", &number.to_string());
        job.tenant = tenant(["acme", "umbrella", "globex", "initech"][number % 4]);
        let ran = host.run(job).await;
        assert_eq!(ran.outcome, Ok(JsonText::read((number * 2).to_string())));
        (ran.attestation.sandbox, number % 4)
    });
    let mut owners = HashMap::new();
    for (sandbox, owner) in futures_util::future::join_all(runs).await {
        assert_eq!(*owners.entry(sandbox).or_insert(owner), owner);
    }
    let stats = host.sandboxes.stats();
    assert_eq!((stats.running, stats.waiting, stats.anomalies), (0, 0, 0), "{stats:?}");
    assert_eq!(stats.executions, 200);
}

async fn a_stopped_run_is_cancelled(host: &Host) {
    let mut run = host.start(script("import time\nprint('begun')\ntime.sleep(30)")).await;
    assert!(run.next().await.is_some());
    let began = Instant::now();
    run.stop();
    run.stop();
    let ran = collect(run, began).await;
    assert_eq!(ran.outcome.unwrap_err().reason, Reason::Cancelled);
    assert!(ran.took < Duration::from_secs(2), "{:?}", ran.took);
}

async fn a_stopped_run_has_its_grace(host: &Host) {
    let code =
        "import os, time\ntry:\n    os.write(1, b'begun\\n')\n    time.sleep(30)\nexcept KeyboardInterrupt:\n    print('bye')\n    raise";
    let mut run = host.start(limited(script(code), |limits| limits.grace = Duration::from_secs(5))).await;
    assert!(run.next().await.is_some());
    run.stop();
    let ran = collect(run, Instant::now()).await;
    let told: Vec<u8> = ran.pieces.iter().filter(|(stream, ..)| *stream == Stream::Stdout).flat_map(|(.., data)| data.clone()).collect();
    assert_eq!(told, b"bye\n");
    assert_eq!(ran.outcome.unwrap_err().reason, Reason::Cancelled);
    assert!(ran.took < Duration::from_secs(4), "it ended at its notice: {:?}", ran.took);
}

async fn dropping_a_run_kills_it(host: &Host) {
    let mut run = host.start(script("import time\nprint('begun')\ntime.sleep(30)")).await;
    assert!(run.next().await.is_some());
    assert_eq!(host.sandboxes.stats().running, 1);
    drop(run);
    let deadline = Instant::now() + Duration::from_secs(2);
    while host.sandboxes.stats().running > 0 {
        assert!(Instant::now() < deadline, "{:?}", host.sandboxes.stats());
        tokio::task::yield_now().await;
    }
    host.succeed("pass").await;
}

async fn shutdown_ends_what_runs(host: &Host) {
    let mut run = host.start(script("import time\nprint('begun')\ntime.sleep(30)")).await;
    assert!(run.next().await.is_some());
    let began = Instant::now();
    host.sandboxes.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let ran = tokio::time::timeout(PATIENCE, collect(run, began)).await.unwrap();
    assert_eq!(ran.outcome.unwrap_err().reason, Reason::Cancelled);
    assert!(host.sandboxes.start(script("pass")).await.is_err(), "nothing starts any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_is_replaced_after_its_number_of_executions_and_when_it_is_idle() {
    let host = Host::open_with(Kind::Namespace, |config| {
        (config.pool.max_executions, config.pool.idle) = (3, Duration::from_millis(300));
        // Later programs of a process count little.
        config.pool.restore = false;
    })
    .await;
    let mut used = Vec::new();
    for _ in 0..6 {
        used.push(host.run(script("pass")).await.attestation.sandbox);
    }
    used.dedup();
    assert_eq!(used.len(), 2, "{used:?}");
    let deadline = Instant::now() + PATIENCE;
    while host.sandboxes.stats().bound > 0 {
        assert!(Instant::now() < deadline, "{:?}", host.sandboxes.stats());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_agent_ends_its_runs_and_is_replaced() {
    let host = Host::open(Kind::Namespace).await;
    let mut run = host.start(script("import time\nprint('begun')\ntime.sleep(30)")).await;
    assert!(run.next().await.is_some());
    for agent in agents(&host.config.runtime_directory.join("i1")) {
        let agent = rustix::process::Pid::from_raw(agent).unwrap();
        // Killing one may end the next.
        let _ended = rustix::process::kill_process(agent, rustix::process::Signal::KILL);
    }
    let ran = collect(run, Instant::now()).await;
    assert_eq!(ran.outcome.unwrap_err().reason, Reason::NodeLost, "whether it was done, nobody knows");
    host.succeed("pass").await;
    assert!(host.sandboxes.stats().anomalies > 0);
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_daemon_or_image_is_told_with_what_to_do() {
    let absent = Host::open_with(Kind::Docker, |config| {
        config.backend = sandbox::Backend::Docker(sandbox::Docker { image: "zona/no-such-image:1".to_owned(), ..Default::default() });
    })
    .await;
    let Err(domain::sandbox::Error::Refused { reason, message }) = absent.sandboxes.start(script("pass")).await else { panic!("started") };
    assert_eq!(reason, "RUNTIME_IMAGE_MISSING");
    assert!(message.contains("cargo xtask image"), "{message}");
    absent.close().await;

    let down = Host::open_with(Kind::Docker, |config| {
        config.backend = sandbox::Backend::Docker(sandbox::Docker { socket: "/nonexistent/docker.sock".into(), ..Default::default() });
    })
    .await;
    for _ in 0..5 {
        let began = Instant::now();
        assert!(matches!(down.sandboxes.start(script("pass")).await, Err(domain::sandbox::Error::Unavailable(_))));
        assert!(began.elapsed() < Duration::from_secs(2));
    }
    assert!(down.sandboxes.ready(domain::sandbox::Isolation::TenantWarm, &RuntimeId::default()).is_err());
    down.close().await;
}
