//! Calls that are let through, or pretended, whatever their arguments. Beside each: what needs it. A test runs programs against
//! the lists of children and finds each call that none of them makes.

pub const MEMORY: &[&str] = &[
    "brk",      // malloc
    "mmap",     // malloc, modules, mmap.mmap
    "mprotect", // modules, stacks of threads
    "mremap",   // realloc of what is large, mmap.resize
    "munmap",   // free
];

pub const FILES: &[&str] = &[
    "access",     // os.access
    "chdir",      // os.chdir
    "faccessat",  // os.access(dir_fd=), by other versions of the C library
    "faccessat2", // os.access(dir_fd=), os.access(effective_ids=True)
    "fchdir",     // os.fchdir
    "fgetxattr",  // os.getxattr of a descriptor
    "flistxattr", // os.listxattr of a descriptor
    "fstat",      // os.fstat, by other versions of the C library
    "fstatfs",    // os.fstatvfs
    "getcwd",     // os.getcwd
    "getdents64", // os.listdir, os.scandir
    "getxattr",   // os.getxattr
    "lgetxattr",  // os.getxattr(follow_symlinks=False)
    "listxattr",  // os.listxattr, shutil.copystat
    "llistxattr", // os.listxattr(follow_symlinks=False), shutil.copystat
    "lseek",      // seek, tell
    "lstat",      // os.lstat, by other versions of the C library
    "newfstatat", // os.stat, os.fstat
    "pread64",    // os.pread
    "preadv",     // os.preadv, where Python was built without preadv2
    "read",       // every file
    "readlink",   // os.readlink
    "readlinkat", // os.readlink(dir_fd=)
    "readv",      // os.readv
    "stat",       // os.stat, by other versions of the C library
    "statfs",     // os.statvfs, shutil.disk_usage
    "statx",      // the same in extension modules that are written in Rust
    "umask",      // os.umask
];

/// What changes an open file: a pipe, or `/dev/null`, where no other can be opened for writing.
pub const STREAM_CHANGES: &[&str] = &[
    "pwrite64", // os.pwrite
    "pwritev",  // os.pwritev, where Python was built without pwritev2
    "sendfile", // os.sendfile, shutil.copyfile
    "write",    // every file
    "writev",   // os.writev
];

pub const FILE_CHANGES: &[&str] = &[
    "chmod",           // os.chmod
    "copy_file_range", // os.copy_file_range
    "fallocate",       // os.posix_fallocate
    "fchmod",          // os.fchmod
    "fchmodat",        // os.chmod(dir_fd=)
    "fchmodat2",       // the same, by newer versions of the C library
    "ftruncate",       // file.truncate
    "link",            // os.link
    "linkat",          // os.link(src_dir_fd=)
    "mkdir",           // os.mkdir, tempfile
    "mkdirat",         // os.mkdir(dir_fd=)
    "rename",          // os.rename, os.replace
    "renameat",        // os.rename(src_dir_fd=)
    "rmdir",           // os.rmdir, shutil.rmtree
    "symlink",         // os.symlink
    "symlinkat",       // os.symlink(dir_fd=)
    "truncate",        // os.truncate
    "unlink",          // os.remove, pathlib
    "unlinkat",        // shutil.rmtree
    "utimensat",       // os.utime, shutil.copystat
];

pub const DESCRIPTORS: &[&str] = &[
    "close",       // every file
    "close_range", // os.closerange, subprocess
    "dup2",        // os.dup2
    "dup3",        // os.dup2(inheritable=False)
    "pipe2",       // os.pipe
];

pub const EVENTS: &[&str] = &[
    "epoll_create1", // asyncio, select.epoll
    "epoll_ctl",     // asyncio, select.epoll
    "epoll_wait",    // asyncio, select.epoll
    "eventfd2",      // os.eventfd
    "poll",          // select.poll, selectors
    "pselect6",      // select.select
    "select",        // the same, by other versions of the C library
];

pub const TIME: &[&str] = &[
    "alarm",           // signal.alarm
    "clock_getres",    // time.get_clock_info
    "clock_gettime",   // time.process_time, and every clock where the machine's cannot be read without a call
    "clock_nanosleep", // time.sleep
    "getitimer",       // signal.getitimer
    "gettimeofday",    // time of day where the machine's clock cannot be read without a call
    "setitimer",       // signal.setitimer
    "times",           // os.times
];

pub const SIGNAL_HANDLING: &[&str] = &[
    "pause",           // signal.pause
    "restart_syscall", // the kernel itself, after a signal
    "rt_sigaction",    // signal.signal
    "rt_sigpending",   // signal.sigpending
    "rt_sigprocmask",  // signal.pthread_sigmask
    "rt_sigreturn",    // the end of every handler
    "rt_sigtimedwait", // signal.sigwait, signal.sigtimedwait
    "sigaltstack",     // faulthandler
];

pub const IDENTITY: &[&str] = &[
    "getegid",                // os.getegid
    "geteuid",                // os.geteuid
    "getgid",                 // os.getgid
    "getgroups",              // os.getgroups
    "getpgid",                // os.getpgid
    "getpgrp",                // os.getpgrp
    "getpid",                 // os.getpid
    "getppid",                // os.getppid
    "getpriority",            // os.getpriority
    "getrandom",              // os.urandom, secrets, hash seeds
    "getresgid",              // os.getresgid
    "getresuid",              // os.getresuid
    "getrusage",              // resource.getrusage
    "getsid",                 // os.getsid
    "gettid",                 // threading.get_native_id
    "getuid",                 // os.getuid
    "sched_get_priority_max", // os.sched_get_priority_max
    "sched_get_priority_min", // os.sched_get_priority_min
    "sched_getaffinity",      // os.sched_getaffinity, os.cpu_count of newer versions of Python
    "sched_yield",            // os.sched_yield
    "sysinfo",                // os.sysconf("SC_PHYS_PAGES"), qsort
    "uname",                  // os.uname, platform
];

pub const PROGRAM_END: &[&str] = &[
    "exit_group", // the end of a program
];

/// What works on a pair that exists; making one needs a rule, whose types keep `sendto` within the pair. No descriptor passing.
pub const PAIRS: &[&str] = &[
    "getpeername", // socket.getpeername
    "getsockname", // socket.socketpair, asyncio
    "shutdown",    // socket.shutdown, asyncio
];

pub const PROCESSES: &[&str] = &[
    "execve",          // subprocess
    "execveat",        // os.execve of a descriptor
    "kill",            // os.kill
    "set_tid_address", // the start of every program
    "setpgid",         // os.setpgid, subprocess(process_group=)
    "setsid",          // os.setsid, subprocess(start_new_session=True)
    "tgkill",          // signal.raise_signal, os.abort
    "vfork",           // subprocess
    "wait4",           // os.waitpid, subprocess
    "waitid",          // os.waitid
];

pub const THREADS: &[&str] = &[
    "exit",            // the end of a thread
    "rseq",            // the C library, at the start of every thread
    "set_robust_list", // the C library, at the start of every thread
];

/// What succeeds without being done. Nothing in a sandbox outlives it, so nothing needs to reach a disk; with the namespace backend it
/// would reach the host's. Advice reaches the host's page cache.
pub const FLUSHES: &[&str] = &[
    "fadvise64", // os.posix_fadvise
    "fdatasync", // os.fdatasync
    "fsync",     // os.fsync, sqlite3, mailbox
    "msync",     // mmap.flush
    "sync",      // os.sync
];

pub const WHOLE_FILE_LOCKS: &[&str] = &[
    "flock", // fcntl.flock
];

/// What the agent itself calls, beside what children do.
pub const AGENT: &[&str] = &[
    "fork",  // its interpreter, where the C library's fork is one
    "ppoll", // waiting for its children
];

pub const ISOLATION: &[&str] = &[
    "capget",            // which rights are left
    "capset",            // giving them up
    "chroot",            // the container's runtime
    "clone",             // its interpreter, and children in namespaces
    "mount",             // the root, and a child's /tmp
    "mount_setattr",     // making the root read-only
    "pidfd_open",        // looking at a child from outside
    "pidfd_send_signal", // ending a child
    "pivot_root",        // entering the root
    "prctl",             // no new privileges, dumpable, tied to a parent
    "seccomp",           // a child's filter
    "sethostname",       // a child's host name
    "setgroups",         // leaving groups
    "setresgid",         // leaving the group
    "setresuid",         // leaving the user
    "umount2",           // leaving the old root
    "unshare",           // namespaces
];

/// What seals a process in its place.
pub const CONFINEMENT: &[&str] = &[
    "landlock_restrict_self", // a child's rules
    "pidfd_open",             // looking at a child from outside
    "pidfd_send_signal",      // ending a child
    "prctl",                  // tied to a parent
    "prlimit64",              // a child's limits
    "seccomp",                // a child's filter
];

pub const CONTROL_SOCKET: &[&str] = &[
    "connect",    // to the server
    "recvmsg",    // commands
    "sendmsg",    // reports with a child's pipes
    "setsockopt", // how much may wait
    "signalfd4",  // the end of children
];

/// How the agent follows children and puts them back. For the agent alone: whoever it starts is refused these.
pub const FOLLOWING: &[&str] = &[
    "pidfd_getfd",       // the descriptor of a child's tracking
    "process_vm_readv",  // a child's image
    "process_vm_writev", // what a program has written
    "ptrace",            // a child's stops and registers
];

/// What the container runtime itself still calls between installing its filter and starting the agent, and a child's limits.
pub const CONTAINER_START: &[&str] = &[
    "epoll_pwait", // Go's runtime
    "nanosleep",   // Go's runtime
    "prlimit64",   // runc, and a child's limits
    "tkill",       // Go's runtime
];
