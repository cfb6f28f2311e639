//! Incidents: what operators must hear of although no caller is told, as a port. Whoever implements it logs and counts; the
//! domain does neither. An incident that lasts is reported once when it begins and once when it is over.

use crate::error::Error;
use crate::name::{ExecutionName, TenantId};

/// Something that an operator must hear of.
#[derive(Debug)]
pub enum Incident<'a> {
    /// The store refuses what happened in an execution. It is kept in memory, bounded, and offered again until it is stored.
    NotStored {
        /// Which execution.
        execution: &'a ExecutionName,
        /// What the store says.
        error: &'a Error,
    },
    /// What was refused is stored now.
    StoredAgain {
        /// Which execution.
        execution: &'a ExecutionName,
    },
    /// Another server has taken an execution over; this one stops it and writes nothing more of it.
    Overtaken {
        /// Which execution.
        execution: &'a ExecutionName,
    },
    /// A step that the life of an execution does not have: a fault of the program. The execution goes on to its end.
    ImpossibleStep {
        /// Which execution.
        execution: &'a ExecutionName,
        /// What went wrong.
        error: &'a Error,
    },
    /// What a dead server, or a failure of this one, left of an execution could not be settled; it is tried again in the next round.
    NotSettled {
        /// Which execution.
        execution: &'a ExecutionName,
        /// Why it failed.
        error: &'a Error,
    },
    /// A secret that is bound to a parameter of an execution could not be read; the execution does not run.
    SecretNotOpened {
        /// Which execution.
        execution: &'a ExecutionName,
        /// Why it failed.
        error: &'a Error,
    },
    /// That an execution was handed a secret could not be noted; it runs, and the next one notes it.
    UseNotNoted {
        /// Which execution.
        execution: &'a ExecutionName,
        /// Why it failed.
        error: &'a Error,
    },
    /// What a tenant has kept long enough could not be removed; it is tried again in the next run.
    NotRemoved {
        /// Whose.
        tenant: &'a TenantId,
        /// Why it failed.
        error: &'a Error,
    },
    /// Work in the background did not do what it was for, and is tried again.
    WorkFailed {
        /// What it was for, e.g. `keep the lease`.
        work: &'static str,
        /// Why it failed.
        error: &'a Error,
    },
    /// A task panicked, which ended that task alone. One that is to go on for as long as the server is begun anew behind a pause.
    Panicked {
        /// Its name.
        task: &'static str,
        /// What it said, which names a place of the program and nothing of a tenant's.
        said: Option<&'a str>,
    },
    /// Work that had failed succeeds again.
    WorkResumed {
        /// What it is for.
        work: &'static str,
    },
}

/// Port: hears of incidents.
pub trait Incidents: Send + Sync {
    /// Takes note, at once and without blocking.
    fn report(&self, incident: &Incident<'_>);
}

impl Incident<'_> {
    /// Stable name of its kind, for metrics, e.g. `not-stored`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Incident::NotStored { .. } => "not-stored",
            Incident::StoredAgain { .. } => "stored-again",
            Incident::Overtaken { .. } => "overtaken",
            Incident::ImpossibleStep { .. } => "impossible-step",
            Incident::NotSettled { .. } => "not-settled",
            Incident::SecretNotOpened { .. } => "secret-not-opened",
            Incident::UseNotNoted { .. } => "use-not-noted",
            Incident::NotRemoved { .. } => "not-removed",
            Incident::WorkFailed { .. } => "work-failed",
            Incident::Panicked { .. } => "panicked",
            Incident::WorkResumed { .. } => "work-resumed",
        }
    }
}
