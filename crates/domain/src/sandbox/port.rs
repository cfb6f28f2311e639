//! The port behind which programs run. The adapter owns pools, backends and limits; this module says what an
//! execution means, whatever contains it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error;
use crate::json::JsonText;
use crate::name::{ExecutionId, RuntimeId, TenantId};
use crate::sandbox::{Attestation, Failure, Isolation, Limits, Secrets, Stream, Usage};

/// What errors of sandboxes are about, as use cases tell them. No resource has this name.
const SUBJECT: &str = "sandbox";

/// One program for one sandbox. Its debug text has neither its code nor what it is called with: there are secrets among that.
#[derive(Clone)]
pub struct Job {
    /// Whose it is: a sandbox never serves two tenants.
    pub tenant: TenantId,
    /// What it runs for, for logs and traces.
    pub purpose: Purpose,
    /// How strongly it is isolated, at least.
    pub isolation: Isolation,
    /// Name of the runtime.
    pub runtime: RuntimeId,
    /// Source text.
    pub code: Arc<str>,
    /// What is called.
    pub entry: Entry,
    /// Keyword arguments: one JSON object.
    pub params_json: JsonText,
    /// What is masked in everything that it reports.
    pub secrets: Secrets,
    /// Limits that hold.
    pub limits: Limits,
    /// Whether it gets a process that was forked for it alone, even where others run one program after the other.
    pub fresh: bool,
}

/// What a program runs for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// An execution of a tenant.
    Execution(ExecutionId),
    /// The compiler of a runtime looks at code of a tenant.
    Compilation,
    /// Somebody tries out the sandbox itself.
    Trial,
}

/// What of the code is called.
#[derive(Debug, Clone)]
pub enum Entry {
    /// `transform` for each value (JSON texts), in order, in one process.
    Transform(Vec<JsonText>),
    /// `main`, else the top-level code.
    Script,
}

/// What a run reports, in order: output and values in any mix, then one outcome, then the exit. No secret of the job is in it: bytes are
/// counted once they are masked.
#[derive(Debug)]
pub enum Progress {
    /// It printed. Beyond the output limit nothing is reported; [`Usage::dropped_bytes`] counts it.
    Output {
        /// Which stream.
        stream: Stream,
        /// Bytes of this stream before this piece.
        offset: u64,
        /// At most [`MAX_CHUNK`](crate::sandbox::MAX_CHUNK) bytes.
        data: Vec<u8>,
    },
    /// The next value of a transformer is done: its result as JSON text, or its failure.
    Value(Result<JsonText, Failure>),
    /// User code is done; no output follows. A transformer of several values succeeds with `null`.
    Outcome(Result<JsonText, Failure>),
    /// The whole process tree is gone, or its one process was put back to where it was before the program. Last.
    Exited(Usage),
}

/// A running program. Dropping it kills the program.
#[async_trait]
pub trait Run: Send {
    /// How it is isolated.
    fn attestation(&self) -> &Attestation;

    /// The next report; `None` after [`Progress::Exited`]. Not asking pushes back on the program's output; it never delays
    /// its deadline. Cancel-safe.
    async fn next(&mut self) -> Option<Progress>;

    /// Stops it with reason `CANCELLED`, after its grace; does nothing once it ended.
    fn stop(&self);
}

/// Port: runs programs.
#[async_trait]
pub trait Sandbox: Send + Sync {
    /// Whether a program could be started now, as far as is known without trying; fast, so that a request is refused before
    /// anything is stored.
    ///
    /// # Errors
    /// What [`Sandbox::start`] would answer.
    fn ready(&self, isolation: Isolation, runtime: &RuntimeId) -> Result<(), Error>;

    /// Hands a program to a sealed process of a sandbox of its tenant: a new one, or one that was put back after a program of the same
    /// tenant.
    ///
    /// # Errors
    /// See [`Error`]; in each case no user code ran.
    async fn start(&self, job: Job) -> Result<Box<dyn Run>, Error>;
}

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The host or the configuration cannot contain it; an operator must act.
    #[error("{message}")]
    Refused {
        /// Stable reason, e.g. `RUNTIME_IMAGE_MISSING`, `TIER_UNAVAILABLE`.
        reason: &'static str,
        /// What is wrong and the command or setting that mends it.
        message: String,
    },
    /// All sandboxes are busy.
    #[error("all sandboxes are busy")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The backend does not answer, or failed while making a sandbox.
    #[error("the sandbox backend is unavailable")]
    Unavailable(#[source] error::Source),
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Job { tenant, purpose, isolation, runtime, code, entry, params_json, secrets, limits, fresh } = self;
        let (code, params) = (code.len(), params_json.len());
        let values = if let Entry::Transform(values) = entry { values.len() } else { 0 };
        f.debug_struct("Job")
            .field("tenant", tenant)
            .field("purpose", purpose)
            .field("isolation", isolation)
            .field("runtime", runtime)
            .field("code", &format_args!("{code} bytes"))
            .field("values", &values)
            .field("params_json", &format_args!("{params} bytes"))
            .field("secrets", secrets)
            .field("limits", limits)
            .field("fresh", fresh)
            .finish()
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Purpose::Execution(id) => write!(f, "executions/{id}"),
            Purpose::Compilation => f.write_str("compilation"),
            Purpose::Trial => f.write_str("trial"),
        }
    }
}

impl Error {
    /// What happened, without the words that it happened to the sandbox.
    pub fn cause(&self) -> String {
        match self {
            Error::Refused { message, .. } => message.clone(),
            Error::Unavailable(source) => source.to_string(),
            Error::Busy { .. } => self.to_string(),
        }
    }
}

/// Whether a use case was refused because of the host: it cannot contain programs of this kind, and another host may.
pub(crate) fn is_refusal(error: &crate::Error) -> bool {
    matches!(error, crate::Error::Precondition { subject, .. } if subject == SUBJECT)
}

impl From<Error> for crate::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused { reason, message } => crate::Error::Precondition { reason, subject: SUBJECT.to_owned(), description: message },
            Error::Busy { retry_after } => crate::Error::Exhausted {
                reason: "SANDBOXES_BUSY",
                subject: SUBJECT.to_owned(),
                description: "all sandboxes are busy".to_owned(),
                retry_after,
            },
            Error::Unavailable(source) => crate::Error::unavailable(SUBJECT, source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_debug_text_of_a_program_tells_what_it_is_called_with() {
        let job = Job {
            tenant: TenantId::parse("tenant", "acme").expect("it is one"),
            purpose: Purpose::Trial,
            isolation: Isolation::SingleUse,
            runtime: RuntimeId::default(),
            code: "print('hidden')".into(),
            entry: Entry::Transform(vec![JsonText::read("\"hidden\"")]),
            params_json: JsonText::read(r#"{"token":"hidden"}"#),
            secrets: Secrets::new(["hidden".to_owned()]),
            limits: Limits::DEFAULT,
            fresh: false,
        };
        let shown = format!("{job:?}");
        assert!(shown.contains("acme") && shown.contains("18 bytes") && !shown.contains("hidden"), "{shown}");
    }
}
