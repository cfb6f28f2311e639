//! The port to what is kept for a time.

use async_trait::async_trait;

use crate::Result;
use crate::access::TenantScope;
use crate::revision::Revision;
use crate::time::Timestamp;

/// What is to be removed of one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Executions that ended before, with their output. Requests stay answered, as when executions are pruned.
    Executions(Timestamp),
    /// The output of executions that ended before; the executions stay.
    Output(Timestamp),
    /// The oldest executions, until the output of all that stay is no more than so many bytes.
    OutputBeyond(u64),
    /// Utilities that were deleted before, with their versions and the grants of them; their names are free then.
    DeletedUtilities(Timestamp),
    /// All that a deleted tenant has, its keys and those of its persons included, but the tenant itself and its audit log, which tells of
    /// what there was. Never anything of a tenant that is not deleted.
    Everything,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// Executions with all they had.
    pub executions: u64,
    /// Bytes of output.
    pub output_bytes: u64,
    /// Utilities with all their versions.
    pub utilities: u64,
    /// Records of audit logs.
    pub records: u64,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Step {
    /// What it removed.
    pub removed: Removed,
    /// Whether another step would find more.
    pub more: bool,
}

/// Port: removes of one tenant what has been kept long enough. One store with those of tenants, executions, utilities, grants and
/// persons, whose promises hold for what is removed here, too.
#[async_trait]
pub trait RetentionStore: Send + Sync {
    /// Whether there is something of it. Nothing is due of a tenant on legal hold.
    async fn is_due(&self, scope: &TenantScope, due: Due) -> Result<bool>;
    /// Removes some of it, in a step that holds up others for a short time only. The step looks in its own commit whether the tenant is on
    /// legal hold, or is not at the revision any more by which it was `judged` what is due, and removes nothing then.
    async fn remove_some(&self, scope: &TenantScope, due: Due, judged: Revision) -> Result<Step>;
    /// Forgets some of the requests whose time is over, and gives space back; says whether there is more to do.
    async fn tidy_some(&self) -> Result<bool>;
}

impl Removed {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Removed) -> Self {
        Removed {
            executions: self.executions + other.executions,
            output_bytes: self.output_bytes + other.output_bytes,
            utilities: self.utilities + other.utilities,
            records: self.records + other.records,
        }
    }
}
