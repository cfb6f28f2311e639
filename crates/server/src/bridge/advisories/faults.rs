//! Which advisories are about one fault: databases publish each under an id of their own and name the others' as aliases. Aliases of
//! aliases count, in whichever of the files they stand.

use std::collections::{BTreeSet, HashMap};

use domain::runtime::Advisory;

use super::osv::Record;

/// Most ids of one fault. Beyond it nothing more is merged, so that a wrong alias cannot make one fault of everything.
const MAX_IDS: usize = 64;
/// Most other ids that a summary names.
const MAX_NAMED: usize = 6;
/// Databases in the order in which their ids are shown; the curated ones first.
const DATABASES: [&str; 4] = ["GHSA-", "PYSEC-", "MAL-", "CVE-"];

/// Every fault once.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// As each is shown: under one id, its summary with the others.
    pub(super) advisories: Vec<Advisory>,
    by_id: HashMap<String, usize>,
}

/// Ids joined to sets: each knows its set, and the smaller of two joins the larger.
#[derive(Default)]
struct Sets<'a> {
    of: HashMap<&'a str, usize>,
    members: Vec<Vec<&'a str>>,
}

// === impl Faults ===

impl Faults {
    /// Merges what is about one fault.
    pub(super) fn of<'a>(records: impl Iterator<Item = &'a Record> + Clone) -> Self {
        let mut sets = Sets::default();
        for record in records.clone() {
            sets.with(&record.id);
            for alias in &record.aliases {
                sets.join(&record.id, alias);
            }
        }
        let mut of_set: HashMap<usize, Vec<&Record>> = HashMap::new();
        for record in records {
            of_set.entry(sets.with(&record.id)).or_default().push(record);
        }
        let mut faults = Faults::default();
        for (set, records) in of_set {
            let index = faults.advisories.len();
            faults.by_id.extend(records.iter().map(|record| (record.id.clone(), index)));
            faults.advisories.push(shown(&records, &sets.members[set]));
        }
        faults
    }

    /// Which one an advisory is about; every one is about some.
    pub(super) fn index_of(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }
}

/// One fault under the id of the best database whose advisory has a summary.
fn shown(records: &[&Record], ids: &[&str]) -> Advisory {
    let rank = |record: &&&Record| (record.summary.is_empty(), preference(&record.id), record.id.clone());
    let Some(best) = records.iter().min_by_key(rank) else { return Advisory { id: String::new(), summary: String::new() } };
    let others: BTreeSet<_> = ids.iter().filter(|id| **id != best.id).map(|id| (preference(id), *id)).collect();
    let named: Vec<&str> = others.iter().take(MAX_NAMED).map(|(_, id)| *id).collect();
    let more = if others.len() > named.len() { format!(" and {} more", others.len() - named.len()) } else { String::new() };
    let also = if named.is_empty() { String::new() } else { format!("(also {}{more})", named.join(", ")) };
    Advisory { id: best.id.clone(), summary: format!("{} {also}", best.summary).trim().to_owned() }
}

fn preference(id: &str) -> usize {
    DATABASES.iter().position(|database| id.starts_with(database)).unwrap_or(DATABASES.len())
}

// === impl Sets ===

impl<'a> Sets<'a> {
    fn with(&mut self, id: &'a str) -> usize {
        *self.of.entry(id).or_insert_with(|| {
            self.members.push(vec![id]);
            self.members.len() - 1
        })
    }

    fn join(&mut self, id: &'a str, alias: &'a str) {
        let (one, other) = (self.with(id), self.with(alias));
        if one == other || self.members[one].len() + self.members[other].len() > MAX_IDS {
            return;
        }
        let (from, to) = if self.members[one].len() < self.members[other].len() { (one, other) } else { (other, one) };
        let moved = std::mem::take(&mut self.members[from]);
        for id in &moved {
            self.of.insert(*id, to);
        }
        self.members[to].extend(moved);
    }
}
