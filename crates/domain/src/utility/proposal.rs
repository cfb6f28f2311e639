//! Proposals: what a copy could take over of what its source has become. They are derived, never stored: from how far the copy has
//! followed, and from the source as it is.

use crate::code::Parameter;
use crate::error::Error;
use crate::hash::Hash;
use crate::name::UtilityName;
use crate::revision::Etag;
use crate::utility::diff::Lines;
use crate::utility::merge::{Merge, merge, merge_compared};
use crate::utility::{Definition, Lineage, Utility, Version, diff};

/// That the source of a copy has become another than what was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The copy.
    pub utility: UtilityName,
    /// What it was copied from.
    pub source: UtilityName,
    /// The version that was copied, or that was merged last.
    pub base_version: u32,
    /// The version that the source has now.
    pub source_version: u32,
    /// The content hash of that.
    pub source_content_hash: Hash,
    /// The copy as it is.
    pub etag: Etag,
    /// Whether somebody has dismissed this version, or a later one.
    pub dismissed: bool,
}

/// A proposal with what differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The proposal.
    pub proposal: Proposal,
    /// What the source has become since, as a unified diff of the code; empty where only other parts have changed.
    pub source_diff: String,
    /// What the copy has become since, likewise.
    pub local_diff: String,
    /// Parts that differ between the source as it was and as it is.
    pub changed_fields: Vec<&'static str>,
    /// Both together; `None` where a text is too long to merge.
    pub merge: Option<Merge>,
    /// Parts beside the code that both have changed, each in its own way.
    pub conflicting: Vec<Part>,
}

/// What makes a version beside its code, and may differ between a copy and its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The schema, where a person wrote it.
    Parameters,
    /// The limits.
    Limits,
    /// The runtime.
    Runtime,
    /// The isolation.
    Isolation,
    /// Whether processes are fresh.
    FreshProcesses,
}

/// The three versions of a proposal.
pub(super) struct Sides {
    /// What was copied.
    pub base: Version,
    /// The copy as it is.
    pub ours: Version,
    /// The source as it is.
    pub theirs: Version,
}

/// What merged parts make of the copy's definition, and which of them both sides have changed: those are the copy's.
pub(super) struct MergedParts {
    pub definition: Definition,
    pub conflicting: Vec<Part>,
}

/// Which side each part is taken from.
struct Choice<'a> {
    keep: &'a [Part],
    conflicting: Vec<Part>,
}

// === impl Part ===

impl Part {
    /// Every part.
    pub const ALL: [Part; 5] = [Part::Parameters, Part::Limits, Part::Runtime, Part::Isolation, Part::FreshProcesses];

    /// Stable name, as that of the field of a utility.
    pub const fn as_str(self) -> &'static str {
        match self {
            Part::Parameters => "parameters",
            Part::Limits => "limits",
            Part::Runtime => "runtime",
            Part::Isolation => "isolation",
            Part::FreshProcesses => "fresh_processes",
        }
    }

    /// The part of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Part::ALL.into_iter().find(|part| part.as_str() == name)
    }
}

// === impl Proposal ===

impl Proposal {
    /// The proposal to a copy of `lineage`; `None` where its source is what was copied, is deleted, or is another one of the same name.
    pub(super) fn of(copy: &Utility, lineage: &Lineage, source: &Utility) -> Option<Self> {
        let is_same = source.uid == lineage.source_uid && source.deleted.is_none();
        let has_changed = source.latest_version > lineage.version && source.content_hash != lineage.content_hash;
        (is_same && has_changed).then(|| Proposal {
            utility: copy.name.clone(),
            source: lineage.source.clone(),
            base_version: lineage.version,
            source_version: source.latest_version,
            source_content_hash: source.content_hash,
            etag: copy.etag(),
            dismissed: source.latest_version <= lineage.dismissed,
        })
    }

    /// Refuses to decide about another version than the one that was seen.
    pub(super) fn check_version(&self, seen: u32) -> Result<(), Error> {
        if self.source_version == seen { Ok(()) } else { Err(Error::Stale { resource: self.source.to_string() }) }
    }
}

// === impl Sides ===

impl Sides {
    /// What differs between them. It may take as long as two comparisons and a merge.
    pub fn compare(&self, proposal: Proposal) -> Comparison {
        let (base, ours, theirs) = (self.base.code.text(), self.ours.code.text(), self.theirs.code.text());
        let was = format!("{}@{}", proposal.source.utility, self.base.number);
        let is = format!("{}@{}", proposal.source.utility, self.theirs.number);
        let here = format!("{}@{}", proposal.utility.utility, self.ours.number);
        let (local, source) = (Lines::between(base, ours, (&was, &here)), Lines::between(base, theirs, (&was, &is)));
        Comparison {
            merge: merge_compared(base, ours, theirs, || [local.changed(), source.changed()]),
            source_diff: source.unified,
            local_diff: local.unified,
            changed_fields: diff::changed_fields(Some(&self.base), &self.theirs),
            conflicting: self.parts(&[]).conflicting,
            proposal,
        }
    }

    /// The code of both together; `None` where one of the three is too long.
    pub fn merge(&self) -> Option<Merge> {
        merge(self.base.code.text(), self.ours.code.text(), self.theirs.code.text())
    }

    /// Both together, beside the code; of the parts to keep, ours.
    pub fn parts(&self, keep: &[Part]) -> MergedParts {
        let (base, ours, theirs) = (&self.base.definition, &self.ours.definition, &self.theirs.definition);
        let mut choice = Choice { keep, conflicting: Vec::new() };
        let schema = choice.of(Part::Parameters, written(base), written(ours), written(theirs));
        let definition = Definition {
            kind: ours.kind,
            parameters_overridden: schema.is_some(),
            parameters: schema.map(<[Parameter]>::to_vec).unwrap_or_default(),
            limits: choice.of(Part::Limits, base.limits, ours.limits, theirs.limits),
            runtime: choice.of(Part::Runtime, &base.runtime, &ours.runtime, &theirs.runtime).clone(),
            isolation: choice.of(Part::Isolation, base.isolation, ours.isolation, theirs.isolation),
            fresh_processes: choice.of(Part::FreshProcesses, base.fresh_processes, ours.fresh_processes, theirs.fresh_processes),
        };
        MergedParts { definition, conflicting: choice.conflicting }
    }
}

impl Choice<'_> {
    /// What becomes of a part: theirs where ours is as it was and not to be kept, and otherwise ours.
    fn of<T: PartialEq>(&mut self, part: Part, base: T, ours: T, theirs: T) -> T {
        if self.keep.contains(&part) {
            return ours;
        }
        if ours == base {
            return theirs;
        }
        if theirs != base && theirs != ours {
            self.conflicting.push(part);
        }
        ours
    }
}

/// The schema that a person wrote; an inferred one follows the code.
fn written(definition: &Definition) -> Option<&[Parameter]> {
    definition.parameters_overridden.then_some(definition.parameters.as_slice())
}

#[cfg(test)]
mod tests;
