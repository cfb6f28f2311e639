//! The lists themselves. Each group says why its calls are needed; the reasons of what is missing stand at the policies.

use super::{Condition, Policy, Rule};

/// Inside a T1 child: pure computation, files in `/tmp`, timers, event loops.
///
/// Refused on purpose: sockets other than a local pair of streams, processes, threads and signals (`tgkill` too: a signal to one's own
/// threads needs no call here, `abort` shows as SIGSEGV), exec, ptrace, mounts, namespaces, bpf, io_uring, keyrings, perf,
/// userfaultfd, memfd, System V IPC, message queues, inotify, POSIX timers, changes of identity, and `F_SETPIPE_SZ`, which
/// would let one child use up the pipe pages of its user.
pub const CHILD_STRICT: Policy = Policy {
    name: "child-strict",
    allowed: &[MEMORY, FILES, FILE_CHANGES, DESCRIPTORS, EVENTS, TIME, SIGNAL_HANDLING, IDENTITY, PROGRAM_END, PAIRS],
    conditional: &[FCNTL, IOCTL, OWN_LIMITS, LOCAL_PAIR],
    absent: &[],
};

/// Inside a T2 or T3 child: the same, and its own processes and threads, without namespaces.
pub const CHILD_PROCESSES: Policy = Policy {
    name: "child-processes",
    allowed: &[MEMORY, FILES, FILE_CHANGES, DESCRIPTORS, EVENTS, TIME, SIGNAL_HANDLING, IDENTITY, PROGRAM_END, PAIRS, PROCESSES],
    conditional: &[FCNTL, IOCTL, OWN_LIMITS, LOCAL_PAIR, CLONE_WITHOUT_NAMESPACES, THREAD_NAME],
    absent: &["clone3"],
};

/// Inside a T1 child without namespaces. As [`CHILD_STRICT`], but nothing is changed by its path: Landlock decides who opens a
/// file, and does not look at modes, times, owners and extended attributes.
pub const CHILD_LANDLOCK: Policy = Policy {
    name: "child-landlock",
    allowed: &[MEMORY, FILES, STREAM_CHANGES, DESCRIPTORS, EVENTS, TIME, SIGNAL_HANDLING, IDENTITY, PROGRAM_END, PAIRS],
    conditional: &[FCNTL, IOCTL, OWN_LIMITS, LOCAL_PAIR],
    absent: &[],
};

/// Around agent, interpreter and children without namespaces: as [`OUTER`], without everything that makes them.
pub const OUTER_LANDLOCK: Policy = Policy {
    name: "outer-landlock",
    allowed: &[
        MEMORY,
        FILES,
        STREAM_CHANGES,
        DESCRIPTORS,
        EVENTS,
        TIME,
        SIGNAL_HANDLING,
        IDENTITY,
        PROGRAM_END,
        PAIRS,
        PROCESSES,
        CONFINEMENT,
        CONTROL_SOCKET,
        CONTAINER_START,
    ],
    conditional: &[FCNTL, IOCTL, LOCAL_PAIR, LOCAL_SOCKET, CLONE_WITHOUT_NAMESPACES],
    absent: &["clone3"],
};

/// Around everything: agent, interpreter, and the building of children. A child's own filter stacks on top of it.
///
/// Refused on purpose: every socket family but `AF_UNIX`, `setns`, `ptrace`, `bpf`, io_uring, keyrings, perf, `open_tree`,
/// `move_mount` and the rest of the new mount interface, modules, kexec, clocks, quotas, 32-bit calls.
pub const OUTER: Policy = Policy {
    name: "outer",
    allowed: &[
        MEMORY,
        FILES,
        FILE_CHANGES,
        DESCRIPTORS,
        EVENTS,
        TIME,
        SIGNAL_HANDLING,
        IDENTITY,
        PROGRAM_END,
        PAIRS,
        PROCESSES,
        ISOLATION,
        CONTROL_SOCKET,
        CONTAINER_START,
    ],
    conditional: &[FCNTL, IOCTL, LOCAL_PAIR, LOCAL_SOCKET],
    absent: &["clone3"],
};

const AF_UNIX: u32 = 1;
/// Bits of the type in a socket's second argument; the others are flags.
const SOCKET_TYPE: u32 = 0xf;
const SOCK_STREAM: u32 = 1;
const SOCK_SEQPACKET: u32 = 5;
const PR_SET_NAME: u32 = 15;
const PR_GET_NAME: u32 = 16;
/// `CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET`. `CLONE_NEWTIME` exists in `clone3` and `unshare` only.
const CLONE_NAMESPACES: u32 = 0x7e02_0000;

const MEMORY: &[&str] = &["brk", "madvise", "membarrier", "mmap", "mprotect", "mremap", "msync", "munmap"];

const FILES: &[&str] = &[
    "access",
    "chdir",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fchdir",
    "fgetxattr",
    "flistxattr",
    "flock",
    "fstat",
    "fstatfs",
    "getcwd",
    "getdents64",
    "getxattr",
    "lgetxattr",
    "listxattr",
    "llistxattr",
    "lseek",
    "lstat",
    "newfstatat",
    "open",
    "openat",
    "pread64",
    "preadv",
    "preadv2",
    "read",
    "readlink",
    "readlinkat",
    "readv",
    "stat",
    "statfs",
    "statx",
    "umask",
];

/// What changes an open file: a pipe, or `/dev/null`, where no other can be opened for writing.
const STREAM_CHANGES: &[&str] = &["pwrite64", "pwritev", "pwritev2", "sendfile", "write", "writev"];

const FILE_CHANGES: &[&str] = &[
    "chmod",
    "copy_file_range",
    "creat",
    "fallocate",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "fdatasync",
    "fsync",
    "ftruncate",
    "link",
    "linkat",
    "mkdir",
    "mkdirat",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sendfile",
    "symlink",
    "symlinkat",
    "truncate",
    "unlink",
    "unlinkat",
    "utime",
    "utimensat",
    "utimes",
    "write",
    "writev",
];

const DESCRIPTORS: &[&str] = &["close", "close_range", "dup", "dup2", "dup3", "pipe", "pipe2"];

const EVENTS: &[&str] = &[
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd2",
    "futex",
    "poll",
    "ppoll",
    "pselect6",
    "select",
];

const TIME: &[&str] =
    &["alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday", "nanosleep", "setitimer", "time", "times"];

const SIGNAL_HANDLING: &[&str] = &[
    "pause",
    "restart_syscall",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sigaltstack",
];

const IDENTITY: &[&str] = &[
    "getcpu",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getpgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getpriority",
    "getrandom",
    "getresgid",
    "getresuid",
    "getrlimit",
    "getrusage",
    "getsid",
    "gettid",
    "getuid",
    "rseq",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "setrlimit",
    "sysinfo",
    "uname",
];

const PROGRAM_END: &[&str] = &["exit", "exit_group"];

/// What works on a pair that exists; making one needs [`LOCAL_PAIR`], whose types keep `sendto` within the pair. No descriptor
/// passing.
const PAIRS: &[&str] = &["getpeername", "getsockname", "getsockopt", "recvfrom", "sendto", "shutdown"];

const PROCESSES: &[&str] =
    &["arch_prctl", "execve", "execveat", "fork", "kill", "set_tid_address", "setpgid", "setsid", "tgkill", "vfork", "wait4", "waitid"];

const ISOLATION: &[&str] = &[
    "capget",
    "capset",
    "chroot",
    "clone",
    "mount",
    "mount_setattr",
    "pidfd_open",
    "pidfd_send_signal",
    "pivot_root",
    "prctl",
    "seccomp",
    "sethostname",
    "setgroups",
    "setresgid",
    "setresuid",
    "umount2",
    "unshare",
];

/// What seals a process in its place.
const CONFINEMENT: &[&str] = &["landlock_restrict_self", "pidfd_open", "pidfd_send_signal", "prctl", "seccomp"];

const CONTROL_SOCKET: &[&str] = &["connect", "recvmsg", "sendmsg", "setsockopt", "signalfd4"];

/// What the container runtime itself still calls between installing its filter and starting the agent.
const CONTAINER_START: &[&str] = &["prlimit64", "tkill"];

/// `fcntl` commands of the standard library. Not `F_SETPIPE_SZ`, `F_SETOWN`, `F_SETSIG`, `F_NOTIFY`, leases or seals.
const FCNTL: &[Rule] = &[
    fcntl(&[Condition::equals(1, 0)]),    // F_DUPFD
    fcntl(&[Condition::equals(1, 1)]),    // F_GETFD
    fcntl(&[Condition::equals(1, 2)]),    // F_SETFD
    fcntl(&[Condition::equals(1, 3)]),    // F_GETFL
    fcntl(&[Condition::equals(1, 4)]),    // F_SETFL
    fcntl(&[Condition::equals(1, 5)]),    // F_GETLK
    fcntl(&[Condition::equals(1, 6)]),    // F_SETLK
    fcntl(&[Condition::equals(1, 7)]),    // F_SETLKW
    fcntl(&[Condition::equals(1, 36)]),   // F_OFD_GETLK
    fcntl(&[Condition::equals(1, 37)]),   // F_OFD_SETLK
    fcntl(&[Condition::equals(1, 38)]),   // F_OFD_SETLKW
    fcntl(&[Condition::equals(1, 1030)]), // F_DUPFD_CLOEXEC
    fcntl(&[Condition::equals(1, 1032)]), // F_GETPIPE_SZ
];

/// `ioctl` requests of the standard library: close-on-exec, non-blocking, bytes to read, and the questions asked of terminals.
const IOCTL: &[Rule] = &[
    ioctl(&[Condition::equals(1, 0x5401)]), // TCGETS
    ioctl(&[Condition::equals(1, 0x5413)]), // TIOCGWINSZ
    ioctl(&[Condition::equals(1, 0x541b)]), // FIONREAD
    ioctl(&[Condition::equals(1, 0x5421)]), // FIONBIO
    ioctl(&[Condition::equals(1, 0x5450)]), // FIONCLEX
    ioctl(&[Condition::equals(1, 0x5451)]), // FIOCLEX
];

/// Resource limits of the caller itself, never of a neighbor.
const OWN_LIMITS: &[Rule] = &[Rule { call: "prlimit64", when: &[Condition::equals(0, 0)] }];

/// Types whose ends know their peer only. A datagram end takes an address with each `sendto`, whatever it is paired with.
const LOCAL_PAIR: &[Rule] = &[
    Rule { call: "socketpair", when: &[Condition::equals(0, AF_UNIX), Condition::masked(1, SOCKET_TYPE, SOCK_STREAM)] },
    Rule { call: "socketpair", when: &[Condition::equals(0, AF_UNIX), Condition::masked(1, SOCKET_TYPE, SOCK_SEQPACKET)] },
];

/// A socket of another family cannot come to be, so `connect`, whose address hides behind a pointer, reaches local paths only.
const LOCAL_SOCKET: &[Rule] = &[Rule { call: "socket", when: &[Condition::equals(0, AF_UNIX)] }];

const CLONE_WITHOUT_NAMESPACES: &[Rule] = &[Rule { call: "clone", when: &[Condition::without(0, CLONE_NAMESPACES)] }];

const THREAD_NAME: &[Rule] = &[
    Rule { call: "prctl", when: &[Condition::equals(0, PR_SET_NAME)] },
    Rule { call: "prctl", when: &[Condition::equals(0, PR_GET_NAME)] },
];

const fn fcntl(when: &'static [Condition]) -> Rule {
    Rule { call: "fcntl", when }
}

const fn ioctl(when: &'static [Condition]) -> Rule {
    Rule { call: "ioctl", when }
}
