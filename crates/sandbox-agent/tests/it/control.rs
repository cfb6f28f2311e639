//! The life of a sandbox: from hello to nothing left.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Signal, kill_process};
use sandbox_protocol::control::{Class, Command, Exit, Report, SealMode};
use serde_json::json;

use crate::harness::*;

#[test]
fn a_child_is_sealed_before_it_is_handed_out() {
    let mut sandbox = Sandbox::start();
    let seal = sandbox.fork().seal;
    assert_eq!(seal.namespaces, ["user", "pid", "mnt", "net", "ipc", "uts"]);
    assert_eq!(seal.seccomp, 2);
    let around_the_zygote = u32::from(children_are_put_back());
    assert_eq!(seal.seccomp_filters, 2 + around_the_zygote, "the outer filter and the child's own");
    assert!(seal.no_new_privileges);
    assert_eq!(seal.capabilities, 0);
    assert_eq!(seal.uid, sandbox.uid);
    assert_ne!(seal.uid, 0);
}

#[test]
fn children_of_one_sandbox_share_a_network_that_is_not_the_hosts() {
    let mut sandbox = Sandbox::start();
    let children = [sandbox.fork(), sandbox.fork()];
    let link = |pid: &i32, name: &str| fs::read_link(format!("/proc/{pid}/ns/{name}")).unwrap();
    let processes = sandbox.processes();
    let hosts: Vec<PathBuf> = processes.iter().map(|pid| link(pid, "uts")).collect();
    let is_alone = |pid: &&i32| hosts.iter().filter(|host| **host == link(pid, "uts")).count() == 1;
    let is_sealed = |pid: &&i32| is_alone(pid) && link(pid, "uts") != fs::read_link("/proc/self/ns/uts").unwrap();
    let networks: Vec<PathBuf> = processes.iter().filter(is_sealed).map(|pid| link(pid, "net")).collect();
    assert_eq!(networks.len(), children.len(), "{processes:?}");
    assert!(networks.iter().all(|network| *network == networks[0]), "{networks:?}");
    assert_ne!(networks[0], fs::read_link("/proc/self/ns/net").unwrap());
}

#[test]
fn a_killed_child_is_gone_at_once_with_what_it_printed_and_used() {
    let mut sandbox = Sandbox::start();
    let mut child = sandbox.fork();
    child.submit(&script("import time\nwhile time.process_time() < 0.05: pass\nprint('before')\nwhile True: pass"));
    await_output(&mut child);
    let asked = Instant::now();
    sandbox.send(&Command::Kill { child: child.id });
    let id = child.id;
    let (exit, usage) = sandbox.exited(id);
    assert_eq!(exit, Exit::Signal(9));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert!(usage.user_micros + usage.system_micros > 10_000, "{usage:?}");
    assert!(usage.peak_memory_bytes > 1 << 20, "{usage:?}");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut child.stdout, &mut text).unwrap();
    assert_eq!(text, "efore\n", "all but the byte that was waited for");
}

#[test]
fn an_interrupt_reaches_user_code_as_keyboard_interrupt() {
    let mut sandbox = Sandbox::start();
    let mut child = sandbox.fork();
    child.submit(&script("import time\nprint('waiting')\ntime.sleep(60)"));
    await_output(&mut child);
    sandbox.send(&Command::Interrupt { child: child.id });
    assert_eq!(sandbox.finish(child).failure().reason, "INTERRUPTED");

    let mut child = sandbox.fork();
    child.submit(&script(
        "import time\ndef main():\n    try:\n        print('waiting')\n        time.sleep(60)\n    except KeyboardInterrupt:\n        return 'saved'",
    ));
    await_output(&mut child);
    sandbox.send(&Command::Interrupt { child: child.id });
    assert_eq!(sandbox.finish(child).result(), json!("saved"));
}

fn await_output(child: &mut Child) {
    let mut byte = [0];
    std::io::Read::read_exact(&mut child.stdout, &mut byte).unwrap();
}

#[test]
fn killing_unknown_and_dead_children_changes_nothing() {
    let mut sandbox = Sandbox::start();
    sandbox.send(&Command::Kill { child: 99 });
    sandbox.send(&Command::Interrupt { child: 99 });
    let child = sandbox.fork();
    let id = child.id;
    sandbox.send(&Command::Kill { child: id });
    sandbox.exited(id);
    sandbox.send(&Command::Kill { child: id });
    assert_eq!(sandbox.run(&script("def main(): return 1")).result(), json!(1));
}

#[test]
fn a_child_that_is_killed_while_it_is_made_still_ends() {
    let mut sandbox = Sandbox::start();
    sandbox.send(&Command::Fork { child: 1000 });
    sandbox.send(&Command::Kill { child: 1000 });
    assert_eq!(sandbox.exited(1000).0, Exit::Signal(9));
}

#[test]
fn hanging_up_leaves_no_process() {
    let mut sandbox = Sandbox::start();
    let mut children: Vec<_> = (0..3).map(|_| sandbox.fork()).collect();
    children[0].submit(&script("while True: pass"));
    let processes = sandbox.processes();
    assert!(processes.len() >= 5, "the agent, the zygote, three children: {processes:?}");
    sandbox.hang_up();
    assert_eq!(alive(&processes), [] as [i32; 0]);
}

#[test]
fn killing_the_agent_ends_the_sandbox() {
    let mut sandbox = Sandbox::start();
    let _child = sandbox.fork();
    let processes = sandbox.processes();
    kill_process(sandbox.agent(), Signal::KILL).unwrap();
    sandbox.await_end();
    let deadline = Instant::now() + PATIENCE;
    while !alive(&processes).is_empty() {
        assert!(Instant::now() < deadline, "left: {:?}", alive(&processes));
        thread::sleep(Duration::from_millis(5));
    }
}

fn alive(processes: &[i32]) -> Vec<i32> {
    processes.iter().copied().filter(|pid| Path::new(&format!("/proc/{pid}")).exists()).collect()
}

#[test]
fn shutdown_ends_everything() {
    let mut sandbox = Sandbox::start();
    let _child = sandbox.fork();
    sandbox.send(&Command::Shutdown);
    sandbox.await_end();
}

#[test]
fn a_dead_interpreter_is_a_fault_with_its_last_words() {
    let mut sandbox = Sandbox::connect();
    let mut layout = layout().clone();
    layout.read_only.retain(|path| !path.contains("/lib/python3"));
    sandbox.configure(CLASS, SealMode::Strict, layout);
    let (stage, message, _) = sandbox.fault();
    assert_eq!(stage, "zygote");
    assert!(message.contains("encodings"), "{message}");
}

#[test]
fn a_runtime_that_is_not_there_is_named() {
    let mut sandbox = Sandbox::connect();
    let mut layout = layout().clone();
    layout.read_only.push("/opt/absent/python".to_owned());
    sandbox.configure(CLASS, SealMode::Strict, layout);
    let (stage, message, _) = sandbox.fault();
    assert_eq!(stage, "open /opt/absent/python");
    assert!(message.contains("No such file"), "{message}");
}

#[test]
fn a_layout_that_covers_the_sandbox_is_refused() {
    let mut sandbox = Sandbox::connect();
    let mut layout = layout().clone();
    layout.read_only.push("/usr/../etc".to_owned());
    sandbox.configure(CLASS, SealMode::Strict, layout);
    assert_eq!(sandbox.fault().0, "layout");
}

#[test]
fn a_server_that_breaks_the_protocol_is_told() {
    let mut sandbox = Sandbox::connect();
    sandbox.send(&Command::Fork { child: 1 });
    assert_eq!(sandbox.fault().0, "protocol");

    let mut sandbox = Sandbox::start();
    sandbox.send_bytes(b"{\"command\":\"dance\"}");
    assert_eq!(sandbox.fault().0, "protocol");
}

#[test]
fn a_child_that_cannot_be_made_is_a_fault_that_names_the_step() {
    let modules = packages();
    fs::write(modules.join("no_processes.py"), "import resource\nresource.setrlimit(resource.RLIMIT_NPROC, (1, 1))\n").unwrap();
    let mut layout = layout().clone();
    let modules = modules.canonicalize().unwrap().to_str().unwrap().to_owned();
    layout.read_only.push(modules.clone());
    layout.packages.push(modules);
    let mut sandbox = Sandbox::connect();
    sandbox.configure_with(CLASS, SealMode::Strict, layout, &["no_processes"]);
    sandbox.report(|report| matches!(report, Report::Ready { .. }));
    sandbox.send(&Command::Fork { child: 1 });
    let (stage, message, _) = sandbox.fault();
    assert_eq!(stage, "seal a child: clone");
    assert!(message.contains("temporarily unavailable"), "{message}");
    sandbox.await_end();
}

#[test]
fn a_preloaded_module_that_leaves_a_thread_running_is_a_fault_that_names_it() {
    let modules = packages();
    fs::write(modules.join("quiet.py"), "import threading\nthread = threading.Thread(target=int)\nthread.start()\nthread.join()\n")
        .unwrap();
    fs::write(modules.join("busy.py"), "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n").unwrap();
    let mut layout = layout().clone();
    let modules = modules.canonicalize().unwrap().to_str().unwrap().to_owned();
    layout.read_only.push(modules.clone());
    layout.packages.push(modules);
    let mut sandbox = Sandbox::connect();
    sandbox.configure_with(CLASS, SealMode::Strict, layout, &["json", "quiet", "busy", "re"]);
    let (stage, message, hint) = sandbox.fault();
    assert_eq!((stage.as_str(), message.as_str()), ("preload", "busy: the import leaves threads running"));
    assert!(hint.contains("`preload`"), "{hint}");
    sandbox.await_end();
}

#[test]
fn a_library_that_computes_is_told_to_start_no_threads_and_programs_do_not_see_it() {
    let modules = packages();
    let library = "import os, threading
asked = [os.environ.get(name) for name in ('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'NUMEXPR_NUM_THREADS')]
for _ in range(int(asked[0] or 4) - 1):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
";
    fs::write(modules.join("computes.py"), library).unwrap();
    let mut layout = layout().clone();
    let modules = modules.canonicalize().unwrap().to_str().unwrap().to_owned();
    layout.read_only.push(modules.clone());
    layout.packages.push(modules);
    let mut sandbox = Sandbox::connect();
    sandbox.configure_with(CLASS, SealMode::Strict, layout, &["computes"]);
    let (report, _) = sandbox.report(|report| matches!(report, Report::Ready { .. } | Report::Fault { .. }));
    assert!(matches!(report, Report::Ready { .. }), "{report:?}");
    let seen = sandbox.run(&script("import computes, os\ndef main(): return [computes.asked, sorted(os.environ)]")).result();
    assert_eq!(seen, json!([["1", "1", "1", "1"], ["LANG", "TZ"]]));
}

#[test]
fn limits_within_which_nothing_can_run_are_refused() {
    for class in [Class { tmpfs: 0, ..CLASS }, Class { memory: 0, ..CLASS }, Class { open_files: 3, ..CLASS }] {
        let mut sandbox = Sandbox::connect();
        sandbox.configure(class, SealMode::Strict, layout().clone());
        assert_eq!(sandbox.fault().0, "class", "{class:?}");
    }
}
