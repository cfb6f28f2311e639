//! Whether this kernel, behind the filters around this process, has the means to put a child back: tried on a page of the agent's own
//! before there is a child.
#![allow(unsafe_code)]

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
    ptr,
};

use super::{
    ranges::PAGE,
    tracking::{Pages, Tracking},
};
use crate::outside::Outside;

/// `O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY`: the only flags with which the boundary lets it through.
const USER_MODE_ONLY: libc::c_int = libc::O_CLOEXEC | libc::O_NONBLOCK | 1;

/// A page of this process.
struct Page(*mut u8);

/// Tries to track one page: protected, it counts as not written; written, it does until that was looked at.
///
/// # Errors
/// Which of the means is missing, in words.
pub fn check(outside: &Outside) -> io::Result<()> {
    let newer = |what: &'static str| move |error: io::Error| io::Error::other(format!("{what}: {error}; Linux 6.7 or newer is needed"));
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
