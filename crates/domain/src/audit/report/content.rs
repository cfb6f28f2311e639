//! What a report says.

use super::beginning::BeginningFault;
use crate::audit::record::{AuditRecord, Outcome};
use crate::audit::tree::Verification;
use crate::code_policy::RuleException;
use crate::identity::Role;
use crate::name::{PrincipalName, TenantId};
use crate::time::Timestamp;

/// What a report says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whose log it is about.
    pub tenant: TenantId,
    /// Records of the period.
    pub records: u64,
    /// Calls that they stand for. An intent is of the same call as its outcome, and counts for none.
    pub calls: u64,
    /// What became of the calls.
    pub outcomes: Vec<OutcomeCount>,
    /// The same, day by day, in the order of the period; days without a record, too.
    pub days: Vec<DayCount>,
    /// Who did what, by role.
    pub access: Vec<AccessCount>,
    /// Attempts that were refused, the most frequent first.
    pub denials: Vec<DenialCount>,
    /// Refused attempts that `denials` has no room for.
    pub other_denials: u64,
    /// What became of calls that execute something.
    pub executing: Vec<ExecutingCount>,
    /// What became of the executions of the period that are still kept.
    pub executions: Vec<ExecutionCount>,
    /// Changes of who may do what.
    pub permission_changes: Events,
    /// Changes of the code policy, exceptions from its rules among them.
    pub policy_changes: Events,
    /// The exceptions of the code policy that have not ended before the period.
    pub exceptions: Vec<RuleException>,
    /// The oldest record that is kept, and its time; `None` where there is none.
    pub oldest: Option<(u64, Timestamp)>,
    /// What is wrong with where the log begins.
    pub beginning: Option<BeginningFault>,
    /// Whether the records are those that were signed for; `None` where there are none.
    pub verification: Option<Verification>,
}

/// How often calls ended in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeCount {
    /// What became of them.
    pub outcome: Outcome,
    /// Records.
    pub records: u64,
    /// Calls; none for intents.
    pub calls: u64,
}

/// What became of the calls of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayCount {
    /// The beginning of the day.
    pub begin: Timestamp,
    /// Calls that were permitted and done.
    pub allowed: u64,
    /// Calls that were not permitted.
    pub denied: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls that were cancelled, or of which nobody knows.
    pub other: u64,
}

/// How often one role did one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccessCount {
    /// The role at the time of the call; `None` where it was not known.
    pub role: Option<Role>,
    /// The action.
    pub action: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Calls.
    pub calls: u64,
}

/// How often somebody was refused something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DenialCount {
    /// Who; `None` where nobody knew who it was.
    pub principal: Option<PrincipalName>,
    /// The action.
    pub action: String,
    /// The reason; empty where refusals were counted.
    pub reason: String,
    /// Calls.
    pub calls: u64,
}

/// How often calls that execute something ended in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutingCount {
    /// The action.
    pub action: String,
    /// What became of them.
    pub outcome: Outcome,
    /// The reason of those that failed.
    pub reason: String,
    /// Calls.
    pub calls: u64,
}

/// How many executions stand, or ended, in one way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExecutionCount {
    /// The state, by its name.
    pub state: &'static str,
    /// Why they did not succeed, by its name; empty where they did.
    pub reason: &'static str,
    /// Executions.
    pub executions: u64,
}

/// Outcomes of calls of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Events {
    /// How many there are.
    pub total: u64,
    /// The newest of them, newest first.
    pub newest: Vec<AuditRecord>,
}
