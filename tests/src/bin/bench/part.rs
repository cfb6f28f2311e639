//! What can be measured.

use clap::ValueEnum;

/// What can be chosen with `--only`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// T1 on both backends beside a bare interpreter, bubblewrap and a Docker one-shot
    T1,
    /// T2 and T3 on both backends
    Tiers,
    /// Memory of one bound tenant
    Memory,
    /// Deadline -> whole tree gone
    Kill,
    /// Quiet tenants beside a loud one
    Fairness,
    /// Transform end to end over gRPC
    Transform,
    /// GetUtility beside a bare tonic echo
    Get,
    /// GetUtility and Transform in JSON over HTTP beside the same calls of gRPC
    Gateway,
    /// GetUtility from memory, from Redis and from the store beside a bare tonic echo
    Cache,
    /// First output byte -> client
    Output,
    /// List pages in a small and a large tenant; with `--full` among one million utilities too
    List,
    /// The code check beside other parsers
    Validate,
    /// A server beside peers that do half of what a call needs, and floods of frames
    Abuse,
    /// What authorization and the audit log cost, and proofs over a million records
    Audit,
    /// Refusals of what is there and of what is not
    Refusals,
    /// Transform beside sign-ins, and beside what keeps a processor as busy
    SignIns,
    /// Where the time of a Transform and of a GetUtility goes, stage by stage
    Timeline,
    /// A library file beside a program that asks for many locks on it
    Locks,
    /// 20,000 executions on each backend: what is held before and after; only when it is asked for
    Soak,
    /// 100,000 random programs in processes that are put back beside fresh ones; only when it is asked for
    Differential,
}

// === impl Part ===

impl Part {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Part::T1 => "t1",
            Part::Tiers => "tiers",
            Part::Memory => "memory",
            Part::Kill => "kill",
            Part::Fairness => "fairness",
            Part::Transform => "transform",
            Part::Get => "get",
            Part::Gateway => "gateway",
            Part::Cache => "cache",
            Part::Output => "output",
            Part::List => "list",
            Part::Validate => "validate",
            Part::Abuse => "abuse",
            Part::Audit => "audit",
            Part::Refusals => "refusals",
            Part::SignIns => "sign-ins",
            Part::Timeline => "timeline",
            Part::Locks => "locks",
            Part::Soak => "soak",
            Part::Differential => "differential",
        }
    }

    /// Whether it takes many minutes, so that it runs only when it is asked for.
    pub fn is_long(self) -> bool {
        matches!(self, Part::Soak | Part::Differential)
    }
}
