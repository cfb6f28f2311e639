//! What it came to that a platform was to be made so.

/// What making a platform so came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// What runs is what is wanted.
    Reached,
    /// A wave failed, and everything was brought back to what was reached last.
    RolledBack(Failure),
    /// A wave failed, and there was no way back, or it failed, too: what runs stays as it is.
    Failed(Failure),
    /// A newer revision took over.
    Superseded,
}

/// What failed, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// The service.
    pub service: String,
    /// The step.
    pub step: String,
    /// What went wrong.
    pub message: String,
    /// The last lines that the service has put out; at most 20.
    pub log: Vec<String>,
    /// Services that were left as they were.
    pub left: Vec<String>,
}

impl Outcome {
    /// Its name, as events have it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Outcome::Reached => "reached",
            Outcome::RolledBack(_) => "rolled_back",
            Outcome::Failed(_) => "failed",
            Outcome::Superseded => "superseded",
        }
    }
}
