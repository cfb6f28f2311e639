//! What a killed server leaves, and that the next one of its installation removes it, and nothing else.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sandbox::Sandboxes;

use crate::support::{Kind, agents, assert_gone, config, running_containers, script, unique};

/// Tells the server that is to be killed which backend, directory and installation it has.
const TOLD: &str = "ZONA_TEST_SERVER";

/// By itself, a server that ends in good order; started by another test, it says so once a program runs, and waits to be killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_leaves_nothing_while_a_program_runs() {
    let own = directory();
    let told = std::env::var(TOLD).ok();
    let arguments = told.clone().unwrap_or_else(|| format!("namespace {} {}", own.path().display(), unique("v")));
    let [kind, directory, installation] = arguments.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let kind = match kind {
        "docker" => Kind::Docker,
        "landlock" => Kind::Landlock,
        _ => Kind::Namespace,
    };
    let config = config(kind, Path::new(directory), installation, "victim");
    let sandboxes = Sandboxes::open(config.clone()).await.unwrap();
    let mut run = domain::sandbox::Sandbox::start(&sandboxes, script("import time\nprint('begun')\ntime.sleep(30)")).await.unwrap();
    assert!(run.next().await.is_some());
    if told.is_some() {
        println!("RUNNING");
        std::future::pending::<()>().await;
    }
    sandboxes.shutdown().await;
    assert_gone(&config, "victim").await;
}

/// A directory whose sandboxes, which run as other users, can reach their sockets.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::Builder::new().prefix("zona").tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    directory
}

async fn a_killed_server_is_swept(kind: Kind) {
    let directory = directory();
    let installation = unique("s");
    let bystander = config(kind, directory.path(), &installation, "bystander");
    let bystander = (Sandboxes::open(bystander.clone()).await.unwrap(), bystander);

    let name = match kind {
        Kind::Docker => "docker",
        Kind::Landlock => "landlock",
        Kind::Namespace => "namespace",
    };
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "sweep::a_server_leaves_nothing_while_a_program_runs"])
        .env(TOLD, format!("{name} {} {installation}", directory.path().display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("RUNNING")), "the server ended early");
    let victims = bystander.1.runtime_directory.join("victim");
    // One that was made and not started when the server was killed runs nothing, and is left to the sweep.
    let alive = || agents(&victims).len() + running_containers(&installation, "victim").len();
    assert!(alive() > 0);
    victim.kill().unwrap();
    victim.wait().unwrap();

    // Nobody is told, and still nothing keeps running.
    let deadline = Instant::now() + Duration::from_secs(10);
    while alive() > 0 {
        assert!(Instant::now() < deadline, "agents survive their server");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(victims.exists());

    let next = config(kind, directory.path(), &installation, "next");
    let sandboxes = Sandboxes::open(next.clone()).await.unwrap();
    assert_gone(&next, "victim").await;
    assert!(bystander.1.runtime_directory.join("bystander").exists(), "a live server was swept");
    let mut run = domain::sandbox::Sandbox::start(&bystander.0, script("pass")).await.unwrap();
    assert!(matches!(run.next().await, Some(domain::sandbox::Progress::Outcome(Ok(_)))));
    for (sandboxes, config) in [(sandboxes, next), bystander] {
        sandboxes.shutdown().await;
        assert_gone(&config, &config.instance).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_leaves_nothing_on_namespaces() {
    a_killed_server_is_swept(Kind::Namespace).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_leaves_nothing_on_landlock() {
    a_killed_server_is_swept(Kind::Landlock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_leaves_nothing_on_docker() {
    a_killed_server_is_swept(Kind::Docker).await;
}
