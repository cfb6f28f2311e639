//! What stops a probe, and what to change on a host where it does not.

/// What a probe goes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeGroup {
    /// Files that are not the program's.
    Files,
    /// Anything that leaves the process by a socket.
    Network,
    /// Processes of its own, and those of others.
    Processes,
    /// The kernel's own code.
    Kernel,
    /// Rights.
    Privileges,
    /// What others left, hold or do.
    Neighbors,
    /// What others need too.
    Exhaustion,
}

/// Declares the defences once: variant, name, what it is, and what to change where it does not hold.
macro_rules! defences {
    ($($variant:ident $name:literal $what:literal $hint:ident),+ $(,)?) => {
        /// A layer of the sandbox that a probe tests.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Defence {
            $(#[doc = $what] $variant,)+
        }

        impl Defence {
            /// Every defence.
            pub const ALL: &'static [Defence] = &[$(Defence::$variant,)+];

            /// Stable name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Defence::$variant => $name,)+
                }
            }

            /// What to change on a host where it does not hold.
            pub const fn hint(self) -> &'static str {
                match self {
                    $(Defence::$variant => $hint,)+
                }
            }
        }
    };
}

defences! {
    SystemCallFilter "seccomp-child" "The filter of system calls around a child, stacked on the one around the whole sandbox." FILTER,
    UserNamespace "user-namespace" "A user namespace of its own: nobody it knows exists outside." NAMESPACES,
    PidNamespace "pid-namespace" "A process namespace of its own, in which it is alone." NAMESPACES,
    MountNamespace "mount-namespace" "A mount namespace with a `/tmp` that nobody else sees." NAMESPACES,
    NetworkNamespace "network-namespace" "A network namespace without an interface that is up." NAMESPACES,
    IpcNamespace "ipc-namespace" "System V and POSIX queues and segments of its own." NAMESPACES,
    UtsNamespace "uts-namespace" "A host name of its own." NAMESPACES,
    Root "root" "A root that holds the runtime and nothing else." MOUNTS,
    ReadOnlyRoot "read-only-root" "Nothing outside `/tmp` can be changed." MOUNTS,
    NoExecution "tmpfs-noexec" "What was written cannot be executed." MOUNTS,
    Capabilities "capabilities" "No capability in any set." KERNEL,
    NoNewPrivileges "no-new-privileges" "Executing a program grants nothing." KERNEL,
    Identity "identity" "A user and a group that nothing else on the host uses." IDENTITY,
    MemoryLimit "rlimit-memory" "An address space of the limit's size." KERNEL,
    CpuLimit "rlimit-cpu" "A limit of CPU time, kept by the kernel." KERNEL,
    ProcessLimit "rlimit-processes" "A number of processes and threads, kept inside the user namespace." PROCESSES,
    OpenFilesLimit "rlimit-open-files" "A number of open descriptors." KERNEL,
    FileSizeLimit "rlimit-file-size" "A largest file." KERNEL,
    LockedMemoryLimit "rlimit-locked-memory" "No memory that cannot be swapped." KERNEL,
    Priority "priority" "A lower priority than the agent's and the server's." KERNEL,
    TmpfsLimit "tmpfs-limit" "A size and a number of files of `/tmp`." KERNEL,
    OutputLimit "output-limit" "Output beyond the limit is not kept." OURS,
    Deadline "deadline" "The kill at the wall limit, from outside." DEADLINE,
    FrameBounds "frame-bounds" "Nothing that a child writes is believed or allocated for beyond its bound." OURS,
    SingleUse "single-use" "A process serves one execution or is put back, in T2 and T3 a sandbox serves one." OURS,
    TenantBinding "tenant-binding" "A sandbox serves one tenant." OURS,
    Descriptors "fd-hygiene" "A child holds its own pipes and nothing else." OURS,
    Environment "environment" "Nothing of the server's environment." OURS,
    Landlock "landlock" "Rules of Landlock that open the runtime's files and nothing else, where there are no namespaces." LANDLOCK,
    Gvisor "gvisor" "A kernel of its own for the container, a program of the host like any other." GVISOR,
}

const NAMESPACES: &str = "the kernel must grant every namespace to unprivileged processes: check the sysctls user.max_user_namespaces, \
                          user.max_pid_namespaces, user.max_net_namespaces and kernel.unprivileged_userns_clone, and Linux 5.14 or newer";
const FILTER: &str = "the kernel must have CONFIG_SECCOMP_FILTER, and with the docker backend the daemon must not replace the profile in \
                      deploy/sandbox/seccomp.json: check `docker info` and the daemon's seccomp-profile option";
const MOUNTS: &str =
    "the kernel must keep the attributes of mounts (Linux 5.14 or newer); no security module or storage driver may drop them";
const KERNEL: &str = "the kernel does not keep what it was asked to: use Linux 5.14 or newer, and a container runtime that passes it on";
const IDENTITY: &str =
    "give sandboxes a range of user ids that nothing else on the host uses: sandbox.first_uid and sandbox.last_uid in the configuration";
const PROCESSES: &str = "the limit of processes holds inside user namespaces only since Linux 5.14: upgrade the kernel";
const DEADLINE: &str = "the server does not get to run in time: give it CPU of its own, or run fewer executions at once";
const LANDLOCK: &str = "the kernel must enforce Landlock: CONFIG_SECURITY_LANDLOCK, and `landlock` in the boot parameter lsm=";
const GVISOR: &str =
    "register runsc at the daemon with --network=none and without --overlay2 or --oci-seccomp, and use a newer version of it";
const OURS: &str = "this is a fault of Zona, not of the host: report it with the output of `zona doctor --attack -o json`";

impl ProbeGroup {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProbeGroup::Files => "files",
            ProbeGroup::Network => "network",
            ProbeGroup::Processes => "processes",
            ProbeGroup::Kernel => "kernel",
            ProbeGroup::Privileges => "privileges",
            ProbeGroup::Neighbors => "neighbors",
            ProbeGroup::Exhaustion => "exhaustion",
        }
    }
}
