//! One run of one version: its states, why it ended, what it used and how it was isolated.

use crate::error::Error;
use crate::limits::Limits;
use crate::name::{ExecutionName, PrincipalName, VersionName};
use crate::time::Timestamp;
use crate::utility::Kind;

mod reason;
mod state;

pub use reason::{Failure, Reason};
pub use state::{State, Step};

/// One execution as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Its name.
    pub name: ExecutionName,
    /// The version that runs.
    pub version: VersionName,
    /// What the version is.
    pub kind: Kind,
    /// How it was asked for.
    pub mode: Mode,
    /// Who asked.
    pub caller: PrincipalName,
    /// Where it stands.
    pub state: State,
    /// Parameters without secret values, as one JSON object.
    pub params_json: String,
    /// Limits that hold for it.
    pub limits: Limits,
    /// When it was accepted.
    pub created: Timestamp,
    /// When user code was handed over.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The result as JSON text, when it succeeded and results are kept.
    pub result_json: Option<String>,
    /// What became of the values of a Transform call.
    pub values: Option<Values>,
    /// The client's id of the request, where it gave one.
    pub request_id: String,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
    /// What it used; known once it ended in a sandbox.
    pub usage: Option<Usage>,
    /// How it was isolated; known once it started.
    pub attestation: Option<Attestation>,
    /// Sequence number of its last event; 0 before the first.
    pub last_sequence: u64,
    /// Which server process runs it.
    pub instance: String,
    /// Grows by one with each stored change.
    pub revision: u64,
}

/// How an execution was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Streamed or started; output and result are stored.
    Run,
    /// A Transform call; values and results are stored only where the utility asks for it.
    Transform,
}

/// What became of the values of a Transform call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Values {
    /// How many values the call had.
    pub count: u32,
    /// How many of them failed or did not run.
    pub failed: u32,
    /// The values as JSON texts; empty unless the utility stores values.
    pub inputs_json: Vec<String>,
    /// Result or failure of each value, in order; empty unless the utility stores values.
    pub outcomes: Vec<Result<String, Failure>>,
}

/// What an execution used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Microseconds from the hand-over of the program to its end.
    pub wall_micros: u64,
    /// Microseconds of CPU in user mode.
    pub user_micros: u64,
    /// Microseconds of CPU in the kernel.
    pub system_micros: u64,
    /// Peak resident bytes, shared interpreter pages included.
    pub peak_memory_bytes: u64,
    /// Bytes of standard output that were kept.
    pub stdout_bytes: u64,
    /// Bytes of standard error that were kept.
    pub stderr_bytes: u64,
    /// Bytes of output beyond the limit, which were dropped.
    pub dropped_bytes: u64,
}

/// How an execution was isolated, as observed from outside the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// `T1`, `T2` or `T3`.
    pub tier: String,
    /// `docker`, `docker-runsc`, `namespace` or `landlock`.
    pub backend: String,
    /// Name of the runtime.
    pub runtime: String,
    /// Digest of the runtime: the image's, or over the interpreter and its layout.
    pub runtime_digest: String,
    /// Version of the interpreter, e.g. `3.11.2`.
    pub python_version: String,
    /// Identity of the sandbox.
    pub sandbox: String,
    /// Namespaces of its own: user, pid, mnt, ipc, uts; and net, which it may share with others of its sandbox.
    pub namespaces: Vec<String>,
    /// `filter` when a seccomp filter is in force, otherwise `disabled`.
    pub seccomp: String,
    /// Whether it can gain privileges by executing something.
    pub no_new_privileges: bool,
    /// Effective capabilities as the kernel's bit mask; 0 is none.
    pub capabilities: u64,
    /// User id on the host.
    pub uid: u32,
    /// `none`: no interface but an unused loopback.
    pub network: String,
    /// `cgroup-v1`, `cgroup-v2` or `process` (per-process limits only).
    pub resource_control: String,
    /// The escape probes that this tier of this server had withstood when it ran; `None` when they had not run to their end.
    pub battery: Option<BatteryPass>,
}

/// A battery of escape probes that a tier has withstood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatteryPass {
    /// Which battery: the start of a digest over its probes.
    pub version: String,
    /// When it ended.
    pub at: Timestamp,
}

impl Execution {
    /// Applies one step of the life cycle.
    ///
    /// # Errors
    /// [`Error::Internal`] when the step is impossible in this state: a bug of the caller.
    pub fn step(&mut self, step: Step, now: Timestamp) -> Result<(), Error> {
        let next = self.state.after(step).ok_or(Error::Internal { context: "an execution took an impossible step", source: None })?;
        if next == State::Running && self.started.is_none() {
            self.started = Some(now);
        }
        if next.is_terminal() && self.ended.is_none() {
            self.ended = Some(now);
        }
        self.state = next;
        Ok(())
    }

    /// Ends it with a failure; the reason decides the state.
    ///
    /// # Errors
    /// [`Error::Internal`] when it had ended before.
    pub fn fail(&mut self, failure: Failure, now: Timestamp) -> Result<(), Error> {
        self.step(Step::End(failure.reason.state()), now)?;
        self.failure = Some(failure);
        Ok(())
    }

    /// Ends it as lost: its server died and nobody knows more.
    pub fn lose(&mut self, now: Timestamp) {
        if self.state.is_terminal() {
            return;
        }
        self.state = State::Lost;
        self.ended = Some(now);
        self.failure = Some(Failure::new(Reason::NodeLost, "the server that ran it ended; what it had printed until then is kept"));
    }
}

#[cfg(test)]
mod tests;
