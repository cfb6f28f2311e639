//! Why a program did not succeed.

/// Stable reasons, catalogued in docs/errors.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// An exception of user code ended it.
    UserError,
    /// User code exited with a status other than 0.
    ExitCode,
    /// It ended without a result.
    NoResult,
    /// A signal ended it.
    Signal,
    /// Of a parameter or value the type that its annotation names could not be made.
    InvalidParameter,
    /// The result is not JSON.
    ResultNotSerializable,
    /// The result is larger than allowed.
    ResultTooLarge,
    /// The deadline passed.
    Timeout,
    /// The CPU limit was used up.
    CpuLimit,
    /// The memory limit was reached.
    OutOfMemory,
    /// The limit of processes or threads was reached.
    ProcessLimit,
    /// The private `/tmp`, or the file size limit, was full.
    DiskLimit,
    /// It printed more than allowed and was asked to stop then.
    OutputLimit,
    /// A blocked call ended it.
    DeniedOperation,
    /// A caller, or the server's shutdown, stopped it.
    Cancelled,
    /// Its server or its sandbox died: nobody knows whether it was done.
    NodeLost,
    /// An earlier value of the same call ended the process.
    NotRun,
    /// The version is refused by the current rules, or could not be checked.
    NotPermitted,
    /// No sandbox could be had; no user code ran.
    SandboxUnavailable,
    /// A secret that is bound to a parameter could not be had any more; no user code ran.
    SecretUnavailable,
}

/// Why an execution did not succeed, with what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The reason.
    pub reason: Reason,
    /// One sentence for people.
    pub message: String,
    /// Class of the exception that ended it.
    pub exception: Option<String>,
    /// Traceback with user frames only.
    pub traceback: Option<String>,
    /// Line of the user's code, from 1.
    pub line: Option<u32>,
    /// Exit status.
    pub exit_code: Option<i32>,
    /// Name of the signal, e.g. `SIGSEGV`.
    pub signal: Option<String>,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 20] = [
        Reason::UserError,
        Reason::ExitCode,
        Reason::NoResult,
        Reason::Signal,
        Reason::InvalidParameter,
        Reason::ResultNotSerializable,
        Reason::ResultTooLarge,
        Reason::Timeout,
        Reason::CpuLimit,
        Reason::OutOfMemory,
        Reason::ProcessLimit,
        Reason::DiskLimit,
        Reason::OutputLimit,
        Reason::DeniedOperation,
        Reason::Cancelled,
        Reason::NodeLost,
        Reason::NotRun,
        Reason::NotPermitted,
        Reason::SandboxUnavailable,
        Reason::SecretUnavailable,
    ];

    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::UserError => "USER_ERROR",
            Reason::ExitCode => "EXIT_CODE",
            Reason::NoResult => "NO_RESULT",
            Reason::Signal => "SIGNAL",
            Reason::InvalidParameter => "INVALID_PARAMETER",
            Reason::ResultNotSerializable => "RESULT_NOT_SERIALIZABLE",
            Reason::ResultTooLarge => "RESULT_TOO_LARGE",
            Reason::Timeout => "TIMEOUT",
            Reason::CpuLimit => "CPU_LIMIT",
            Reason::OutOfMemory => "OUT_OF_MEMORY",
            Reason::ProcessLimit => "PROCESS_LIMIT",
            Reason::DiskLimit => "DISK_LIMIT",
            Reason::OutputLimit => "OUTPUT_LIMIT",
            Reason::DeniedOperation => "DENIED_OPERATION",
            Reason::Cancelled => "CANCELLED",
            Reason::NodeLost => "NODE_LOST",
            Reason::NotRun => "NOT_RUN",
            Reason::NotPermitted => "NOT_PERMITTED",
            Reason::SandboxUnavailable => "SANDBOX_UNAVAILABLE",
            Reason::SecretUnavailable => "SECRET_UNAVAILABLE",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

impl Failure {
    /// A failure of which only reason and message are known.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Failure { reason, message: message.into(), exception: None, traceback: None, line: None, exit_code: None, signal: None }
    }
}
