//! Which modules a policy allows, as a list for people.

use super::{Catalog, Verdict};

impl Catalog {
    /// Every module that may be imported, ascending: reviewed ones, those of installed packages, and extra ones.
    pub fn allowed(&self) -> Vec<String> {
        let known = self.interface.modules.keys().cloned();
        let named = known.chain(self.installed.keys().cloned()).chain(self.extra.iter().cloned());
        let mut allowed: Vec<String> = named.filter(|name| matches!(self.module(name), Verdict::Reviewed | Verdict::Open)).collect();
        allowed.sort();
        allowed.dedup();
        allowed
    }
}
