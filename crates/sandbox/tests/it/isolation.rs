//! What a program can see and reach: its interpreter, its `/tmp`, and nothing else.

use domain::sandbox::{Isolation, Job, Progress};

use crate::support::{Host, script};

crate::on_both_backends!(
    there_is_no_network,
    there_are_no_host_files,
    there_is_no_environment,
    nothing_is_left_of_the_previous_execution,
    neighbors_are_invisible,
    the_kernel_is_out_of_reach,
    no_lock_of_a_program_shows_on_the_host,
    two_runs_do_not_share_their_randomness,
);

/// Tries each expression; those that did not raise.
fn attempts(expressions: &[&str]) -> String {
    let list = expressions.iter().map(|expression| format!("{expression:?}")).collect::<Vec<_>>().join(", ");
    format!(
        "import ctypes, os, socket\nlibc = ctypes.CDLL(None, use_errno=True)\ndef call(*args):\n    if libc.syscall(*args) < 0:\n        raise OSError(ctypes.get_errno())\ndef main():\n    worked = []\n    for text in [{list}]:\n        try:\n            eval(text)\n            worked.append(text)\n        except BaseException:\n            pass\n    return worked"
    )
}

async fn none_works(host: &Host, expressions: &[&str]) {
    assert_eq!(host.succeed(&attempts(expressions)).await, serde_json::json!([]));
    // The harness itself works: something harmless does.
    assert_eq!(host.succeed(&attempts(&["os.getpid()"])).await, serde_json::json!(["os.getpid()"]));
}

async fn there_is_no_network(host: &Host) {
    none_works(
        host,
        &[
            "socket.socket()",
            "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
            "socket.socket(socket.AF_UNIX)",
            "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
            "socket.socket(40)",
            "socket.create_connection(('169.254.169.254', 80), timeout=1)",
            "socket.getaddrinfo('example.com', 80)",
        ],
    )
    .await;
}

async fn there_are_no_host_files(host: &Host) {
    none_works(
        host,
        &[
            "open('/etc/passwd')",
            "open('/etc/hostname')",
            "os.listdir('/proc')[0]",
            "open('/proc/1/environ')",
            "os.listdir('/sys')[0]",
            "os.listdir('/home')",
            "os.listdir('/root')",
            "os.listdir('/var')",
            "os.listdir('/run')[0]",
            "os.listdir('/work')",
            "open('/usr/bin/env')",
            "open('/bin/sh')",
            "open('/dev/mem', 'rb')",
            "os.mknod('/tmp/disk', 0o60600, os.makedev(8, 0))",
            "open('/new', 'w')",
            "open(os.__file__, 'r+')",
            "os.remove(os.__file__)",
        ],
    )
    .await;
}

async fn there_is_no_environment(host: &Host) {
    let environment = host.succeed("import os\ndef main():\n    return dict(os.environ)").await;
    for name in environment.as_object().unwrap().keys() {
        assert!(["LANG", "TZ"].contains(&name.as_str()), "{environment}");
    }
    assert_eq!(host.succeed("import sys\ndef main():\n    return sys.stdin.read()").await, "");
}

async fn nothing_is_left_of_the_previous_execution(host: &Host) {
    let look = "import os, builtins\ndef main():\n    found = [os.path.join(root, name) for root, _, names in os.walk('/tmp') for name in names]\n    if os.path.isdir('/dev/shm'):\n        found += os.listdir('/dev/shm')\n    return found + [name for name in ('left',) if hasattr(builtins, name)]";
    let leave =
        "import os, builtins\nbuiltins.left = True\nopen('/tmp/left', 'w').write('x')\nos.makedirs('/tmp/a/b')\nopen('/tmp/a/b/left', 'w')";
    // Every child of the sandbox, old and new.
    for _ in 0..6 {
        host.succeed(leave).await;
        assert_eq!(host.succeed(look).await, serde_json::json!([]));
    }
}

async fn neighbors_are_invisible(host: &Host) {
    let mut neighbor = host.start(script("import time\nopen('/tmp/secret', 'w').write('mine')\nprint('there')\ntime.sleep(30)")).await;
    assert!(neighbor.next().await.is_some());
    none_works(
        host,
        &[
            "open('/tmp/secret')",
            "os.kill(1, 9)",
            "os.kill(2, 0)",
            "os.kill(-1, 9)",
            "call(62, 1, 0)",
            "call(200, 1, 0)",
            "call(434, 1, 0)",
            "call(101, 16, 1, 0, 0)",
        ],
    )
    .await;
    assert_eq!(host.succeed("import os\ndef main():\n    return os.getpid()").await, 1, "alone in its process namespace");
    neighbor.stop();
}

async fn the_kernel_is_out_of_reach(host: &Host) {
    none_works(
        host,
        &[
            "call(165, 0, b'/tmp', b'tmpfs', 0, 0)", // mount
            "call(166, b'/tmp', 2)",                 // umount2
            "call(155, b'/tmp', b'/tmp')",           // pivot_root
            "call(161, b'/tmp')",                    // chroot
            "call(272, 0x10000000)",                 // unshare
            "call(308, 0, 0)",                       // setns
            "call(56, 17, 0, 0, 0, 0)",              // clone
            "call(57)",                              // fork
            "call(58)",                              // vfork
            "call(435, 0, 0)",                       // clone3
            "call(59, b'/usr/bin/python3', 0, 0)",   // execve
            "call(319, b'x', 0)",                    // memfd_create
            "call(321, 0, 0, 0)",                    // bpf
            "call(425, 8, 0)",                       // io_uring_setup
            "call(250, 0, -1, 0)",                   // keyctl
            "call(298, 0, 0, -1, -1, 0)",            // perf_event_open
            "call(323, 0)",                          // userfaultfd
            "call(105, 0)",                          // setuid
            "call(175, 0, 0, b'')",                  // init_module
            "call(304, -100, 0, 0)",                 // open_by_handle_at
            "call(310, 1, 0, 0, 0, 0, 0)",           // process_vm_readv
            "call(72, 1, 1031, 4096)",               // fcntl F_SETPIPE_SZ
        ],
    )
    .await;
}

/// Whatever the tier answers to them: as many as once made a library slow to open for everybody.
async fn no_lock_of_a_program_shows_on_the_host(host: &Host) {
    let code = "import fcntl, os, time
def attempt(action):
    try:
        action()
    except PermissionError:
        pass
file, other = open(os.__file__, 'rb'), open(os.__file__, 'rb')
for number in range(22_000):
    attempt(lambda: fcntl.lockf(file, fcntl.LOCK_SH, 1, 2 * number))
attempt(lambda: fcntl.flock(other, fcntl.LOCK_EX))
print(os.fstat(file.fileno()).st_ino, flush=True)
time.sleep(30)";
    for isolation in [Isolation::TenantWarm, Isolation::OneShot] {
        let mut run = host.start(Job { isolation, ..script(code) }).await;
        let Some(Progress::Output { data, .. }) = run.next().await else { panic!("{}: no inode", isolation.tier()) };
        let inode = format!(":{} ", String::from_utf8_lossy(&data).trim());
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        assert!(!locks.contains(&inode), "{}: {locks}", isolation.tier());
        run.stop();
    }
}

async fn two_runs_do_not_share_their_randomness(host: &Host) {
    let draw = "import random, uuid\ndef main():\n    return [random.random(), str(uuid.uuid4())]";
    let (first, second) = (host.succeed(draw).await, host.succeed(draw).await);
    assert_ne!(first[0], second[0]);
    assert_ne!(first[1], second[1]);
}
