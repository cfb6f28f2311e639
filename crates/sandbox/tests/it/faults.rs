//! What happens when something below the sandboxes fails: the Docker daemon, its disk, the runtime directory, memory, processes.
//! What ran goes on where it can, and is LOST, never failed, where nobody knows; what is asked for is refused at once, with the
//! cause; and all is well again when the fault is gone, without a restart.

pub mod daemon;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use domain::execution::State;
use domain::name::{RuntimeId, TenantId};
use domain::sandbox::{Error, Isolation, Job, Reason, Sandbox as _};
use sandbox::Backend;

use crate::support::{Host, Kind, PATIENCE, agents, collect, limited, script};
use daemon::{Daemon, within};

crate::on_both_backends!(a_runtime_directory_that_is_removed_under_a_live_server_is_made_again);

/// Fast: nothing was waited for.
const AT_ONCE: Duration = Duration::from_millis(500);
const SLOW: &str = "import time\nprint('begun')\ntime.sleep(2)\nprint('done')\ndef main():\n    return 'whole'";
/// Ends only when something ends it.
const LASTING: &str = "import time\nprint('begun')\ntime.sleep(600)";

/// A host that keeps nothing ready: a tenant that has no sandbox yet needs the daemon, whatever was started meanwhile.
async fn host(daemon: &Daemon, deadline: Duration) -> Host {
    Host::open_with(Kind::Docker, |config| {
        config.pool.unassigned = 0;
        config.backend = Backend::Docker(daemon.settings(deadline));
    })
    .await
}

/// A job of a tenant that has no sandbox yet.
fn of_new_tenant(code: &str) -> Job {
    Job { tenant: TenantId::parse("tenant", &crate::support::unique("new")).unwrap(), ..script(code) }
}

/// Starts a job that cannot be started, and says why.
async fn refusal(host: &Host, job: Job) -> String {
    match tokio::time::timeout(PATIENCE, host.sandboxes.start(job)).await.expect("an answer in time") {
        Ok(_) => panic!("it started"),
        Err(Error::Unavailable(cause)) => cause.to_string(),
        Err(other) => panic!("{other:?}"),
    }
}

/// The breaker is open: callers are refused before and instead of being kept.
async fn refuses_at_once(host: &Host, expected: &str) {
    let deadline = Instant::now() + PATIENCE;
    while host.sandboxes.ready(Isolation::TenantWarm, &RuntimeId::default()).is_ok() {
        assert!(Instant::now() < deadline, "the breaker stays closed");
        refusal(host, of_new_tenant("pass")).await;
    }
    let began = Instant::now();
    let cause = refusal(host, of_new_tenant("pass")).await;
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert!(cause.contains(expected), "{cause}");
}

/// Programs run again, by themselves.
async fn recovers(host: &Host) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match host.sandboxes.start(of_new_tenant("def main():\n    return 'back'")).await {
            Ok(run) => {
                assert_eq!(collect(run, Instant::now()).await.outcome.as_deref(), Ok(r#""back""#));
                return;
            }
            Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A daemon that is short of time may take longer to remove what it was told to than the host waits for when it closes.
async fn close(host: Host, daemon: &Daemon) {
    host.close().await;
    assert!(within(PATIENCE, || daemon.containers().is_empty()), "{:?}", daemon.containers());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_daemon_loses_what_ran_refuses_at_once_and_is_found_again_when_it_is_back() {
    let mut daemon = Daemon::start();
    let host = host(&daemon, Duration::from_secs(10)).await;
    let mut run = host.start(limited(script(LASTING), |limits| limits.wall = PATIENCE)).await;
    assert!(run.next().await.is_some());
    daemon.stop();
    let failure = collect(run, Instant::now()).await.outcome.unwrap_err();
    assert_eq!((failure.reason, State::of(failure.reason)), (Reason::NodeLost, State::Lost), "{failure:?}");
    refuses_at_once(&host, "does not answer").await;
    daemon.restart();
    recovers(&host).await;
    close(host, &daemon).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemon_leaves_running_programs_their_results_and_their_limits() {
    let mut daemon = Daemon::start();
    let host = host(&daemon, Duration::from_secs(10)).await;
    let mut run = host.start(script(SLOW)).await;
    let mut late = host.start(limited(script(LASTING), |limits| limits.wall = Duration::from_secs(3))).await;
    assert!(run.next().await.is_some() && late.next().await.is_some());
    daemon.kill();
    assert_eq!(collect(late, Instant::now()).await.outcome.unwrap_err().reason, Reason::Timeout);
    assert_eq!(collect(run, Instant::now()).await.outcome.as_deref(), Ok(r#""whole""#));
    refuses_at_once(&host, "does not answer").await;
    daemon.restart();
    recovers(&host).await;
    close(host, &daemon).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_server_left_is_swept_once_the_daemon_answers() {
    let mut daemon = Daemon::start();
    let installation = crate::support::unique("d");
    daemon.leave_behind(&installation);
    daemon.leave_behind("somebody-else");
    daemon.stop();
    let host = Host::open_with(Kind::Docker, |config| {
        config.installation = installation.clone();
        config.pool.unassigned = 0;
        config.backend = Backend::Docker(daemon.settings(Duration::from_secs(10)));
    })
    .await;
    daemon.restart();
    assert!(within(PATIENCE, || daemon.containers().len() == 1), "{:?}", daemon.containers());
    host.close().await;
    assert_eq!(daemon.containers().len(), 1, "another installation's stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_hangs_costs_a_caller_its_deadline_and_running_programs_nothing() {
    let daemon = Daemon::start();
    let host = host(&daemon, Duration::from_secs(1)).await;
    let mut run = host.start(script(SLOW)).await;
    assert!(run.next().await.is_some());
    daemon.freeze();
    let began = Instant::now();
    let cause = refusal(&host, of_new_tenant("pass")).await;
    assert!(cause.contains("no answer within 1s"), "{cause}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    refuses_at_once(&host, "no answer within 1s").await;
    assert_eq!(collect(run, Instant::now()).await.outcome.as_deref(), Ok(r#""whole""#));
    daemon.thaw();
    recovers(&host).await;
    close(host, &daemon).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_without_disk_space_is_told_as_the_cause_until_there_is_space_again() {
    let daemon = Daemon::start_within(220);
    let host = host(&daemon, Duration::from_secs(10)).await;
    let mut run = host.start(script(SLOW)).await;
    assert!(run.next().await.is_some());
    let ballast = daemon.data().join("ballast");
    fill(&ballast);
    let cause = refusal(&host, of_new_tenant("pass")).await;
    assert!(cause.contains("no space left on device"), "{cause}");
    assert_eq!(collect(run, Instant::now()).await.outcome.as_deref(), Ok(r#""whole""#), "what runs needs no disk");
    std::fs::remove_file(ballast).unwrap();
    recovers(&host).await;
    close(host, &daemon).await;
}

/// Writes until nothing fits any more.
fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    let mut piece: &[u8] = &[0; 1 << 20];
    while !piece.is_empty() {
        if file.write_all(piece).is_err() {
            piece = &piece[..piece.len() / 2];
        }
    }
}

async fn a_runtime_directory_that_is_removed_under_a_live_server_is_made_again(host: &Host) {
    let mut run = host.start(script(SLOW)).await;
    assert!(run.next().await.is_some());
    std::fs::remove_dir_all(&host.config.runtime_directory).unwrap();
    let mut names = Vec::new();
    // More than wait ready, so that one of them is started now.
    for _ in 0..3 {
        names.push(host.run(of_new_tenant("pass")).await.attestation.sandbox);
    }
    names.dedup();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(collect(run, Instant::now()).await.outcome.as_deref(), Ok(r#""whole""#));
    let taken = sandbox::Sandboxes::open(host.config.clone()).await;
    assert!(matches!(taken, Err(sandbox::OpenError::InstanceTaken(_))), "the lock that says that this server lives is back");
}

/// A group that keeps the one around it.
const HELD: &str = "held";

/// Control groups around all sandboxes of a host: what the whole host is short of, they are short of.
struct Shortage(PathBuf);

impl Shortage {
    /// Before the host opens, so that its groups lie below.
    fn of(controller: &str, installation: &str, file: &str, value: &str) -> Self {
        let mut directory = Path::new("/sys/fs/cgroup").join(controller);
        assert!(directory.is_dir(), "this test knows control groups of version 1 only; on version 2 the limits are the same");
        for part in ["zona", installation] {
            directory.push(part);
            std::fs::create_dir_all(&directory).unwrap();
        }
        std::fs::write(directory.join(file), value).unwrap();
        // Where nothing is inside, the host removes it, and the limit with it.
        std::fs::create_dir_all(directory.join(HELD)).unwrap();
        Shortage(directory)
    }
}

impl Drop for Shortage {
    fn drop(&mut self) {
        for directory in [&self.0.join(HELD), &self.0] {
            std::fs::remove_dir(directory).unwrap();
        }
    }
}

async fn short_host(installation: &str) -> Host {
    Host::open_with(Kind::Namespace, |config| config.installation = installation.to_owned()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_process_can_be_forked_the_cause_is_told_at_once() {
    let installation = crate::support::unique("p");
    // The agent outside and inside of its namespace, the interpreter, and no child.
    let shortage = Shortage::of("pids", &installation, "pids.max", "3");
    let host = short_host(&installation).await;
    let began = Instant::now();
    let cause = refusal(&host, script("pass")).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(cause.contains("Resource temporarily unavailable"), "{cause}");
    std::fs::write(shortage.0.join("pids.max"), "max").unwrap();
    recovers(&host).await;
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_host_has_no_memory_the_program_that_wants_it_ends_and_others_run() {
    let installation = crate::support::unique("m");
    let _shortage = Shortage::of("memory", &installation, "memory.limit_in_bytes", &(160 << 20).to_string());
    let host = short_host(&installation).await;
    // Within its own limit, and beyond what there is.
    let greedy = "block = bytearray(200 << 20)\nfor page in range(0, len(block), 4096):\n    block[page] = 1";
    host.fail(script(greedy), Reason::OutOfMemory).await;
    recovers(&host).await;
    assert_eq!(host.sandboxes.stats().running, 0);
    host.close().await;
    assert_eq!(agents(Path::new(&installation)), Vec::<i32>::new());
}
