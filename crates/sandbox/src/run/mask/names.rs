//! The names of one object of a result, no two of them alike once secrets are masked in them.

use std::collections::HashMap;

use domain::sandbox::MASK;

/// The names so far that a masked one could be like, each with the number that the next one like it may get.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, usize>);

/// Number of the second of two names that are alike.
const SECOND: usize = 2;

// === impl Names ===

impl Names {
    /// A name that holds a mask, and a number where an earlier name is like it.
    pub(super) fn distinct(&mut self, name: String) -> String {
        let Some(mut number) = self.0.get(&name).copied() else {
            self.0.insert(name.clone(), SECOND);
            return name;
        };
        let free = loop {
            let numbered = format!("{name} ({number})");
            number += 1;
            if !self.0.contains_key(&numbered) {
                break numbered;
            }
        };
        self.0.insert(name, number);
        self.0.insert(free.clone(), SECOND);
        free
    }

    /// Takes note of a name without secrets; the name to write instead where an earlier one was masked to it.
    pub(super) fn keep(&mut self, name: &str) -> Option<String> {
        // Others are like no masked one.
        if !name.contains(MASK) {
            return None;
        }
        let kept = self.distinct(name.to_owned());
        (kept != name).then_some(kept)
    }
}
