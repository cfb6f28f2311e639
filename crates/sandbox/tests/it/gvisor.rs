//! gVisor as the container runtime: programs of T2 and T3 on a kernel of their own, on a daemon of the test's own that knows
//! `runsc`. Needs the package `runsc`, and fails where it is missing.

use std::time::{Duration, Instant};

use domain::sandbox::{BackendKind, Error, Isolation, Job, Reason, Sandbox as _, Seccomp, Stream};
use sandbox::{Backend, Battery, Conclusion, ContainerRuntime, Docker, Outcome};

use crate::faults::daemon::{Daemon, within};
use crate::support::{Host, Kind, PATIENCE, limited, script, transform};

async fn host(daemon: &Daemon) -> Host {
    let settings = Docker { runtime: ContainerRuntime::Runsc, ..daemon.settings(Duration::from_secs(20)) };
    Host::open_with(Kind::Docker, |config| {
        config.backend = Backend::Docker(settings);
        // A container of gVisor takes most of a second of CPU to start: none that no test asks for.
        config.pool.single_use = 0;
    })
    .await
}

fn single(job: Job) -> Job {
    Job { isolation: Isolation::SingleUse, ..job }
}

/// Ends everything, and checks that the daemon has nothing left of it.
async fn close(host: Host, daemon: &Daemon) {
    host.close().await;
    assert!(within(PATIENCE, || daemon.containers().is_empty()), "{:?}", daemon.containers());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_run_on_a_kernel_of_their_own() {
    let daemon = Daemon::start_with_runsc();
    let host = host(&daemon).await;
    for isolation in [Isolation::SingleUse, Isolation::OneShot] {
        let kernel = host.run(Job { isolation, ..script("import os\ndef main():\n    return os.uname().release") }).await;
        let inside: String = serde_json::from_str(kernel.outcome.as_ref().unwrap()).unwrap();
        let outside = rustix::system::uname();
        assert_ne!(inside, outside.release().to_string_lossy(), "the host's kernel");
        assert_eq!(kernel.attestation.backend, BackendKind::DockerRunsc);
        assert_eq!((kernel.attestation.seccomp, kernel.attestation.no_new_privileges), (Seccomp::Filter, true));
        assert_eq!(kernel.attestation.capabilities, 0);
    }

    let ran = host.run(single(transform("def transform(value):\n    print('x' * 300_000)\n    return value", r#"{"a":[1,null]}"#))).await;
    assert_eq!(ran.outcome.as_deref(), Ok(r#"{"a":[1,null]}"#));
    assert_eq!(ran.stdout().len(), 300_001, "more than a pipe holds arrives whole");
    assert!(ran.pieces.iter().all(|(stream, ..)| *stream == Stream::Stdout));

    let failure = host.fail(single(script("def main():\n    raise KeyError('k')")), Reason::UserError).await;
    assert_eq!(failure.exception.as_deref(), Some("KeyError"));

    let files =
        "import tempfile\ndef main():\n    with tempfile.TemporaryFile() as file:\n        file.write(b'12')\n        return file.tell()";
    assert_eq!(host.run(single(script(files))).await.outcome.as_deref(), Ok("2"));

    host.fail(single(script("import socket\nsocket.create_connection(('192.0.2.1', 80), 1)")), Reason::DeniedOperation).await;
    host.fail(single(script("import os\nos.fork()")), Reason::DeniedOperation).await;
    close(host, &daemon).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_in_gvisor_that_runs_too_long_is_ended_and_nothing_of_it_stays() {
    let daemon = Daemon::start_with_runsc();
    let host = host(&daemon).await;
    let job = limited(single(script("print('begun')\nwhile True: pass")), |limits| limits.wall = Duration::from_millis(800));
    let began = Instant::now();
    let ran = host.run(job).await;
    assert_eq!(ran.outcome.unwrap_err().reason, Reason::Timeout);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(within(PATIENCE, || daemon.containers().is_empty()), "its container stays: {:?}", daemon.containers());
    close(host, &daemon).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t1_is_refused_where_gvisor_runs_containers() {
    let daemon = Daemon::start_with_runsc();
    let host = host(&daemon).await;
    let refused = host.sandboxes.start(script("pass")).await.err().expect("no sandbox is shared");
    let Error::Refused { reason, message } = refused else { panic!("{refused:?}") };
    assert_eq!(reason, "TIER_UNAVAILABLE");
    assert!(message.contains("gVisor"), "{message}");
    assert_eq!(host.sandboxes.first_tier(), Isolation::SingleUse);
    close(host, &daemon).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gvisor_stops_every_probe_but_those_that_it_leaves_open_by_its_nature() {
    let daemon = Daemon::start_with_runsc();
    let host = host(&daemon).await;
    let report = Battery::run(&host.sandboxes, Isolation::SingleUse).await.unwrap();
    let through: Vec<_> = report.probes.iter().filter(|probe| !matches!(probe.outcome, Outcome::Stopped | Outcome::Open)).collect();
    assert!(through.is_empty(), "{through:#?}");
    assert_eq!(report.conclusion(), Conclusion::Holds);
    let open: Vec<_> = report.probes.iter().filter(|probe| probe.outcome == Outcome::Open).map(|probe| probe.name).collect();
    assert!(open.contains(&"process-files") && open.len() <= 9, "{open:?}");
    assert!(report.probes.len() >= 60, "{}", report.probes.len());
    close(host, &daemon).await;
}
