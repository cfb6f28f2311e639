//! One run of one version: its states, why it ended, what it used and how it was isolated.

use std::sync::Arc;

use crate::access::{Resource, Target};
use crate::code::Kind;
use crate::error::Error;
use crate::execution::{State, Step};
use crate::json::JsonText;
use crate::lease::Fence;
use crate::name::{ExecutionName, PrincipalName, VersionName};
use crate::revision::Revision;
use crate::sandbox::{Attestation, Failure, Limits, Reason, Usage};
use crate::secret::SecretBinding;
use crate::time::Timestamp;

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
    pub params_json: JsonText,
    /// Parameters that get secrets, and which: never a value.
    pub secrets: Vec<SecretBinding>,
    /// Limits that hold for it.
    pub limits: Limits,
    /// When it was accepted.
    pub created: Timestamp,
    /// When user code was handed over.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The result as JSON text, when it succeeded and results are kept.
    pub result_json: Option<JsonText>,
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
    /// How any server can run it. There while it waits in the store, and after that for as long as it may be claimed again.
    pub claimable: Option<Claimable>,
    /// Which server process runs it, and under which of its leases: only under this fence it can be written. Nobody's while it waits
    /// in the store.
    pub fence: Fence,
    /// Grows by one with each stored change.
    pub revision: Revision,
}

/// What a server that was not asked needs to run an execution, beside what its version says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimable {
    /// Parameters as they were asked for, as one JSON object or empty. Shared, as it is copied with the execution and may be long.
    pub params_json: Arc<str>,
    /// How often it may be claimed again once its server is lost.
    pub retries: u32,
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
    pub inputs_json: Vec<JsonText>,
    /// Result or failure of each value, in order; empty unless the utility stores values.
    pub outcomes: Vec<Result<JsonText, Failure>>,
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
        self.step(Step::End(State::of(failure.reason)), now)?;
        self.failure = Some(failure);
        Ok(())
    }

    /// Whether it waits in the store for a server that claims it.
    pub fn is_waiting(&self) -> bool {
        self.fence.is_nobody() && !self.state.is_terminal()
    }

    /// The same as one that waits in the store; `None` where that cannot be. What was known of its start is forgotten, and what it printed
    /// is kept.
    #[must_use]
    pub fn waiting_again(mut self) -> Option<Self> {
        self.claimable.as_ref()?;
        self.state = self.state.after(Step::PutBack)?;
        (self.started, self.attestation) = (None, None);
        self.fence = Fence::nobody();
        self.revision = self.revision.next();
        Some(self)
    }

    /// The same as one that waits for the claim that it has left after its server was lost; `None` where it has none.
    #[must_use]
    pub fn retried(mut self) -> Option<Self> {
        let claimable = self.claimable.as_mut()?;
        claimable.retries = claimable.retries.checked_sub(1)?;
        self.waiting_again()
    }

    /// Ends it as lost: its server died and nobody knows more.
    pub fn lose(&mut self, now: Timestamp) {
        if self.state.is_terminal() {
            return;
        }
        self.claimable = None;
        self.state = State::Lost;
        self.ended = Some(now);
        self.failure = Some(Failure::new(Reason::NodeLost, "the server that ran it ended; what it had printed until then is kept"));
    }
}

impl Resource for Execution {
    fn owner(&self) -> Option<&PrincipalName> {
        Some(&self.caller)
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        match target {
            Target::Tenant(tenant) => self.name.tenant == *tenant,
            Target::Utility(name) => self.version.utility == *name,
            Target::Version(name) => self.version == *name,
            Target::Execution(name) => self.name == *name,
            Target::Installation
            | Target::CodePolicy(_)
            | Target::Runtime(_)
            | Target::Principal(_)
            | Target::Session(_)
            | Target::ApiKey(_)
            | Target::Webhook(_)
            | Target::Secret(_)
            | Target::Schedule(_)
            | Target::Operation(_) => false,
        }
    }
}
