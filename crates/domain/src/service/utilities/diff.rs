//! What differs between two versions, as a person reads it.

use similar::{ChangeTag, TextDiff};

use crate::name::UtilityId;
use crate::utility::Version;

/// The difference between two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The older side's number, as asked for.
    pub from: u32,
    /// The newer side's number, as asked for.
    pub to: u32,
    /// Unified diff of the code; empty when it is the same.
    pub unified: String,
    /// Lines only in `to`.
    pub added_lines: u32,
    /// Lines only in `from`.
    pub removed_lines: u32,
    /// Parts beside the code that differ: `kind`, `parameters`, `limits`, `runtime`, `isolation`.
    pub changed_fields: Vec<&'static str>,
}

/// Compares two versions of a utility.
pub fn between(utility: &UtilityId, from: &Version, to: &Version) -> Difference {
    let (old, new) = (from.code.text(), to.code.text());
    let diff = TextDiff::from_lines(old.as_ref(), new.as_ref());
    let count = |tag: ChangeTag| diff.iter_all_changes().filter(|change| change.tag() == tag).count() as u32;
    let header = |number: u32| format!("{utility}@{number}");
    let unified = if old == new {
        String::new()
    } else {
        diff.unified_diff().context_radius(3).header(&header(from.number), &header(to.number)).to_string()
    };
    let (a, b) = (&from.definition, &to.definition);
    let parts = [
        ("kind", a.kind != b.kind),
        ("parameters", a.parameters != b.parameters),
        ("limits", a.limits != b.limits),
        ("runtime", a.runtime != b.runtime),
        ("isolation", a.isolation != b.isolation),
    ];
    Difference {
        from: from.number,
        to: to.number,
        unified,
        added_lines: count(ChangeTag::Insert),
        removed_lines: count(ChangeTag::Delete),
        changed_fields: parts.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect(),
    }
}
