//! What a program hears when it does what no sandbox lets it do: the call as it wrote it, the line, why, and what to do instead, in
//! the failure and on stderr. Never a bare EPERM.

use sandbox_protocol::control::SealMode;
use serde_json::json;

use crate::harness::*;

/// Code, the call that is named, the line, and why.
type Denial = (&'static str, &'static str, u32, &'static str);

const NETWORK: &str = "this runtime has no network; remove the call, no isolation level permits it";
const PROCESSES: &str = "this runtime starts no processes; remove the call or ask an administrator for another isolation level";
const THREADS: &str = "this runtime starts no threads; remove the call or ask an administrator for another isolation level";
const SIGNALS: &str = "this runtime sends no signals; remove the call or ask an administrator for another isolation level";
const READ_ONLY: &str = "the file system is read-only except /tmp; write there instead";
const LOCKS: &str = "files cannot be locked where a program may have processes; use a lock of threading or multiprocessing";
const PERMISSION: &str = "this runtime does not permit it; remove the call, no isolation level permits it";

#[rustfmt::skip]
const DENIALS: &[Denial] = &[
    ("import socket\ns = socket.socket()", "socket.socket()", 2, NETWORK),
    ("import socket\ndef main():\n    socket.create_connection(('169.254.169.254', 80))", "socket.create_connection()", 3, NETWORK),
    ("import socket\nsocket.getaddrinfo('example.com', 80)", "socket.getaddrinfo()", 2, NETWORK),
    ("import urllib.request\nurllib.request.urlopen('http://example.com')", "urllib.request.urlopen()", 2, NETWORK),
    ("import http.client\nc = http.client.HTTPConnection('127.0.0.1')\nc.request('GET', '/')", "c.request()", 3, NETWORK),
    ("import smtplib\nsmtplib.SMTP('127.0.0.1')", "smtplib.SMTP()", 2, NETWORK),
    ("import ftplib\nftplib.FTP('127.0.0.1')", "ftplib.FTP()", 2, NETWORK),
    ("import asyncio\nasync def main():\n    await asyncio.open_connection('127.0.0.1', 80)", "asyncio.open_connection()", 3, NETWORK),
    ("import subprocess\nsubprocess.run(['ls'])", "subprocess.run()", 2, PROCESSES),
    ("import os\nos.popen('ls')", "os.popen()", 2, PROCESSES),
    ("import os\nos.fork()", "os.fork()", 2, PROCESSES),
    ("import os, sys\nos.execv(sys.executable, ['python3'])", "os.execv()", 2, PROCESSES),
    ("import os, sys\nos.posix_spawn(sys.executable, ['python3'], {})", "os.posix_spawn()", 2, PROCESSES),
    ("import multiprocessing\nmultiprocessing.get_context('fork').Process(target=print).start()", "start()", 2, PROCESSES),
    ("import asyncio\nasync def main():\n    await asyncio.create_subprocess_exec('ls')", "asyncio.create_subprocess_exec()", 3, PROCESSES),
    ("import threading\nthreading.Thread(target=print).start()", "start()", 2, THREADS),
    ("import concurrent.futures\nwith concurrent.futures.ThreadPoolExecutor() as pool:\n    pool.submit(print)", "pool.submit()", 3, THREADS),
    ("import asyncio\nasync def main():\n    await asyncio.to_thread(print)", "asyncio.to_thread()", 3, THREADS),
    ("import os\nos.kill(1, 9)", "os.kill()", 2, SIGNALS),
    ("import os\nos.killpg(1, 9)", "os.killpg()", 2, SIGNALS),
    ("import signal\nsignal.raise_signal(10)", "signal.raise_signal()", 2, SIGNALS),
    ("open('/zona/zygote.py', 'w')", "open()", 1, READ_ONLY),
    ("import os\nos.mkdir('/data')", "os.mkdir()", 2, READ_ONLY),
    ("import os\nos.remove(os.__file__)", "os.remove()", 2, READ_ONLY),
    ("import pathlib\npathlib.Path('/report.txt').write_text('x')", "write_text()", 2, READ_ONLY),
    ("import shutil, os\nshutil.copy(os.__file__, '/zona/x')", "shutil.copy()", 2, READ_ONLY),
    ("import os\nos.setuid(0)", "os.setuid()", 2, PERMISSION),
    ("import os\nos.chroot('/tmp')", "os.chroot()", 2, PERMISSION),
    ("import os\nos.mkfifo('/tmp/fifo')", "os.mkfifo()", 2, PERMISSION),
    ("import os\nos.nice(5)", "os.nice()", 2, PERMISSION),
    ("import os\nos.sched_setaffinity(0, {0})", "os.sched_setaffinity()", 2, PERMISSION),
];

#[test]
fn a_denied_call_is_named_with_its_line_the_reason_and_the_way_out() {
    let mut sandbox = Sandbox::start();
    let mut wrong = Vec::new();
    for (code, called, line, why) in DENIALS {
        let outcome = sandbox.run(&script(code));
        let Some((_, payload)) = outcome.frames.last() else { panic!("{code}: {outcome:?}") };
        let failure: serde_json::Value = serde_json::from_str(payload).unwrap();
        let message = failure["message"].as_str().unwrap_or_default();
        let explained = message.starts_with("blocked: ") && message.ends_with(&format!("{called} at line {line} - {why}"));
        let complete = failure["reason"] == "DENIED_OPERATION" && explained && failure["line"] == json!(line);
        if !complete || !outcome.stderr.contains(message) {
            wrong.push(format!("{code:?}\n    {payload}\n    stderr {:?}", outcome.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_call_past_python_gets_an_error_number_and_no_failure() {
    let code = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\ndef main():\n    return [libc.mount(b'none', b'/tmp', b'tmpfs', 0, None), ctypes.get_errno()]";
    assert_eq!(result_of(code), json!([-1, 1]));
}

#[test]
fn where_processes_are_granted_what_stays_denied_is_still_explained() {
    let mut sandbox = Sandbox::with(sandbox_protocol::control::Class { processes: 8, ..CLASS }, SealMode::Processes);
    for (code, called, why) in [
        ("import socket\nsocket.socket()", "socket.socket()", NETWORK),
        ("import os\nos.mkdir('/data')", "os.mkdir()", READ_ONLY),
        ("import os\nos.setuid(0)", "os.setuid()", PERMISSION),
        ("import fcntl, os\nfcntl.flock(os.open('/tmp', 0), fcntl.LOCK_EX)", "fcntl.flock()", LOCKS),
        ("import fcntl\nfcntl.lockf(open('/tmp/x', 'w'), fcntl.LOCK_EX)", "fcntl.lockf()", LOCKS),
        (
            "import subprocess, os\nopen('/tmp/x', 'w').close()\nos.chmod('/tmp/x', 0o755)\nsubprocess.run(['/tmp/x'])",
            "subprocess.run()",
            "files in /tmp cannot be executed",
        ),
    ] {
        let failure = sandbox.run(&script(code)).failure();
        assert_eq!(failure.reason, "DENIED_OPERATION", "{failure:?}");
        assert!(failure.message.contains(called) && failure.message.contains(why), "{failure:?}");
    }
}
