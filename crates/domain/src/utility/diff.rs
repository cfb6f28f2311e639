//! What differs between two versions, as a person reads it.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use crate::name::UtilityId;
use crate::utility::Version;

/// How long the fewest lines that differ are looked for: that takes time by the square of their number, and code may consist of 100,000
/// lines of one character.
const LONGEST_SEARCH: Duration = Duration::from_millis(100);

/// The difference between two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The older side's number; 0 when `to` was compared to nothing.
    pub from: u32,
    /// The newer side's number.
    pub to: u32,
    /// Unified diff of the code; empty when it is the same. Where very many lines differ, it may say more than need be.
    pub unified: String,
    /// Lines only in `to`.
    pub added_lines: u32,
    /// Lines only in `from`.
    pub removed_lines: u32,
    /// Parts that differ: `code`, `kind`, `parameters`, `limits`, `runtime`, `isolation`, `fresh_processes`.
    pub changed_fields: Vec<&'static str>,
}

/// Compares two versions of a utility; everything differs from nothing.
pub fn between(utility: &UtilityId, from: Option<&Version>, to: &Version) -> Difference {
    let (old, new) = (from.map_or("", |version| version.code.text()), to.code.text().as_ref());
    let header = |number: u32| format!("{utility}@{number}");
    let from_number = from.map_or(0, |version| version.number);
    let lines = Lines::between(old, new, (&header(from_number), &header(to.number)));
    Difference {
        from: from_number,
        to: to.number,
        unified: lines.unified,
        added_lines: lines.added,
        removed_lines: lines.removed,
        changed_fields: changed_fields(from, to),
    }
}

/// The parts in which two versions differ; everything differs from nothing.
pub(super) fn changed_fields(from: Option<&Version>, to: &Version) -> Vec<&'static str> {
    let (old, new) = (from.map(|version| &version.definition), &to.definition);
    let parts = [
        ("code", from.is_none_or(|from| from.code != to.code)),
        ("kind", old.is_none_or(|old| old.kind != new.kind)),
        ("parameters", old.is_none_or(|old| old.parameters != new.parameters)),
        ("limits", old.is_none_or(|old| old.limits != new.limits)),
        ("runtime", old.is_none_or(|old| old.runtime != new.runtime)),
        ("isolation", old.is_none_or(|old| old.isolation != new.isolation)),
        ("fresh_processes", old.is_none_or(|old| old.fresh_processes != new.fresh_processes)),
    ];
    parts.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}

/// What differs between two texts.
pub(super) struct Lines {
    /// Empty where nothing does.
    pub unified: String,
    /// Lines only in the new one.
    pub added: u32,
    /// Lines only in the old one.
    pub removed: u32,
}

impl Lines {
    /// Compares two texts, each with its name.
    pub fn between(old: &str, new: &str, (from, to): (&str, &str)) -> Self {
        let diff = TextDiff::configure().timeout(LONGEST_SEARCH).diff_lines(old, new);
        let count = |tag: ChangeTag| diff.iter_all_changes().filter(|change| change.tag() == tag).count() as u32;
        let unified = match old == new {
            true => String::new(),
            false => diff.unified_diff().context_radius(3).header(from, to).to_string(),
        };
        Lines { unified, added: count(ChangeTag::Insert), removed: count(ChangeTag::Delete) }
    }

    /// Lines that are only in one of them; rather too many than too few.
    pub fn changed(&self) -> u32 {
        self.added + self.removed
    }
}

#[cfg(test)]
mod tests;
