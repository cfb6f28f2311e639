//! The probes' programs, and what they answer.

use super::defence::ProbeGroup;
use super::report::Outcome;

const KIT: &str = include_str!("probes/kit.py");
const FILES: &str = include_str!("probes/files.py");
const NETWORK: &str = include_str!("probes/network.py");
const PROCESSES: &str = include_str!("probes/processes.py");
const KERNEL: &str = include_str!("probes/kernel.py");
const PRIVILEGES: &str = include_str!("probes/privileges.py");
const NEIGHBORS: &str = include_str!("probes/neighbors.py");
const EXHAUSTION: &str = include_str!("probes/exhaustion.py");

/// Every source, for the battery's version.
pub(super) const SOURCES: [&str; 8] = [KIT, FILES, NETWORK, PROCESSES, KERNEL, PRIVILEGES, NEIGHBORS, EXHAUSTION];

/// What one probe says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) name: String,
    pub(super) outcome: Outcome,
    pub(super) detail: String,
}

/// The program with all probes of a group.
pub(super) fn program(group: ProbeGroup) -> String {
    [KIT, source(group)].concat()
}

/// The probes of a group.
pub(super) fn source(group: ProbeGroup) -> &'static str {
    match group {
        ProbeGroup::Files => FILES,
        ProbeGroup::Network => NETWORK,
        ProbeGroup::Processes => PROCESSES,
        ProbeGroup::Kernel => KERNEL,
        ProbeGroup::Privileges => PRIVILEGES,
        ProbeGroup::Neighbors => NEIGHBORS,
        ProbeGroup::Exhaustion => EXHAUSTION,
    }
}

/// Reads what a program answers; `None` when that is nothing that probes say.
pub(super) fn words(result: &str) -> Option<Vec<Word>> {
    let words: Vec<(String, String, String)> = serde_json::from_str(result).ok()?;
    words.into_iter().map(|(name, outcome, detail)| Some(Word { name, outcome: outcome_of(&outcome)?, detail })).collect()
}

fn outcome_of(word: &str) -> Option<Outcome> {
    [Outcome::Stopped, Outcome::Reached, Outcome::Error].into_iter().find(|outcome| outcome.as_str() == word)
}
