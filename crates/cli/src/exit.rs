//! What the process says by its exit code: a closed set, so that scripts can decide.

use std::process::ExitCode;

/// Exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok,
    /// User code failed, or was refused by validation.
    UserCode,
    /// The command line, the configuration, a file or a request is wrong.
    Usage,
    /// Not allowed.
    Denied,
    /// Does not exist.
    NotFound,
    /// Exists already, has changed, or is not in the state that is needed.
    Conflict,
    /// The server, or a part of it, does not answer or is full.
    Unavailable,
    /// A deadline passed.
    Timeout,
    /// Interrupted or cancelled.
    Interrupted,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::UserCode => 1,
            Exit::Usage => 2,
            Exit::Denied => 3,
            Exit::NotFound => 4,
            Exit::Conflict => 5,
            Exit::Unavailable => 6,
            Exit::Timeout => 7,
            Exit::Interrupted => 130,
        }
    }

    /// The code for an ended execution, by the names of its state and reason.
    pub fn of_execution(state: &str, reason: &str) -> Self {
        match (state, reason) {
            ("SUCCEEDED", _) => Exit::Ok,
            ("TIMED_OUT", _) => Exit::Timeout,
            ("CANCELLED", _) => Exit::Interrupted,
            ("DENIED", "SANDBOX_UNAVAILABLE") | ("LOST", _) => Exit::Unavailable,
            ("DENIED", _) => Exit::Denied,
            _ => Exit::UserCode,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
