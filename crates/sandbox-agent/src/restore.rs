//! Puts a child back to where it waited for its program, so that it can run the next one of the same tenant.
//!
//! ```text
//! Followed ── snapshot ──▶ Snapshot ── restore, after each program ──▶ the same memory, the same registers
//! ```
//!
//! Only memory, registers and the signal mask are put back, and all of each. Everything else that a program can change must not
//! have changed: either the calls that change it never reach the kernel unseen (`CHILD_RESTORED`), or what the kernel shows of the child
//! is compared. Whoever is not as it was is lost, and dies as every child does that runs one program.
//!
//! The agent copies bytes into a child and reads none that a program has written: the image is taken before there is a program.
//!
//! It deliberately decides nothing about who gets a child next, and waits for nothing.

mod image;
mod kernel;
mod lost;
mod ranges;
#[cfg(test)]
mod tests;
mod visible;

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    rc::Rc,
};

use rustix::{
    fs::{Mode, OFlags, openat},
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};

use sandbox_protocol::control::Left;

use image::Image;
pub use image::Origin;
use kernel::{Region, Registers, Tracking};
pub use kernel::{called, is_gone, resume, told};
use lost::Lost;
use ranges::PAGE;
use visible::Visible;

/// Where the seal leaves the descriptor through which the child's own memory is tracked.
const TRACKING_DESCRIPTOR: i32 = 6;
/// Runs after which it is known which pages nearly every program writes.
const PERIOD: u32 = 16;
/// A page that more than one in so many runs of a period has written is hot: to protect it again costs more than to copy it.
const HOT_SHARE: u32 = 3;
/// Hot pages at most: each is copied after every run, whatever it has written.
const MOST_HOT_PAGES: usize = 1024;
/// Calls after which a page of the child need not be the zygote's at the same address.
const MEMORY_CALLS: [i64; 6] = [libc::SYS_brk, libc::SYS_madvise, libc::SYS_mmap, libc::SYS_mprotect, libc::SYS_mremap, libc::SYS_munmap];

/// A traced child that is stopped, and whose memory is not tracked yet.
pub struct Followed {
    pid: Pid,
    /// Its directory in a procfs that shows it.
    directory: OwnedFd,
    tracking: Tracking,
    /// Whether it has changed a mapping since it is a copy of the zygote.
    remapped: bool,
}

/// A child as it waited for its first program.
pub struct Snapshot {
    pid: Pid,
    directory: OwnedFd,
    tracking: Tracking,
    image: Image,
    registers: Registers,
    visible: Visible,
    heat: Heat,
    /// How often it was put back.
    restored: u32,
}

/// Which pages are written so often that they stay unprotected.
struct Heat {
    written: Vec<u8>,
    hot: Vec<bool>,
    hot_pages: usize,
    runs: u32,
}

// === impl Followed ===

impl Followed {
    /// Follows a child that has asked to be traced and has stopped itself, and takes the descriptor of its tracking. From now on
    /// it ends with this process. `directory` is the child's in a procfs.
    ///
    /// # Errors
    /// What the system says: the kernel lacks the means, or somebody refuses them.
    pub fn new(pid: i32, directory: OwnedFd) -> io::Result<Self> {
        let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("not a process id"))?;
        kernel::follow(pid)?;
        let handle = pidfd_open(pid, PidfdFlags::empty())?;
        let memory = pidfd_getfd(handle, TRACKING_DESCRIPTOR, PidfdGetfdFlags::empty())?;
        let pagemap = openat(&directory, "pagemap", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Followed { pid, directory, tracking: Tracking::new(memory, pagemap)?, remapped: false })
    }

    /// Notes a call that the child is told of to make before it waits.
    pub fn note(&mut self, call: u64) {
        self.remapped |= MEMORY_CALLS.contains(&call.cast_signed());
    }

    /// Takes the snapshot of the child, which is stopped where a program is to be read. What it still shares with `origin`, the zygote
    /// that it is a copy of, is not read.
    ///
    /// # Errors
    /// What the system says, or that the child has memory that others can change.
    pub fn snapshot(self, origin: Option<&Rc<Origin>>) -> io::Result<Snapshot> {
        let Followed { pid, directory, tracking, remapped } = self;
        let mappings = visible::mappings(directory.as_fd())?;
        let ranges = ranges::tracked(&mappings, |start, end| tracking.has_own_pages(start, end).map_err(io::Error::from))?;
        for range in &ranges {
            tracking.register(range.start, range.end)?;
        }
        // Reading makes every page present: one that is missing later was thrown away.
        let image = Image::read(pid, ranges, &tracking, origin.filter(|_| !remapped))?;
        for range in image.ranges() {
            tracking.protect(range.start, range.end)?;
        }
        // Tracked mappings that touch each other may have become one.
        let visible = Visible::read(directory.as_fd())?;
        let (registers, heat) = (Registers::read(pid)?, Heat::new(image.pages()));
        let snapshot = Snapshot { pid, directory, tracking, image, registers, visible, heat, restored: 0 };
        match snapshot.written().map(|written| written.len()) {
            Ok(0) => Ok(snapshot),
            Ok(pages) => Err(io::Error::other(format!("{pages} pages of a stopped child count as written"))),
            Err(lost) => Err(io::Error::other(format!("a stopped child's memory cannot be tracked: {lost:?}"))),
        }
    }
}

// === impl Snapshot ===

impl Snapshot {
    /// How often the child was put back.
    pub fn restored(&self) -> u32 {
        self.restored
    }

    /// Puts the stopped child back to where it was. `looked` says that it made calls whose traces the kernel shows, if they
    /// left any.
    ///
    /// # Errors
    /// The child is not as it was, and must die. Nothing of it was changed where [`Lost`] names a difference.
    pub fn restore(&mut self, looked: bool) -> Result<(), Lost> {
        // One would be the next program's.
        if kernel::has_pending_signals(self.pid)? {
            return Err(Lost::Differs(Left::Signal));
        }
        if looked {
            self.visible.compare(self.directory.as_fd())?;
        }
        let written = self.written()?;
        self.copy_back(&written)?;
        self.heat.note(&written);
        self.protect_again(&written)?;
        self.registers.write(self.pid)?;
        self.restored += 1;
        Ok(())
    }

    /// Indexes of the pages that were written since they were protected, in order.
    fn written(&self) -> Result<Vec<usize>, Lost> {
        let (first, last) = self.image.bounds();
        let tracked = self.image.pages();
        let (mut covered, mut written) = (0, Vec::new());
        self.tracking.scan(first, last, |region: Region| {
            let page = self.image.page_at(region.start).ok_or(Lost::Grown(region.start))?;
            let pages = region.pages();
            // A region spans mappings that touch each other, and the image has their pages in the same order.
            if self.image.page_at(region.end - PAGE) != Some(page + pages - 1) {
                return Err(Lost::Grown(region.end));
            }
            covered += pages;
            if region.is_written() {
                written.extend(page..page + pages);
            }
            Ok(())
        })?;
        if covered == tracked { Ok(written) } else { Err(Lost::Uncovered { covered, tracked }) }
    }

    fn copy_back(&self, written: &[usize]) -> io::Result<()> {
        let pieces = written.iter().map(|&page| Ok((self.image.address_of(page), self.image.page(page)?)));
        kernel::write_memory(self.pid, pieces)
    }

    /// Protects what was written, in as few calls as there are gaps. Hot pages stay as they are, and count as written next time.
    fn protect_again(&self, written: &[usize]) -> io::Result<()> {
        let mut cold = written.iter().copied().filter(|&page| !self.heat.is_hot(page)).map(|page| self.image.address_of(page)).peekable();
        while let Some(start) = cold.next() {
            let mut end = start + PAGE;
            while cold.next_if_eq(&end).is_some() {
                end += PAGE;
            }
            self.tracking.protect(start, end)?;
        }
        Ok(())
    }

    /// Whether the child catches a signal.
    ///
    /// # Errors
    /// What the system says.
    pub fn catches(&self, signal: i32) -> io::Result<bool> {
        visible::catches(self.directory.as_fd(), signal)
    }

    /// Bytes of its address space.
    pub fn address_space(&self) -> u64 {
        self.visible.address_space()
    }

    /// The highest use of memory so far is forgotten, as far as the kernel keeps it for a process that goes on.
    ///
    /// # Errors
    /// What the system says.
    pub fn forget_peak(&self) -> io::Result<()> {
        let file = openat(&self.directory, "clear_refs", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::io::write(file, b"5")?;
        Ok(())
    }
}

// === impl Heat ===

impl Heat {
    fn new(pages: usize) -> Self {
        Heat { written: vec![0; pages], hot: vec![false; pages], hot_pages: 0, runs: 0 }
    }

    fn is_hot(&self, page: usize) -> bool {
        self.hot[page]
    }

    /// Notes one run; at the end of a period, what most of its runs have written is hot from now on.
    fn note(&mut self, written: &[usize]) {
        for &page in written {
            self.written[page] += 1;
        }
        self.runs += 1;
        if self.runs < PERIOD {
            return;
        }
        self.runs = 0;
        for (count, hot) in self.written.iter_mut().zip(&mut self.hot) {
            if u32::from(*count) * HOT_SHARE > PERIOD && !*hot && self.hot_pages < MOST_HOT_PAGES {
                *hot = true;
                self.hot_pages += 1;
            }
            *count = 0;
        }
    }
}
