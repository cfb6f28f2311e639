//! The life cycle of an execution as one exhaustive match.

use crate::sandbox::Reason;

/// Where an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Accepted, waits for its turn.
    Pending,
    /// A sandbox is being readied.
    Starting,
    /// User code runs.
    Running,
    /// It was asked to stop and has not ended yet.
    Cancelling,
    /// It answered with one well-formed result.
    Succeeded,
    /// It ended without one.
    Failed,
    /// It was killed at its deadline.
    TimedOut,
    /// It was stopped by a caller, or by the server's shutdown.
    Cancelled,
    /// It was refused before user code ran.
    Denied,
    /// Its server or its sandbox died.
    Lost,
}

/// What can happen to an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Its turn has come.
    Admit,
    /// The program was handed over.
    HandOver,
    /// Its server gave it back, or was lost: it waits for another one.
    PutBack,
    /// A caller asked it to stop.
    AskCancel,
    /// It ended in this terminal state.
    End(State),
}

impl State {
    /// Every state, in the order of a life.
    pub const ALL: [State; 10] = [
        State::Pending,
        State::Starting,
        State::Running,
        State::Cancelling,
        State::Succeeded,
        State::Failed,
        State::TimedOut,
        State::Cancelled,
        State::Denied,
        State::Lost,
    ];

    /// Whether nothing more can happen.
    pub const fn is_terminal(self) -> bool {
        match self {
            State::Pending | State::Starting | State::Running | State::Cancelling => false,
            State::Succeeded | State::Failed | State::TimedOut | State::Cancelled | State::Denied | State::Lost => true,
        }
    }

    /// The state after `step`; `None` when the step is impossible here.
    pub const fn after(self, step: Step) -> Option<State> {
        match (self, step) {
            (State::Pending, Step::Admit) => Some(State::Starting),
            (State::Pending | State::Starting, Step::HandOver) => Some(State::Running),
            (State::Pending | State::Starting | State::Running, Step::PutBack) => Some(State::Pending),
            (State::Cancelling, Step::Admit | Step::HandOver) => Some(State::Cancelling),
            (State::Pending | State::Starting | State::Running | State::Cancelling, Step::AskCancel) => Some(State::Cancelling),
            (State::Pending | State::Starting | State::Running | State::Cancelling, Step::End(end)) if end.is_terminal() => Some(end),
            (_, Step::Admit | Step::HandOver | Step::PutBack | Step::AskCancel | Step::End(_)) => None,
        }
    }

    /// The state in which an execution ends that did not succeed for `reason`.
    pub const fn of(reason: Reason) -> State {
        match reason {
            Reason::Timeout => State::TimedOut,
            Reason::Cancelled => State::Cancelled,
            Reason::NodeLost => State::Lost,
            Reason::NotPermitted | Reason::SandboxUnavailable | Reason::SecretUnavailable => State::Denied,
            Reason::UserError
            | Reason::ExitCode
            | Reason::NoResult
            | Reason::Signal
            | Reason::InvalidParameter
            | Reason::ResultNotSerializable
            | Reason::ResultTooLarge
            | Reason::CpuLimit
            | Reason::OutOfMemory
            | Reason::ProcessLimit
            | Reason::DiskLimit
            | Reason::OutputLimit
            | Reason::DeniedOperation
            | Reason::NotRun => State::Failed,
        }
    }

    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Pending => "PENDING",
            State::Starting => "STARTING",
            State::Running => "RUNNING",
            State::Cancelling => "CANCELLING",
            State::Succeeded => "SUCCEEDED",
            State::Failed => "FAILED",
            State::TimedOut => "TIMED_OUT",
            State::Cancelled => "CANCELLED",
            State::Denied => "DENIED",
            State::Lost => "LOST",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}
