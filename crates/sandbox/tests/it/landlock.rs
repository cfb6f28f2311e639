//! The backend for hosts that grant no user namespaces: chosen, never fallen back to, weaker in what it says, and held to the same
//! probes in everything else.

use std::time::{Duration, Instant};

use domain::sandbox::{BackendKind, Error, Isolation, Reason, Sandbox as _, Seccomp};
use rustix::process::{Pid, Signal, kill_process};
use sandbox::{Battery, Conclusion, Outcome};

use crate::support::{Host, Kind, PATIENCE, agents, limited, script, transform};

async fn host() -> Host {
    Host::open(Kind::Landlock).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ordinary_program_runs_and_its_attestation_names_the_mode() {
    let host = host().await;
    let ran = host
        .run(transform(
            "import hashlib, re\ndef transform(value):\n    return re.sub('a', 'b', value) + hashlib.md5(b'').hexdigest()[:4]",
            r#""abc""#,
        ))
        .await;
    assert_eq!(ran.outcome.as_deref(), Ok(r#""bbcd41d""#));
    let attestation = ran.attestation;
    assert_eq!((attestation.backend, attestation.tier, attestation.namespaces.len()), (BackendKind::Landlock, Isolation::TenantWarm, 0));
    assert_eq!((attestation.seccomp, attestation.no_new_privileges, attestation.capabilities), (Seccomp::Filter, true, 0));
    assert!(attestation.uid >= 200_000, "a user that nothing else has: {}", attestation.uid);
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_probe_is_stopped_but_the_few_that_are_open_by_nature() {
    let host = host().await;
    let report = Battery::run(&host.sandboxes, Isolation::TenantWarm).await.unwrap();
    let not_stopped = report.probes.iter().filter(|probe| probe.outcome != Outcome::Stopped);
    let names: Vec<_> = not_stopped.clone().map(|probe| probe.name).collect();
    assert_eq!(names, ["control-sockets", "see-other-processes", "identity-of-the-host", "name-of-the-host"], "{report:#?}");
    assert!(not_stopped.clone().all(|probe| probe.outcome == Outcome::Open && !probe.detail.is_empty()));
    assert_eq!(report.conclusion(), Conclusion::Holds);
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tiers_with_processes_of_their_own_are_refused_with_the_way_out() {
    let host = host().await;
    for isolation in [Isolation::SingleUse, Isolation::OneShot] {
        let job = domain::sandbox::Job { isolation, ..script("pass") };
        match host.sandboxes.start(job).await.err().expect("nothing runs") {
            Error::Refused { reason, message } => {
                assert_eq!(reason, "TIER_UNAVAILABLE");
                assert!(message.contains(isolation.tier()) && message.contains("sandbox.backend"), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_refused_in_words_that_name_the_mode() {
    let host = host().await;
    // A name that is not there: what is there may be refused for what it is.
    let missing = format!("open('/tmp/zona-missing-{}', 'w')", std::process::id());
    for code in [missing.as_str(), "open('/etc/passwd')", "import tempfile\ntempfile.mkstemp()"] {
        let failure = host.fail(script(code), Reason::DeniedOperation).await;
        assert!(failure.message.contains("no directory to write to"), "{}", failure.message);
    }
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_own_keeps_its_mode_and_times() {
    let host = host().await;
    let code = "import os\ndef main():\n    worked = []\n    for attempt in (lambda: os.chmod(os.__file__, 0o777), lambda: os.utime(os.__file__), lambda: os.truncate(os.__file__, 0), lambda: os.fchmod(os.open(os.__file__, os.O_RDONLY), 0o777), lambda: os.setxattr(os.__file__, 'user.x', b'')):\n        try:\n            attempt()\n            worked.append(1)\n        except PermissionError:\n            pass\n    return worked";
    assert_eq!(host.succeed(code).await, serde_json::json!([]));
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeout_ends_the_program() {
    let host = host().await;
    let job = limited(script("import time\nprint('begun')\ntime.sleep(60)"), |limits| limits.wall = Duration::from_millis(300));
    let ran = host.run(job).await;
    assert_eq!(ran.outcome.as_ref().unwrap_err().reason, Reason::Timeout);
    assert_eq!(ran.stdout(), b"begun\n");
    assert!(ran.took < Duration::from_secs(5), "{:?}", ran.took);
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_end_with_an_agent_that_is_killed() {
    let host = host().await;
    let mut run = host.start(script("import os, time\nos.write(1, str(os.getpid()).encode())\ntime.sleep(60)")).await;
    let Some(domain::sandbox::Progress::Output { data, .. }) = run.next().await else { panic!("it does not run") };
    let child: i32 = String::from_utf8(data.to_vec()).unwrap().parse().unwrap();
    let agents = agents(&host.config.runtime_directory);
    assert!(!agents.is_empty() && is_alive(child));
    for agent in agents {
        kill_process(Pid::from_raw(agent).unwrap(), Signal::KILL).unwrap();
    }
    let deadline = Instant::now() + PATIENCE;
    while is_alive(child) {
        assert!(Instant::now() < deadline, "the child survives its agent");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(run);
    host.close().await;
}

/// Whether a process is there and no zombie.
fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
