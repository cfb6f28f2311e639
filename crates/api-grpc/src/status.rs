//! The one mapper from errors to statuses, with details that a client can decide by. What tonic itself refuses gets its
//! details in [`foreign`].

use std::collections::HashMap;
use std::time::Duration;

use domain::{Error, ErrorKind, Violation};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

pub(crate) mod foreign;
mod reason;

pub use reason::{ERROR_DOMAIN, REASONS, REQUEST_ID_HEADER};

use reason::{DEADLINE_EXCEEDED, PANIC, UNFINISHED_REQUESTS};

/// Most bytes of violations: details travel base64-coded in a header, and several clients refuse headers of more than 8 KiB in
/// all.
const MAX_VIOLATIONS: usize = 4_608;
/// Most bytes of one description or name, so that a single one cannot crowd out the others.
const MAX_DESCRIPTION: usize = 400;
/// Most bytes of a message: each can take three in a header.
const MAX_MESSAGE: usize = 256;
/// When to try again what could not be recorded.
const AUDIT_RETRY: Duration = Duration::from_secs(1);
/// The whole public text of an internal error.
const INTERNAL_TEXT: &str = "internal error; the operator finds the cause in the log by the request id";

/// The status of an error of the domain.
pub(crate) fn from_error(error: &Error, request_id: &str) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(error.reason(), ERROR_DOMAIN, metadata(error));
    match error {
        Error::Invalid(violations) => return invalid(error, violations, details),
        Error::NotFound { resource } | Error::AlreadyExists { resource } => {
            details.set_resource_info(resource_type(resource), cut(resource, MAX_DESCRIPTION), "", message(error));
        }
        Error::Precondition { reason, subject, description } => {
            details.add_precondition_failure_violation(*reason, cut(subject, MAX_DESCRIPTION), cut(description, MAX_DESCRIPTION));
        }
        Error::Exhausted { subject, description, retry_after, .. } => {
            details.add_quota_failure_violation(cut(subject, MAX_DESCRIPTION), cut(description, MAX_DESCRIPTION));
            details.set_retry_info(Some(*retry_after));
        }
        Error::Unavailable { retry_after, .. } | Error::Unsettled { retry_after, .. } => {
            details.set_retry_info(Some(*retry_after));
        }
        Error::Unaudited { .. } => {
            details.set_retry_info(Some(AUDIT_RETRY));
        }
        Error::Internal { .. } => {
            details.set_request_info(request_id, "");
            return Status::with_error_details(Code::Internal, INTERNAL_TEXT, details);
        }
        Error::Unauthenticated
        | Error::SignIn { .. }
        | Error::Denied { .. }
        | Error::Closed { .. }
        | Error::OutOfRange { .. }
        | Error::Expired { .. }
        | Error::Stale { .. }
        | Error::StaleFence { .. } => {}
    }
    Status::with_error_details(code(error.kind()), message(error), details)
}

/// The status of a call that took too long.
pub(crate) fn deadline_exceeded(allowed: Duration) -> Status {
    let mut details = ErrorDetails::new();
    let metadata = HashMap::from([("allowed_ms".to_owned(), allowed.as_millis().to_string())]);
    details.set_error_info(DEADLINE_EXCEEDED, ERROR_DOMAIN, metadata);
    Status::with_error_details(Code::DeadlineExceeded, format!("the call took longer than {} ms", allowed.as_millis()), details)
}

/// The status of a call whose request has no room while others have not ended.
pub(crate) fn too_many_unfinished() -> Status {
    const TEXT: &str = "too many bytes of requests that have not ended are held already; end some, or send it again later";
    let mut details = ErrorDetails::new();
    details.set_error_info(UNFINISHED_REQUESTS, ERROR_DOMAIN, HashMap::new());
    details.add_quota_failure_violation("unfinished requests", TEXT);
    details.set_retry_info(Some(Duration::from_secs(1)));
    Status::with_error_details(Code::ResourceExhausted, TEXT, details)
}

/// The status of a call whose handler panicked.
pub(crate) fn panicked(request_id: &str) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(PANIC, ERROR_DOMAIN, HashMap::new());
    details.set_request_info(request_id, "");
    Status::with_error_details(Code::Internal, INTERNAL_TEXT, details)
}

/// Writes an error to the log, with its causes, at the level that says whether a person must act.
pub(crate) fn log(error: &Error, request_id: &str) {
    let (reason, cause) = (error.reason(), causes(error));
    match error.kind() {
        ErrorKind::Internal => tracing::error!(request_id, reason, cause, "{error}"),
        ErrorKind::Unavailable if error.is_of_a_stop() => tracing::debug!(request_id, reason, "{error}"),
        ErrorKind::Unavailable => tracing::warn!(request_id, reason, cause, "{error}"),
        ErrorKind::Invalid
        | ErrorKind::Unauthenticated
        | ErrorKind::Denied
        | ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::Precondition
        | ErrorKind::OutOfRange
        | ErrorKind::Stale
        | ErrorKind::Exhausted => tracing::debug!(request_id, reason, "{error}"),
    }
}

const fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::Denied => Code::PermissionDenied,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::AlreadyExists => Code::AlreadyExists,
        ErrorKind::Precondition => Code::FailedPrecondition,
        ErrorKind::OutOfRange => Code::OutOfRange,
        ErrorKind::Stale => Code::Aborted,
        ErrorKind::Exhausted => Code::ResourceExhausted,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Internal => Code::Internal,
    }
}

/// Lists violations as long as they fit; the metadata and the last one say how many there are.
fn invalid(error: &Error, violations: &[Violation], mut details: ErrorDetails) -> Status {
    let mut listed = Vec::new();
    let mut bytes = 0;
    for violation in violations {
        let description = cut(&violation.description, MAX_DESCRIPTION);
        bytes += violation.field.len().min(MAX_DESCRIPTION) + violation.reason.len() + description.len() + FRAMING;
        if bytes > MAX_VIOLATIONS {
            let rest = violations.len() - listed.len();
            listed.push(field_violation("", "MORE_VIOLATIONS", format!("{rest} more violations are not listed; mend these first")));
            break;
        }
        listed.push(field_violation(&violation.field, violation.reason, description));
    }
    details.set_bad_request(listed);
    let first = violations.first().map(|violation| format!("; {violation}")).unwrap_or_default();
    Status::with_error_details(Code::InvalidArgument, cut(&format!("{error}{first}"), MAX_MESSAGE), details)
}

/// Tags and lengths of one violation in the encoding.
const FRAMING: usize = 12;

fn field_violation(field: &str, reason: &str, description: String) -> FieldViolation {
    FieldViolation { field: cut(field, MAX_DESCRIPTION), description, reason: reason.to_owned(), localized_message: None }
}

fn metadata(error: &Error) -> HashMap<String, String> {
    let own = error.metadata().into_iter().map(|(key, value)| (key.to_owned(), cut(&value, MAX_DESCRIPTION)));
    let count = match error {
        Error::Invalid(violations) => Some(("violations".to_owned(), violations.len().to_string())),
        _ => None,
    };
    own.chain(count).collect()
}

fn message(error: &Error) -> String {
    cut(&error.to_string(), MAX_MESSAGE)
}

/// The type of a resource by its name, as the contract's `google.api.resource` options call it.
fn resource_type(name: &str) -> &'static str {
    match name.split('/').collect::<Vec<_>>().as_slice() {
        ["tenants", _] => "zona.dev/Tenant",
        ["tenants", _, "utilities", _] => "zona.dev/Utility",
        ["tenants", _, "utilities", _, "versions", _] => "zona.dev/UtilityVersion",
        ["tenants", _, "executions", _] => "zona.dev/Execution",
        ["tenants", _, "codePolicy"] => "zona.dev/CodePolicy",
        ["tenants", _, "runtimes", _] => "zona.dev/Runtime",
        _ => "zona.dev/Resource",
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}...", &text[..text.floor_char_boundary(most)])
}

fn causes(error: &Error) -> String {
    let sources = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests;
