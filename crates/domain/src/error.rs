//! The one error of use cases: each variant exists because a caller acts differently. It knows nothing of gRPC;
//! the mapping to a status is `api-grpc`'s.

use std::error::Error as StdError;
use std::time::Duration;

use crate::violation::Violation;

/// Result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The cause of an internal or unavailable error, for the log only.
pub type Source = Box<dyn StdError + Send + Sync>;

/// What is unavailable while a server stops.
const SERVER: &str = "server";
/// When the same may be asked for again: another server answers, or the same one once it is back.
const STOPPED_FOR: Duration = Duration::from_secs(1);

/// Why a use case did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request breaks rules; all of them are listed.
    #[error("the request is invalid")]
    Invalid(Vec<Violation>),
    /// The caller is not known.
    #[error("the caller is not authenticated")]
    Unauthenticated,
    /// Somebody does not come in by the page of an outside issuer. They have shown nothing that others could guess at, so they are told why.
    #[error("{description}")]
    SignIn {
        /// Stable reason, catalogued in docs/errors.md.
        reason: &'static str,
        /// What is wrong and what to do.
        description: &'static str,
    },
    /// The caller may not do this; says nothing about existence.
    #[error("permission `{action}` denied on {resource}, or it might not exist")]
    Denied {
        /// Name of the action.
        action: &'static str,
        /// What was asked for.
        resource: String,
    },
    /// What is asked about is closed to the caller for the time being, whatever is asked; told only to those from whom it is not hidden.
    #[error("{description}")]
    Closed {
        /// Stable reason, catalogued in docs/errors.md.
        reason: &'static str,
        /// What is closed, a resource name.
        subject: String,
        /// What is wrong and what to do.
        description: String,
    },
    /// The resource does not exist.
    #[error("{resource} does not exist")]
    NotFound {
        /// Full resource name.
        resource: String,
    },
    /// The name is taken.
    #[error("{resource} already exists")]
    AlreadyExists {
        /// Full resource name.
        resource: String,
    },
    /// The system is not in the state that the request needs.
    #[error("{description}")]
    Precondition {
        /// Stable reason, catalogued in docs/errors.md.
        reason: &'static str,
        /// What the precondition is about, usually a resource name.
        subject: String,
        /// What is wrong and what to do.
        description: String,
    },
    /// A page token or sequence range no longer exists.
    #[error("{description}")]
    OutOfRange {
        /// Stable reason.
        reason: &'static str,
        /// What is wrong and what to do.
        description: String,
    },
    /// The next event is no longer kept: whoever followed has missed some.
    #[error("the next event is no longer kept; the oldest that is has the sequence {oldest}")]
    Expired {
        /// The oldest event that is kept; the next one where none is.
        oldest: u64,
    },
    /// The resource changed since the caller read it.
    #[error("{resource} has changed since it was read")]
    Stale {
        /// Full resource name.
        resource: String,
    },
    /// Somebody else holds the resource by now: whoever wrote no longer owns it.
    #[error("{resource} is held by another server by now")]
    StaleFence {
        /// Full resource name.
        resource: String,
    },
    /// A quota or limit is used up.
    #[error("{description}")]
    Exhausted {
        /// Stable reason.
        reason: &'static str,
        /// Whose quota.
        subject: String,
        /// What the limit is.
        description: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// A part that Zona depends on does not answer.
    #[error("{dependency} is unavailable")]
    Unavailable {
        /// The part, e.g. `store`, `sandbox`.
        dependency: &'static str,
        /// When to try again.
        retry_after: Duration,
        /// The cause, for the log.
        #[source]
        source: Option<Source>,
    },
    /// What was asked for may be done, or may not: the part that does it did not say so in time.
    #[error("{dependency} did not say in time whether it is done: it may be; ask again under the same request id")]
    Unsettled {
        /// The part, e.g. `store`.
        dependency: &'static str,
        /// When to ask again.
        retry_after: Duration,
        /// The cause, for the log.
        #[source]
        source: Option<Source>,
    },
    /// What is asked would have to be recorded in the audit log first, and cannot be: nothing has happened.
    #[error("the audit log is unavailable")]
    Unaudited {
        /// The cause, for the log.
        #[source]
        source: Option<Source>,
    },
    /// A bug or a broken store; a person must act.
    #[error("internal error: {context}")]
    Internal {
        /// What was being done, lower case, without user data.
        context: &'static str,
        /// The cause, for the log.
        #[source]
        source: Option<Source>,
    },
}

/// What a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named like the variants of Error")]
pub enum ErrorKind {
    Invalid,
    Unauthenticated,
    Denied,
    NotFound,
    AlreadyExists,
    Precondition,
    OutOfRange,
    Stale,
    Exhausted,
    Unavailable,
    Internal,
}

// === impl Error ===

impl Error {
    /// One violation as an error.
    pub fn invalid(field: impl Into<String>, reason: &'static str, description: impl Into<String>) -> Self {
        Error::Invalid(vec![Violation::new(field, reason, description)])
    }

    /// An internal error with its cause.
    pub fn internal(context: &'static str, source: impl Into<Source>) -> Self {
        Error::Internal { context, source: Some(source.into()) }
    }

    /// A dependency that does not answer, with its cause.
    pub fn unavailable(dependency: &'static str, source: impl Into<Source>) -> Self {
        Error::Unavailable { dependency, retry_after: Duration::from_secs(1), source: Some(source.into()) }
    }

    /// A dependency that may have done what it was asked for, with the cause of not knowing it.
    pub fn unsettled(dependency: &'static str, source: impl Into<Source>) -> Self {
        Error::Unsettled { dependency, retry_after: Duration::from_secs(1), source: Some(source.into()) }
    }

    /// What a caller can do about it.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Error::Invalid(_) => ErrorKind::Invalid,
            Error::Unauthenticated | Error::SignIn { .. } => ErrorKind::Unauthenticated,
            Error::Denied { .. } | Error::Closed { .. } => ErrorKind::Denied,
            Error::NotFound { .. } => ErrorKind::NotFound,
            Error::AlreadyExists { .. } => ErrorKind::AlreadyExists,
            Error::Precondition { .. } => ErrorKind::Precondition,
            Error::OutOfRange { .. } | Error::Expired { .. } => ErrorKind::OutOfRange,
            Error::Stale { .. } | Error::StaleFence { .. } => ErrorKind::Stale,
            Error::Exhausted { .. } => ErrorKind::Exhausted,
            Error::Unavailable { .. } | Error::Unsettled { .. } | Error::Unaudited { .. } => ErrorKind::Unavailable,
            Error::Internal { .. } => ErrorKind::Internal,
        }
    }

    /// A call that comes while the server stops: another server takes it, or this one once it is back.
    pub const fn stopping() -> Self {
        Error::Unavailable { dependency: SERVER, retry_after: STOPPED_FOR, source: None }
    }

    /// Whether it is [`Error::stopping`]: nothing that anybody has to look after.
    pub fn is_of_a_stop(&self) -> bool {
        matches!(self, Error::Unavailable { dependency: SERVER, .. })
    }

    /// Stable reason, catalogued in docs/errors.md.
    pub const fn reason(&self) -> &'static str {
        match self {
            Error::Invalid(_) => "INVALID_FIELDS",
            Error::Unauthenticated => "UNAUTHENTICATED",
            Error::Denied { .. } => "PERMISSION_DENIED",
            Error::NotFound { .. } => "NOT_FOUND",
            Error::AlreadyExists { .. } => "ALREADY_EXISTS",
            Error::SignIn { reason, .. }
            | Error::Closed { reason, .. }
            | Error::Precondition { reason, .. }
            | Error::OutOfRange { reason, .. }
            | Error::Exhausted { reason, .. } => reason,
            Error::Expired { .. } => "EVENTS_EXPIRED",
            Error::Stale { .. } => "ETAG_MISMATCH",
            Error::StaleFence { .. } => "HELD_ELSEWHERE",
            Error::Unavailable { .. } => "DEPENDENCY_UNAVAILABLE",
            Error::Unsettled { .. } => "OUTCOME_UNKNOWN",
            Error::Unaudited { .. } => "AUDIT_UNAVAILABLE",
            Error::Internal { .. } => "INTERNAL",
        }
    }

    /// Each dynamic part of the message.
    pub fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Error::Denied { action, resource } => vec![("action", (*action).to_owned()), ("resource", resource.clone())],
            Error::NotFound { resource }
            | Error::AlreadyExists { resource }
            | Error::Stale { resource }
            | Error::StaleFence { resource } => {
                vec![("resource", resource.clone())]
            }
            Error::Closed { subject, .. } | Error::Precondition { subject, .. } | Error::Exhausted { subject, .. } => {
                vec![("subject", subject.clone())]
            }
            Error::Expired { oldest } => vec![("oldest_sequence", oldest.to_string())],
            Error::Unavailable { dependency, .. } | Error::Unsettled { dependency, .. } => vec![("dependency", (*dependency).to_owned())],
            Error::Invalid(_)
            | Error::Unauthenticated
            | Error::SignIn { .. }
            | Error::OutOfRange { .. }
            | Error::Unaudited { .. }
            | Error::Internal { .. } => Vec::new(),
        }
    }
}
