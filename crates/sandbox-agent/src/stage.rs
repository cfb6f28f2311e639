//! The steps of sealing a child, as numbers that cross from the seal through the interpreter to the agent.

/// Declares the stages once: number, constant and the words for an operator.
macro_rules! stages {
    ($($number:literal $name:ident $words:literal),+ $(,)?) => {
        $(#[doc = concat!("Step: ", $words, ".")] pub const $name: u32 = $number;)+

        /// The words for a stage number.
        pub fn words(stage: u32) -> &'static str {
            match stage {
                $($number => $words,)+
                _ => "an unknown step",
            }
        }
    };
}

/// Not a step: everything is done.
pub const SEALED: u32 = 0;

stages! {
    1 ADDRESS_SPACE "read the interpreter's address space",
    2 ID_MAP "map user and group ids",
    3 PROPAGATION "make mounts private",
    4 TEMPORARY_FILES "mount /tmp",
    5 SHARED_MEMORY "mount /dev/shm",
    6 HOST_NAME "set the host name",
    7 SESSION "start a session in /tmp",
    8 OOM_SCORE "raise the OOM score",
    9 DESCRIPTORS "arrange descriptors",
    10 RESOURCE_LIMITS "set resource limits",
    11 CAPABILITIES "drop capabilities",
    12 NEW_PRIVILEGES "forbid new privileges",
    13 FILTER "install the system call filter",
    14 PARENT "tie the child to the agent",
    15 LANDLOCK "apply the Landlock rules",
    16 PRIORITY "lower the priority",
    17 FOLLOWED "be followed by the agent",
}
