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
mod means;
mod ranges;
#[cfg(test)]
mod tests;
mod tracking;
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

use sandbox_protocol::control::{Left, MEANS_STAGE, RESTORE_STAGE};

use crate::{fault::Fault, outside::Outside, part, weaken};

use image::Image;
pub use image::Origin;
use kernel::Registers;
pub use kernel::{called, is_gone, resume, told};
use lost::Lost;
use ranges::{PAGE, Ranges};
use tracking::{Pages, Region, Tracking};
use visible::Visible;

/// Runs after which it is known which pages nearly every program writes.
const PERIOD: u32 = 16;
/// A page that more than one in so many runs of a period has written is hot: to protect it again costs more than to copy it.
const HOT_SHARE: u32 = 3;
/// Hot pages at most: each is copied after every run, whatever it has written.
const MOST_HOT_PAGES: usize = 1024;
/// Pages that are not there of which a child is read at most, which has the kernel bring them back: 1 MiB. Each may come from a disk, in as much as
/// 0.1 ms, and none of the other children of the sandbox goes on meanwhile; a new child costs 4 ms.
const MOST_MISSING_PAGES: usize = 256;
/// Bytes of stack that the origin may use beyond what a child has when it is followed. The seal's functions need some hundred.
const ORIGINS_STACK: u64 = 16 * 1024;
/// Calls after which the child may have other mappings than the zygote.
const MEMORY_CALLS: [i64; 6] = [libc::SYS_brk, libc::SYS_madvise, libc::SYS_mmap, libc::SYS_mprotect, libc::SYS_mremap, libc::SYS_munmap];

/// The fault of a sandbox that has failed at a step before a child of it could be put back. Unless the error may pass, the sandbox can start
/// again without.
pub fn unable(step: &'static str, error: &io::Error) -> Fault {
    unable_at(RESTORE_STAGE, step, error)
}

/// Tries the means on this process and a copy of it, before there is an interpreter.
///
/// # Errors
/// The fault of a host that lacks them, unless the error may pass.
pub fn check_means(outside: &Outside) -> Result<(), Fault> {
    means::check(outside).map_err(|error| unable_at(MEANS_STAGE, "try to follow a process", &error))
}

fn unable_at(stage: &'static str, step: &'static str, error: &io::Error) -> Fault {
    Fault::new(if kernel::may_pass(error) { step } else { stage }, format!("{step}: {error}"))
}

/// A traced child on its way to where it waits for its first program.
pub struct Followed {
    pid: Pid,
    /// Its directory in a procfs that shows it.
    directory: OwnedFd,
    tracking: Tracking,
    /// What it is a copy of, if what it has written since is tracked.
    origin: Option<Rc<Origin>>,
    /// The end of its stack when it was followed.
    stack: u64,
    /// Whether it has changed a mapping since then.
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

/// Pages that need not be as they were protected, in order.
#[derive(Default)]
struct Changes {
    /// Those that were written.
    written: Vec<usize>,
    /// Those that are not there and were not written: the kernel moves them in this moment or has taken them, and will bring them back as they
    /// were; or they were thrown away, and will be as their mapping was made.
    missing: Vec<usize>,
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
    /// Follows a child that has asked to be traced and has stopped itself, and takes the descriptor of its tracking, which the call that has
    /// stopped it names. From now on it ends with this process. `directory` is the child's in a procfs. Of a copy of `origin` that has
    /// written to nothing but its stack so far, only what it writes from now on will be read.
    ///
    /// # Errors
    /// What the system says: the kernel lacks the means, or somebody refuses them.
    pub fn new(pid: i32, directory: OwnedFd, origin: Option<Rc<Origin>>) -> io::Result<Self> {
        let pid = Pid::from_raw(pid).ok_or_else(|| io::Error::other("not a process id"))?;
        kernel::follow(pid)?;
        let (descriptor, stack) = kernel::fourth_argument_and_stack(pid)?;
        let descriptor = descriptor.try_into().map_err(io::Error::other)?;
        let memory = pidfd_getfd(pidfd_open(pid, PidfdFlags::empty())?, descriptor, PidfdGetfdFlags::empty())?;
        let tracking = Tracking::new(memory, Pages::of(&directory)?)?;
        if let Some(origin) = &origin {
            track(&tracking, origin.ranges())?;
        }
        Ok(Followed { pid, directory, tracking, origin, stack, remapped: false })
    }

    /// Notes a call that the child is told of to make before it waits.
    pub fn note(&mut self, call: u64) {
        self.remapped |= MEMORY_CALLS.contains(&call.cast_signed());
    }

    /// Takes the snapshot of the child, which is stopped where a program is to be read.
    ///
    /// # Errors
    /// What the system says, or that the child has memory that others can change or that the kernel empties by itself.
    pub fn snapshot(self) -> io::Result<Snapshot> {
        // Where no mapping was changed, its origin has none either.
        if self.remapped || self.origin.is_none() {
            ranges::refuse_emptied(&visible::mappings_with_flags(self.directory.as_fd())?)?;
        }
        let registers = Registers::read(self.pid)?;
        let mappings = visible::mappings(self.directory.as_fd())?;
        let (image, visible) = match self.copied(&mappings, registers.thread_area())? {
            Some(image) => (image, Visible::with(mappings, self.directory.as_fd())?),
            // Tracked mappings that touch each other may become one: they are looked at afterwards.
            None => (self.whole(&mappings)?, Visible::read(self.directory.as_fd())?),
        };
        let heat = Heat::new(image.ranges().pages());
        Ok(Snapshot { pid: self.pid, directory: self.directory, tracking: self.tracking, image, registers, visible, heat, restored: 0 })
    }

    /// What the child has written since it is a copy, and for the rest its origin. `None` where more than that can differ.
    fn copied(&self, mappings: &str, thread_area: u64) -> io::Result<Option<Image>> {
        let Some(origin) = &self.origin else { return Ok(None) };
        let ranges = origin.ranges();
        // A mapping that came with the warming up may have pages that are tracked though nobody can write to them.
        if !ranges.hold(mappings, |start, end| Ok(self.remapped && self.tracking.pages().has_own(start, end)?))? {
            return Ok(None);
        }
        let mut image = Image::inherited(origin.clone());
        image.read(self.pid, &self.may_differ(ranges, thread_area)?)?;
        // What was replaced by another mapping is not tracked.
        let Ok(Changes { written, missing }) = changes(&self.tracking, ranges) else { return Ok(None) };
        if !written.is_empty() {
            return Ok(None);
        }
        // It has what its origin had not written, and nobody has read of it.
        image.read(self.pid, &missing)?;
        protect(&self.tracking, ranges, missing.into_iter())?;
        Ok(Some(image))
    }

    /// Pages that need not be as in the origin: what was written, which counts as not written from now on, and what the origin itself writes
    /// while it makes children.
    fn may_differ(&self, ranges: &Ranges, thread_area: u64) -> io::Result<Vec<usize>> {
        let mut pages = Vec::new();
        let (first, last) = ranges.bounds();
        self.tracking.take_written(first, last, |region| {
            pages.extend(pages_of(ranges, &region)?);
            Ok(())
        })?;
        // The origin is in the same function, or in others that need as little of the stack.
        for range in ranges.iter().filter(|range| range.is_stack) {
            let first = ranges.page_at(self.stack.saturating_sub(ORIGINS_STACK)).unwrap_or(range.first_page).max(range.first_page);
            pages.extend(first..range.first_page + ((range.end - range.start) / PAGE) as usize);
        }
        // The kernel notes there on which processor a thread runs, behind what the C library keeps.
        pages.extend([thread_area.saturating_sub(PAGE), thread_area, thread_area + PAGE].iter().filter_map(|&near| ranges.page_at(near)));
        pages.sort_unstable();
        pages.dedup();
        Ok(pages)
    }

    /// Every page of the child.
    fn whole(&self, mappings: &str) -> io::Result<Image> {
        let is_tracked = |start| self.origin.as_ref().is_some_and(|origin| origin.ranges().page_at(start).is_some());
        let ranges = Ranges::of(mappings, |start, end| Ok(is_tracked(start) || self.tracking.pages().has_own(start, end)?))?;
        for range in ranges.iter() {
            self.tracking.register(range.start, range.end)?;
        }
        // Reading has every page be there.
        let image = Image::whole(self.pid, Rc::new(ranges))?;
        for range in image.ranges().iter() {
            self.tracking.protect(range.start, range.end)?;
        }
        match changes(&self.tracking, image.ranges())?.written.len() {
            0 => Ok(image),
            pages => Err(io::Error::other(format!("{pages} pages of a stopped child count as written"))),
        }
    }
}

/// Tracks ranges from now on, of which nothing counts as written.
fn track(tracking: &Tracking, ranges: &Ranges) -> io::Result<()> {
    for (start, end) in ranges.runs() {
        tracking.register(start, end)?;
        tracking.protect(start, end)?;
    }
    Ok(())
}

/// Protects pages, which come in order, in as few calls as there are gaps.
fn protect(tracking: &Tracking, ranges: &Ranges, pages: impl Iterator<Item = usize>) -> io::Result<()> {
    let mut addresses = pages.map(|page| ranges.address_of(page)).peekable();
    while let Some(start) = addresses.next() {
        let mut end = start + PAGE;
        while addresses.next_if_eq(&end).is_some() {
            end += PAGE;
        }
        tracking.protect(start, end)?;
    }
    Ok(())
}

/// What has become of the pages since they were protected, where every page of the ranges is tracked.
fn changes(tracking: &Tracking, ranges: &Ranges) -> Result<Changes, Lost> {
    let (first, last) = ranges.bounds();
    let (mut covered, mut changes) = (0, Changes::default());
    tracking.scan(first, last, |region| {
        let pages = match pages_of(ranges, &region) {
            Err(_) if weaken::off(part::RESTORED_COUNT) => return Ok(()),
            pages => pages?,
        };
        covered += pages.len();
        match (region.is_written(), region.is_present()) {
            (true, _) => changes.written.extend(pages),
            (false, false) => changes.missing.extend(pages),
            (false, true) => {}
        }
        Ok(())
    })?;
    let tracked = ranges.pages();
    if covered == tracked || weaken::off(part::RESTORED_COUNT) { Ok(changes) } else { Err(Lost::Uncovered { covered, tracked }) }
}

/// The pages of a region, which spans mappings that touch each other; the ranges have their pages in the same order.
fn pages_of(ranges: &Ranges, region: &Region) -> Result<std::ops::Range<usize>, Lost> {
    let first = ranges.page_at(region.start).ok_or(Lost::Grown(region.start))?;
    let behind = first + region.pages();
    if ranges.page_at(region.end - PAGE) == Some(behind - 1) { Ok(first..behind) } else { Err(Lost::Grown(region.end)) }
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
    /// The child is not as it was, and must die: it goes on to its end when it is let go on.
    pub fn restore(&mut self, looked: bool) -> Result<(), Lost> {
        // One would be the next program's.
        if kernel::has_pending_signals(self.pid)? && !weaken::off(part::RESTORED_SIGNALS) {
            return Err(Lost::Differs(Left::Signal));
        }
        if looked && !weaken::off(part::RESTORED_COMPARISON) {
            self.visible.compare(self.directory.as_fd())?;
        }
        let Changes { mut written, missing } = changes(&self.tracking, self.image.ranges())?;
        if missing.len() > MOST_MISSING_PAGES {
            return Err(Lost::Missing(missing.len()));
        }
        if !missing.is_empty() {
            // None holds what a program has written. Most are as they were, and some of these cannot be written.
            written.extend(self.image.differing(self.pid, &missing)?);
            written.sort_unstable();
        }
        self.copy_back(&written)?;
        self.heat.note(&written);
        // Hot pages stay as they are, and count as written next time.
        let cold = written.iter().copied().filter(|&page| !self.heat.is_hot(page));
        protect(&self.tracking, self.image.ranges(), cold)?;
        protect(&self.tracking, self.image.ranges(), missing.into_iter())?;
        if !self.registers.write(self.pid)? {
            return Err(Lost::Differs(Left::Status));
        }
        self.restored += 1;
        Ok(())
    }

    fn copy_back(&self, written: &[usize]) -> io::Result<()> {
        if weaken::off(part::RESTORED_MEMORY) {
            return Ok(());
        }
        let pieces = written.iter().map(|&page| Ok((self.image.ranges().address_of(page), self.image.page(page)?)));
        kernel::write_memory(self.pid, pieces)
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
