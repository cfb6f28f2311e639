//! Servers that are stopped, killed, doubled and watched.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Signal, kill_process};

use crate::support::{Done, PATIENCE, Server, Source, pid, run, until, wait_gone, zona};

/// It prints its line in one write: `print` would write the end of the line apart, and the store keep the two apart.
const SLOW: &str = "import time\n\ndef main():\n    print('begun')\n    time.sleep(120)\n";

fn with_slow(data: &Path) -> Server {
    let server = Server::start(data);
    let source = Source::new("slow.py", SLOW);
    server.run(&["utility", "create", "slow", "--file", source.path(), "--timeout", "300s"]).expect(0);
    server
}

/// A run that has begun to print.
fn begun(server: &Server) -> Child {
    let mut child = server.client().args(["run", "slow"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "begun\n");
    child
}

fn runtime_directory(data: &Path) -> std::path::PathBuf {
    let installation = fs::read_to_string(data.join("installation")).unwrap();
    sandbox::runtime_directory(installation.trim(), std::env::var_os("XDG_RUNTIME_DIR").as_deref().map(Path::new))
}

/// Bytes of output that the store holds. What it holds is durable, and sealed, so only its size tells.
fn stored_output(data: &Path) -> u64 {
    const COUNT: &str = "import sqlite3, sys\nstore = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)\n\
         print(store.execute('SELECT coalesce(sum(output_bytes), 0) FROM output').fetchone()[0])";
    let counted = Command::new("python3").args(["-I", "-c", COUNT]).arg(data.join("zona.db")).output().unwrap();
    assert!(counted.status.success(), "{}", String::from_utf8_lossy(&counted.stderr));
    String::from_utf8(counted.stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn a_stop_ends_runs_as_cancelled_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut server = with_slow(&data);
    let running = begun(&server);
    let processes = server.descendants();
    assert!(!processes.is_empty(), "a sandbox runs");
    server.signal(Signal::TERM);
    let (code, took) = server.wait();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "the stop took {took:?}");
    wait_gone(&processes);
    assert!(!runtime_directory(&data).exists(), "no socket, lock or directory stays");
    let run = Done::from(running.wait_with_output().unwrap());
    assert_eq!(run.code, 130, "{run:?}");
    assert!(run.stderr.contains("cancelled: CANCELLED"), "{run:?}");

    let server = Server::start(&data);
    let listed = server.run(&["execution", "list", "-o", "json"]).expect(0).json();
    assert_eq!(listed[0]["state"], "CANCELLED", "{listed}");
}

#[test]
fn what_a_killed_server_ran_is_lost_but_what_it_had_printed_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut server = with_slow(&data);
    let _run = KillOnDrop(begun(&server));
    let name = server.run(&["execution", "list", "-o", "json"]).expect(0).json()[0]["name"].as_str().unwrap().to_owned();
    until("what it printed is durable", || stored_output(&data) == "begun\n".len() as u64);
    let processes = server.descendants();
    server.signal(Signal::KILL);
    server.wait();
    wait_gone(&processes);

    let mut server = Server::start(&data);
    assert!(server.banner.contains("1 executions of the last server are LOST"), "{}", server.banner);
    let watched = server.run(&["execution", "watch", &name]).expect(6);
    assert_eq!(watched.stdout, "begun\n");
    assert!(watched.stderr.contains("lost: NODE_LOST"), "{watched:?}");
    let last = server.run(&["execution", "get", &name, "-o", "json"]).expect(0).json();
    let after = last["last_sequence"].as_i64().unwrap() - 1;
    let resumed = server.run(&["execution", "watch", &name, "--after", &after.to_string(), "-o", "jsonl"]).expect(6).json_lines();
    assert_eq!(resumed.len(), 1, "only what follows: {resumed:#?}");
    server.signal(Signal::TERM);
    server.wait();
    assert!(!runtime_directory(&data).exists(), "the next server has swept what the killed one left");
}

#[test]
fn an_interrupted_client_cancels_its_run() {
    let directory = tempfile::tempdir().unwrap();
    let server = with_slow(&directory.path().join("data"));
    let running = begun(&server);
    kill_process(pid(&running), Signal::INT).unwrap();
    let run = Done::from(running.wait_with_output().unwrap());
    assert_eq!(run.code, 130, "{run:?}");
    let listed = server.run(&["execution", "list", "--state", "CANCELLED", "-o", "json"]).expect(0).json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
}

#[test]
fn a_detached_run_goes_on_and_can_be_cancelled_twice() {
    let directory = tempfile::tempdir().unwrap();
    let server = with_slow(&directory.path().join("data"));
    let name = server.run(&["run", "slow", "--detach"]).expect(0).stdout.trim().to_owned();
    until("it runs", || server.run(&["execution", "get", &name, "-o", "json"]).expect(0).json()["state"] == "RUNNING");
    server.run(&["execution", "cancel", &name]).expect(0);
    let watched = server.run(&["execution", "watch", &name]).expect(130);
    assert_eq!(watched.stdout, "begun\n");
    server.run(&["execution", "cancel", &name]).expect(0);
}

#[test]
fn two_servers_cannot_share_a_data_directory_or_a_port() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let server = Server::start(&data);
    let second = run(&["dev", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]).expect(5);
    assert!(second.stderr.contains("in use by another server"), "{second:?}");
    let elsewhere = directory.path().join("elsewhere");
    let third = run(&["dev", "--listen", &server.address, "--data", elsewhere.to_str().unwrap()]).expect(5);
    assert!(third.stderr.contains("cannot listen on"), "{third:?}");
    assert!(!elsewhere.exists(), "ports are bound before anything is made");
}

#[test]
fn a_start_that_fails_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut command = zona();
    command.args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(&data).env("ZONA_ADVISORIES", "/nonexistent/advisories");
    let failed = Done::from(command.output().unwrap());
    assert!(failed.code != 0 && failed.stderr.contains("/nonexistent/advisories"), "{failed:?}");
    assert!(!runtime_directory(&data).exists(), "no socket, lock or directory stays");
}

#[test]
fn two_servers_do_not_touch_each_others_sandboxes() {
    let directory = tempfile::tempdir().unwrap();
    let first = with_slow(&directory.path().join("first"));
    let running = begun(&first);
    let mut second = with_slow(&directory.path().join("second"));
    second.signal(Signal::KILL);
    second.wait();
    let again = Server::start(&directory.path().join("second"));
    let listed = first.run(&["execution", "list", "-o", "json"]).expect(0).json();
    assert_eq!(listed[0]["state"], "RUNNING", "{listed}");
    drop((again, KillOnDrop(running)));
}

#[test]
fn operators_see_health_and_counts_and_logs_carry_request_and_trace() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&directory.path().join("data"));
    assert_eq!(server.page("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(server.page("/readyz"), (200, "ready\n".to_owned()));
    server.run(&["transform", "normalize-severity", "--value", "\"crit\""]).expect(0);
    let calls = r#"zona_requests_total{method="/zona.execution.v1.ExecutionService/Transform",code="OK"} 1"#;
    until("the call is counted", || server.page("/metrics").1.lines().any(|line| line == calls));
    // The examples are compiled in sandboxes, and the sandbox tries itself at the start: those programs count, too.
    let programs = |line: &str| line.strip_prefix("zona_sandbox_executions_total ").is_some_and(|count| count != "0");
    until("the program is counted", || server.page("/metrics").1.lines().any(programs));
    let counted = |name: &str| {
        let page = server.page("/metrics").1;
        let line =
            page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap_or_else(|| panic!("no {name} in {page}"));
        line.parse::<u64>().unwrap()
    };
    assert!(counted("zona_cache_misses_total") > 0 && counted("zona_cache_bytes") > 0);
    let hits = counted("zona_cache_hits_total");
    server.run(&["utility", "get", "normalize-severity"]).expect(0);
    assert!(counted("zona_cache_hits_total") > hits, "it was read before");
    assert!(counted("zona_sandbox_stock_target") >= 1);
    let reasons = ["least", "follows_demand", "most", "held_by_memory"].map(|reason| counted(&format!("zona_sandbox_stock_{reason}")));
    assert_eq!(reasons.iter().sum::<u64>(), 1, "one reason at a time: {reasons:?}");
    until("the end is counted", || server.page("/metrics").1.contains(r#"zona_executions_total{state="SUCCEEDED",reason=""} 1"#));
    let log = fs::read_to_string(&server.log).unwrap();
    let ended = log.lines().find(|line| line.contains("an execution ended")).unwrap_or_else(|| panic!("{log}"));
    let ended: serde_json::Value = serde_json::from_str(ended).unwrap();
    assert_eq!(ended["trace_id"].as_str().unwrap().len(), 32, "{ended}");
    assert!(!ended["request_id"].as_str().unwrap().is_empty(), "{ended}");
    assert!(!log.lines().any(|line| line.contains(r#""level":"ERROR""#)), "{log}");
}

#[test]
fn a_second_interrupt_leaves_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = with_slow(&directory.path().join("data"));
    server.signal(Signal::INT);
    server.signal(Signal::INT);
    let (code, took) = server.wait();
    assert!(matches!(code, Some(0 | 130)), "{code:?}");
    assert!(took < PATIENCE);
}

struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
