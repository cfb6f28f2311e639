//! Every limit holds, is told apart from the others, and keeps what was printed before.

use std::path::Path;
use std::time::{Duration, Instant};

use domain::json::JsonText;
use domain::sandbox::{Limits, Reason, Sandbox as _};

use crate::support::{Host, Kind, limited, script};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sandbox_of_the_host_has_the_same_share_of_the_processor() {
    let host = Host::open(Kind::Namespace).await;
    host.succeed("pass").await;
    let share = if is_version_2() { "25" } else { "256" };
    let shares = shares(&host);
    assert!(!shares.is_empty() && shares.iter().all(|own| own == share), "{shares:?}");
    host.close().await;
}

/// What does not happen within this never does: it is no measure of how fast anything is.
const HANGS: Duration = Duration::from_secs(600);
const GROUPS: &str = "/sys/fs/cgroup";

fn is_version_2() -> bool {
    Path::new(GROUPS).join("cgroup.controllers").exists()
}

/// The shares of the processor that the kernel keeps for a host's sandboxes.
fn shares(host: &Host) -> Vec<String> {
    let (base, file) = if is_version_2() { ("", "cpu.weight") } else { ("cpu", "cpu.shares") };
    let base = Path::new(GROUPS).join(base).join("zona").join(&host.config.installation).join(&host.config.instance);
    let sandboxes = std::fs::read_dir(base).unwrap().flatten().filter(|entry| entry.path().is_dir());
    let mut shares: Vec<_> = sandboxes.filter_map(|sandbox| std::fs::read_to_string(sandbox.path().join(file)).ok()).collect();
    shares.iter_mut().for_each(|share| share.truncate(share.trim_end().len()));
    shares.sort();
    shares
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_has_no_more_of_the_processor_for_having_more_sandboxes() {
    let host = Host::open_with(Kind::Namespace, |config| {
        config.pool.children = 1;
        config.pool.unassigned = 0;
        config.pool.scale_after = Duration::from_millis(20);
        (config.pool.max_wait, config.pool.start_deadline) = (HANGS, HANGS);
    })
    .await;
    // They hold their places without taking the processor from what is started beside them, and end only when they are told to.
    let lasting = || limited(script("import time\nwhile True:\n    time.sleep(3600)"), |limits| limits.wall = 2 * HANGS);
    let start = async || tokio::time::timeout(HANGS, host.sandboxes.start(lasting())).await.expect("it does not start").unwrap();
    let [one, two] = [start().await, start().await];
    let half = if is_version_2() { "12" } else { "128" };
    // There may be one for a next tenant, too.
    let halves = || shares(&host).iter().filter(|share| *share == half).count();
    eventually(|| halves() == 2).await;
    drop(two);
    eventually(|| halves() == 1).await;
    drop(one);
    host.close().await;
}

/// Waits for what happens after something else, however busy the machine is.
async fn eventually(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < HANGS, "it does not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

crate::on_both_backends!(
    a_timeout_ends_everything_at_once_and_keeps_partial_output,
    grace_gives_notice_inside_the_wall_limit,
    a_program_that_ignores_its_notice_is_killed_at_the_wall_limit,
    the_cpu_limit_is_not_a_timeout,
    memory_is_limited,
    a_larger_program_gets_a_larger_sandbox,
    disk_is_limited,
    open_files_are_limited,
);

const MIB: u64 = 1 << 20;

async fn a_timeout_ends_everything_at_once_and_keeps_partial_output(host: &Host) {
    let job =
        limited(script("import time\nprint('begun')\nwhile True:\n    time.sleep(1)"), |limits| limits.wall = Duration::from_millis(300));
    host.succeed("pass").await;
    let ran = host.run(job).await;
    assert_eq!(ran.outcome.as_ref().unwrap_err().reason, Reason::Timeout);
    assert_eq!(ran.stdout(), b"begun\n");
    assert!(ran.took < Duration::from_secs(2), "{:?}", ran.took);
    assert!(ran.usage.wall_micros >= 300_000, "{:?}", ran.usage);
    assert_eq!(host.sandboxes.stats().anomalies, 0, "a user's timeout is no anomaly");
}

async fn grace_gives_notice_inside_the_wall_limit(host: &Host) {
    let code = "import time\ntry:\n    time.sleep(30)\nexcept KeyboardInterrupt:\n    print('cleaning up')\n    raise";
    let job = limited(script(code), |limits| (limits.wall, limits.grace) = (Duration::from_millis(900), Duration::from_millis(600)));
    let ran = host.run(job).await;
    assert_eq!(ran.outcome.as_ref().unwrap_err().reason, Reason::Timeout);
    assert_eq!(&ran.stdout(), b"cleaning up\n");
    assert!(ran.usage.wall_micros < 900_000, "it ended at its notice: {:?}", ran.usage);
}

async fn a_program_that_ignores_its_notice_is_killed_at_the_wall_limit(host: &Host) {
    let code = "import time\nwhile True:\n    try:\n        time.sleep(30)\n    except KeyboardInterrupt:\n        print('no')";
    let job = limited(script(code), |limits| (limits.wall, limits.grace) = (Duration::from_millis(500), Duration::from_millis(300)));
    let ran = host.run(job).await;
    assert_eq!(ran.outcome.as_ref().unwrap_err().reason, Reason::Timeout);
    assert_eq!(ran.stdout(), b"no\n");
    assert!(ran.usage.wall_micros >= 500_000, "{:?}", ran.usage);
}

async fn the_cpu_limit_is_not_a_timeout(host: &Host) {
    let job = limited(script("print('spinning')\nwhile True:\n    pass"), |limits| limits.cpu = Duration::from_secs(1));
    let ran = host.run(job).await;
    assert_eq!(ran.outcome.as_ref().unwrap_err().reason, Reason::CpuLimit, "{ran:?}");
    assert!(ran.usage.user_micros + ran.usage.system_micros >= 750_000, "{:?}", ran.usage);
    assert_eq!(ran.stdout(), b"spinning\n");
}

async fn memory_is_limited(host: &Host) {
    let allocate = |bytes: u64| script(&format!("def main():\n    return len(bytearray({bytes}))"));
    host.fail(limited(allocate(100 * MIB), |limits| limits.memory = 64 * MIB), Reason::OutOfMemory).await;
    host.fail(allocate(Limits::DEFAULT.memory + MIB), Reason::OutOfMemory).await;
    let fits = host.run(limited(allocate(32 * MIB), |limits| limits.memory = 64 * MIB)).await;
    assert_eq!(fits.outcome, Ok(JsonText::read((32 * MIB).to_string())));
}

async fn a_larger_program_gets_a_larger_sandbox(host: &Host) {
    let code = "def main():\n    return len(b'x' * (400 << 20))";
    let standard = host.run(script("pass")).await.attestation.sandbox;
    let ran = host.run(limited(script(code), |limits| limits.memory = 600 * MIB)).await;
    assert_eq!(ran.outcome, Ok(JsonText::read((400 * MIB).to_string())));
    assert_ne!(ran.attestation.sandbox, standard);
}

async fn disk_is_limited(host: &Host) {
    let fill = "with open('/tmp/big', 'wb') as file:\n    for _ in range(64):\n        file.write(bytes(1 << 20))";
    host.fail(script(fill), Reason::DiskLimit).await;
    let files = "for number in range(1 << 20):\n    open(f'/tmp/{number}', 'w').close()";
    host.fail(script(files), Reason::DiskLimit).await;
    host.succeed("open('/tmp/small', 'w').write('x' * 100000)").await;
}

async fn open_files_are_limited(host: &Host) {
    let code = "def main():\n    files = []\n    try:\n        while True:\n            files.append(open('/dev/null'))\n    except OSError:\n        return len(files)";
    let ran = host.run(limited(script(code), |limits| limits.open_files = 32)).await;
    let opened: u32 = ran.outcome.unwrap().parse().unwrap();
    assert!((16..32).contains(&opened), "{opened}");
}
