//! Why a run did not succeed: from the child's own words where it still had any, else from how it ended. Pure.

use domain::sandbox::{Failure, Limits, Reason};
use rustix::process::Signal;
use sandbox_protocol::control::Exit;
use sandbox_protocol::frame;

use crate::live::{End, How};
use crate::pool::whole_seconds;

/// Longest message in bytes that is taken over from a child.
const MAX_MESSAGE: usize = 2 * 1024;
/// Longest traceback in bytes.
const MAX_TRACEBACK: usize = 16 * 1024;
/// Longest name of an exception class in bytes.
const MAX_EXCEPTION: usize = 200;
/// The kernel samples the clock of the limit and adds up its accounts exactly, so they differ, most on a busy machine: a kill by the
/// kernel in the last part of the limit, one in so many, is the limit's.
const CPU_SLACK_DIVISOR: u64 = 4;

/// Who of us ended a run. The first one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Cause {
    None,
    /// Its deadline.
    Timeout,
    /// A caller.
    Cancelled,
    /// Its output limit.
    OutputLimit,
    /// It was done.
    Finished,
}

impl Cause {
    pub(super) fn from_byte(byte: u8) -> Self {
        let all = [Cause::None, Cause::Timeout, Cause::Cancelled, Cause::OutputLimit, Cause::Finished];
        all.into_iter().find(|cause| *cause as u8 == byte).unwrap_or(Cause::None)
    }

    /// The reason with which a run ends that was ended so.
    fn reason(self) -> Option<Reason> {
        match self {
            Cause::Timeout => Some(Reason::Timeout),
            Cause::Cancelled => Some(Reason::Cancelled),
            Cause::OutputLimit => Some(Reason::OutputLimit),
            Cause::None | Cause::Finished => None,
        }
    }
}

/// The failure that a child reports, checked and cut to size.
pub(super) fn from_child(failure: frame::Failure, cause: Cause, limits: &Limits) -> Failure {
    let own = match failure.reason.as_str() {
        "EXIT_CODE" => Reason::ExitCode,
        "NO_RESULT" => Reason::NoResult,
        "INVALID_PARAMETER" => Reason::InvalidParameter,
        "RESULT_NOT_SERIALIZABLE" => Reason::ResultNotSerializable,
        "RESULT_TOO_LARGE" => Reason::ResultTooLarge,
        "OUT_OF_MEMORY" => Reason::OutOfMemory,
        "DISK_LIMIT" => Reason::DiskLimit,
        "PROCESS_LIMIT" => Reason::ProcessLimit,
        "DENIED_OPERATION" => Reason::DeniedOperation,
        _ => Reason::UserError,
    };
    // What a program makes of its notice, its deadline or its caller ended it.
    let (reason, message) = match cause.reason() {
        Some(reason) => (reason, message_of(reason, limits)),
        None => (own, bounded(failure.message, MAX_MESSAGE)),
    };
    Failure {
        exception: failure.exception.map(|text| bounded(text, MAX_EXCEPTION)),
        traceback: failure.traceback.map(|text| bounded(text, MAX_TRACEBACK)),
        line: failure.line,
        exit_code: failure.exit_code,
        ..Failure::new(reason, message)
    }
}

/// The failure of a child that ended without its last frame.
pub(super) fn without_result(end: &End, cause: Cause, limits: &Limits) -> Failure {
    if let Some(reason) = cause.reason() {
        return Failure::new(reason, message_of(reason, limits));
    }
    match end.how {
        How::OutOfMemory => Failure::new(Reason::OutOfMemory, message_of(Reason::OutOfMemory, limits)),
        How::Shutdown => Failure::new(Reason::Cancelled, "the server shut down"),
        // Nobody can say whether the program was done.
        How::SandboxLost => Failure::new(Reason::NodeLost, "its sandbox ended unexpectedly; what it had printed until then is kept"),
        How::Exit(Exit::Code(code)) => Failure {
            exit_code: Some(code),
            ..Failure::new(Reason::NoResult, format!("the program ended with status {code} and without a result"))
        },
        How::Exit(Exit::Signal(number)) => by_signal(number, end, limits),
    }
}

/// The failure of a program that printed more than it may and asked to be stopped then, whatever else it did.
pub(super) fn over_output(limits: &Limits) -> Failure {
    Failure::new(Reason::OutputLimit, message_of(Reason::OutputLimit, limits))
}

fn by_signal(number: i32, end: &End, limits: &Limits) -> Failure {
    let used = end.usage.user_micros + end.usage.system_micros;
    let allowed = u64::from(whole_seconds(limits.cpu)) * 1_000_000;
    if number == Signal::KILL.as_raw() && used + allowed / CPU_SLACK_DIVISOR >= allowed {
        return Failure::new(Reason::CpuLimit, message_of(Reason::CpuLimit, limits));
    }
    let name = signal_name(number);
    Failure { signal: Some(name.clone()), ..Failure::new(Reason::Signal, format!("the program was ended by {name}")) }
}

fn message_of(reason: Reason, limits: &Limits) -> String {
    match reason {
        Reason::Timeout => format!("the program did not end within its limit of {:?}", limits.wall),
        Reason::CpuLimit => format!("the program used up its CPU limit of {} s", whole_seconds(limits.cpu)),
        Reason::OutputLimit => format!("the program printed more than its limit of {} bytes", limits.output),
        Reason::OutOfMemory => "the sandbox ran out of memory".to_owned(),
        Reason::Cancelled => "the program was stopped".to_owned(),
        other => format!("the program ended with {}", other.as_str()),
    }
}

/// Cuts a text to at most `longest` bytes, at a character's start.
fn bounded(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest));
        text.push('…');
    }
    text
}

fn signal_name(number: i32) -> String {
    const NAMES: [(Signal, &str); 12] = [
        (Signal::HUP, "SIGHUP"),
        (Signal::INT, "SIGINT"),
        (Signal::ILL, "SIGILL"),
        (Signal::TRAP, "SIGTRAP"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::KILL, "SIGKILL"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::TERM, "SIGTERM"),
        (Signal::SYS, "SIGSYS"),
    ];
    let known = NAMES.iter().find(|(signal, _)| signal.as_raw() == number);
    known.map_or_else(|| format!("signal {number}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use sandbox_protocol::control::Usage;

    use super::*;

    fn end(how: How, cpu_seconds: u64) -> End {
        End { how, usage: Usage { user_micros: cpu_seconds * 1_000_000, ..Usage::default() }, at: Instant::now() }
    }

    fn check(how: How, cpu_seconds: u64, cause: Cause, expected: Reason) {
        let failure = without_result(&end(how, cpu_seconds), cause, &Limits::DEFAULT);
        assert_eq!(failure.reason, expected, "{how:?} {cause:?}");
    }

    #[test]
    fn our_own_kill_tells_the_reason() {
        let killed = How::Exit(Exit::Signal(9));
        check(killed, 0, Cause::Timeout, Reason::Timeout);
        check(killed, 0, Cause::Cancelled, Reason::Cancelled);
        check(killed, 0, Cause::OutputLimit, Reason::OutputLimit);
        check(How::SandboxLost, 0, Cause::Timeout, Reason::Timeout);
    }

    #[test]
    fn a_kill_by_the_kernel_is_told_apart_by_what_was_used_up() {
        check(How::Exit(Exit::Signal(9)), 10, Cause::None, Reason::CpuLimit);
        check(How::Exit(Exit::Signal(9)), 1, Cause::None, Reason::Signal);
        check(How::OutOfMemory, 10, Cause::None, Reason::OutOfMemory);
        check(How::SandboxLost, 0, Cause::None, Reason::NodeLost);
    }

    #[test]
    fn an_end_without_a_result_is_a_failure_whatever_the_status() {
        for code in [0, 1, 255] {
            let failure = without_result(&end(How::Exit(Exit::Code(code)), 0), Cause::None, &Limits::DEFAULT);
            assert_eq!((failure.reason, failure.exit_code), (Reason::NoResult, Some(code)));
        }
        let failure = without_result(&end(How::Exit(Exit::Signal(11)), 0), Cause::None, &Limits::DEFAULT);
        assert_eq!((failure.reason, failure.signal.as_deref()), (Reason::Signal, Some("SIGSEGV")));
    }

    fn reported(reason: &str) -> frame::Failure {
        frame::Failure {
            reason: reason.to_owned(),
            message: "é".repeat(5000),
            exception: None,
            traceback: None,
            line: None,
            exit_code: None,
        }
    }

    #[test]
    fn a_child_may_only_name_reasons_that_are_its_own() {
        assert_eq!(from_child(reported("OUT_OF_MEMORY"), Cause::None, &Limits::DEFAULT).reason, Reason::OutOfMemory);
        for forged in ["NODE_LOST", "CANCELLED", "TIMEOUT", "NOT_PERMITTED", "", "nonsense"] {
            assert_eq!(from_child(reported(forged), Cause::None, &Limits::DEFAULT).reason, Reason::UserError, "{forged}");
        }
    }

    #[test]
    fn a_childs_texts_are_cut_to_size() {
        let failure = from_child(reported("USER_ERROR"), Cause::None, &Limits::DEFAULT);
        assert!(failure.message.len() <= MAX_MESSAGE + '…'.len_utf8());
    }

    #[test]
    fn an_interrupted_program_ends_for_the_reason_of_its_interruption() {
        assert_eq!(from_child(reported("INTERRUPTED"), Cause::Timeout, &Limits::DEFAULT).reason, Reason::Timeout);
        assert_eq!(from_child(reported("INTERRUPTED"), Cause::Cancelled, &Limits::DEFAULT).reason, Reason::Cancelled);
        assert_eq!(from_child(reported("INTERRUPTED"), Cause::None, &Limits::DEFAULT).reason, Reason::UserError);
    }

    #[test]
    fn every_cause_survives_its_byte() {
        for cause in [Cause::None, Cause::Timeout, Cause::Cancelled, Cause::OutputLimit, Cause::Finished] {
            assert_eq!(Cause::from_byte(cause as u8), cause);
        }
    }
}
