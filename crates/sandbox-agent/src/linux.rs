//! The few system calls that seal a process, made without a C library, so that the seal and the agent share one
//! implementation. The architecture's facts (calling convention, numbers) stand here and in `filter.rs`, nowhere else.
//!
//! Errors are plain error numbers: the seal has no allocator to say more.

#[cfg(not(all(target_arch = "x86_64", target_pointer_width = "64")))]
compile_error!("system call numbers and the calling convention are known for x86-64 only");

/// Numbers of system calls on x86-64.
pub mod number {
    pub const READ: usize = 0;
    pub const WRITE: usize = 1;
    pub const CLOSE: usize = 3;
    pub const GETPID: usize = 39;
    pub const SENDMSG: usize = 46;
    pub const CLONE: usize = 56;
    pub const CHDIR: usize = 80;
    pub const PTRACE: usize = 101;
    pub const GETUID: usize = 102;
    pub const GETGID: usize = 104;
    pub const GETPPID: usize = 110;
    pub const SETSID: usize = 112;
    pub const CAPSET: usize = 126;
    pub const GETPRIORITY: usize = 140;
    pub const SETPRIORITY: usize = 141;
    pub const PRCTL: usize = 157;
    pub const MOUNT: usize = 165;
    pub const SETHOSTNAME: usize = 170;
    pub const GETTID: usize = 186;
    pub const EXIT_GROUP: usize = 231;
    pub const TGKILL: usize = 234;
    pub const OPENAT: usize = 257;
    pub const DUP3: usize = 292;
    pub const PIPE2: usize = 293;
    pub const PRLIMIT64: usize = 302;
    pub const SECCOMP: usize = 317;
    pub const USERFAULTFD: usize = 323;
    pub const CLOSE_RANGE: usize = 436;
    pub const LANDLOCK_RESTRICT_SELF: usize = 446;
}

/// An error number of the kernel.
pub type Errno = i32;

/// Makes a system call.
///
/// # Errors
/// The kernel's error number.
///
/// # Safety
/// As the call with these arguments: pointers must be valid for what the kernel does with them.
pub unsafe fn call(number: usize, arguments: [usize; 5]) -> Result<usize, Errno> {
    let result: isize;
    // SAFETY: the x86-64 convention: rcx and r11 are overwritten, everything else is kept; the caller vouches for the rest.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") arguments[0],
            in("rsi") arguments[1],
            in("rdx") arguments[2],
            in("r10") arguments[3],
            in("r8") arguments[4],
            in("r9") 0,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    match result {
        -4095..=-1 => Err(-result as Errno),
        value => Ok(value as usize),
    }
}

/// Closes a descriptor.
///
/// # Errors
/// The kernel's error number; the descriptor is gone all the same.
pub fn close(file: usize) -> Result<(), Errno> {
    // SAFETY: no pointers.
    unsafe { call(number::CLOSE, [file, 0, 0, 0, 0]) }?;
    Ok(())
}
