//! Why programs fail: every reason, in words that help, with tracebacks that show user code only.

use sandbox_protocol::control::{Class, Exit, SealMode};
use serde_json::{Value, json};

use crate::harness::*;

fn check(code: &str, reason: &str, words: &[&str]) {
    let outcome = Sandbox::start().run(&script(code));
    let failure = outcome.failure();
    assert_eq!(failure.reason, reason, "{failure:?}");
    for word in words {
        assert!(failure.message.contains(word), "{word:?} is not in {failure:?}");
    }
    if reason != "USER_ERROR" && reason != "EXIT_CODE" {
        assert!(outcome.stderr.contains(&failure.message), "{outcome:?}");
    }
}

#[test]
fn an_exception_is_told_with_line_and_user_frames_only() {
    let code = "import json\n\ndef helper(text):\n    return json.loads(text)\n\ndef main():\n    return helper('{')\n";
    let outcome = Sandbox::start().run(&script(code));
    let failure = outcome.failure();
    assert_eq!(failure.reason, "USER_ERROR");
    assert_eq!(failure.exception.as_deref(), Some("JSONDecodeError"));
    assert_eq!(failure.line, Some(4));
    let traceback = failure.traceback.unwrap();
    assert!(traceback.contains("File \"<utility>\", line 7, in main\n    return helper('{')"), "{traceback}");
    assert!(traceback.contains("line 4, in helper"), "{traceback}");
    assert!(!traceback.contains("/usr/lib") && !traceback.contains("zona"), "{traceback}");
    assert_eq!(outcome.stderr, traceback);
}

#[test]
fn chained_exceptions_show_user_frames_only() {
    let code = "import json\ndef main():\n    try:\n        json.loads('{')\n    except ValueError as error:\n        raise KeyError('outer') from error\n";
    let traceback = failure_of(code).traceback.unwrap();
    assert!(traceback.contains("JSONDecodeError") && traceback.contains("direct cause"), "{traceback}");
    assert!(!traceback.contains("decoder.py"), "{traceback}");
}

#[test]
fn a_syntax_error_has_its_line() {
    let failure = failure_of("x = 1\ndef broken(:\n");
    assert_eq!((failure.reason.as_str(), failure.line), ("USER_ERROR", Some(2)));
    assert!(failure.message.starts_with("SyntaxError"), "{failure:?}");
}

#[test]
fn a_missing_entry_point_is_named() {
    let failure = Sandbox::start().run(&transform("def transfrom(value): return value", json!(1))).failure();
    assert_eq!(failure.reason, "NO_RESULT");
    assert!(failure.message.contains("transform(value"), "{failure:?}");
}

#[test]
fn wrong_parameters_are_the_users_error() {
    check("def main(name): return name", "USER_ERROR", &["TypeError", "name"]);
}

#[test]
fn a_locale_that_is_not_there_is_explained() {
    check(
        "import locale\nlocale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')",
        "USER_ERROR",
        &["unsupported locale", "no locale but C", "remove the call"],
    );
}

#[test]
fn exit_codes_are_kept() {
    let mut sandbox = Sandbox::start();
    let failure = sandbox.run(&script("import sys\nsys.exit(3)")).failure();
    assert_eq!((failure.reason.as_str(), failure.exit_code), ("EXIT_CODE", Some(3)));
    let outcome = sandbox.run(&script("import sys\nsys.exit('no input')"));
    assert_eq!(outcome.failure().exit_code, Some(1));
    assert_eq!(outcome.stderr, "no input\n");
}

#[test]
fn memory_is_limited_and_said_so() {
    check("def main(): return len(bytearray(300 << 20))", "OUT_OF_MEMORY", &["128 MiB", "line 1"]);
    check("def main():\n    a = []\n    while True: a.append('x' * 1000 + str(len(a)))", "OUT_OF_MEMORY", &["128 MiB"]);
}

#[test]
fn the_disk_is_limited_and_said_so() {
    check("def main():\n    with open('/tmp/a', 'wb') as f: f.write(b'x' * (9 << 20))", "DISK_LIMIT", &["8 MiB"]);
    let many = "def main():\n    for n in range(3):\n        with open(f'/tmp/{n}', 'wb') as f: f.write(b'x' * (7 << 20))";
    check(many, "DISK_LIMIT", &["/tmp"]);
    check("def main():\n    for n in range(100000): open(f'/tmp/{n}', 'w').close()", "DISK_LIMIT", &["/tmp"]);
}

#[test]
fn denied_calls_say_what_to_do() {
    check("import socket\n\ndef main():\n    socket.socket()", "DENIED_OPERATION", &["blocked: socket.socket()", "line 4", "no network"]);
    check("import urllib.request\nurllib.request.urlopen('http://example.com')", "DENIED_OPERATION", &["urlopen()", "no network"]);
    check("import urllib.request\nurllib.request.urlopen('http://127.0.0.1')", "DENIED_OPERATION", &["urlopen()", "no network"]);
    check("import subprocess\nsubprocess.run(['ls'])", "DENIED_OPERATION", &["subprocess.run()", "processes"]);
    check("import os\nos.fork()", "DENIED_OPERATION", &["os.fork()", "line 2", "processes"]);
    check("import os\nos.kill(1, 9)", "DENIED_OPERATION", &["os.kill()", "signals"]);
    check("import threading\nthreading.Thread(target=print).start()", "DENIED_OPERATION", &["start()", "threads"]);
    check("open('/zona/zygote.py', 'w')", "DENIED_OPERATION", &["open()", "read-only except /tmp"]);
    check("import os\nos.mkdir('/data')", "DENIED_OPERATION", &["os.mkdir()", "read-only except /tmp"]);
    check("import os\nos.setuid(0)", "DENIED_OPERATION", &["os.setuid()", "line 2"]);
}

#[test]
fn an_error_that_user_code_raises_itself_is_the_users() {
    check("raise PermissionError(1, 'mine')", "USER_ERROR", &["mine"]);
    check("import socket\ntry:\n    socket.socket()\nexcept OSError:\n    raise ValueError('mine')", "USER_ERROR", &["mine"]);
    check("raise KeyboardInterrupt", "USER_ERROR", &["KeyboardInterrupt"]);
}

#[test]
fn a_denial_that_is_handled_is_no_failure() {
    assert_eq!(
        result_of("import socket\ndef main():\n    try: socket.socket()\n    except PermissionError: return 'handled'"),
        json!("handled")
    );
}

#[test]
fn hostile_exceptions_are_still_reported() {
    let code = "class Bad(Exception):\n    def __str__(self): raise RuntimeError('no words')\ndef main(): raise Bad()";
    let failure = failure_of(code);
    assert_eq!((failure.reason.as_str(), failure.exception.as_deref()), ("USER_ERROR", Some("Bad")));
    let failure = failure_of("class Bad(BaseException):\n    def __getattribute__(self, name): raise Bad()\nraise Bad()");
    assert_eq!(failure.reason, "USER_ERROR");
    let failure = failure_of("def f(): f()\nf()");
    assert_eq!(failure.exception.as_deref(), Some("RecursionError"));
    assert!(failure.traceback.unwrap().len() < 40_000);
    let failure = failure_of("raise ValueError('\\ud800')");
    assert!(failure.message.contains("\\ud800"), "{failure:?}");
}

#[test]
fn a_process_that_ends_without_an_answer_leaves_no_frame() {
    let mut sandbox = Sandbox::start();
    let outcome = sandbox.run(&script("import os\nprint('x')\nos._exit(7)"));
    assert_eq!((outcome.frames.len(), outcome.exit, outcome.stdout.as_str()), (0, Exit::Code(7), "x\n"));
    let outcome = sandbox.run(&script("import ctypes\nctypes.string_at(0)"));
    assert_eq!((outcome.frames.len(), outcome.exit), (0, Exit::Signal(11)));
}

#[test]
fn cpu_time_is_limited_by_the_kernel() {
    let mut program = script("while True: pass");
    program["limits"]["cpu_seconds"] = json!(1);
    let outcome = Sandbox::start().run(&program);
    assert_eq!((outcome.frames.len(), outcome.exit), (0, Exit::Signal(9)));
    let used = outcome.usage.user_micros + outcome.usage.system_micros;
    // The kernel enforces the limit by clock ticks and accounts precisely: on a busy machine the two differ.
    assert!((500_000..2_000_000).contains(&used), "{used}");
}

#[test]
fn open_files_are_limited() {
    let mut program = script(
        "def main():\n    return [open('/dev/null').fileno() for _ in range(0)] or attempt()\ndef attempt():\n    files = []\n    try:\n        while True: files.append(open('/dev/null'))\n    except OSError as error: return [len(files), error.errno]",
    );
    program["limits"]["open_files"] = json!(20);
    assert_eq!(Sandbox::start().run(&program).result(), json!([16, 24]), "stdio and the result pipe are open already");
}

#[test]
fn processes_are_limited_where_they_are_granted() {
    let mut sandbox = Sandbox::with(Class { processes: 4, ..CLASS }, SealMode::Processes);
    let code = "import os, time\ndef main():\n    while True:\n        if os.fork() == 0: time.sleep(60)";
    let outcome = sandbox.run(&script(code));
    assert_eq!(outcome.failure().reason, "PROCESS_LIMIT");
    let code = "import threading, time\ndef main():\n    while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()";
    assert_eq!(sandbox.run(&script(code)).failure().reason, "PROCESS_LIMIT");
    assert_eq!(sandbox.run(&script("def main(): return 1")).result(), Value::from(1));
}
