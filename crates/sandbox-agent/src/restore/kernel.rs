//! The kernel's means by which one process is followed and put back by another: ptrace, asynchronous write protection
//! (`userfaultfd` with `WP_ASYNC`, and `PAGEMAP_SCAN`: Linux 6.7 or newer), and reads and writes of its memory. Each is a small
//! safe function; nothing here decides anything.
#![allow(unsafe_code)]

use std::{
    ffi::c_void,
    io, mem,
    os::fd::{AsRawFd, OwnedFd},
    ptr,
};

use rustix::process::Pid;

use super::{lost::Lost, ranges::PAGE};

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

/// From the kernel's `admin-guide/mm/pagemap.rst`: whether a page is there, or swapped, and whether nobody else maps it.
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
const EXCLUSIVE: u64 = 1 << 56;
const OF_A_FILE: u64 = 1 << 61;
const ENTRY: usize = mem::size_of::<u64>();

/// From the kernel's `linux/fs.h`.
const PAGEMAP_SCAN: libc::Ioctl = 0xc060_6610;
const PAGE_IS_WPALLOWED: u64 = 1;
const PAGE_IS_WRITTEN: u64 = 1 << 1;
const PAGE_IS_FILE: u64 = 1 << 2;
const PAGE_IS_PRESENT: u64 = 1 << 3;
const PAGE_IS_SWAPPED: u64 = 1 << 4;
/// Regions that one call tells of. An interpreter's memory falls into about 400 after an ordinary program.
const REGIONS: usize = 1024;
/// The kernel takes as many pieces in one call.
const MOST_PIECES: usize = 1024;
/// Room for the extended registers of every processor so far: AVX-512 and AMX need 11 KiB.
const MOST_EXTENDED: usize = 16 * 1024;
/// The kernel's `NT_X86_XSTATE`.
const EXTENDED_STATE: usize = 0x202;
const SIGNAL_SET_BYTES: usize = 8;
/// General registers, and where among them the number of the call stands that they were stopped at.
const GENERAL: usize = mem::size_of::<libc::user_regs_struct>() / mem::size_of::<u64>();
const CALL: usize = 15;

/// What one process can be put back to, beside its memory.
#[derive(PartialEq)]
pub struct Registers {
    /// The kernel's `user_regs_struct`.
    general: [u64; GENERAL],
    extended: Vec<u8>,
    blocked_signals: u64,
}

/// The tracking of another process's memory.
pub struct Tracking {
    memory: OwnedFd,
    pagemap: OwnedFd,
}

/// Neighboring pages that are alike: tracked, present, and either all written or none. The kernel's `page_region`.
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
    all_of: u64,
    any_of: u64,
    told: u64,
}

/// Whose a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapped {
    /// The process's alone, or nobody's so far.
    Own,
    /// Another process maps it too: one of which this is a copy, or another copy. Not a page of a file, which anybody may map.
    Shared,
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

/// Makes a stopped child of this process that has asked to be traced end with it, and stop at the calls that its filter marks.
///
/// # Errors
/// What the system says.
pub fn follow(pid: Pid) -> io::Result<()> {
    let options = libc::PTRACE_O_EXITKILL | libc::PTRACE_O_TRACESECCOMP;
    trace(libc::PTRACE_SETOPTIONS, pid, 0, options as usize)
}

/// Lets a stopped process go on, with a signal or 0.
///
/// # Errors
/// What the system says.
pub fn resume(pid: i32, signal: i32) -> io::Result<()> {
    trace(libc::PTRACE_CONT, process(pid)?, 0, signal as usize)
}

/// Whether a process that was stopped is not any more, since somebody has killed it.
pub fn is_gone(pid: i32) -> bool {
    matches!(told(pid), Err(error) if error.raw_os_error() == Some(libc::ESRCH))
}

/// What the filter told of the call at which a process is stopped.
///
/// # Errors
/// What the system says.
pub fn told(pid: i32) -> io::Result<u32> {
    let mut message: libc::c_ulong = 0;
    trace(libc::PTRACE_GETEVENTMSG, process(pid)?, 0, &raw mut message as usize)?;
    u32::try_from(message).map_err(io::Error::other)
}

fn process(pid: i32) -> io::Result<Pid> {
    Pid::from_raw(pid).ok_or_else(|| io::Error::other("not a process id"))
}

/// The number of the call at which a process is stopped.
///
/// # Errors
/// What the system says.
pub fn called(pid: i32) -> io::Result<u64> {
    Registers::read(process(pid)?).map(|registers| registers.general[CALL])
}

/// Whether a signal waits for a stopped process, to be delivered when it goes on.
///
/// # Errors
/// What the system says.
pub fn has_pending_signals(pid: Pid) -> io::Result<bool> {
    for flags in [0, libc::PTRACE_PEEKSIGINFO_SHARED] {
        let first = libc::ptrace_peeksiginfo_args { off: 0, flags, nr: 1 };
        let mut signal = [0_u64; mem::size_of::<libc::siginfo_t>() / mem::size_of::<u64>()];
        if trace_count(libc::PTRACE_PEEKSIGINFO, pid, &raw const first as usize, &raw mut signal as usize)? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads memory of a process.
///
/// # Errors
/// What the system says; less than asked for is an error.
pub fn read_memory(pid: Pid, address: u64, into: &mut [u8]) -> io::Result<()> {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: address as *mut c_void, iov_len: into.len() };
    // SAFETY: the kernel writes at most as many bytes as the buffer has, and checks what is remote.
    let count = unsafe { libc::process_vm_readv(pid.as_raw_nonzero().get(), &raw const local, 1, &raw const remote, 1, 0) };
    whole(count, into.len())
}

/// Writes pieces of memory of a process, in order; neighbors are written as one.
///
/// # Errors
/// What the system says; less than asked for is an error.
pub fn write_memory<'a>(pid: Pid, pieces: impl Iterator<Item = io::Result<(u64, &'a [u8])>>) -> io::Result<()> {
    let (mut local, mut remote) = (Vec::<libc::iovec>::new(), Vec::<libc::iovec>::new());
    for piece in pieces {
        let (address, bytes) = piece?;
        // Either may have been made longer where the other was not.
        if local.len().max(remote.len()) == MOST_PIECES {
            write_pieces(pid, &local, &remote)?;
            (local, remote) = (Vec::new(), Vec::new());
        }
        append(&mut local, bytes.as_ptr() as u64, bytes.len());
        append(&mut remote, address, bytes.len());
    }
    write_pieces(pid, &local, &remote)
}

/// Adds a piece, or makes the last one longer when it ends there.
fn append(pieces: &mut Vec<libc::iovec>, address: u64, length: usize) {
    match pieces.last_mut() {
        Some(last) if last.iov_base as u64 + last.iov_len as u64 == address => last.iov_len += length,
        _ => pieces.push(libc::iovec { iov_base: address as *mut c_void, iov_len: length }),
    }
}

fn write_pieces(pid: Pid, local: &[libc::iovec], remote: &[libc::iovec]) -> io::Result<()> {
    let length = local.iter().map(|piece| piece.iov_len).sum();
    let (locals, remotes) = (local.len() as libc::c_ulong, remote.len() as libc::c_ulong);
    // SAFETY: the local pieces are of slices that outlive the call and are only read; the kernel checks what is remote.
    let count = unsafe { libc::process_vm_writev(pid.as_raw_nonzero().get(), local.as_ptr(), locals, remote.as_ptr(), remotes, 0) };
    whole(count, length)
}

fn whole(count: isize, length: usize) -> io::Result<()> {
    match usize::try_from(count) {
        Ok(count) if count == length => Ok(()),
        Ok(count) => Err(io::Error::other(format!("{count} of {length} bytes of another process"))),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

// === impl Registers ===

impl Registers {
    /// Reads those of a stopped process.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(pid: Pid) -> io::Result<Self> {
        let mut registers = Registers { general: [0; GENERAL], extended: vec![0; MOST_EXTENDED], blocked_signals: 0 };
        trace(libc::PTRACE_GETREGS, pid, 0, &raw mut registers.general as usize)?;
        let mut extended = registers.extended();
        trace(libc::PTRACE_GETREGSET, pid, EXTENDED_STATE, &raw mut extended as usize)?;
        if extended.iov_len == MOST_EXTENDED {
            return Err(io::Error::other("the processor has more registers than there is room for"));
        }
        let length = extended.iov_len;
        registers.extended.truncate(length);
        trace(libc::PTRACE_GETSIGMASK, pid, SIGNAL_SET_BYTES, &raw mut registers.blocked_signals as usize)?;
        Ok(registers)
    }

    /// Gives them to a stopped process.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&mut self, pid: Pid) -> io::Result<()> {
        trace(libc::PTRACE_SETREGS, pid, 0, &raw const self.general as usize)?;
        let extended = self.extended();
        trace(libc::PTRACE_SETREGSET, pid, EXTENDED_STATE, &raw const extended as usize)?;
        trace(libc::PTRACE_SETSIGMASK, pid, SIGNAL_SET_BYTES, &raw const self.blocked_signals as usize)
    }

    fn extended(&mut self) -> libc::iovec {
        libc::iovec { iov_base: self.extended.as_mut_ptr().cast(), iov_len: self.extended.len() }
    }
}

/// A request about a stopped process. `data` is what the request wants: a number, or an address that is valid for it.
fn trace(request: libc::c_uint, pid: Pid, address: usize, data: usize) -> io::Result<()> {
    trace_count(request, pid, address, data).map(|_| ())
}

fn trace_count(request: libc::c_uint, pid: Pid, address: usize, data: usize) -> io::Result<usize> {
    // SAFETY: every caller in this file passes addresses of its own locals, of the layout that the request asks for.
    let result = unsafe { libc::ptrace(request, pid.as_raw_nonzero().get(), address as *mut c_void, data as *mut c_void) };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

// === impl Tracking ===

impl Tracking {
    /// Tracking by the process's own descriptor for it, and its table of pages.
    ///
    /// # Errors
    /// The kernel cannot track writes that go on by themselves.
    pub fn new(memory: OwnedFd, pagemap: OwnedFd) -> io::Result<Self> {
        control(&memory, UFFDIO_API, &mut Interface { version: UFFD_API, features: FEATURES, calls: 0 })?;
        Ok(Tracking { memory, pagemap })
    }

    /// Tracks a range from now on.
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

    /// Tells of every tracked page that is there, region by region in order.
    ///
    /// # Errors
    /// The first refusal of `tell`, or what the system says.
    pub fn scan(&self, start: u64, end: u64, tell: impl FnMut(Region) -> Result<(), Lost>) -> Result<(), Lost> {
        // Not what is swapped: where the kernel has thrown a page of a file away, it leaves the mark of one that is.
        let wanted = Wanted { all_of: PAGE_IS_WPALLOWED, any_of: PAGE_IS_PRESENT, told: PAGE_IS_WPALLOWED | PAGE_IS_WRITTEN };
        self.walk(start, end, &wanted, tell)
    }

    /// Whether there are pages in a range that are of no file, as the process has once written them.
    ///
    /// # Errors
    /// What the system says.
    pub fn has_own_pages(&self, start: u64, end: u64) -> Result<bool, Lost> {
        let mut found = false;
        let wanted = Wanted { all_of: 0, any_of: PAGE_IS_PRESENT | PAGE_IS_SWAPPED, told: PAGE_IS_FILE };
        self.walk(start, end, &wanted, |region| {
            found |= region.categories & PAGE_IS_FILE == 0;
            Ok(())
        })?;
        Ok(found)
    }

    /// Whose the pages of a range are.
    ///
    /// # Errors
    /// What the system says.
    pub fn mapped(&self, start: u64, end: u64) -> io::Result<Vec<Mapped>> {
        let count = ((end - start) / PAGE) as usize;
        let mut bytes = vec![0; count * ENTRY];
        let mut read = 0;
        while read < bytes.len() {
            match rustix::io::pread(&self.pagemap, &mut bytes[read..], start / PAGE * ENTRY as u64 + read as u64)? {
                0 => return Err(io::Error::other("a table of pages that ends too early")),
                more => read += more,
            }
        }
        let entries = bytes.chunks_exact(ENTRY).map(|entry| entry.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)));
        Ok(entries
            .map(|entry| if entry & (PRESENT | SWAPPED | EXCLUSIVE | OF_A_FILE) == PRESENT { Mapped::Shared } else { Mapped::Own })
            .collect())
    }

    /// Walks through the pages that are wanted.
    fn walk(&self, start: u64, end: u64, wanted: &Wanted, mut tell: impl FnMut(Region) -> Result<(), Lost>) -> Result<(), Lost> {
        let mut regions = [Region { start: 0, end: 0, categories: 0 }; REGIONS];
        let mut at = start;
        while at < end {
            let mut scan = Scan {
                size: mem::size_of::<Scan>() as u64,
                flags: 0,
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
            let count = control(&self.pagemap, PAGEMAP_SCAN, &mut scan)?;
            let found = regions.get(..count).unwrap_or(&regions);
            found.iter().copied().try_for_each(&mut tell)?;
            // Where there was room for more, this is all. Not by `walked`: of more than 512 regions it tells where the first 512 ended.
            match found.last() {
                Some(last) if found.len() == REGIONS => at = last.end,
                _ => return Ok(()),
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
}
