//! Advisories by package: what is known against one version.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::runtime::Advisory;
use sandbox::Package;

use super::faults::Faults;
use super::osv::{Record, normalized};

/// What is known, by normalized name of the package. Never changed: newer files make another one.
#[derive(Debug, Default)]
pub(crate) struct Advisories {
    by_package: HashMap<String, Vec<Entry>>,
    faults: Vec<Advisory>,
    unjudged: Vec<String>,
}

/// One advisory as far as it is about one package.
#[derive(Debug)]
struct Entry {
    record: Arc<Record>,
    /// Which item of the record's `affected`.
    item: usize,
    fault: usize,
}

impl Advisories {
    /// From the advisories of all files.
    pub(super) fn new(records: &[Arc<Record>]) -> Self {
        let faults = Faults::of(records.iter().map(AsRef::as_ref));
        let mut by_package: HashMap<String, Vec<Entry>> = HashMap::new();
        let mut unjudged = Vec::new();
        for record in records {
            let Some(fault) = faults.index_of(&record.id) else { continue };
            for (item, (package, versions)) in record.affected.iter().enumerate() {
                by_package.entry(package.clone()).or_default().push(Entry { record: Arc::clone(record), item, fault });
                let left = if versions.are_listed() { "its listed versions are used" } else { "it lists no versions and matches none" };
                unjudged.extend(versions.unjudged().iter().map(|bound| format!("{} ({bound}: {left})", record.id)));
            }
        }
        unjudged.sort();
        unjudged.dedup();
        Advisories { by_package, faults: faults.advisories, unjudged }
    }

    /// How many faults are known; one that several databases describe counts once.
    pub(crate) fn len(&self) -> usize {
        self.faults.len()
    }

    /// Advisories with a range whose bound cannot be judged, and what is used in its place; for the log.
    pub(super) fn unjudged(&self) -> &[String] {
        &self.unjudged
    }

    /// The faults that this version of the package has, by id. A package of the image's system is none of PyPI's.
    pub(crate) fn of(&self, package: &Package) -> Vec<Advisory> {
        if package.modules.is_empty() {
            return Vec::new();
        }
        let entries = self.by_package.get(&normalized(&package.name)).into_iter().flatten();
        let mut found: BTreeMap<&str, Advisory> = BTreeMap::new();
        for entry in entries.filter(|entry| entry.versions().affect(&package.version)) {
            let known = &self.faults[entry.fault];
            let shown = found.entry(&known.id).or_insert_with(|| known.clone());
            if let Some(bound) = entry.versions().unjudged().first().filter(|_| !shown.summary.ends_with(']')) {
                shown.summary = format!("{} [judged by its listed versions: it has the bound {bound:?}]", shown.summary).trim().to_owned();
            }
        }
        found.into_values().collect()
    }
}

impl Entry {
    fn versions(&self) -> &super::affected::Versions {
        &self.record.affected[self.item].1
    }
}
