//! What the zygote passes to the seal: an array of words, by their positions.

/// What the zygote passes in: an array of 64-bit words at these positions.
pub mod slot {
    /// The agent's socket.
    pub const CONTROL: usize = 0;
    /// Directory of a procfs in which the child can see itself.
    pub const PROC: usize = 1;
    pub const NULL: usize = 2;
    /// Address of a `sock_filter` array, and the number of its elements.
    pub const FILTER: usize = 3;
    pub const FILTER_LENGTH: usize = 4;
    /// Address of the C string with the mount options of `/tmp`.
    pub const TMPFS_OPTIONS: usize = 5;
    pub const MEMORY: usize = 6;
    pub const CPU_SECONDS: usize = 7;
    pub const OPEN_FILES: usize = 8;
    pub const FILE_SIZE: usize = 9;
    /// The child itself included.
    pub const PROCESSES: usize = 10;
    /// Whether `/dev/shm` shows `/tmp`, for semaphores between processes: the lowest bit.
    pub const SHARED_MEMORY: usize = 11;
    /// A Landlock ruleset that takes the place of namespaces; 0 where there is none.
    pub const RULES: usize = 12;
    /// The first of four descriptors, the child's ends of its streams, where gVisor takes the place of namespaces; 0 where there are
    /// pipes to be made.
    pub const STREAMS: usize = 13;
    /// Whether children are put back after each program: how many one runs at most. 0 where each runs one.
    pub const PROGRAMS: usize = 14;
    /// Where a child reads its program.
    pub const REQUEST: usize = 15;
    /// Written by the child: bytes of address space before user code.
    pub const BASELINE: usize = 16;
}

/// The zygote's words.
#[derive(Clone, Copy)]
pub struct Words(*mut u64);

// === impl Words ===

impl Words {
    /// # Safety
    /// There are as many words as [`slot`] names, for as long as this is used.
    pub unsafe fn new(words: *mut u64) -> Self {
        Words(words)
    }

    pub fn get(self, slot: usize) -> usize {
        // SAFETY: whoever made this vouches for the array.
        unsafe { self.0.add(slot).read() as usize }
    }

    pub fn set(self, slot: usize, value: u64) {
        // SAFETY: as in `get`.
        unsafe { self.0.add(slot).write(value) };
    }

    /// Whether there are no namespaces.
    pub fn is_confined(self) -> bool {
        self.get(slot::RULES) != 0 || self.is_in_gvisor()
    }

    /// Whether gVisor takes their place.
    pub fn is_in_gvisor(self) -> bool {
        self.get(slot::STREAMS) != 0
    }

    /// Whether a test leaves a part out.
    #[cfg(not(feature = "weaken"))]
    pub const fn lacks(self, _part: u32) -> bool {
        false
    }

    /// Whether a test leaves a part out.
    #[cfg(feature = "weaken")]
    pub fn lacks(self, part: u32) -> bool {
        self.get(slot::SHARED_MEMORY) >> (part + 1) & 1 == 1
    }
}
