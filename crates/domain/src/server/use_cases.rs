//! Use cases about servers themselves, for their administrators.

use std::sync::Arc;

use crate::access::Permit;
use crate::admission::Load;
use crate::execution::Executions;
use crate::server::{Facts, ServerFacts, actions};

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Servers {
    facts: Arc<dyn ServerFacts>,
    executions: Executions,
}

impl Servers {
    /// Wires the use cases to their port.
    pub fn new(facts: Arc<dyn ServerFacts>, executions: Executions) -> Self {
        Servers { facts, executions }
    }

    /// The facts about this server, and how many executions run and wait on it.
    pub fn get(&self, _permit: &Permit<actions::GetServerInfo>) -> (Facts, Load) {
        (self.facts.facts(), self.executions.load_now())
    }
}
