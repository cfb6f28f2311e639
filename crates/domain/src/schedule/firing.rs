//! That a schedule starts an execution, as far as the store has to know of it: both are stored in one commit, or neither.

use crate::name::ExecutionName;
use crate::revision::Revision;
use crate::schedule::{Fired, FiredAs, Schedule};

/// A schedule that goes on to its next time, together with the execution that it starts. A store keeps neither where the schedule has
/// another revision than expected, and answers [`crate::request::Committed::Conflict`]: another server has started it, or somebody has
/// changed it.
#[derive(Debug, Clone)]
pub struct Firing {
    /// The schedule as it is from then on.
    pub schedule: Schedule,
    /// The revision that the store must hold.
    pub expected: Revision,
}

impl Firing {
    /// The same, with the execution that is started.
    #[must_use]
    pub(crate) fn starting(mut self, execution: &ExecutionName) -> Self {
        self.schedule.last = self.schedule.last.take().map(|fired| Fired { outcome: FiredAs::Started(execution.clone()), ..fired });
        self
    }
}
