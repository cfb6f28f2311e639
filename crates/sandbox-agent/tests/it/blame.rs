//! What a failure is put down to: what ended the program, and nothing that it had dealt with before.

use serde_json::json;

use crate::harness::*;

/// Code that handles what the sandbox or a limit refused, the exception that ends it afterwards, and its line.
type Handled = (&'static str, &'static str, u32);

#[rustfmt::skip]
const HANDLED: &[Handled] = &[
    ("def main():\n    settings = {}\n    try:\n        open('/cache.json', 'w')\n    except OSError:\n        return settings['folder']", "KeyError", 6),
    ("def main():\n    try:\n        bytearray(1 << 40)\n    except MemoryError:\n        return int('many')", "ValueError", 5),
    ("import json\ndef main():\n    try:\n        bytearray(1 << 40)\n    except MemoryError:\n        return json.loads('{')", "JSONDecodeError", 6),
    ("import json, socket\ndef main():\n    try:\n        socket.socket()\n    except OSError:\n        return json.loads('{')", "JSONDecodeError", 6),
    ("import json, socket\ndef main():\n    try:\n        socket.socket()\n    finally:\n        json.loads('{')", "JSONDecodeError", 6),
    ("import decimal, os\ndef main():\n    try:\n        os.fork()\n    except OSError:\n        return decimal.Decimal('x')", "InvalidOperation", 6),
    ("import subprocess\ndef main():\n    try:\n        subprocess.run(['ls'])\n    except OSError:\n        assert False, 'no ls'", "AssertionError", 6),
    ("import socket\ndef main():\n    try:\n        socket.socket()\n    except OSError as error:\n        raise ValueError('mine') from error", "ValueError", 6),
    ("import urllib.request\ndef main():\n    try:\n        urllib.request.urlopen('http://example.com')\n    except OSError as error:\n        return error.code", "AttributeError", 6),
    ("import threading\ndef main():\n    try:\n        threading.Thread(target=print).start()\n    except RuntimeError:\n        return [][0]", "IndexError", 6),
    ("class Tried:\n    def __enter__(self): open('/x', 'w')\n    def __exit__(self, *_): pass\ndef main():\n    try:\n        with Tried(): pass\n    except OSError:\n        return {}.nothing", "AttributeError", 8),
];

/// Code whose library fails while it deals with a refusal, and the reason that stays the refusal's.
const UNHANDLED: &[(&str, &str)] = &[
    ("import urllib.request\ndef main():\n    urllib.request.urlopen('http://example.com')", "DENIED_OPERATION"),
    (
        "import concurrent.futures\ndef main():\n    with concurrent.futures.ThreadPoolExecutor() as pool:\n        pool.submit(print)",
        "DENIED_OPERATION",
    ),
    ("import asyncio\nasync def main():\n    await asyncio.open_connection('127.0.0.1', 80)", "DENIED_OPERATION"),
    (
        "import zipfile\ndef main():\n    with zipfile.ZipFile('/x.zip', 'w') as archive:\n        archive.writestr('a', 'b')",
        "DENIED_OPERATION",
    ),
    ("import gzip\ndef main():\n    with gzip.open('/tmp/x', 'wb', 0) as file:\n        file.write(b'x' * (9 << 20))", "DISK_LIMIT"),
];

#[test]
fn what_a_program_had_dealt_with_is_not_blamed_for_a_later_exception() {
    let mut sandbox = Sandbox::start();
    for (code, exception, line) in HANDLED {
        let failure = sandbox.run(&script(code)).failure();
        assert_eq!(
            (failure.reason.as_str(), failure.exception.as_deref(), failure.line),
            ("USER_ERROR", Some(*exception), Some(*line)),
            "{code}\n{failure:?}"
        );
    }
}

#[test]
fn what_the_library_failed_of_is_blamed_through_its_own_exceptions() {
    let mut sandbox = Sandbox::start();
    for (code, reason) in UNHANDLED {
        let failure = sandbox.run(&script(code)).failure();
        assert_eq!(failure.reason, *reason, "{code}\n{failure:?}");
    }
}

#[test]
fn a_handled_refusal_of_one_value_is_not_blamed_for_that_value() {
    let code = "def transform(value):\n    try:\n        cache = bytearray(1 << 40)\n    except MemoryError:\n        cache = {}\n        return cache[value]";
    let failure = Sandbox::start().run(&transform(code, json!("a"))).failure();
    assert_eq!((failure.reason.as_str(), failure.exception.as_deref()), ("USER_ERROR", Some("KeyError")));
}

#[test]
fn the_only_task_that_failed_says_why() {
    let code = |call: &str| {
        format!(
            "import asyncio, socket\nasync def work():\n    {call}\nasync def main():\n    async with asyncio.TaskGroup() as group:\n        group.create_task(work())"
        )
    };
    let mut sandbox = Sandbox::start();
    let failure = sandbox.run(&script(&code("socket.socket()"))).failure();
    assert_eq!((failure.reason.as_str(), failure.line), ("DENIED_OPERATION", Some(3)), "{failure:?}");
    assert!(failure.message.starts_with("blocked: socket.socket() at line 3"), "{failure:?}");
    let failure = sandbox.run(&script(&code("int('many')"))).failure();
    assert_eq!((failure.reason.as_str(), failure.line), ("USER_ERROR", Some(3)), "{failure:?}");
    assert!(failure.message.contains("ValueError: invalid literal"), "{failure:?}");
}

#[test]
fn what_needs_processes_says_so_whatever_the_system_says() {
    let mut sandbox = Sandbox::start();
    for code in [
        "import multiprocessing\n\n\ndef main():\n    with multiprocessing.Pool(1) as workers:\n        return workers.map(str, [1])",
        "import multiprocessing\ndef main():\n    multiprocessing.Lock()",
        "import multiprocessing\ndef main():\n    multiprocessing.Queue()",
        "import multiprocessing\ndef main():\n    multiprocessing.Value('i', 1)",
        "import multiprocessing.shared_memory as shared\ndef main():\n    shared.SharedMemory(create=True, size=8)",
        "import concurrent.futures\ndef main():\n    with concurrent.futures.ProcessPoolExecutor(1) as pool:\n        return list(pool.map(str, [1]))",
    ] {
        let failure = sandbox.run(&script(code)).failure();
        assert_eq!(failure.reason, "DENIED_OPERATION", "{code}\n{failure:?}");
        assert!(failure.message.contains("this runtime starts no processes"), "{code}\n{failure:?}");
    }
}
