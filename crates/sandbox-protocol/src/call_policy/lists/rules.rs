//! Calls that are decided by their arguments, with what needs them so.

use crate::call_policy::rule::{Condition, Rule};

const AF_UNIX: u32 = 1;
/// Bits of the type in a socket's second argument; the others are flags.
const SOCKET_TYPE: u32 = 0xf;
const SOCK_STREAM: u32 = 1;
const SOCK_SEQPACKET: u32 = 5;
const SOL_SOCKET: u32 = 1;
const PR_SET_NAME: u32 = 15;
const PR_GET_NAME: u32 = 16;
const ARCH_SET_FS: u32 = 0x1002;
/// `CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET`. `CLONE_NEWTIME` exists in `clone3` and `unshare` only.
const CLONE_NAMESPACES: u32 = 0x7e02_0000;
/// Reads past the page cache: each would be one of the host's disk.
const O_DIRECT: u32 = 0x4000;
const FUTEX_PRIVATE: u32 = 128;
/// Which clock a wait looks at; every other bit of the operation counts.
const FUTEX_CLOCK_REALTIME: u32 = 256;
/// `MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT | MSG_WAITALL`.
const RECEIVING: u32 = 0x2 | 0x20 | 0x40 | 0x100;
/// `MSG_DONTWAIT | MSG_NOSIGNAL`.
const SENDING: u32 = 0x40 | 0x4000;

/// Files are opened through the page cache. The C library opens every file by `openat`.
pub const OPENING: &[Rule] = &[Rule::through("openat", &[Condition::without(2, O_DIRECT)])];

/// Vectored calls without flags, as `os.preadv` and `os.pwritev` make them. The flags ask whether a page is cached, or for the disk.
pub const FLAGLESS: &[Rule] =
    &[Rule::through("preadv2", &[Condition::equals(5, 0)]), Rule::through("pwritev2", &[Condition::equals(5, 0)])];

/// `fcntl` commands of the standard library. Not `F_SETPIPE_SZ`, `F_SETOWN`, `F_SETSIG`, `F_NOTIFY`, leases, seals or locks.
pub const FCNTL: &[Rule] = &[
    fcntl(&[Condition::equals(1, 0)]),                                  // F_DUPFD: fcntl.fcntl
    fcntl(&[Condition::equals(1, 1)]),                                  // F_GETFD: os.get_inheritable
    fcntl(&[Condition::equals(1, 2)]),                                  // F_SETFD: os.set_inheritable
    fcntl(&[Condition::equals(1, 3)]),                                  // F_GETFL: os.get_blocking
    fcntl(&[Condition::equals(1, 1030)]),                               // F_DUPFD_CLOEXEC: os.dup
    fcntl(&[Condition::equals(1, 1032)]),                               // F_GETPIPE_SZ: fcntl.fcntl, subprocess
    fcntl(&[Condition::equals(1, 4), Condition::without(2, O_DIRECT)]), // F_SETFL: fcntl.fcntl
];

/// Asking for a lock of a range, as `sqlite3` does. No program holds any, so the kernel's answer is that there is none.
pub const LOCK_QUESTIONS: &[Rule] = &[fcntl(&[Condition::equals(1, 5)])]; // F_GETLK

/// Taking a lock of a range.
pub const LOCKS_OF_ONE_PROCESS: &[Rule] = &[
    Rule::pretended("fcntl", &[Condition::equals(1, 6)]),  // F_SETLK: fcntl.lockf, sqlite3
    Rule::pretended("fcntl", &[Condition::equals(1, 7)]),  // F_SETLKW: fcntl.lockf
    Rule::pretended("fcntl", &[Condition::equals(1, 37)]), // F_OFD_SETLK: fcntl.fcntl
    Rule::pretended("fcntl", &[Condition::equals(1, 38)]), // F_OFD_SETLKW: fcntl.fcntl
];

/// `ioctl` requests of the standard library: close-on-exec, non-blocking, bytes to read, and the questions asked of terminals.
pub const IOCTL: &[Rule] = &[
    ioctl(&[Condition::equals(1, 0x5401)]), // TCGETS: isatty
    ioctl(&[Condition::equals(1, 0x5413)]), // TIOCGWINSZ: os.get_terminal_size
    ioctl(&[Condition::equals(1, 0x541b)]), // FIONREAD: fcntl.ioctl
    ioctl(&[Condition::equals(1, 0x5421)]), // FIONBIO: socket.setblocking
    ioctl(&[Condition::equals(1, 0x5450)]), // FIONCLEX: os.set_inheritable
    ioctl(&[Condition::equals(1, 0x5451)]), // FIOCLEX: os.set_inheritable
];

/// What a program may say of its own memory. Not merging it with others', paging it out, or breaking it; fetching a file's pages
/// ahead would be work of the host's disk.
pub const ADVICE: &[Rule] = &[
    madvise(&[Condition::equals(2, 0)]),                    // MADV_NORMAL: mmap.madvise
    madvise(&[Condition::equals(2, 1)]),                    // MADV_RANDOM: mmap.madvise
    madvise(&[Condition::equals(2, 2)]),                    // MADV_SEQUENTIAL: mmap.madvise
    madvise(&[Condition::equals(2, 4)]),                    // MADV_DONTNEED: free
    madvise(&[Condition::equals(2, 8)]),                    // MADV_FREE: allocators of extension modules
    madvise(&[Condition::equals(2, 14)]),                   // MADV_HUGEPAGE: numpy
    madvise(&[Condition::equals(2, 15)]),                   // MADV_NOHUGEPAGE: numpy
    madvise(&[Condition::equals(2, 102)]),                  // MADV_GUARD_INSTALL: stacks of threads, by newer C libraries
    Rule::pretended("madvise", &[Condition::equals(2, 3)]), // MADV_WILLNEED: mmap.madvise
];

/// Waits and wakes within one process. Nothing that inherits priorities, and no moving of waiters.
pub const PRIVATE_FUTEXES: &[Rule] = &[
    futex(&[Condition::masked(1, !FUTEX_CLOCK_REALTIME, FUTEX_PRIVATE)]), // FUTEX_WAIT: locks of the C library
    futex(&[Condition::masked(1, !FUTEX_CLOCK_REALTIME, FUTEX_PRIVATE | 1)]), // FUTEX_WAKE: threading.Lock
    futex(&[Condition::masked(1, !FUTEX_CLOCK_REALTIME, FUTEX_PRIVATE | 9)]), // FUTEX_WAIT_BITSET: threading.Lock
];

/// The same among processes that share memory: a program's own, and whoever maps a page of the same file.
pub const SHARED_FUTEXES: &[Rule] = &[
    futex(&[Condition::masked(1, !FUTEX_CLOCK_REALTIME, 0)]), // FUTEX_WAIT: joining a thread, by older C libraries
    futex(&[Condition::masked(1, !FUTEX_CLOCK_REALTIME, 1)]), // FUTEX_WAKE: multiprocessing.Semaphore
    futex(&[Condition::masked(1, !FUTEX_CLOCK_REALTIME, 9)]), // FUTEX_WAIT_BITSET: multiprocessing.Semaphore, joining a thread
];

/// Resource limits of the caller itself, never of a neighbor: `resource.getrlimit`, `resource.setrlimit`.
pub const OWN_LIMITS: &[Rule] = &[Rule::through("prlimit64", &[Condition::equals(0, 0)])];

/// A process asks to be followed by its parent, and leaves it a descriptor of its memory, which tells of nothing that the kernel does.
pub const BEING_FOLLOWED: &[Rule] = &[
    Rule::through("ptrace", &[Condition::equals(0, 0)]), // PTRACE_TRACEME
    TRACKING,
];

/// `O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY`.
const TRACKING: Rule = Rule::through("userfaultfd", &[Condition::equals(0, 0x8_0801)]);

/// Tracking a child's memory.
pub const TRACKING_MEMORY: &[Rule] = &[
    TRACKING,
    ioctl(&[Condition::equals(1, 0xc018_aa3f)]), // UFFDIO_API
    ioctl(&[Condition::equals(1, 0xc020_aa00)]), // UFFDIO_REGISTER
    ioctl(&[Condition::equals(1, 0xc018_aa06)]), // UFFDIO_WRITEPROTECT
    ioctl(&[Condition::equals(1, 0xc060_6610)]), // PAGEMAP_SCAN
];

/// Lowering the priority of a child, by itself.
pub const OWN_PRIORITY: &[Rule] = &[Rule::through("setpriority", &[Condition::equals(0, 0), Condition::equals(1, 0)])];

/// Types whose ends know their peer only. A datagram end takes an address with each `sendto`, whatever it is paired with.
pub const LOCAL_PAIR: &[Rule] = &[
    Rule::through("socketpair", &[Condition::equals(0, AF_UNIX), Condition::masked(1, SOCKET_TYPE, SOCK_STREAM)]),
    Rule::through("socketpair", &[Condition::equals(0, AF_UNIX), Condition::masked(1, SOCKET_TYPE, SOCK_SEQPACKET)]),
];

/// Without urgent data, error queues and sending pages in place.
pub const PAIR_TRAFFIC: &[Rule] =
    &[Rule::through("recvfrom", &[Condition::without(3, !RECEIVING)]), Rule::through("sendto", &[Condition::without(3, !SENDING)])];

/// What a socket says of itself, and never of its peer.
pub const PAIR_OPTIONS: &[Rule] = &[
    getsockopt(&[Condition::equals(1, SOL_SOCKET), Condition::equals(2, 3)]), // SO_TYPE: socket.socket(fileno=)
    getsockopt(&[Condition::equals(1, SOL_SOCKET), Condition::equals(2, 4)]), // SO_ERROR: asyncio
    getsockopt(&[Condition::equals(1, SOL_SOCKET), Condition::equals(2, 7)]), // SO_SNDBUF: socket.getsockopt
    getsockopt(&[Condition::equals(1, SOL_SOCKET), Condition::equals(2, 8)]), // SO_RCVBUF: socket.getsockopt
    getsockopt(&[Condition::equals(1, SOL_SOCKET), Condition::equals(2, 38)]), // SO_PROTOCOL: socket.socket(fileno=)
];

/// A socket of another family cannot come to be, so `connect`, whose address hides behind a pointer, reaches local paths only.
pub const LOCAL_SOCKET: &[Rule] = &[Rule::through("socket", &[Condition::equals(0, AF_UNIX)])];

/// `os.fork`, `subprocess`, `threading`.
pub const CLONE_WITHOUT_NAMESPACES: &[Rule] = &[Rule::through("clone", &[Condition::without(0, CLONE_NAMESPACES)])];

/// `threading.Thread(name=)` of newer versions of Python.
pub const THREAD_NAME: &[Rule] =
    &[Rule::through("prctl", &[Condition::equals(0, PR_SET_NAME)]), Rule::through("prctl", &[Condition::equals(0, PR_GET_NAME)])];

/// Where a thread keeps what is its own: the start of every program.
pub const THREAD_AREA: &[Rule] = &[Rule::through("arch_prctl", &[Condition::equals(0, ARCH_SET_FS)])];

const fn fcntl(when: &'static [Condition]) -> Rule {
    Rule::through("fcntl", when)
}

const fn ioctl(when: &'static [Condition]) -> Rule {
    Rule::through("ioctl", when)
}

const fn madvise(when: &'static [Condition]) -> Rule {
    Rule::through("madvise", when)
}

const fn futex(when: &'static [Condition]) -> Rule {
    Rule::through("futex", when)
}

const fn getsockopt(when: &'static [Condition]) -> Rule {
    Rule::through("getsockopt", when)
}
