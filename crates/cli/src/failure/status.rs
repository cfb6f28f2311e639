//! From what a server answered, or a connection that broke before it did, to what a person reads.

use std::error::Error;

use tonic::{Code, Status, TimeoutExpired};
use tonic_types::StatusExt as _;

use super::Failure;
use crate::exit::Exit;

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        if let Some(cause) = status.source() {
            return unanswered(cause);
        }
        let details = status.get_error_details();
        let mut failure = Failure::new(exit_of(status.code()), message(&status));
        if let Some(bad) = details.bad_request() {
            let violations = bad.field_violations.iter();
            // The message of the status repeats the first violations, which follow anyway.
            if !bad.field_violations.is_empty() {
                failure.message = "the request is invalid".to_owned();
            }
            failure.violations = violations.map(|violation| (violation.field.clone(), violation.description.clone())).collect();
        }
        failure.reason = details.error_info().map(|info| info.reason.clone());
        failure.hint = hint(status.code(), failure.reason.as_deref());
        if let Some(delay) = details.retry_info().and_then(|retry| retry.retry_delay).filter(|delay| !delay.is_zero()) {
            failure.hint = Some(format!("try again in {}", humantime::format_duration(delay)));
        }
        if let Some(request) = details.request_info() {
            failure.hint = Some(format!("the server's log has more under request_id {}", request.request_id));
        }
        failure
    }
}

/// Nothing came from the server: the client's own library made the status, and its code says how the library noticed. Of one broken
/// connection it is UNAVAILABLE, INTERNAL, UNKNOWN or CANCELLED, whichever of its tasks saw the end first, so the code is not asked.
fn unanswered(cause: &(dyn Error + 'static)) -> Failure {
    let mut first = cause;
    loop {
        if first.is::<TimeoutExpired>() {
            return Failure::new(Exit::Timeout, "the server did not answer in time");
        }
        let Some(source) = first.source() else { break };
        first = source;
    }
    Failure::new(Exit::Unavailable, format!("the connection broke before the server answered: {first}"))
        .hint("if that happens again, see whether the server runs, and whether its address begins with http:// or https://")
}

fn message(status: &Status) -> String {
    match status.message() {
        "" => format!("the server answered {:?}", status.code()),
        text => text.to_owned(),
    }
}

fn exit_of(code: Code) -> Exit {
    match code {
        Code::Ok => Exit::Ok,
        Code::InvalidArgument | Code::OutOfRange => Exit::Usage,
        Code::Unauthenticated | Code::PermissionDenied => Exit::Denied,
        Code::NotFound => Exit::NotFound,
        Code::AlreadyExists | Code::FailedPrecondition | Code::Aborted => Exit::Conflict,
        Code::DeadlineExceeded => Exit::Timeout,
        Code::Cancelled => Exit::Interrupted,
        Code::Unavailable | Code::ResourceExhausted | Code::Internal | Code::Unknown | Code::DataLoss | Code::Unimplemented => {
            Exit::Unavailable
        }
    }
}

fn hint(code: Code, reason: Option<&str>) -> Option<String> {
    let text = match (reason, code) {
        (Some("ETAG_MISMATCH"), _) => "read it again and repeat the change on what is there now",
        (Some("UTILITY_DELETED"), _) => "bring it back with `zona utility undelete`",
        (Some("RUNTIME_IMAGE_MISSING" | "TIER_UNAVAILABLE"), _) => "`zona doctor` says what this host lacks",
        (Some("TIER_UNSAFE"), _) => "`zona doctor --attack` shows every probe",
        (_, Code::Unauthenticated) => "sign in with `zona login`; `zona context list` shows who is signed in where",
        (_, Code::NotFound) => "`zona utility list` and `zona execution list` show what there is",
        (_, Code::AlreadyExists) => "a deleted utility keeps its name; see `zona utility list --deleted`",
        (_, Code::Unimplemented) => "the server does not know this method; are both of the same version?",
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use tonic_types::{ErrorDetails, FieldViolation};

    use super::*;

    #[test]
    fn every_violation_the_reason_and_the_way_out_are_printed() {
        let mut details = ErrorDetails::with_bad_request(vec![
            FieldViolation::new("utility.code", "line 3: no"),
            FieldViolation::new("utility.tags[0]", "too long"),
        ]);
        details.set_error_info("INVALID_FIELDS", "zona.dev", std::collections::HashMap::new());
        let failure = Failure::from(Status::with_error_details(Code::InvalidArgument, "the request is invalid", details));
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(
            failure.to_string(),
            "error: the request is invalid\n  utility.code: line 3: no\n  utility.tags[0]: too long\n  reason: INVALID_FIELDS\n"
        );
    }

    #[test]
    fn a_busy_server_says_when_to_come_back() {
        let mut details = ErrorDetails::with_retry_info(Some(Duration::from_secs(2)));
        details.set_error_info("QUEUE_FULL", "zona.dev", std::collections::HashMap::new());
        let failure = Failure::from(Status::with_error_details(Code::ResourceExhausted, "the queue is full", details));
        assert_eq!((failure.exit, failure.hint.as_deref()), (Exit::Unavailable, Some("try again in 2s")));
    }

    #[test]
    fn a_connection_that_broke_is_told_as_one_whatever_code_the_library_gave_it() {
        for code in [Code::Cancelled, Code::Unavailable, Code::Internal, Code::Unknown] {
            let mut status = Status::new(code, "operation was canceled");
            status.set_source(std::sync::Arc::new(io::Error::other("the peer hung up")));
            let failure = Failure::from(status);
            assert_eq!(failure.exit, Exit::Unavailable, "{code:?}");
            assert_eq!(failure.message, "the connection broke before the server answered: the peer hung up");
            assert!(failure.hint.is_some_and(|hint| hint.contains("https://")));
        }
        assert_eq!(Failure::from(Status::cancelled("the run was cancelled")).exit, Exit::Interrupted);
        assert_eq!(Failure::from(Status::from_error(Box::new(TimeoutExpired(())))).exit, Exit::Timeout);
    }
}
