//! Why sandboxes cannot be had: while the service opens, and while one sandbox starts.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use domain::sandbox::Error;

/// Why [`crate::Sandboxes::open`] failed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration breaks rules; all of them are listed.
    #[error("the sandbox configuration is invalid: {}", .0.join("; "))]
    Config(Vec<String>),
    /// A directory or file of the runtime cannot be prepared.
    #[error("failed to prepare {}", path.display())]
    Prepare {
        /// What could not be made.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The directory belongs to someone else or is writable by others, so its content cannot be trusted.
    #[error(transparent)]
    Untrusted(#[from] file_trust::Error),
    /// Another live server has the same instance id.
    #[error("instance `{0}` is already running")]
    InstanceTaken(String),
}

/// Why one sandbox did not start. Cheap to clone: everyone who waited for it hears it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StartFailure {
    /// An operator must act.
    #[error("{message}")]
    Refused {
        /// Stable reason.
        reason: &'static str,
        /// What is wrong and what mends it.
        message: String,
    },
    /// It may work later.
    #[error("{0}")]
    Unavailable(String),
    /// This host cannot put children back; those that run one program each start all the same.
    #[error("children cannot be put back here: {why}")]
    CannotRestore {
        /// What is missing.
        why: String,
        /// Whether no runtime could do so here.
        of_host: bool,
    },
    /// Nothing is started any more.
    #[error("the server is shutting down")]
    ShuttingDown,
}

/// The runtime image is not there.
pub(crate) const RUNTIME_IMAGE_MISSING: &str = "RUNTIME_IMAGE_MISSING";
/// No interpreter that can serve.
pub(crate) const RUNTIME_UNUSABLE: &str = "RUNTIME_UNUSABLE";
/// No runtime of this name.
pub(crate) const RUNTIME_UNKNOWN: &str = "RUNTIME_UNKNOWN";
/// The host does not offer what the tier needs.
pub(crate) const TIER_UNAVAILABLE: &str = "TIER_UNAVAILABLE";
/// A probe got out of the tier's sandboxes.
pub const TIER_UNSAFE: &str = "TIER_UNSAFE";
/// The job itself cannot be handed over.
pub(crate) const JOB_MALFORMED: &str = "JOB_MALFORMED";

/// When a refused caller should come back.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

// === impl StartFailure ===

impl StartFailure {
    pub(crate) fn tier_unavailable(message: impl Into<String>) -> Self {
        StartFailure::Refused { reason: TIER_UNAVAILABLE, message: message.into() }
    }

    /// An error with its causes, as one line.
    pub(crate) fn unavailable(context: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        StartFailure::Unavailable(format!("{context}: {}", chain(error)))
    }
}

impl From<StartFailure> for Error {
    fn from(failure: StartFailure) -> Self {
        match failure {
            StartFailure::Refused { reason, message } => Error::Refused { reason, message },
            StartFailure::Unavailable(_) | StartFailure::CannotRestore { .. } | StartFailure::ShuttingDown => {
                Error::Unavailable(Box::new(failure))
            }
        }
    }
}

/// An error and its causes, separated by colons.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
