//! What a child that is to be put back may have done: which of the calls that its policy lets through leave nothing behind, which
//! leave only what the kernel shows, and which leave anything else.
//!
//! It widens nothing: what the policy refuses, pretends or does not know stays so.

use super::{
    lists::CHILD_STRICT,
    rule::{CallPolicy, Condition},
};

/// `O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_ASYNC | O_DIRECT | __O_TMPFILE`.
const WRITING: u32 = 0x3 | 0x40 | 0x200 | 0x2000 | 0x4000 | 0x40_0000;
/// Where a child that is put back reads its programs: behind every descriptor that a program may open, and below the lowest limit that
/// systems start programs with.
pub const KEPT_REQUEST: u32 = 511;

/// What stays of a call when memory and registers are put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// Nothing.
    Nothing,
    /// Nothing either, and the child waits for a program.
    Waits,
    /// Nothing either, and the program ends.
    Ends,
    /// A mapping or a descriptor, which the kernel shows.
    Shown,
    /// Something that the kernel does not show, or not cheaply.
    Stays,
}

/// How the calls of one policy are followed.
#[derive(Debug, Clone, Copy)]
pub struct FollowPolicy {
    /// What is let through at all.
    pub policy: &'static CallPolicy,
    /// Calls of which nothing stays, whatever their arguments.
    pub harmless: &'static [&'static str],
    /// Calls of which nothing stays that is not shown, whatever their arguments.
    pub shown: &'static [&'static str],
    /// Calls that are told apart by their arguments: the first that holds counts.
    pub rules: &'static [FollowRule],
}

/// What stays of a call with such arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowRule {
    /// Name of the call.
    pub call: &'static str,
    /// What its arguments must look like.
    pub when: &'static [Condition],
    /// What stays of it then.
    pub trace: Trace,
}

/// A T1 child in namespaces that runs one program after the other.
///
/// Everything that is named nowhere here stays: what changes a file, for nobody looks through `/tmp`; signals, timers and limits,
/// which procfs does not show or not exactly; protection and advice about memory, which can make a page change without being written;
/// the end of the heap, which procfs shows to the page and a program sees to the byte.
pub const CHILD_RESTORED: FollowPolicy = FollowPolicy {
    policy: &CHILD_STRICT,
    harmless: &[
        "access",
        "clock_getres",
        "clock_gettime",
        "clock_nanosleep",
        "epoll_ctl",
        "epoll_wait",
        "faccessat",
        "faccessat2",
        "fgetxattr",
        "flistxattr",
        "fstat",
        "fstatfs",
        "futex",
        "getcwd",
        "getdents64",
        "getegid",
        "geteuid",
        "getgid",
        "getgroups",
        "getitimer",
        "getpeername",
        "getpgid",
        "getpgrp",
        "getpid",
        "getppid",
        "getpriority",
        "getrandom",
        "getresgid",
        "getresuid",
        "getrusage",
        "getsid",
        "getsockname",
        "getsockopt",
        "gettid",
        "gettimeofday",
        "getuid",
        "getxattr",
        "lgetxattr",
        "listxattr",
        "llistxattr",
        "lseek",
        "lstat",
        "newfstatat",
        "poll",
        "pread64",
        "preadv",
        "preadv2",
        "pselect6",
        "pwrite64",
        "pwritev",
        "pwritev2",
        "readlink",
        "readlinkat",
        "readv",
        "recvfrom",
        "rt_sigpending",
        "sched_get_priority_max",
        "sched_get_priority_min",
        "sched_getaffinity",
        "sched_yield",
        "select",
        "sendfile",
        "sendto",
        "stat",
        "statfs",
        "statx",
        "sysinfo",
        "times",
        "uname",
        "write",
        "writev",
    ],
    shown: &["epoll_create1", "eventfd2", "mmap", "mremap", "munmap", "pipe2", "socketpair"],
    rules: &[
        of("read", &[Condition::equals(0, KEPT_REQUEST)], Trace::Waits),
        of("read", &[], Trace::Nothing),
        of("exit_group", &[Condition::equals(0, 0)], Trace::Ends),
        of("exit_group", &[], Trace::Nothing),
        // The child's own descriptors; all others are the program's, and shown.
        of("close", &[Condition::equals(0, 0)], Trace::Stays),
        of("close", &[Condition::equals(0, 1)], Trace::Stays),
        of("close", &[Condition::equals(0, 2)], Trace::Stays),
        of("close", &[Condition::equals(0, 4)], Trace::Stays),
        of("close", &[Condition::equals(0, KEPT_REQUEST)], Trace::Stays),
        of("close", &[], Trace::Nothing),
        of("openat", &[Condition::without(2, WRITING)], Trace::Shown),
        of("fcntl", &[Condition::equals(1, 1)], Trace::Nothing),      // F_GETFD
        of("fcntl", &[Condition::equals(1, 3)], Trace::Nothing),      // F_GETFL
        of("fcntl", &[Condition::equals(1, 5)], Trace::Nothing),      // F_GETLK
        of("fcntl", &[Condition::equals(1, 1032)], Trace::Nothing),   // F_GETPIPE_SZ
        of("ioctl", &[Condition::equals(1, 0x5401)], Trace::Nothing), // TCGETS
        of("ioctl", &[Condition::equals(1, 0x5413)], Trace::Nothing), // TIOCGWINSZ
        of("ioctl", &[Condition::equals(1, 0x541b)], Trace::Nothing), // FIONREAD
    ],
};

const fn of(call: &'static str, when: &'static [Condition], trace: Trace) -> FollowRule {
    FollowRule { call, when, trace }
}

// === impl FollowPolicy ===

impl FollowPolicy {
    /// What stays of a call that no rule describes.
    pub fn trace(&self, call: &str) -> Trace {
        match call {
            call if self.harmless.contains(&call) => Trace::Nothing,
            call if self.shown.contains(&call) => Trace::Shown,
            _ => Trace::Stays,
        }
    }

    /// What is told apart of a call by its arguments.
    pub fn rules_of(&self, call: &str) -> impl Iterator<Item = &'static FollowRule> {
        self.rules.iter().filter(move |rule| rule.call == call)
    }
}
