//! A schedule as it is kept: when it starts what, on whose behalf, and what became of it last.

use std::time::Duration;

use crate::access::{Resource, Target};
use crate::error::{Error, Result};
use crate::name::{ExecutionName, PrincipalName, ScheduleName, TenantId, TenantName, UtilityName};
use crate::revision::{Etag, Revision};
use crate::secret::References;
use crate::time::Timestamp;

/// Most schedules of one tenant: with one a minute each, eight executions a second.
pub const MAX_SCHEDULES: usize = 500;

/// What starts executions by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Its name.
    pub name: ScheduleName,
    /// What it is for.
    pub description: String,
    /// On whose behalf it starts executions: who made it.
    pub owner: PrincipalName,
    /// What it starts.
    pub program: Program,
    /// When, as a cron expression of five fields.
    pub cron: String,
    /// In which time zone that is read; empty for the tenant's.
    pub time_zone: String,
    /// What becomes of times at which nothing could be started.
    pub catch_up: CatchUp,
    /// Whether it starts nothing until it is resumed.
    pub paused: bool,
    /// The time that is due next; `None` while it is paused, and where there is none.
    pub next: Option<Timestamp>,
    /// What became of it last.
    pub last: Option<Fired>,
    /// How many times have passed without an execution, as nothing could be started in time.
    pub missed: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last; to start something is no change.
    pub updated: Timestamp,
    /// Grows with each change, and not by what it starts.
    pub edition: u64,
    /// Grows with whatever is stored of it.
    pub revision: Revision,
}

/// What a schedule starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The utility.
    pub utility: UtilityName,
    /// Its version; `None` is the one that is current then.
    pub version: Option<u32>,
    /// Parameters as one JSON object, without secret values; empty is `{}`.
    pub params_json: String,
    /// Which secret parameters get which secrets.
    pub secrets: References,
    /// A shorter wall limit than the utility's.
    pub timeout: Option<Duration>,
    /// Whether it may be run a second time where the server that ran it is lost.
    pub retry_if_lost: bool,
}

/// What becomes of times that have passed while no server could start anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CatchUp {
    /// Nothing.
    #[default]
    Skip,
    /// One execution for all of them.
    Once,
    /// One for each of the last ones; see [`crate::schedule::MAX_CAUGHT_UP`].
    All,
}

/// What became of a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The time.
    pub due: Timestamp,
    /// When it was dealt with.
    pub at: Timestamp,
    /// What became of it.
    pub outcome: FiredAs,
}

/// How a time was dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FiredAs {
    /// By an execution.
    Started(ExecutionName),
    /// Nothing was started, as it may not be.
    Refused {
        /// Stable reason.
        reason: String,
        /// Why.
        description: String,
    },
    /// Nothing was started, as it was too late.
    Missed,
}

/// The refusal of one more than [`MAX_SCHEDULES`].
pub fn too_many(tenant: &TenantId) -> Error {
    Error::Precondition {
        reason: "TOO_MANY_SCHEDULES",
        subject: TenantName { tenant: tenant.clone() }.to_string(),
        description: format!("has {MAX_SCHEDULES} schedules; delete one first"),
    }
}

// === impls ===

impl CatchUp {
    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            CatchUp::Skip => "skip",
            CatchUp::Once => "once",
            CatchUp::All => "all",
        }
    }

    /// The policy of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [CatchUp::Skip, CatchUp::Once, CatchUp::All].into_iter().find(|policy| policy.as_str() == name)
    }
}

impl Schedule {
    /// The opaque mark of what callers change of it.
    pub fn etag(&self) -> Etag {
        Etag::new(format!("\"h{}.{}\"", self.created.as_millis(), self.edition))
    }

    /// That a change may be made by whoever saw `etag`.
    pub(super) fn check_etag(&self, etag: &Etag) -> Result<()> {
        if etag.admits(&self.etag()) { Ok(()) } else { Err(Error::Stale { resource: self.name.to_string() }) }
    }
}

impl Resource for Schedule {
    fn owner(&self) -> Option<&PrincipalName> {
        Some(&self.owner)
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        match target {
            Target::Tenant(tenant) => *tenant == self.name.tenant,
            Target::Schedule(name) => *name == self.name,
            Target::Utility(name) => *name == self.program.utility,
            _ => false,
        }
    }
}
