//! The agent's own unsafe corner: the few calls that no safe wrapper offers, each as a small safe function.
//!
//! The agent has one thread, which is what makes `fork` and the per-thread calls below sound.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, CString},
    io, mem,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

use sandbox_protocol::control::{Exit, Usage};

/// Attributes for [`restrict_mount`].
pub const READ_ONLY: u64 = 0x1;
/// Attributes for [`restrict_mount`].
pub const NO_SUID: u64 = 0x2;
/// Attributes for [`restrict_mount`].
pub const NO_DEVICES: u64 = 0x4;
/// Attributes for [`restrict_mount`].
pub const NO_EXEC: u64 = 0x8;

const EXEC_FAILED: i32 = 127;

/// Which side of a fork this is.
pub enum Fork {
    /// The new process.
    Child,
    /// The old one, with the new one's id.
    Parent(i32),
}

/// A process that ended.
pub struct Ended {
    /// Its id.
    pub pid: i32,
    /// How.
    pub exit: Exit,
    /// What it used, with everything it waited for.
    pub usage: Usage,
}

/// A process that ended, or one that is followed and stopped.
pub enum News {
    /// It ended.
    Ended(Ended),
    /// It stopped.
    Stopped(Stopped),
}

/// A followed process that stopped.
pub struct Stopped {
    /// Its id.
    pub pid: i32,
    /// The signal, and above its lowest byte what it stopped for, if it was no signal.
    pub status: i32,
    /// What it used so far.
    pub usage: Usage,
}

/// A resource of which a process may use so much.
pub type Limited = libc::__rlimit_resource_t;

/// Changes the limit of a process, soft and hard.
///
/// # Errors
/// What the system says.
pub fn limit(pid: i32, resource: Limited, change: impl Fn(u64, u64) -> (u64, u64)) -> io::Result<()> {
    let mut present = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one structure.
    check(unsafe { libc::prlimit(pid, resource, ptr::null(), &raw mut present) })?;
    let (rlim_cur, rlim_max) = change(present.rlim_cur, present.rlim_max);
    let wanted = libc::rlimit { rlim_cur, rlim_max };
    // SAFETY: the kernel reads one structure.
    check(unsafe { libc::prlimit(pid, resource, &raw const wanted, ptr::null_mut()) })
}

/// Nanoseconds of the processor that a process has used, by the clock that its limit is compared with.
///
/// # Errors
/// What the system says.
pub fn limited_time(pid: i32) -> io::Result<u64> {
    // The kernel's `CPUCLOCK_PROF` of another process.
    let clock = !pid << 3;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one structure.
    check(unsafe { libc::clock_gettime(clock, &raw mut time) })?;
    let number = |part: i64| u64::try_from(part).map_err(io::Error::other);
    Ok(number(time.tv_sec)? * 1_000_000_000 + number(time.tv_nsec)?)
}

/// Forks. Sound because no other thread exists that could hold a lock.
///
/// # Errors
/// What the system says.
pub fn fork() -> io::Result<Fork> {
    // SAFETY: one thread.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(pid)),
    }
}

/// Moves this process into new namespaces (for `CLONE_NEWPID`, its future children).
///
/// # Errors
/// What the system says.
pub fn unshare(flags: i32) -> io::Result<()> {
    // SAFETY: no flag that separates what threads share is used, and there is one thread.
    check(unsafe { libc::unshare(flags) })
}

/// Adds attributes to a mount, and to every mount below it when `recursive`.
///
/// # Errors
/// What the system says.
pub fn restrict_mount(path: &CStr, attributes: u64, recursive: bool) -> io::Result<()> {
    let change = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a C string, and the structure has the size that is passed.
    let result = unsafe {
        libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, path.as_ptr(), flags, &raw const change, mem::size_of::<libc::mount_attr>())
    };
    check(result as i32)
}

/// Installs a system call filter for this process and what it starts.
///
/// # Errors
/// What the system says; new privileges must be forbidden before.
pub fn install_filter(instructions: &mut [libc::sock_filter]) -> io::Result<()> {
    let length = u16::try_from(instructions.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: instructions.as_mut_ptr() };
    // SAFETY: the kernel copies as many instructions as the length says.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    check(result as i32)
}

/// Blocks SIGCHLD and SIGTERM and returns a descriptor from which they are read.
///
/// # Errors
/// What the system says.
pub fn signal_descriptor() -> io::Result<OwnedFd> {
    // SAFETY: the set is initialized by `sigemptyset`, and the returned descriptor is new.
    unsafe {
        let mut set = mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGCHLD);
        libc::sigaddset(&mut set, libc::SIGTERM);
        check(libc::sigprocmask(libc::SIG_BLOCK, &set, ptr::null_mut()))?;
        let descriptor = libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        check(descriptor)?;
        Ok(OwnedFd::from_raw_fd(descriptor))
    }
}

/// Reads one signal number; `None` when none waits.
///
/// # Errors
/// What the system says.
pub fn read_signal(descriptor: &OwnedFd) -> io::Result<Option<i32>> {
    let mut buffer = [0_u8; mem::size_of::<libc::signalfd_siginfo>()];
    match rustix::io::read(descriptor, &mut buffer) {
        Ok(_) => Ok(Some(i32::from_ne_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]))),
        Err(rustix::io::Errno::AGAIN) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Collects the news of one child; `None` when there are none.
///
/// # Errors
/// What the system says.
pub fn news() -> io::Result<Option<News>> {
    wait(-1, libc::WNOHANG)
}

/// Waits until a child has ended; `None` when it is nobody's any more.
///
/// # Errors
/// What the system says.
pub fn await_end(pid: i32) -> io::Result<Option<Ended>> {
    loop {
        match wait(pid, 0)? {
            Some(News::Stopped(_)) => {}
            Some(News::Ended(ended)) => return Ok(Some(ended)),
            None => return Ok(None),
        }
    }
}

fn wait(pid: i32, options: i32) -> io::Result<Option<News>> {
    loop {
        let mut status = 0;
        // SAFETY: zero is a valid value of this plain structure, and both pointers are valid.
        let (result, usage) = unsafe {
            let mut usage: libc::rusage = mem::zeroed();
            (libc::wait4(pid, &mut status, options, &mut usage), usage)
        };
        match result {
            -1 => match io::Error::last_os_error() {
                error if error.raw_os_error() == Some(libc::EINTR) => {}
                error if error.raw_os_error() == Some(libc::ECHILD) => return Ok(None),
                error => return Err(error),
            },
            0 => return Ok(None),
            pid if libc::WIFSTOPPED(status) => {
                return Ok(Some(News::Stopped(Stopped { pid, status: status >> 8, usage: usage_of(&usage) })));
            }
            pid => return Ok(Some(News::Ended(Ended { pid, exit: exit_of(status), usage: usage_of(&usage) }))),
        }
    }
}

/// Starts a program with exactly the given descriptors, an empty signal mask and nothing else of this process; behind a filter of its
/// own, and without huge pages, where it makes children that are put back.
///
/// # Errors
/// What the system says. A program that cannot be executed ends with status 127 and says why on its descriptor 2.
pub fn spawn(
    program: &CStr,
    arguments: &[CString],
    environment: &[CString],
    files: &[(RawFd, RawFd)],
    mut filter: Option<Vec<libc::sock_filter>>,
) -> io::Result<i32> {
    let arguments = pointers(arguments);
    let environment = pointers(environment);
    match fork()? {
        Fork::Parent(pid) => Ok(pid),
        // SAFETY: both arrays end with a null pointer and their strings outlive the call.
        Fork::Child => unsafe {
            let error = match arrange(files).and_then(|()| filter.as_deref_mut().map_or(Ok(()), confine)) {
                Ok(()) => {
                    libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr());
                    io::Error::last_os_error()
                }
                Err(error) => error,
            };
            eprintln!("cannot execute the interpreter: {error}");
            libc::_exit(EXEC_FAILED)
        },
    }
}

/// A written page of 2 MiB would be copied back as 512.
fn confine(filter: &mut [libc::sock_filter]) -> io::Result<()> {
    // SAFETY: plain numbers.
    check(unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) })?;
    install_filter(filter)
}

/// Duplicates each source to its target, closes everything above the highest target and unblocks signals.
unsafe fn arrange(files: &[(RawFd, RawFd)]) -> io::Result<()> {
    let highest = files.iter().map(|(_, target)| *target).max().unwrap_or(2);
    // Sources may lie on targets: move them all out of the way first.
    let mut moved = Vec::with_capacity(files.len());
    for (source, target) in files {
        // SAFETY: plain numbers.
        let copy = unsafe { libc::fcntl(*source, libc::F_DUPFD_CLOEXEC, highest + 1) };
        check(copy)?;
        moved.push((copy, *target));
    }
    for (source, target) in moved {
        // SAFETY: plain numbers.
        check(unsafe { libc::dup2(source, target) })?;
    }
    // SAFETY: the set is initialized by `sigemptyset`; nothing in this process uses what is closed.
    unsafe {
        // gVisor takes no larger number.
        check(libc::syscall(libc::SYS_close_range, highest + 1, i32::MAX, 0) as i32)?;
        let mut set = mem::zeroed();
        libc::sigemptyset(&mut set);
        check(libc::sigprocmask(libc::SIG_SETMASK, &set, ptr::null_mut()))?;
    }
    // Ignored signals survive exec; Rust's start-up code ignores SIGPIPE.
    // SAFETY: the default action is no function.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    Ok(())
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

fn exit_of(status: i32) -> Exit {
    if libc::WIFSIGNALED(status) { Exit::Signal(libc::WTERMSIG(status)) } else { Exit::Code(libc::WEXITSTATUS(status)) }
}

fn usage_of(usage: &libc::rusage) -> Usage {
    Usage {
        user_micros: micros(usage.ru_utime),
        system_micros: micros(usage.ru_stime),
        peak_memory_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
    }
}

fn micros(time: libc::timeval) -> u64 {
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(time.tv_usec).unwrap_or(0)
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The raw number of a descriptor, for [`spawn`].
pub fn raw(descriptor: &impl AsRawFd) -> RawFd {
    descriptor.as_raw_fd()
}
