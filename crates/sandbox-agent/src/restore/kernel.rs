//! The kernel's means by which one process is followed and put back by another: ptrace, and reads and writes of its memory. Each is
//! a small safe function; nothing here decides anything. What says which memory was written is `tracking`'s.
#![allow(unsafe_code)]

use std::{ffi::c_void, io, mem};

use rustix::process::Pid;

use crate::{part, weaken};

/// The kernel takes as many pieces in one call.
const MOST_PIECES: usize = 1024;
/// Room for the extended registers of every processor so far: AVX-512 and AMX need 11 KiB.
const MOST_EXTENDED: usize = 16 * 1024;
/// The kernel's `NT_X86_XSTATE`.
const EXTENDED_STATE: usize = 0x202;
const SIGNAL_SET_BYTES: usize = 8;
/// General registers, and where among them stand the fourth argument of a call, its number, the stack's end, and the address of what is the
/// thread's own.
const GENERAL: usize = mem::size_of::<libc::user_regs_struct>() / mem::size_of::<u64>();
const FOURTH_ARGUMENT: usize = 7;
const CALL: usize = 15;
const STACK: usize = 19;
const THREAD_AREA: usize = 21;
/// Errors that may pass: no reason to do without for good.
const PASSING: [i32; 6] = [libc::EAGAIN, libc::EINTR, libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ESRCH];

/// Whether what was refused may be had another time.
pub fn may_pass(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| PASSING.contains(&number))
}

/// What one process can be put back to, beside its memory.
#[derive(PartialEq)]
pub struct Registers {
    /// The kernel's `user_regs_struct`.
    general: [u64; GENERAL],
    extended: Vec<u8>,
    blocked_signals: u64,
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
    Ok(general(process(pid)?)?[CALL])
}

/// The fourth argument of the call that a process has just made, and the end of its stack then.
///
/// # Errors
/// What the system says.
pub fn fourth_argument_and_stack(pid: Pid) -> io::Result<(u64, u64)> {
    let registers = general(pid)?;
    Ok((registers[FOURTH_ARGUMENT], registers[STACK]))
}

fn general(pid: Pid) -> io::Result<[u64; GENERAL]> {
    let mut registers = [0; GENERAL];
    trace(libc::PTRACE_GETREGS, pid, 0, &raw mut registers as usize)?;
    Ok(registers)
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

/// Reads pieces of memory of a process, of which each has an address and a length; what follows each other is read as one.
///
/// # Errors
/// What the system says; less than asked for is an error.
pub fn read_memory(pid: Pid, pieces: impl Iterator<Item = (u64, usize)>, into: &mut [u8]) -> io::Result<()> {
    let mut rest = into;
    let mut remote = Vec::new();
    for (address, length) in pieces {
        if remote.len() == MOST_PIECES {
            rest = read_pieces(pid, &remote, rest)?;
            remote.clear();
        }
        append(&mut remote, address, length);
    }
    read_pieces(pid, &remote, rest).map(|_| ())
}

/// Returns what was not written to.
fn read_pieces<'a>(pid: Pid, remote: &[libc::iovec], into: &'a mut [u8]) -> io::Result<&'a mut [u8]> {
    let length = remote.iter().map(|piece| piece.iov_len).sum();
    let (into, rest) = into.split_at_mut_checked(length).ok_or_else(|| io::Error::other("too little room for another's memory"))?;
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: length };
    let count = remote.len() as libc::c_ulong;
    // SAFETY: the kernel writes at most as many bytes as the buffer has, and checks what is remote.
    let read = unsafe { libc::process_vm_readv(pid.as_raw_nonzero().get(), &raw const local, 1, remote.as_ptr(), count, 0) };
    whole(read, length)?;
    Ok(rest)
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
        let mut registers = Registers { general: general(pid)?, extended: vec![0; MOST_EXTENDED], blocked_signals: 0 };
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

    /// Gives them to a stopped process, and says whether it has them then: some flags of the processor stay what a program has made of
    /// them, whatever is asked for. Where it has not, it goes on as if it had not been asked.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&mut self, pid: Pid) -> io::Result<bool> {
        let before = general(pid)?;
        let exchanged = self.exchange(pid);
        if !matches!(exchanged, Ok(true)) {
            trace(libc::PTRACE_SETREGS, pid, 0, &raw const before as usize)?;
        }
        exchanged
    }

    fn exchange(&mut self, pid: Pid) -> io::Result<bool> {
        trace(libc::PTRACE_SETREGS, pid, 0, &raw const self.general as usize)?;
        if general(pid)? != self.general {
            return Ok(false);
        }
        if !weaken::off(part::RESTORED_REGISTERS) {
            let extended = self.extended();
            trace(libc::PTRACE_SETREGSET, pid, EXTENDED_STATE, &raw const extended as usize)?;
            trace(libc::PTRACE_SETSIGMASK, pid, SIGNAL_SET_BYTES, &raw const self.blocked_signals as usize)?;
        }
        Ok(true)
    }

    /// The address of what is the thread's own.
    pub fn thread_area(&self) -> u64 {
        self.general[THREAD_AREA]
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
