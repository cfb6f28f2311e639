//! Whether this kernel, behind the filters around this process, has the means to put a child back: tried on a page and on a copy of the agent's
//! own before there is a child.
#![allow(unsafe_code)]

use std::{
    hint, io, iter,
    os::fd::{FromRawFd, OwnedFd},
    ptr,
};

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, Signal, kill_process, pidfd_getfd, pidfd_open};

use super::{
    kernel,
    ranges::PAGE,
    tracking::{Pages, Tracking},
};
use crate::{
    outside::Outside,
    sys::{self, Fork},
};

/// `O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY`: the only flags with which the boundary lets it through.
const USER_MODE_ONLY: libc::c_int = libc::O_CLOEXEC | libc::O_NONBLOCK | 1;

/// A page of this process.
struct Page(*mut u8);

/// A copy of this process, which has asked to be traced and has stopped. It ends with this value.
struct Copy(Pid);

/// Tries all that is done to children.
///
/// # Errors
/// Which of the means is missing, in words.
pub fn check(outside: &Outside) -> io::Result<()> {
    check_tracking(outside)?;
    check_following(outside)
}

/// Names what was missing, but for an error that may pass.
fn missing(what: &'static str, advice: &'static str) -> impl FnOnce(io::Error) -> io::Error {
    move |error| if kernel::may_pass(&error) { error } else { io::Error::other(format!("{what}: {error}{advice}")) }
}

/// Tries to track one page: protected, it counts as not written; written, it does until that was looked at.
fn check_tracking(outside: &Outside) -> io::Result<()> {
    let newer = |what| missing(what, "; Linux 6.7 or newer is needed");
    let memory = own_memory().map_err(newer("userfaultfd"))?;
    let pages = Pages::of(&outside.directory("self")?)?;
    let tracking = Tracking::new(memory, pages).map_err(newer("asynchronous write protection"))?;
    let page = Page::new()?;
    page.write(1);
    tracking.register(page.start(), page.end())?;
    tracking.protect(page.start(), page.end())?;
    let before = is_written(&tracking, &page).map_err(newer("PAGEMAP_SCAN"))?;
    page.write(2);
    let after = is_written(&tracking, &page)?;
    tracking.take_written(page.start(), page.end(), |_| Ok(())).map_err(|lost| io::Error::other(format!("{lost:?}")))?;
    match [before, after, is_written(&tracking, &page)?] {
        [false, true, false] => Ok(()),
        told => Err(io::Error::other(format!("the kernel tells wrongly whether a page was written: {told:?}"))),
    }
}

/// Tries to trace another process, to read and write its memory, and to take a descriptor of it.
fn check_following(outside: &Outside) -> io::Result<()> {
    const WRITTEN: u64 = 0x7a6f_6e61;
    let refused = |what| missing(what, "; what guards this host's processes refuses it (Yama, AppArmor, SELinux or a filter)");
    let value = hint::black_box(1_u64);
    let address = &raw const value as u64;
    let copy = Copy::start().map_err(refused("ptrace"))?;
    kernel::follow(copy.0).and_then(|()| kernel::fourth_argument_and_stack(copy.0)).map_err(refused("ptrace"))?;
    kernel::write_memory(copy.0, iter::once(Ok((address, &WRITTEN.to_ne_bytes()[..])))).map_err(refused("process_vm_writev"))?;
    let mut read = [0; size_of::<u64>()];
    kernel::read_memory(copy.0, iter::once((address, read.len())), &mut read).map_err(refused("process_vm_readv"))?;
    let descriptor = sys::raw(&outside.proc());
    let taken = pidfd_open(copy.0, PidfdFlags::empty()).and_then(|of| pidfd_getfd(of, descriptor, PidfdGetfdFlags::empty()));
    taken.map_err(|error| refused("pidfd_getfd")(error.into()))?;
    match (u64::from_ne_bytes(read), hint::black_box(value)) {
        (WRITTEN, 1) => Ok(()),
        told => Err(io::Error::other(format!("the kernel reads the memory of another process wrongly: {told:x?}"))),
    }
}

fn own_memory() -> io::Result<OwnedFd> {
    // SAFETY: the call takes a number and returns a descriptor or -1.
    let descriptor = unsafe { libc::syscall(libc::SYS_userfaultfd, USER_MODE_ONLY) };
    match i32::try_from(descriptor) {
        // SAFETY: the kernel has just opened it for this process, and nobody else knows it.
        Ok(descriptor) if descriptor >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether the page counts as written; exactly one page must be told of.
fn is_written(tracking: &Tracking, page: &Page) -> io::Result<bool> {
    let mut told = Vec::new();
    let scanned = tracking.scan(page.start(), page.end(), |region| {
        told.push((region.pages(), region.is_written()));
        Ok(())
    });
    scanned.map_err(|lost| io::Error::other(format!("{lost:?}")))?;
    match told[..] {
        [(1, written)] => Ok(written),
        _ => Err(io::Error::other(format!("of one page the kernel tells {told:?}"))),
    }
}

// === impl Copy ===

impl Copy {
    fn start() -> io::Result<Self> {
        let pid = match sys::fork()? {
            Fork::Parent(pid) => pid,
            // SAFETY: no pointers, and none of these touches what a copy shares with its original.
            Fork::Child => unsafe {
                let asked = libc::ptrace(libc::PTRACE_TRACEME, 0, ptr::null_mut::<u8>(), ptr::null_mut::<u8>());
                if asked == -1 {
                    libc::_exit(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL));
                }
                libc::raise(libc::SIGSTOP);
                libc::_exit(libc::EINVAL)
            },
        };
        let mut status = 0;
        // SAFETY: the status is a valid place.
        while unsafe { libc::waitpid(pid, &raw mut status, 0) } == -1 {
            match io::Error::last_os_error() {
                error if error.raw_os_error() == Some(libc::EINTR) => {}
                error => return Err(error),
            }
        }
        match Pid::from_raw(pid) {
            Some(pid) if libc::WIFSTOPPED(status) => Ok(Copy(pid)),
            _ if libc::WIFEXITED(status) => Err(io::Error::from_raw_os_error(libc::WEXITSTATUS(status))),
            _ => Err(io::Error::other(format!("a copy of this process ended with status {status:#x}"))),
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // It is stopped, and nobody else ends it.
        let _ended = kill_process(self.0, Signal::KILL);
        let _reaped = sys::await_end(self.0.as_raw_nonzero().get());
    }
}

// === impl Page ===

impl Page {
    fn new() -> io::Result<Self> {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, which replaces none.
        let page = unsafe { libc::mmap(ptr::null_mut(), PAGE as usize, access, kind, -1, 0) };
        if page == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(Page(page.cast())) }
    }

    fn start(&self) -> u64 {
        self.0 as u64
    }

    fn end(&self) -> u64 {
        self.start() + PAGE
    }

    fn write(&self, byte: u8) {
        // SAFETY: the page is this value's alone, and mapped as long as it lives.
        unsafe { self.0.write_volatile(byte) }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: `new` has mapped it, and nothing refers to it any more.
        let _unmapped = unsafe { libc::munmap(self.0.cast(), PAGE as usize) };
    }
}
