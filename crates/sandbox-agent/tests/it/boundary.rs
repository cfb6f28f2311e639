//! What hostile code can reach: nothing. Each probe goes straight to the kernel, past Python's own checks.

use serde_json::{Value, json};

use crate::harness::*;

/// A program whose `main` returns the error number of each raw call, by name.
const RAW_CALLS: &str = "import ctypes
libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(4096)
CALLS = {
    'socket_inet': (41, 2, 1, 0), 'socket_netlink': (41, 16, 3, 0), 'socket_unix': (41, 1, 1, 0), 'socket_vsock': (41, 40, 1, 0),
    'socketpair_inet': (53, 2, 1, 0, buffer), 'connect': (42, 0, buffer, 16), 'sendmsg': (46, 0, buffer, 0),
    'mount': (165, b'none', b'/tmp', b'tmpfs', 0, None), 'umount': (166, b'/tmp', 2), 'pivot_root': (155, b'/', b'/'), 'chroot': (161, b'/tmp'),
    'open_tree': (428, -100, b'/', 1), 'move_mount': (429, -100, b'/', -100, b'/tmp', 0), 'fsopen': (430, b'tmpfs', 0), 'mount_setattr': (442, -100, b'/', 0, buffer, 32),
    'unshare_user': (272, 0x10000000), 'unshare_net': (272, 0x40000000), 'setns': (308, 0, 0), 'clone_user': (56, 0x10000011, 0, 0, 0, 0), 'clone3': (435, buffer, 88),
    'fork': (57,), 'vfork': (58,), 'execve': (59, b'/usr/bin/python3', None, None), 'execveat': (322, -100, b'/x', None, None, 0),
    'ptrace': (101, 0, 0, 0, 0), 'process_vm_readv': (310, 1, buffer, 1, buffer, 1, 0), 'process_vm_writev': (311, 1, buffer, 1, buffer, 1, 0), 'kcmp': (312, 1, 1, 0, 0, 0),
    'kill': (62, 1, 0), 'tkill': (200, 1, 0), 'tgkill': (234, 1, 1, 0), 'pidfd_open': (434, 1, 0), 'pidfd_send_signal': (424, 0, 0, 0, 0), 'rt_sigqueueinfo': (129, 1, 0, buffer),
    'bpf': (321, 0, buffer, 64), 'perf_event_open': (298, buffer, 0, -1, -1, 0), 'io_uring_setup': (425, 8, buffer), 'userfaultfd': (323, 0),
    'keyctl': (250, 0, 0), 'add_key': (248, b'user', b'x', b'y', 1, 0), 'request_key': (249, b'user', b'x', None, 0),
    'memfd_create': (319, b'x', 0), 'shmget': (29, 0, 4096, 0o1600), 'msgget': (68, 0, 0o1600), 'semget': (64, 0, 1, 0o1600), 'mq_open': (240, b'x', 0o102, 0o600, None),
    'setuid': (105, 0), 'setgid': (106, 0), 'setresuid': (117, 0, 0, 0), 'setgroups': (116, 0, None), 'capset': (126, buffer, buffer), 'prctl': (157, 38, 0, 0, 0, 0), 'seccomp': (317, 1, 0, None),
    'personality': (135, 0x0040000), 'modify_ldt': (154, 0, buffer, 16), 'iopl': (172, 3), 'ioperm': (173, 0, 1, 1), 'arch_prctl': (158, 0x1001, 0),
    'inotify_init1': (294, 0), 'fanotify_init': (300, 0, 0), 'timer_create': (222, 0, None, buffer), 'open_by_handle_at': (304, 0, buffer, 0), 'name_to_handle_at': (303, -100, b'/', buffer, buffer, 0),
    'init_module': (175, buffer, 0, b''), 'kexec_load': (246, 0, 0, None, 0), 'reboot': (169, 0, 0, 0, None), 'swapon': (167, b'/x', 0), 'sethostname': (170, b'x', 1), 'syslog': (103, 3, buffer, 16),
    'mknod_device': (133, b'/tmp/d', 0o20666, 0x101), 'setpipe': (72, 1, 1031, 1048576), 'setown': (72, 1, 8, 1), 'tiocsti': (16, 0, 0x5412, buffer), 'prlimit_other': (302, 2, 7, None, buffer),
    'landlock': (444, buffer, 8, 0), 'quotactl': (179, 0, None, 0, None), 'acct': (163, b'/tmp/a'), 'lookup_dcookie': (212, 0, buffer, 1), 'mincore': (27, 1, 1, None), 'cachestat': (451, -1, None, None, 0), 'readahead': (187, -1, 0, 0), 'syncfs': (306, -1), 'sync_file_range': (277, -1, 0, 0, 0),
    'preadv2_nowait': (327, -1, None, 0, 0, 0, 8), 'pwritev2_sync': (328, -1, None, 0, 0, 0, 4), 'membarrier': (324, 0, 0), 'rseq': (334, None, 0, 0, 0), 'set_robust_list': (273, 0, 0),
    'futex_wake_shared': (202, buffer, 1, 1), 'futex_wait_shared': (202, buffer, 0, 1), 'futex_lock_pi': (202, buffer, 6), 'futex_trylock_pi': (202, buffer, 136), 'futex_requeue': (202, buffer, 131),
    'recv_oob': (45, -1, buffer, 1, 1, None), 'send_zerocopy': (44, -1, buffer, 1, 0x4000000, None), 'peer_pidfd': (55, -1, 1, 77, buffer, buffer), 'madvise_mergeable': (28, 0, 0, 12),
    'open_direct': (257, -100, b'/', 0x4000, 0), 'setlease': (72, 1, 1024, 2), 'get_open_file_lock': (72, 1, 36, buffer),
    'splice': (275, 0, None, 1, None, 1, 0), 'vmsplice': (278, 1, buffer, 1, 0),
}
def main():
    answers = {}
    for name, (number, *arguments) in CALLS.items():
        ctypes.set_errno(0)
        result = libc.syscall(number, *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
        answers[name] = ctypes.get_errno() if result == -1 else 'returned %d' % result
    return answers
";

#[test]
fn every_dangerous_call_answers_eperm() {
    let answers = result_of(RAW_CALLS);
    let answers = answers.as_object().unwrap();
    assert!(answers.len() > 75, "{}", answers.len());
    let through: Vec<_> = answers.iter().filter(|(_, answer)| **answer != json!(1)).collect();
    assert!(through.is_empty(), "{through:?}");
}

#[test]
fn locks_and_flushes_succeed_and_are_not_made() {
    let code = "import fcntl, mmap, os
def main():
    one, other = open(os.__file__, 'rb'), open(os.__file__, 'rb')
    for file in (one, other):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.fsync(file)
        os.fdatasync(file)
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    os.sync()
    with open('/tmp/a', 'w+b') as file:
        file.write(b'x' * 4096)
        file.flush()
        mmap.mmap(file.fileno(), 4096).flush()
        fcntl.lockf(file, fcntl.LOCK_EX)
        fcntl.lockf(file, fcntl.LOCK_UN)
    return 'done'";
    assert_eq!(result_of(code), json!("done"));
}

#[test]
fn a_database_in_tmp_works_in_every_mode_of_its_journal() {
    let code = "import sqlite3
def main():
    found = []
    for mode in ('delete', 'truncate', 'persist', 'memory', 'wal', 'off'):
        path = '/tmp/' + mode
        for number in range(2):
            with sqlite3.connect(path) as base:
                found.append(base.execute('pragma journal_mode = ' + mode).fetchone()[0])
                base.execute('create table if not exists t(n)')
                base.execute('insert into t values (?)', (number,))
                base.commit()
        base = sqlite3.connect(path)
        assert base.execute('select sum(n), count(*) from t').fetchone() == (1, 2), mode
    return sorted(set(found))";
    assert_eq!(result_of(code), json!(["delete", "memory", "off", "persist", "truncate", "wal"]));
}

#[test]
fn a_child_yields_to_the_agent() {
    assert_eq!(result_of("import os\ndef main(): return os.getpriority(os.PRIO_PROCESS, 0)"), json!(5));
}

#[test]
fn calls_through_the_32_bit_gate_kill_the_program() {
    let code = "import ctypes, mmap
def main():
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3')  # mov eax, 20 (getpid); int 0x80; ret
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return ctypes.CFUNCTYPE(ctypes.c_int)(address)()";
    let outcome = Sandbox::start().run(&script(code));
    assert!(outcome.frames.is_empty(), "{outcome:?}");
    let code = "import ctypes\ndef main(): return ctypes.CDLL(None).syscall(0x40000000 + 39)";
    assert!(Sandbox::start().run(&script(code)).frames.is_empty());
}

#[test]
fn the_file_system_is_the_runtime_and_an_empty_tmp() {
    let code = "import os
def main():
    return [sorted(os.listdir('/')), os.listdir('/tmp'), sorted(os.listdir('/dev')), sorted(os.listdir('/usr')), os.path.exists('/proc/self'), os.path.exists('/etc/passwd'), os.path.exists('/root'), os.path.exists('/sys')]";
    let found = result_of(code);
    let top: Vec<&str> = found[0].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for name in &top {
        assert!(["dev", "etc", "lib", "lib64", "opt", "root", "tmp", "usr", "zona"].contains(name), "{top:?}");
    }
    assert!(!top.contains(&"proc") && !top.contains(&"sys") && !top.contains(&"home"), "{top:?}");
    assert_eq!(found[1], json!([]));
    assert_eq!(found[2], json!(["null", "shm", "urandom", "zero"]));
    assert_eq!((&found[4], &found[5], &found[7]), (&json!(false), &json!(false), &json!(false)));
}

#[test]
fn nothing_outside_tmp_can_be_written_and_tmp_cannot_hold_programs() {
    let code = "import os, mmap
def attempt(action):
    try:
        action()
        return 'done'
    except OSError as error:
        return error.errno
def executable():
    with open('/tmp/lib.so', 'wb') as file: file.write(b'x' * 4096)
    with open('/tmp/lib.so', 'rb') as file: mmap.mmap(file.fileno(), 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE)
def main():
    stdlib = os.__file__
    places = ['/x', '/zona/x', '/dev/x', '/dev/shm/x', os.path.dirname(stdlib) + '/x']
    answers = [attempt(lambda: open(place, 'w')) for place in places]
    answers += [attempt(lambda: open(stdlib, 'r+')), attempt(lambda: os.chmod(stdlib, 0o777)), attempt(lambda: os.unlink(stdlib)), attempt(lambda: os.rename('/zona', '/z'))]
    answers += [attempt(lambda: open('/dev/null', 'w').write('x')), attempt(executable)]
    return answers";
    let answers = result_of(code);
    let answers = answers.as_array().unwrap();
    for answer in &answers[..9] {
        assert!([json!(30), json!(13), json!(1), json!(16)].contains(answer), "{answers:?}");
    }
    assert_eq!(answers[9], json!("done"));
    assert_eq!(answers[10], json!(1), "executable mappings of /tmp are refused");
}

#[test]
fn nothing_of_one_child_reaches_the_next() {
    let mut sandbox = Sandbox::start();
    let leave = "import os, builtins, sys\ndef main():\n    open('/tmp/left', 'w').write('x')\n    os.environ['LEFT'] = '1'\n    builtins.left = 1\n    sys.path.append('/tmp')\n    return os.listdir('/tmp')";
    assert_eq!(sandbox.run(&script(leave)).result(), json!(["left"]));
    let look = "import os, builtins, sys\ndef main(): return [os.listdir('/tmp'), 'LEFT' in os.environ, hasattr(builtins, 'left'), '/tmp' in sys.path]";
    assert_eq!(sandbox.run(&script(look)).result(), json!([[], false, false, false]));
}

#[test]
fn only_the_childs_own_descriptors_are_open() {
    let code = "import os
def main():
    found = []
    for number in range(64):
        try: os.fstat(number)
        except OSError: continue
        found.append(number)
    return found";
    assert_eq!(
        result_of(code),
        json!([0, 1, 2, 4]),
        "the pipe of the next program, where there is one, lies behind what a program may open"
    );
}

#[test]
fn a_child_is_alone_and_nobody() {
    let code = "import os, socket
def main():
    return [os.getpid(), os.getppid(), os.getuid(), os.getgid(), os.getgroups(), os.uname().nodename]";
    let found = result_of(code);
    assert_eq!(found[0], json!(1));
    assert_eq!(found[1], json!(0));
    assert_eq!((&found[2], &found[3]), (&json!(1000), &json!(1000)));
    assert_eq!(found[5], json!("zona"));
}

#[test]
fn limits_cannot_be_raised() {
    let code = "import resource
def main():
    answers = []
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE):
        try:
            resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            answers.append('raised')
        except (ValueError, OSError):
            answers.append('refused')
    return answers";
    assert_eq!(result_of(code), json!(["refused", "refused", "refused", "refused", "refused", "refused"]));
}

#[test]
fn local_pairs_event_loops_and_file_copies_work() {
    let code = "import asyncio, os, select, shutil, socket
def main():
    left, right = socket.socketpair()
    left.sendall(b'ping')
    poll = select.epoll()
    poll.register(right, select.EPOLLIN)
    ready = len(poll.poll(1))
    open('/tmp/a', 'w').write('text')
    shutil.copy2('/tmp/a', '/tmp/b')
    shutil.make_archive('/tmp/c', 'zip', '/tmp', 'a')
    os.replace('/tmp/b', '/tmp/d')
    return [ready, right.recv(4).decode(), asyncio.run(asyncio.sleep(0, 'slept')), sorted(os.listdir('/tmp'))]";
    assert_eq!(result_of(code), json!([1, "ping", "slept", ["a", "c.zip", "d"]]));
}
