//! Which pages of a process were written, and which are there: asynchronous write protection (`userfaultfd` with `WP_ASYNC`, and
//! `PAGEMAP_SCAN`: Linux 6.7 or newer). It decides nothing.
#![allow(unsafe_code)]

use std::{
    io, mem,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    ptr,
};

use rustix::fs::{Mode, OFlags, openat};

use super::{
    lost::Lost,
    ranges::{PAGE, Ranges},
};

/// From the kernel's `linux/userfaultfd.h`.
const UFFDIO_API: libc::Ioctl = 0xc018_aa3f;
const UFFDIO_REGISTER: libc::Ioctl = 0xc020_aa00;
const UFFDIO_WRITEPROTECT: libc::Ioctl = 0xc018_aa06;
const UFFD_API: u64 = 0xaa;
/// Pages that are not there can be protected, and writes go on by themselves.
const FEATURES: u64 = WP_UNPOPULATED | WP_ASYNC;
const WP_UNPOPULATED: u64 = 1 << 13;
const WP_ASYNC: u64 = 1 << 15;
const REGISTER_MODE_WP: u64 = 1 << 1;
const WRITEPROTECT_MODE_WP: u64 = 1;

/// From the kernel's `linux/fs.h`.
const PAGEMAP_SCAN: libc::Ioctl = 0xc060_6610;
/// Protects what it tells of.
const PROTECTING: u64 = 1;
const PAGE_IS_WPALLOWED: u64 = 1;
const PAGE_IS_WRITTEN: u64 = 1 << 1;
const PAGE_IS_FILE: u64 = 1 << 2;
const PAGE_IS_PRESENT: u64 = 1 << 3;
const PAGE_IS_SWAPPED: u64 = 1 << 4;
/// Regions that one call tells of. An interpreter's memory falls into about 400 after an ordinary program.
const REGIONS: usize = 1024;

/// The table of a process's pages.
pub struct Pages(OwnedFd);

/// The tracking of a process's memory.
pub struct Tracking {
    memory: OwnedFd,
    pages: Pages,
}

/// Neighboring pages that are alike. The kernel's `page_region`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Region {
    /// Its first address.
    pub start: u64,
    /// The one behind its last.
    pub end: u64,
    categories: u64,
}

/// Pages of these categories: all of some, and any of others. Of each it is told which of the last it has.
struct Wanted {
    flags: u64,
    all_of: u64,
    any_of: u64,
    told: u64,
}

/// The kernel's `uffdio_api`.
#[repr(C)]
struct Interface {
    version: u64,
    features: u64,
    calls: u64,
}

/// The kernel's `uffdio_register`.
#[repr(C)]
struct Registration {
    start: u64,
    length: u64,
    mode: u64,
    calls: u64,
}

/// The kernel's `uffdio_writeprotect`.
#[repr(C)]
struct Protection {
    start: u64,
    length: u64,
    mode: u64,
}

/// The kernel's `pm_scan_arg`.
#[repr(C)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walked: u64,
    regions: u64,
    region_count: u64,
    most_pages: u64,
    inverted: u64,
    all_of: u64,
    any_of: u64,
    told: u64,
}

// === impl Tracking ===

impl Tracking {
    /// Tracking by the process's own descriptor for it, and its table of pages.
    ///
    /// # Errors
    /// The kernel cannot track writes that go on by themselves.
    pub fn new(memory: OwnedFd, pages: Pages) -> io::Result<Self> {
        control(&memory, UFFDIO_API, &mut Interface { version: UFFD_API, features: FEATURES, calls: 0 })?;
        Ok(Tracking { memory, pages })
    }

    /// Tracks a range from now on. Its pages count as written.
    ///
    /// # Errors
    /// What the system says.
    pub fn register(&self, start: u64, end: u64) -> io::Result<()> {
        control(&self.memory, UFFDIO_REGISTER, &mut Registration { start, length: end - start, mode: REGISTER_MODE_WP, calls: 0 })?;
        Ok(())
    }

    /// Makes pages count as not written, until the next write.
    ///
    /// # Errors
    /// What the system says.
    pub fn protect(&self, start: u64, end: u64) -> io::Result<()> {
        control(&self.memory, UFFDIO_WRITEPROTECT, &mut Protection { start, length: end - start, mode: WRITEPROTECT_MODE_WP })?;
        Ok(())
    }

    /// Tells of every tracked page, region by region in order.
    ///
    /// # Errors
    /// The first refusal of `tell`, or what the system says.
    pub fn scan(&self, start: u64, end: u64, tell: impl FnMut(Region) -> Result<(), Lost>) -> Result<(), Lost> {
        let told = PAGE_IS_WPALLOWED | PAGE_IS_WRITTEN | PAGE_IS_PRESENT;
        self.pages.walk(start, end, &Wanted { flags: 0, all_of: PAGE_IS_WPALLOWED, any_of: 0, told }, tell)
    }

    /// Tells of every tracked page that was written, region by region in order, and makes it count as not written.
    ///
    /// # Errors
    /// The first refusal of `tell`, or what the system says.
    pub fn take_written(&self, start: u64, end: u64, tell: impl FnMut(Region) -> Result<(), Lost>) -> Result<(), Lost> {
        let all_of = PAGE_IS_WPALLOWED | PAGE_IS_WRITTEN;
        // A page that the kernel moves in this moment counts as swapped.
        let any_of = PAGE_IS_PRESENT | PAGE_IS_SWAPPED;
        self.pages.walk(start, end, &Wanted { flags: PROTECTING, all_of, any_of, told: PAGE_IS_WRITTEN }, tell)
    }

    /// The pages, tracked or not.
    pub fn pages(&self) -> &Pages {
        &self.pages
    }
}

// === impl Pages ===

impl Pages {
    /// Of the process whose directory in procfs this is.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(directory: &impl AsFd) -> io::Result<Self> {
        Ok(Pages(openat(directory, "pagemap", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?))
    }

    /// Whether there are pages in a range that are of no file, as the process has once written them.
    ///
    /// # Errors
    /// What the system says.
    pub fn has_own(&self, start: u64, end: u64) -> io::Result<bool> {
        let mut found = false;
        let wanted = Wanted { flags: 0, all_of: 0, any_of: PAGE_IS_PRESENT | PAGE_IS_SWAPPED, told: PAGE_IS_FILE };
        self.walk(start, end, &wanted, |region| {
            found |= region.categories & PAGE_IS_FILE == 0;
            Ok(())
        })?;
        Ok(found)
    }

    /// Indexes of the pages of these ranges that are not there, in order.
    ///
    /// # Errors
    /// What the system says.
    pub fn missing(&self, ranges: &Ranges) -> io::Result<Vec<usize>> {
        let mut missing = Vec::new();
        for range in ranges.iter() {
            let mut next = range.start;
            let mut absent = |from: u64, to: u64| {
                let first = range.first_page + ((from - range.start) / PAGE) as usize;
                missing.extend(first..first + ((to - from) / PAGE) as usize);
            };
            let wanted = Wanted { flags: 0, all_of: PAGE_IS_PRESENT, any_of: 0, told: PAGE_IS_PRESENT };
            self.walk(range.start, range.end, &wanted, |region| {
                absent(next, region.start);
                next = region.end;
                Ok(())
            })?;
            absent(next, range.end);
        }
        Ok(missing)
    }

    /// Walks through the pages that are wanted.
    fn walk(&self, start: u64, end: u64, wanted: &Wanted, mut tell: impl FnMut(Region) -> Result<(), Lost>) -> Result<(), Lost> {
        let mut regions = [const { mem::MaybeUninit::<Region>::uninit() }; REGIONS];
        let mut at = start;
        while at < end {
            let mut scan = Scan {
                size: mem::size_of::<Scan>() as u64,
                flags: wanted.flags,
                start: at,
                end,
                walked: 0,
                regions: regions.as_mut_ptr() as u64,
                region_count: REGIONS as u64,
                most_pages: 0,
                inverted: 0,
                all_of: wanted.all_of,
                any_of: wanted.any_of,
                told: wanted.told,
            };
            let count = control(&self.0, PAGEMAP_SCAN, &mut scan)?.min(REGIONS);
            for region in &regions[..count] {
                // SAFETY: the kernel has filled as many.
                let region = unsafe { region.assume_init() };
                at = region.end;
                tell(region)?;
            }
            // Where there was room for more, this is all. Not by `walked`: of more than 512 regions it tells where the first 512 ended.
            if count < REGIONS {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// A request of a descriptor, which reads and writes one plain structure.
fn control<T>(descriptor: &OwnedFd, request: libc::Ioctl, argument: &mut T) -> io::Result<usize> {
    // SAFETY: every caller in this file passes the structure that the request is defined with, and what it points to is as long as it says.
    let result = unsafe { libc::ioctl(descriptor.as_raw_fd(), request, ptr::from_mut(argument)) };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

// === impl Region ===

impl Region {
    /// How many pages it has.
    pub fn pages(&self) -> usize {
        ((self.end - self.start) / PAGE) as usize
    }

    /// Whether its pages were written since they were protected.
    pub fn is_written(&self) -> bool {
        self.categories & PAGE_IS_WRITTEN != 0
    }

    /// Whether its pages are there: neither thrown away nor, for this moment or for longer, taken by the kernel.
    pub fn is_present(&self) -> bool {
        self.categories & PAGE_IS_PRESENT != 0
    }
}
