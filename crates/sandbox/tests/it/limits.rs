//! Every limit holds, is told apart from the others, and keeps what was printed before.

use std::path::Path;
use std::time::Duration;

use domain::json::JsonText;
use domain::sandbox::{Limits, Reason};

use crate::support::{Host, Kind, limited, script};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sandbox_of_the_host_has_the_same_share_of_the_processor() {
    let host = Host::open(Kind::Namespace).await;
    host.succeed("pass").await;
    let groups = Path::new("/sys/fs/cgroup");
    let own = Path::new("zona").join(&host.config.installation).join(&host.config.instance);
    let (base, file, share) = match groups.join("cgroup.controllers").exists() {
        true => (groups.join(own), "cpu.weight", "25"),
        false => (groups.join("cpu").join(own), "cpu.shares", "256"),
    };
    let shares: Vec<_> = std::fs::read_dir(&base).unwrap().flatten().filter(|entry| entry.path().is_dir()).collect();
    assert!(!shares.is_empty(), "no sandbox below {}", base.display());
    for sandbox in shares {
        assert_eq!(std::fs::read_to_string(sandbox.path().join(file)).unwrap().trim(), share);
    }
    host.close().await;
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
