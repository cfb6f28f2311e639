//! T2 and T3: a sandbox for one execution, where processes and threads are allowed up to a limit; and the doctor that tries all.

use std::time::Duration;

use domain::sandbox::{Isolation, Job, Reason};
use sandbox::{Check, Diagnosis, Docker, Namespace, Verdict, complies, diagnose, inspect_container};

use crate::support::{Host, Kind, config, limited, packages_of, script, unique};

crate::on_both_backends!(
    each_execution_of_a_single_use_tier_has_a_sandbox_of_its_own,
    threads_and_processes_work_up_to_a_limit,
    there_is_still_no_network_and_no_way_out,
    processes_together_have_the_sandbox_s_memory,
    a_timeout_ends_every_process_of_the_tree,
);

const TIERS: [Isolation; 2] = [Isolation::SingleUse, Isolation::OneShot];

fn isolated(isolation: Isolation, code: &str) -> Job {
    Job { isolation, ..script(code) }
}

async fn each_execution_of_a_single_use_tier_has_a_sandbox_of_its_own(host: &Host) {
    for tier in TIERS {
        let first = host.run(isolated(tier, "def main():\n    return 1")).await;
        let second = host.run(isolated(tier, "def main():\n    return 2")).await;
        assert_eq!((first.outcome.as_deref(), second.outcome.as_deref()), (Ok("1"), Ok("2")));
        assert_ne!(first.attestation.sandbox, second.attestation.sandbox);
        assert_eq!(first.attestation.tier, tier);
    }
}

async fn threads_and_processes_work_up_to_a_limit(host: &Host) {
    let threads = "import threading\ndone = []\nthreads = [threading.Thread(target=done.append, args=(n,)) for n in range(8)]\nfor t in threads: t.start()\nfor t in threads: t.join()\ndef main():\n    return len(done)";
    let process = "import subprocess, sys\ndef main():\n    return subprocess.run([sys.executable, '-I', '-c', 'print(6 * 7)'], capture_output=True, text=True, check=True).stdout";
    let bomb = "import os, time\nwhile True:\n    if os.fork() == 0:\n        time.sleep(30)\n        os._exit(0)";
    assert_eq!(host.run(isolated(Isolation::OneShot, threads)).await.outcome.as_deref(), Ok("8"));
    assert_eq!(host.run(isolated(Isolation::OneShot, process)).await.outcome.as_deref(), Ok(r#""42\n""#));
    host.fail(isolated(Isolation::OneShot, bomb), Reason::ProcessLimit).await;
}

async fn there_is_still_no_network_and_no_way_out(host: &Host) {
    let code = "import ctypes, socket\nlibc = ctypes.CDLL(None, use_errno=True)\ndef main():\n    worked = []\n    for name, attempt in {'socket': lambda: socket.socket(), 'mount': lambda: libc.syscall(165, 0, b'/tmp', b'tmpfs', 0, 0), 'unshare': lambda: libc.syscall(272, 0x10000000), 'userns': lambda: libc.syscall(56, 0x10000011, 0, 0, 0, 0), 'ptrace': lambda: libc.syscall(101, 0, 0, 0, 0)}.items():\n        try:\n            if attempt() == -1:\n                raise OSError\n            worked.append(name)\n        except OSError:\n            pass\n    return worked";
    assert_eq!(host.run(isolated(Isolation::OneShot, code)).await.outcome.as_deref(), Ok("[]"));
}

async fn processes_together_have_the_sandbox_s_memory(host: &Host) {
    let code = "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n        block = b'x' * (150 << 20)\n        time.sleep(30)\n        os._exit(0)\ndef main():\n    return os.WTERMSIG(os.wait()[1])";
    let ran = host.run(isolated(Isolation::OneShot, code)).await;
    assert_eq!(ran.outcome.as_deref(), Ok("9"), "each of them is within its own limit");
}

async fn a_timeout_ends_every_process_of_the_tree(host: &Host) {
    let code =
        "import os, time\nfor _ in range(5):\n    os.fork()\nos.setsid() if os.getpid() != 1 else None\nos.write(1, b'x')\ntime.sleep(60)";
    let job = limited(isolated(Isolation::SingleUse, code), |limits| limits.wall = Duration::from_millis(700));
    let ran = host.run(job).await;
    assert_eq!(ran.outcome.as_ref().unwrap_err().reason, Reason::Timeout);
    assert!(ran.stdout().len() > 8, "the tree was there");
    assert!(ran.took < Duration::from_secs(5), "{:?}", ran.took);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_finds_every_tier_of_both_backends_working() {
    let directory = tempfile::Builder::new().prefix("zona").tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let base = config(Kind::Namespace, directory.path(), &unique("d"), "doc");
    let diagnosis = diagnose(&base, &Namespace::default(), &Docker::default()).await;
    assert_eq!(diagnosis.tiers.len(), 7, "and T1 of the landlock backend");
    for tier in &diagnosis.tiers {
        let works = tier.outcome.as_ref().unwrap_or_else(|why| panic!("{} {}: {why}", tier.backend, tier.tier));
        assert_eq!((works.attestation.backend.as_str(), works.attestation.tier.tier()), (tier.backend, tier.tier));
    }
    let bad: Vec<_> = diagnosis.checks.iter().filter(|check| check.verdict == Verdict::Bad).collect();
    assert!(bad.is_empty(), "{bad:?}");
    let restored = of_restored_processes(&diagnosis);
    assert_eq!(
        restored.iter().map(|check| check.name).collect::<Vec<_>>(),
        ["restored processes, namespace", "restored processes, docker"]
    );
    assert!(restored.iter().all(|check| check.verdict == Verdict::Good), "{restored:?}");
}

fn of_restored_processes(diagnosis: &Diagnosis) -> Vec<&Check> {
    diagnosis.checks.iter().filter(|check| check.name.starts_with("restored processes")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_says_why_processes_cannot_be_put_back_where_programs_run_all_the_same() {
    let directory = tempfile::Builder::new().prefix("zona").tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let packages = packages_of("shares", "import mmap\nmemory = mmap.mmap(-1, 4096)\n");
    let mut base = config(Kind::Namespace, directory.path(), &unique("d"), "doc");
    base.preload.push("shares".to_owned());
    let namespace = Namespace { packages: vec![packages.path().to_owned()], ..Namespace::default() };
    let docker = Docker { socket: directory.path().join("no-daemon"), ..Docker::default() };
    let diagnosis = diagnose(&base, &namespace, &docker).await;
    let works = diagnosis.tiers.iter().filter(|tier| tier.outcome.is_ok()).map(|tier| (tier.backend, tier.tier));
    assert_eq!(works.take(3).collect::<Vec<_>>(), [("namespace", "T1"), ("namespace", "T2"), ("namespace", "T3")]);
    let restored = of_restored_processes(&diagnosis);
    let [Check { name: "restored processes, namespace", verdict: Verdict::Limited, detail, advice }] = &restored[..] else {
        panic!("nothing is said of what has no T1: {restored:?}")
    };
    assert!(detail.contains("others can change this memory"), "{detail}");
    assert!(advice.contains("sandbox.children") && advice.contains("each process runs one program"), "{advice}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_container_complies_with_the_restricted_profile_and_the_cis_list() {
    let directory = tempfile::Builder::new().prefix("zona").tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let base = config(Kind::Docker, directory.path(), &unique("c"), "spec");
    let checks = inspect_container(&base, &Docker::default()).await.unwrap();
    let broken: Vec<_> = checks.iter().filter(|check| check.verdict == Verdict::Bad).collect();
    assert!(complies(&checks) && broken.is_empty(), "{broken:#?}");
    assert!(checks.len() >= 36, "{}", checks.len());
}
