//! Processes that run one program of a tenant after the other: what callers see of it, and what costs a process its life. The rules of
//! the pool are its own tests', what a program can leave is the agent's and the battery's.

use std::time::{Duration, Instant};

use domain::json::JsonText;
use domain::name::TenantId;
use domain::sandbox::{Entry, Isolation, Job, Progress, Reason, Run, Stream};
use sandbox::{Backend, Battery, Conclusion, Config, Namespace};

use crate::support::{Host, Kind, PATIENCE, Ran, collect, job, limited, packages_of, script, transform};

/// One process only, so that each program meets the one of the program before.
fn one_restored(config: &mut Config) {
    (config.pool.restore, config.pool.children) = (true, 1);
}

macro_rules! on_both_backends_restored {
    ($($name:ident),+ $(,)?) => {
        mod namespace {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let host = $crate::support::Host::open_with($crate::support::Kind::Namespace, super::one_restored).await;
                super::$name(&host).await;
                host.close().await;
            })+
        }
        mod docker {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let host = $crate::support::Host::open_with($crate::support::Kind::Docker, super::one_restored).await;
                super::$name(&host).await;
                host.close().await;
            })+
        }
    };
}

on_both_backends_restored!(
    one_process_runs_program_after_program_and_the_attestation_counts,
    nothing_of_a_program_is_there_for_the_next_one,
    a_tenants_process_never_serves_another_tenant,
    a_program_that_leaves_something_costs_its_process_its_life,
    a_program_that_is_stopped_or_killed_costs_its_process_its_life,
    who_asks_for_a_fresh_process_gets_one,
    output_values_and_failures_come_as_from_a_fresh_process,
    each_program_has_its_own_limits_and_usage,
);

const COUNTS: &str = "import builtins\ndef main():\n    builtins.seen = getattr(builtins, 'seen', 0) + 1\n    return builtins.seen";

/// Runs a script; how often its process had been put back.
async fn restored(host: &Host, code: &str) -> u32 {
    let ran = host.run(script(code)).await;
    assert!(ran.outcome.is_ok(), "{:?}", ran.outcome);
    ran.attestation.restored
}

async fn one_process_runs_program_after_program_and_the_attestation_counts(host: &Host) {
    for times in 0..20 {
        let ran = host.run(script(COUNTS)).await;
        assert_eq!(ran.outcome, Ok(JsonText::read("1")), "each program is the first one");
        assert_eq!(ran.attestation.restored, times);
    }
    let stats = host.sandboxes.stats();
    assert_eq!((stats.forks, stats.executions, stats.restored, stats.anomalies), (1, 20, 20, 0), "{stats:?}");
    assert_eq!((stats.ready_children, stats.running), (1, 0), "{stats:?}");
}

async fn nothing_of_a_program_is_there_for_the_next_one(host: &Host) {
    let leaves = "import builtins, json, random, sys\nclass Secret:\n    text = 'sesame' * 50\ndef main():\n    builtins.len = None\n    \
                  json.loads = None\n    sys.modules['left'] = Secret\n    random.seed(0)\n    return random.random()";
    let looks = "import gc, random, sys\ndef main():\n    found = [o for o in gc.get_objects() if type(o).__name__ == 'Secret']\n    \
                 return ['left' in sys.modules, len(found), random.random()]";
    let mut drawn = Vec::new();
    for times in 0..5 {
        assert_eq!(restored(host, leaves).await, 2 * times);
        let ran = host.run(script(looks)).await;
        assert_eq!(ran.attestation.restored, 2 * times + 1);
        let found: (bool, u32, f64) = serde_json::from_str(&ran.outcome.unwrap()).unwrap();
        assert_eq!((found.0, found.1), (false, 0));
        drawn.push(found.2.to_bits());
    }
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 5, "random numbers are not those of the program before");
}

async fn a_tenants_process_never_serves_another_tenant(host: &Host) {
    let as_tenant = async |name: &str| {
        let ran = host.run(Job { tenant: TenantId::parse("tenant", name).unwrap(), ..script(COUNTS) }).await;
        (ran.attestation.sandbox, ran.attestation.restored)
    };
    let (acme, umbrella) = (as_tenant("acme").await, as_tenant("umbrella").await);
    assert_eq!((acme.1, umbrella.1), (0, 0));
    assert_ne!(acme.0, umbrella.0);
    assert_eq!(as_tenant("acme").await, (acme.0, 1));
    assert_eq!(as_tenant("umbrella").await, (umbrella.0, 1));
}

async fn a_program_that_leaves_something_costs_its_process_its_life(host: &Host) {
    let leavers = [
        "open('/tmp/left', 'w').close()",
        "import os\nos.dup(1)",
        "import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)",
        "import os\nos.umask(0o77)",
        "import mmap, builtins\nbuiltins.left = mmap.mmap(-1, 1 << 20)",
    ];
    for (index, code) in leavers.into_iter().enumerate() {
        restored(host, "pass").await;
        let before = host.sandboxes.stats();
        assert!(restored(host, code).await > 0, "it ran where a program had run before");
        assert_eq!(restored(host, "import os\ndef main():\n    assert os.listdir('/tmp') == []").await, 0, "{code}");
        let stats = host.sandboxes.stats();
        assert_eq!(stats.left.iter().sum::<u64>(), before.left.iter().sum::<u64>() + 1, "{index}: {:?}", stats.left);
        assert_eq!(stats.anomalies, 0, "which is no fault of anybody's");
    }
}

async fn a_program_that_is_stopped_or_killed_costs_its_process_its_life(host: &Host) {
    restored(host, "pass").await;
    let forever = "import time\nprint('begun')\ntime.sleep(60)";
    let mut run = host.start(limited(script(forever), |limits| limits.grace = Duration::from_secs(5))).await;
    assert_eq!(run.attestation().restored, 1);
    assert!(run.next().await.is_some());
    run.stop();
    let ran = collect(run, Instant::now()).await;
    assert_eq!(ran.outcome.unwrap_err().reason, Reason::Cancelled);
    assert_eq!(restored(host, "pass").await, 0, "after its notice");

    host.fail(limited(script(forever), |limits| limits.wall = Duration::from_millis(300)), Reason::Timeout).await;
    assert_eq!(restored(host, "pass").await, 0, "after its deadline");

    let mut run = host.start(script(forever)).await;
    assert_eq!(run.attestation().restored, 1);
    assert!(run.next().await.is_some());
    drop(run);
    assert_eq!(restored(host, "pass").await, 0, "after its caller went away");

    let ran = host.run(script("import os\nos._exit(0)")).await;
    assert_eq!(ran.outcome.unwrap_err().reason, Reason::NoResult);
    assert_eq!(restored(host, "pass").await, 0, "after an end without an answer");

    let ran = host.run(script("import os\nos.write(4, b'garbage')\nos._exit(0)")).await;
    assert_eq!(ran.outcome.unwrap_err().reason, Reason::NoResult);
    assert_eq!(restored(host, "pass").await, 0, "after a forged answer");

    host.fail(script("import ctypes\nctypes.string_at(0)"), Reason::Signal).await;
    assert_eq!(restored(host, "pass").await, 0, "after a crash");
    assert_eq!(host.sandboxes.stats().anomalies, 0);
}

async fn who_asks_for_a_fresh_process_gets_one(host: &Host) {
    let fresh = async || {
        let ran = host.run(Job { fresh: true, ..script(COUNTS) }).await;
        assert_eq!(ran.attestation.restored, 0);
        ran.attestation.sandbox
    };
    let other = host.run(script(COUNTS)).await.attestation.sandbox;
    for _ in 0..3 {
        assert_ne!(fresh().await, other, "nobody follows the processes of its sandbox");
    }
    assert_eq!(restored(host, COUNTS).await, 1);
    let single = host.run(Job { isolation: Isolation::OneShot, ..script(COUNTS) }).await;
    assert_eq!((single.outcome, single.attestation.restored), (Ok(JsonText::read("1")), 0));
}

async fn output_values_and_failures_come_as_from_a_fresh_process(host: &Host) {
    for times in 0..3 {
        let mut run = host.start(script("import time\nprint('early', flush=True)\ntime.sleep(0.3)\nprint('late')")).await;
        let began = Instant::now();
        assert!(matches!(run.next().await, Some(Progress::Output { data, .. }) if data == b"early\n"));
        assert!(began.elapsed() < Duration::from_millis(250), "it comes while the program runs");
        assert_eq!(collect(run, began).await.stdout_text(), "late\n");

        let values: Vec<_> = (0..100).map(|number| JsonText::read(number.to_string())).collect();
        let code = "def transform(value):\n    if value == 7:\n        raise ValueError('seven')\n    return value * 2";
        let ran = host.run(job(code, Entry::Transform(values))).await;
        assert_eq!((ran.values.len(), ran.outcome), (100, Ok(JsonText::read("null"))));
        let failed = ran.values[7].as_ref().unwrap_err();
        assert_eq!((failed.reason, failed.exception.as_deref(), failed.line), (Reason::UserError, Some("ValueError"), Some(3)));

        let failure = host.fail(script("def inner():\n    return 1 / 0\ndef main():\n    inner()"), Reason::UserError).await;
        assert!(failure.traceback.unwrap().contains("in inner"), "{times}");
        let large = host.run(transform("def transform(value):\n    return len(value)", &format!("\"{}\"", "x".repeat(1 << 20)))).await;
        assert_eq!(large.outcome, Ok(JsonText::read((1 << 20).to_string())), "more than a pipe holds");
        assert_eq!(large.attestation.restored, 4 * times + 3, "none of these costs the process its life");
    }
}

async fn each_program_has_its_own_limits_and_usage(host: &Host) {
    let burns = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end:\n    pass";
    let cpu = |ran: &Ran| ran.usage.user_micros + ran.usage.system_micros;
    for _ in 0..3 {
        let busy = host.run(limited(script(burns), |limits| limits.cpu = Duration::from_secs(1))).await;
        assert!(busy.outcome.is_ok() && cpu(&busy) >= 250_000, "{busy:?}");
        let idle = host.run(script("pass")).await;
        assert!(cpu(&idle) < 200_000, "what others have used is not its own: {:?}", idle.usage);
    }
    // Together they have used more than any of them may.
    assert!(restored(host, "pass").await > 5);
    let small = |limits: &mut domain::sandbox::Limits| limits.memory = 16 << 20;
    let hungry = "def main():\n    return len(bytearray(64 << 20))";
    host.fail(limited(script(hungry), small), Reason::OutOfMemory).await;
    assert_eq!(host.run(script(hungry)).await.outcome, Ok(JsonText::read((64 << 20).to_string())), "limits are lowered for one program");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_leaves_something_each_time_gets_fresh_processes() {
    let host = Host::open_with(Kind::Namespace, one_restored).await;
    let leaves = "open('/tmp/left', 'w').close()";
    let mut sandboxes = Vec::new();
    for _ in 0..5 {
        let ran = host.run(script(leaves)).await;
        assert_eq!((ran.outcome.is_ok(), ran.attestation.restored), (true, 0));
        sandboxes.push(ran.attestation.sandbox);
    }
    sandboxes.dedup();
    assert_eq!(sandboxes.len(), 2, "after the second time it has a sandbox whose processes nobody follows: {sandboxes:?}");
    assert_eq!(host.sandboxes.stats().left.iter().sum::<u64>(), 2);
    assert_eq!(restored(&host, "pass").await, 0);
    assert_eq!(restored(&host, "pass").await, 1, "other programs are put back as before");
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_whose_readers_are_away_do_not_keep_a_tenants_sandbox_from_its_next_program() {
    let one_sandbox = |config: &mut Config| (config.pool.restore, config.pool.children, config.pool.max_sandboxes) = (true, 4, 1);
    let host = Host::open_with(Kind::Namespace, one_sandbox).await;
    let prints = script("print('printed')\ndef main():\n    return 7");

    let mut answered = Vec::new();
    for _ in 0..4 {
        let mut run = host.start(prints.clone()).await;
        while !matches!(run.next().await.unwrap(), Progress::Outcome(Ok(result)) if &*result == "7") {}
        answered.push(run);
    }
    assert!(host.run(prints.clone()).await.outcome.is_ok());
    assert!(host.sandboxes.stats().forks <= 4, "they went home: none was ended for the fifth");
    for mut run in answered {
        assert!(matches!(run.next().await, Some(Progress::Exited(_))));
    }

    let mut unread: Vec<Box<dyn Run>> = Vec::new();
    for _ in 0..4 {
        unread.push(host.start(prints.clone()).await);
    }
    assert!(host.run(prints).await.outcome.is_ok());
    for run in unread {
        let ran = collect(run, Instant::now()).await;
        assert_eq!((ran.stdout_text().as_str(), ran.outcome), ("printed\n", Ok(JsonText::read("7"))), "what was not read is there still");
    }
    assert_eq!(host.sandboxes.stats().anomalies, 0);
    host.close().await;
}

/// In the control group of the sandbox lie the zygote, what its agent keeps of that, and a process that has written to all of it and has
/// besides what it may have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_holds_a_process_at_its_limit_beside_the_copies_that_it_is_put_back_by() {
    let packages = packages_of("ballast", "data = bytearray(b'x') * (96 << 20)\n");
    let loaded = |config: &mut Config| {
        one_restored(config);
        config.backend = Backend::Namespace(Namespace { packages: vec![packages.path().to_owned()], ..Namespace::default() });
        config.preload.push("ballast".to_owned());
    };
    let host = Host::open_with(Kind::Namespace, loaded).await;
    let code = "import ballast\ndef main():\n    for at in range(0, len(ballast.data), 4096):\n        ballast.data[at] = 1\n    \
                return len(b'x' * (200 << 20))";
    for _ in 0..3 {
        assert_eq!(host.run(script(code)).await.outcome, Ok(JsonText::read((200 << 20).to_string())));
    }
    let stats = host.sandboxes.stats();
    assert!(stats.restored > 0 && stats.anomalies == 0, "{stats:?}");
    host.close().await;
}

/// Longer than a pipe is, so that somebody goes on writing while the program reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_a_mebibyte_cost_no_process_its_life() {
    const TIMES: usize = 100;
    const FEW: usize = 5;
    let two = |config: &mut Config| (config.pool.restore, config.pool.children, config.pool.max_sandboxes) = (true, 2, 1);
    let host = Host::open_with(Kind::Namespace, two).await;
    let value = format!("\"{}\"", "x".repeat(1 << 20));
    let measures = || host.run(transform("def transform(value):\n    return len(value)", &value));
    let mut rounds = Vec::new();
    for _ in 0..TIMES {
        let (one, other) = futures_util::future::join(measures(), measures()).await;
        for ran in [one, other] {
            assert_eq!(ran.outcome, Ok(JsonText::read((1 << 20).to_string())));
            rounds.push(ran.attestation.restored);
        }
    }
    let (lost, stats) = (rounds.iter().filter(|&&restored| restored == 0).count(), host.sandboxes.stats());
    assert!(lost <= 2 + FEW, "processes were lost: {stats:?} {rounds:?}");
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_after_a_burst_is_bounded() {
    let host = Host::open_with(Kind::Namespace, |config| config.pool.restore = true).await;
    let burst = (0..12).map(|_| host.run(script("import time\ntime.sleep(0.3)")));
    for ran in futures_util::future::join_all(burst).await {
        assert!(ran.outcome.is_ok());
    }
    let began = Instant::now();
    loop {
        let stats = host.sandboxes.stats();
        let most = 4 * stats.bound + 2 * stats.unassigned;
        assert!(stats.ready_children <= most, "{stats:?}");
        if stats.ready_children <= 2 * (stats.bound + stats.unassigned) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "children beyond two wait for nothing: {stats:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(host.sandboxes.stats().anomalies, 0, "those that were ended are no fault");
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_battery_attacks_processes_that_are_put_back_as_well_as_fresh_ones() {
    let host = Host::open_with(Kind::Namespace, |config| config.pool.restore = true).await;
    let report = Battery::run(&host.sandboxes, Isolation::TenantWarm).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Holds, "{:#?}", report.reached().collect::<Vec<_>>());
    let stats = host.sandboxes.stats();
    assert!(stats.restored as usize > report.probes.len() / 4, "most probes leave nothing: {stats:?}");
    assert!(stats.forks as usize > report.probes.len(), "the others are forked for each: {stats:?}");
    host.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn landlock_forks_for_each_program_whatever_is_asked() {
    let host = Host::open_with(Kind::Landlock, one_restored).await;
    for _ in 0..3 {
        assert_eq!(restored(&host, "pass").await, 0);
    }
    assert_eq!(host.sandboxes.stats().restored, 0);
    host.close().await;
}

impl Ran {
    fn stdout_text(&self) -> String {
        let pieces = self.pieces.iter().filter(|(stream, ..)| *stream == Stream::Stdout);
        pieces.map(|(.., data)| String::from_utf8_lossy(data).into_owned()).collect()
    }
}
