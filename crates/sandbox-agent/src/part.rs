//! The parts of a sandbox that a test can leave out, as numbers that cross from the agent to the seal. Nothing here leaves
//! anything out: only a build with the feature `weaken` does.

/// Declares the parts once: number, constant and name.
macro_rules! parts {
    ($($number:literal $name:ident $word:literal),+ $(,)?) => {
        $(#[doc = concat!("The part `", $word, "`.")] pub const $name: u32 = $number;)+

        /// The number of a part by its name.
        #[cfg(feature = "weaken")]
        pub fn number(word: &str) -> Option<u32> {
            match word {
                $($word => Some($number),)+
                _ => None,
            }
        }
    };
}

parts! {
    0 CHILD_FILTER "child-filter",
    1 OUTER_FILTER "outer-filter",
    2 CAPABILITIES "capabilities",
    3 NEW_PRIVILEGES "no-new-privileges",
    4 USER_NAMESPACE "user-namespace",
    5 PID_NAMESPACE "pid-namespace",
    6 MOUNT_NAMESPACE "mount-namespace",
    7 NETWORK_NAMESPACE "network-namespace",
    8 IPC_NAMESPACE "ipc-namespace",
    9 UTS_NAMESPACE "uts-namespace",
    10 ROOT "root",
    11 READ_ONLY_ROOT "read-only-root",
    12 NO_EXECUTION "tmpfs-noexec",
    13 IDENTITY "identity",
    14 MEMORY_LIMIT "rlimit-memory",
    15 CPU_LIMIT "rlimit-cpu",
    16 PROCESS_LIMIT "rlimit-processes",
    17 OPEN_FILES_LIMIT "rlimit-open-files",
    18 FILE_SIZE_LIMIT "rlimit-file-size",
    19 LOCKED_MEMORY_LIMIT "rlimit-locked-memory",
    20 TMPFS_LIMIT "tmpfs-limit",
    21 DESCRIPTORS "fd-hygiene",
    22 ENVIRONMENT "environment",
    23 LANDLOCK "landlock",
    24 NEW_LANDLOCK "new-landlock",
    25 NETWORK_OWNER "network-owner",
    26 PRIORITY "priority",
    27 OLD_ROOT "old-root",
    28 HOST_RIGHTS "host-rights",
    29 RESTORED_MEMORY "restored-memory",
    30 RESTORED_REGISTERS "restored-registers",
    31 RESTORED_COUNT "restored-count",
    32 RESTORED_COMPARISON "restored-comparison",
    33 RESTORED_CALLS "restored-calls",
    34 RESTORED_SIGNALS "restored-signals",
    35 RESTORED_SEEDS "restored-seeds",
}
