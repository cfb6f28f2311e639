//! Control messages between the server ([`Command`]) and the agent ([`Report`]).

use serde::{Deserialize, Serialize};

/// What the server tells the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Builds the root, drops privileges and starts the zygote. Sent first, and once.
    Configure(Box<Configure>),
    /// Forks and seals one more child. Answered by [`Report::Child`].
    Fork {
        /// Chosen by the server, never used twice in one sandbox.
        child: u64,
    },
    /// Lets a child that is put back go on to the program that its request pipe holds, within these limits.
    Run {
        /// A child that waits.
        child: u64,
        /// Of this program.
        limits: RunLimits,
    },
    /// Delivers SIGINT to a child: user code sees `KeyboardInterrupt`.
    Interrupt {
        /// The child to notify.
        child: u64,
    },
    /// Kills a child and every process it started. Answered by [`Report::Exited`]; unknown or dead children are ignored.
    Kill {
        /// The child to kill.
        child: u64,
    },
    /// Kills everything and exits. Closing the socket means the same.
    Shutdown,
}

/// What the agent tells the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case", deny_unknown_fields)]
pub enum Report {
    /// First message after connecting.
    Hello {
        /// The agent's [`crate::VERSION`].
        version: u32,
    },
    /// The zygote has preloaded its modules and forks children on demand.
    Ready {
        /// `major.minor.micro` of the interpreter.
        python_version: String,
    },
    /// A sealed child waits for its program. The packet carries four descriptors, in this order: write end of the request pipe,
    /// read ends of the result, stdout and stderr pipes. None from gVisor, where the server has made the pipes.
    Child {
        /// The id from [`Command::Fork`].
        child: u64,
        /// What the agent itself observed of the sealed child, from outside.
        seal: Seal,
    },
    /// The program of a child has ended with status 0, and the child was put back and waits for the next one. What the program wrote is
    /// in the pipes.
    Restored {
        /// The id from [`Command::Fork`].
        child: u64,
        /// What this program used.
        usage: Usage,
        /// How often the child was put back since its fork.
        count: u32,
    },
    /// A child is gone, with everything it started.
    Exited {
        /// The id from [`Command::Fork`].
        child: u64,
        /// How it ended.
        exit: Exit,
        /// What it used, by the kernel's accounting.
        usage: Usage,
        /// Whether the memory cgroup's `oom_kill` counter rose while the child lived, as far as the agent can read it.
        oom_killed: bool,
        /// Why a child that is put back after its programs was not after this one; none where children are not, or where the program
        /// did not come to an end with status 0.
        #[serde(default)]
        left: Option<Left>,
    },
    /// The sandbox cannot work. The agent exits after sending it.
    Fault {
        /// The step that failed, e.g. `unshare`, `mount /usr/lib/python3.11`, `zygote`.
        stage: String,
        /// The system's words.
        message: String,
        /// What an operator can change, when known; empty otherwise.
        hint: String,
    },
}

/// Stage of a fault of what is imported before a program arrives: the runtime's, not the host's.
pub const PRELOAD_STAGE: &str = "preload";

/// Stage of a fault of what it takes to put children back: a sandbox whose children run one program each can start all the same.
pub const RESTORE_STAGE: &str = "restore";

/// The same where it is the host that lacks the means, whatever the runtime.
pub const MEANS_STAGE: &str = "means";

/// Bytes of one process that are put back at most, wherever they lie in it: 256 MiB. The agent keeps a copy of what programs have written of
/// the zygote's, and one of what each child has of its own, so it may need as much for the one and for each of the others.
pub const MOST_PUT_BACK: u64 = 256 * 1024 * 1024;

/// Everything the agent needs before it starts the zygote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configure {
    /// What the sandbox root holds.
    pub layout: Layout,
    /// Limits at which children are sealed.
    pub class: Class,
    /// How strongly children are sealed.
    pub seal: SealMode,
    /// Modules that the zygote imports before it forks; one that is missing is skipped.
    pub preload: Vec<String>,
    /// Whether children are put back after each program. They wait for [`Command::Run`] then.
    pub restore: bool,
}

/// A Python runtime as it lies in the file system: the sandbox root holds exactly this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Absolute path of the real interpreter (no shim, no link).
    pub python: String,
    /// Files and directories that are bound read-only at the same path.
    pub read_only: Vec<String>,
    /// Symbolic links to create: (path, target).
    pub links: Vec<(String, String)>,
    /// Directories appended to `sys.path` after the standard library, e.g. the runtime's installed packages.
    pub packages: Vec<String>,
}

/// Limits at which the children of one sandbox are sealed. A program may ask for less, never for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Bytes of address space beyond what the interpreter uses before user code starts.
    pub memory: u64,
    /// Size in bytes of the private `/tmp`.
    pub tmpfs: u64,
    /// Highest number of open descriptors.
    pub open_files: u32,
    /// CPU seconds after which the kernel kills the child.
    pub cpu_seconds: u32,
    /// Threads and processes that a child may have beside itself; 0 refuses them.
    pub processes: u32,
}

/// Limits of one program in a child that is put back; never above its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunLimits {
    /// Bytes of address space beyond what the interpreter uses before user code starts.
    pub memory: u64,
    /// CPU seconds.
    pub cpu_seconds: u32,
    /// Open descriptors.
    pub open_files: u32,
    /// Largest file in bytes.
    pub tmpfs: u64,
}

/// How a child is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealMode {
    /// T1: own user, pid, mount, ipc and uts namespaces, the sandbox's empty network, and the strict filter (no process, no thread).
    Strict,
    /// T2 and T3: the same namespaces; the filter lets processes and threads through, up to [`Class::processes`].
    Processes,
}

/// What the agent saw of a sealed child through procfs, before it handed the child out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// Namespaces that differ from the agent's own, `net` from the one it was started in: `user`, `pid`, `mnt`, `net`, `ipc`, `uts`.
    /// None with Landlock, and none in gVisor.
    pub namespaces: Vec<String>,
    /// The kernel's `Seccomp` field: 2 is a filter.
    pub seccomp: u32,
    /// Number of seccomp filters stacked on the child; in gVisor, whose kernel does not count them, at least so many.
    pub seccomp_filters: u32,
    /// The kernel's `NoNewPrivs` field.
    pub no_new_privileges: bool,
    /// Effective capabilities, as the kernel's bit mask; 0 is none.
    pub capabilities: u64,
    /// User id outside the child's own user namespace.
    pub uid: u32,
    /// Version of the kernel's Landlock interface whose rules hold the child, where Landlock takes the place of namespaces; 0
    /// where it does not.
    pub landlock: u32,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It exited with this status.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

/// What keeps a child from being put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// A call of which something stays, by its number.
    Call(u64),
    /// A signal that it was sent, or that waits for it.
    Signal,
    /// Mappings that are others than before.
    Mappings,
    /// Descriptors that are others than before.
    Descriptors,
    /// Something else that the kernel shows of it.
    Status,
    /// Pages that were removed, replaced, or are too many.
    Pages,
    /// More stops than one program may cost.
    Stops,
    /// It has run as many programs as a child may.
    Programs,
    /// The kernel refused.
    Refused,
}

/// What a child used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Microseconds of CPU in user mode.
    pub user_micros: u64,
    /// Microseconds of CPU in the kernel.
    pub system_micros: u64,
    /// Peak resident bytes, shared interpreter pages included.
    pub peak_memory_bytes: u64,
}
