//! Hints that wait to be sent together, and their form on the way. There is one for each execution at most, so that a program that prints
//! much makes no more of them than one that prints little.

use std::collections::{HashMap, HashSet};

use domain::execution::Signals;
use domain::lease::InstanceId;
use domain::name::ExecutionName;
use mongodb::bson::{DateTime, Document, doc, oid::ObjectId};

use crate::row::integer;

/// Hints in one document, of some hundred bytes each. Beyond it, listeners are told that something is lost, and look in the store.
const MOST: usize = 1_000;

/// What waits.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Something is lost.
    lost: bool,
    /// Who is to stop what.
    stops: HashSet<(InstanceId, ExecutionName)>,
    /// The last sequence of each execution.
    sequences: HashMap<ExecutionName, u64>,
    /// An execution waits in the store.
    work: bool,
}

impl Waiting {
    pub(super) fn add_stop(&mut self, holder: &InstanceId, execution: &ExecutionName) {
        if self.has_room() {
            self.stops.insert((holder.clone(), execution.clone()));
        }
    }

    pub(super) fn add_sequence(&mut self, execution: &ExecutionName, sequence: u64) {
        if self.has_room() {
            let last = self.sequences.entry(execution.clone()).or_default();
            *last = sequence.max(*last);
        }
    }

    pub(super) fn add_work(&mut self) {
        self.work = !self.lost;
    }

    /// Whoever hears that something is lost looks at everything: no single hint is needed any more.
    pub(super) fn lose(&mut self) {
        *self = Waiting { lost: true, ..Waiting::default() };
    }

    fn has_room(&mut self) -> bool {
        if self.stops.len() + self.sequences.len() >= MOST {
            self.lose();
        }
        !self.lost
    }

    pub(super) fn encode(&self, server: &str) -> Document {
        let stop =
            |(holder, execution): &(InstanceId, ExecutionName)| doc! { "holder": holder.as_str(), "execution": execution.to_string() };
        let sequence = |(execution, last): (&ExecutionName, &u64)| doc! { "execution": execution.to_string(), "last": integer(*last) };
        let stops: Vec<Document> = self.stops.iter().map(stop).collect();
        let sequences: Vec<Document> = self.sequences.iter().map(sequence).collect();
        let (id, at) = (ObjectId::new(), DateTime::now());
        doc! { "_id": id, "at": at, "server": server, "lost": self.lost, "stops": stops, "sequences": sequences, "work": self.work }
    }

    /// Without what does not decode: a hint may be lost.
    pub(super) fn decode(told: &Document) -> Self {
        let name = |hint: &Document| ExecutionName::parse("execution", hint.get_str("execution").ok()?).ok();
        let stop = |hint: &Document| Some((InstanceId::new(hint.get_str("holder").ok()?), name(hint)?));
        let sequence = |hint: &Document| Some((name(hint)?, u64::try_from(hint.get_i64("last").ok()?).ok()?));
        let all = |field: &str| told.get_array(field).into_iter().flatten().filter_map(|hint| hint.as_document());
        Waiting {
            lost: told.get_bool("lost").unwrap_or_default(),
            stops: all("stops").filter_map(stop).collect(),
            sequences: all("sequences").filter_map(sequence).collect(),
            work: told.get_bool("work").unwrap_or_default(),
        }
    }

    /// Tells what others sent to who listens here.
    pub(super) fn tell(self, local: &dyn Signals) {
        if self.lost {
            local.hints_lost();
        }
        for (holder, execution) in &self.stops {
            local.stop_asked(holder, execution);
        }
        for (execution, sequence) in &self.sequences {
            local.new_sequence(execution, *sequence);
        }
        if self.work {
            local.work_waits();
        }
    }
}

#[cfg(test)]
mod tests {
    use test_support::sample::{execution, scope};

    use super::*;

    fn name(number: u64) -> ExecutionName {
        execution(&scope("acme"), number).name
    }

    #[test]
    fn hints_survive_the_way_and_the_last_of_an_execution_is_sent() {
        let mut waiting = Waiting::default();
        waiting.add_stop(&InstanceId::new("a"), &name(1));
        waiting.add_sequence(&name(2), 8);
        waiting.add_sequence(&name(2), 7);
        waiting.add_work();
        assert_eq!(waiting.sequences[&name(2)], 8);
        assert_eq!(Waiting::decode(&waiting.encode("here")), waiting);
        assert_eq!(Waiting::decode(&doc! { "stops": [7, { "holder": "a" }], "sequences": "none" }), Waiting::default());
    }

    #[test]
    fn more_hints_than_are_sent_together_say_that_something_is_lost() {
        let mut waiting = Waiting::default();
        let most = u64::try_from(MOST).unwrap();
        (0..most).for_each(|number| waiting.add_sequence(&name(number), 1));
        assert!(!waiting.lost && waiting.sequences.len() == MOST);
        waiting.add_stop(&InstanceId::new("a"), &name(most));
        waiting.add_sequence(&name(1), 2);
        assert_eq!(waiting, Waiting { lost: true, ..Waiting::default() });
    }
}
