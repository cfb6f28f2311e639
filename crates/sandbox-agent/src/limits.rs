//! The limits that the seal sets in a child: what one execution may use of the machine.

use crate::{
    linux::{Errno, call, number},
    part,
    words::{Words, slot},
};

mod limit {
    pub const CPU: usize = 0;
    pub const FILE_SIZE: usize = 1;
    pub const STACK: usize = 3;
    pub const CORE: usize = 4;
    pub const PROCESSES: usize = 6;
    pub const OPEN_FILES: usize = 7;
    pub const LOCKED_MEMORY: usize = 8;
    pub const ADDRESS_SPACE: usize = 9;
    pub const PENDING_SIGNALS: usize = 11;
    pub const MESSAGE_QUEUES: usize = 12;
}
/// Limits that gVisor does not let be set. It has no message queues, and the filter lets no signal be sent.
const GVISOR_LACKS: [usize; 2] = [limit::PENDING_SIGNALS, limit::MESSAGE_QUEUES];
const STACK_BYTES: u64 = 8 << 20;
const PENDING_SIGNALS: u64 = 64;
/// Not 0: where the host pipes core dumps into a program, only 1 keeps a tenant's memory from being handed to it.
const CORE_BYTES: u64 = 1;

/// Sets the limits of this process, which nothing raises again.
///
/// # Errors
/// The kernel's error number.
pub fn set(words: Words) -> Result<(), Errno> {
    let address_space = (words.get(slot::BASELINE) as u64).saturating_add(words.get(slot::MEMORY) as u64);
    // Of one program, the agent keeps it where there are more.
    let programs = (words.get(slot::PROGRAMS) as u64).max(1);
    let limits = [
        (limit::ADDRESS_SPACE, address_space),
        (limit::CPU, (words.get(slot::CPU_SECONDS) as u64).saturating_mul(programs)),
        (limit::OPEN_FILES, words.get(slot::OPEN_FILES) as u64),
        (limit::FILE_SIZE, words.get(slot::FILE_SIZE) as u64),
        (limit::PROCESSES, words.get(slot::PROCESSES) as u64),
        (limit::STACK, STACK_BYTES),
        (limit::PENDING_SIGNALS, PENDING_SIGNALS),
        (limit::CORE, CORE_BYTES),
        (limit::LOCKED_MEMORY, 0),
        (limit::MESSAGE_QUEUES, 0),
    ];
    let unknown = |resource| words.is_in_gvisor() && GVISOR_LACKS.contains(&resource);
    let kept = limits.into_iter().filter(|(resource, _)| !lacks_limit(words, *resource) && !unknown(*resource));
    kept.into_iter().try_for_each(|(resource, value)| limit_to(resource, value))
}

fn lacks_limit(words: Words, resource: usize) -> bool {
    let part = match resource {
        limit::ADDRESS_SPACE => part::MEMORY_LIMIT,
        limit::CPU => part::CPU_LIMIT,
        limit::OPEN_FILES => part::OPEN_FILES_LIMIT,
        limit::FILE_SIZE => part::FILE_SIZE_LIMIT,
        limit::PROCESSES => part::PROCESS_LIMIT,
        limit::LOCKED_MEMORY => part::LOCKED_MEMORY_LIMIT,
        _ => return false,
    };
    words.lacks(part)
}

/// Lowers a limit, soft and hard. One that the host holds lower already stays.
fn limit_to(resource: usize, value: u64) -> Result<(), Errno> {
    let mut present = [0_u64; 2];
    // SAFETY: the pair has the layout of `rlimit64`.
    unsafe { call(number::PRLIMIT64, [0, resource, 0, present.as_mut_ptr() as usize, 0]) }?;
    let [_, hard] = present;
    let value = if value < hard { value } else { hard };
    let pair = [value, value];
    // SAFETY: as above.
    unsafe { call(number::PRLIMIT64, [0, resource, pair.as_ptr() as usize, 0, 0]) }?;
    Ok(())
}
