//! What a program used.

/// What an execution used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Microseconds from the hand-over of the program to its end.
    pub wall_micros: u64,
    /// Microseconds of CPU in user mode.
    pub user_micros: u64,
    /// Microseconds of CPU in the kernel.
    pub system_micros: u64,
    /// Peak resident bytes, shared interpreter pages included.
    pub peak_memory_bytes: u64,
    /// Bytes of standard output that were kept.
    pub stdout_bytes: u64,
    /// Bytes of standard error that were kept.
    pub stderr_bytes: u64,
    /// Bytes of output beyond the limit, which were dropped.
    pub dropped_bytes: u64,
}
