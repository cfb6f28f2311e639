//! The policies: which groups of calls each boundary lets through, pretends or does not know. What a call is needed for stands
//! beside it in `calls` and `rules`; the reasons of what is missing stand here.

mod calls;
mod rules;

use super::rule::CallPolicy;
use calls::*;
use rules::*;

/// Inside a T1 child: pure computation, files in `/tmp`, timers, event loops.
///
/// Refused on purpose: sockets other than a local pair of streams, processes, threads and signals (`tgkill` too: a signal to one's own
/// threads needs no call here, `abort` shows as SIGSEGV), exec, ptrace, mounts, namespaces, bpf, io_uring, keyrings, perf,
/// userfaultfd, memfd, System V IPC, message queues, inotify, POSIX timers, changes of identity, and `F_SETPIPE_SZ`, which
/// would let one child use up the pipe pages of its user.
///
/// Pretended: locks of files, since the program is alone with its files, and a lock on one of the runtime's would be one on a file
/// that others have open; and everything that flushes or fetches what the disk holds.
pub const CHILD_STRICT: CallPolicy = CallPolicy {
    name: "child-strict",
    allowed: &[MEMORY, FILES, STREAM_CHANGES, FILE_CHANGES, DESCRIPTORS, EVENTS, TIME, SIGNAL_HANDLING, IDENTITY, PROGRAM_END, PAIRS],
    conditional: &[
        OPENING,
        FLAGLESS,
        FCNTL,
        LOCK_QUESTIONS,
        LOCKS_OF_ONE_PROCESS,
        IOCTL,
        ADVICE,
        PRIVATE_FUTEXES,
        OWN_LIMITS,
        LOCAL_PAIR,
        PAIR_TRAFFIC,
        PAIR_OPTIONS,
    ],
    pretended: &[FLUSHES, WHOLE_FILE_LOCKS],
    absent: &[],
};

/// Inside a T2 or T3 child: the same, and its own processes and threads, without namespaces.
///
/// Refused on purpose, beside what a T1 child is refused: locks of files. Two processes of one program would both hold one that is
/// not taken, and a filter cannot tell a file of `/tmp` from one of the runtime's.
pub const CHILD_PROCESSES: CallPolicy = CallPolicy {
    name: "child-processes",
    allowed: &[
        MEMORY,
        FILES,
        STREAM_CHANGES,
        FILE_CHANGES,
        DESCRIPTORS,
        EVENTS,
        TIME,
        SIGNAL_HANDLING,
        IDENTITY,
        PROGRAM_END,
        PAIRS,
        PROCESSES,
        THREADS,
    ],
    conditional: &[
        OPENING,
        FLAGLESS,
        FCNTL,
        IOCTL,
        ADVICE,
        PRIVATE_FUTEXES,
        SHARED_FUTEXES,
        OWN_LIMITS,
        LOCAL_PAIR,
        PAIR_TRAFFIC,
        PAIR_OPTIONS,
        CLONE_WITHOUT_NAMESPACES,
        THREAD_NAME,
        THREAD_AREA,
    ],
    pretended: &[FLUSHES],
    absent: &["clone3"],
};

/// Inside a T1 child without namespaces. As [`CHILD_STRICT`], but nothing is changed by its path: Landlock decides who opens a
/// file, and does not look at modes, times, owners and extended attributes.
pub const CHILD_LANDLOCK: CallPolicy = CallPolicy {
    name: "child-landlock",
    allowed: &[MEMORY, FILES, STREAM_CHANGES, DESCRIPTORS, EVENTS, TIME, SIGNAL_HANDLING, IDENTITY, PROGRAM_END, PAIRS],
    ..CHILD_STRICT
};

/// Around agent, interpreter and children without namespaces: as [`OUTER`], without everything that makes them.
pub const OUTER_LANDLOCK: CallPolicy = CallPolicy {
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
        THREADS,
        AGENT,
        CONFINEMENT,
        CONTROL_SOCKET,
    ],
    conditional: &[
        OPENING,
        FLAGLESS,
        FCNTL,
        LOCK_QUESTIONS,
        IOCTL,
        ADVICE,
        PRIVATE_FUTEXES,
        SHARED_FUTEXES,
        LOCAL_PAIR,
        PAIR_TRAFFIC,
        PAIR_OPTIONS,
        THREAD_AREA,
        LOCAL_SOCKET,
        CLONE_WITHOUT_NAMESPACES,
        OWN_PRIORITY,
    ],
    pretended: &[],
    absent: &["clone3"],
};

/// What stands around agent, interpreter and the building of children, and what is let through beside it.
macro_rules! outer {
    ($name:literal, allowed: [$($allowed:ident)?], conditional: [$($conditional:ident)?]) => {
        CallPolicy {
            name: $name,
            allowed: &[
                MEMORY,
                FILES,
                STREAM_CHANGES,
                FILE_CHANGES,
                DESCRIPTORS,
                EVENTS,
                TIME,
                SIGNAL_HANDLING,
                IDENTITY,
                PROGRAM_END,
                PAIRS,
                PROCESSES,
                THREADS,
                AGENT,
                ISOLATION,
                CONTROL_SOCKET,
                CONTAINER_START,
                $($allowed,)?
            ],
            conditional: &[
                OPENING,
                FLAGLESS,
                FCNTL,
                LOCK_QUESTIONS,
                IOCTL,
                ADVICE,
                PRIVATE_FUTEXES,
                SHARED_FUTEXES,
                LOCAL_PAIR,
                PAIR_TRAFFIC,
                PAIR_OPTIONS,
                THREAD_AREA,
                LOCAL_SOCKET,
                OWN_PRIORITY,
                $($conditional,)?
            ],
            pretended: &[],
            absent: &["clone3"],
        }
    };
}

/// Around everything: agent, interpreter, and the building of children. A child's own filter stacks on top of it.
///
/// Refused on purpose: every socket family but `AF_UNIX`, `setns`, `ptrace`, `bpf`, io_uring, keyrings, perf, `open_tree`,
/// `move_mount` and the rest of the new mount interface, modules, kexec, clocks, quotas, 32-bit calls, and everything that a child
/// is refused or is pretended to do, as far as the agent can do without.
pub const OUTER: CallPolicy = outer!("outer", allowed: [], conditional: []);

/// As [`OUTER`], where children are put back: the agent follows them.
pub const OUTER_FOLLOWING: CallPolicy = outer!("outer-following", allowed: [FOLLOWING], conditional: [TRACKING_MEMORY]);

/// Around interpreter and children where children are put back: as [`OUTER`], and a child may ask to be followed.
pub const ZYGOTE_FOLLOWED: CallPolicy = outer!("zygote-followed", allowed: [], conditional: [BEING_FOLLOWED]);
