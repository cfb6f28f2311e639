//! A utility: what it is, and the pure rules of using it.

use crate::access::{Action, Part, Permit, Resource, Target};
use crate::error::Error;
use crate::hash::Hash;
use crate::name::{PrincipalName, UtilityId, UtilityName};
use crate::revision::{Etag, Revision};
use crate::time::Timestamp;
use crate::utility::{Definition, Lineage, Version, VersionHead};
use crate::violation::{Violation, longest};

/// Longest display name in characters.
pub const MAX_DISPLAY_NAME: usize = 100;

/// Longest description in characters.
pub const MAX_DESCRIPTION: usize = 4_000;

/// Highest number of tags.
pub const MAX_TAGS: usize = 32;

/// Longest tag in characters.
pub const MAX_TAG: usize = 40;

/// A named, versioned piece of code of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utility {
    /// Its name; stays taken after deletion.
    pub name: UtilityName,
    /// Unique for ever, also across names that are used again.
    pub uid: String,
    /// What people read.
    pub metadata: Metadata,
    /// Who created it.
    pub owner: PrincipalName,
    /// When it was deleted, if it is.
    pub deleted: Option<Timestamp>,
    /// Number of the current version.
    pub latest_version: u32,
    /// The current version's definition.
    pub definition: Definition,
    /// The current version's content hash.
    pub content_hash: Hash,
    /// The current version's code hash.
    pub code_sha256: Hash,
    /// The current version's imports.
    pub imports: Vec<String>,
    /// Where it was copied from, if it was.
    pub lineage: Option<Lineage>,
    /// Grows by one with each change; what the etag stands for.
    pub revision: Revision,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

/// What people read of a utility, and switches that do not make a version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// Shown instead of the id; may be empty.
    pub display_name: String,
    /// What it does; may be empty.
    pub description: String,
    /// Sorted, without duplicates.
    pub tags: Vec<String>,
    /// Whether values and results of Transform calls are stored.
    pub store_values: bool,
    /// Whether secret values stand unmasked in what the code prints, returns and raises.
    pub show_secrets: bool,
}

impl Utility {
    /// The opaque mark of this revision.
    pub fn etag(&self) -> Etag {
        Etag::new(format!("\"{}-{}\"", self.revision, &self.content_hash.to_string()[..12]))
    }

    /// Refuses a change that was made against another revision; an empty etag matches all.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn check_etag(&self, etag: &Etag) -> Result<(), Error> {
        if etag.admits(&self.etag()) { Ok(()) } else { Err(Error::Stale { resource: self.name.to_string() }) }
    }

    /// Where it was copied from, as far as whom the permit is for may know.
    pub fn lineage_for<A: Action>(&self, permit: &Permit<A>) -> Option<&Lineage> {
        self.lineage.as_ref().filter(|lineage| lineage.is_shown_to(permit))
    }

    /// Refuses to use a deleted utility.
    ///
    /// # Errors
    /// [`Error::Precondition`] with reason `UTILITY_DELETED`.
    pub fn check_active(&self) -> Result<(), Error> {
        match self.deleted {
            None => Ok(()),
            Some(_) => Err(Error::Precondition {
                reason: "UTILITY_DELETED",
                subject: self.name.to_string(),
                description: format!("{} is deleted; undelete it first", self.name),
            }),
        }
    }
}

impl Metadata {
    pub(super) fn check(&self, prefix: &str, found: &mut Vec<Violation>) {
        longest(found, format!("{prefix}.display_name"), &self.display_name, MAX_DISPLAY_NAME);
        longest(found, format!("{prefix}.description"), &self.description, MAX_DESCRIPTION);
        if self.tags.len() > MAX_TAGS {
            found.push(Violation::new(format!("{prefix}.tags"), "TOO_MANY", format!("{} tags; the limit is {MAX_TAGS}", self.tags.len())));
        }
        for (index, tag) in self.tags.iter().enumerate() {
            let tag = normalized_tag(tag);
            if tag.is_empty() || tag.chars().count() > MAX_TAG || tag.contains(char::is_control) {
                let rule = format!("must have 1 to {MAX_TAG} characters and no line breaks or other control characters");
                found.push(Violation::new(format!("{prefix}.tags[{index}]"), "MALFORMED", rule));
            }
        }
    }

    /// Gives each tag its one spelling, sorts them and drops duplicates.
    #[must_use]
    pub fn normalized(mut self) -> Self {
        self.tags.iter_mut().for_each(|tag| *tag = normalized_tag(tag));
        self.tags.sort();
        self.tags.dedup();
        self
    }
}

/// The one spelling of a tag: no spaces around it, and single ones inside.
pub fn normalized_tag(tag: &str) -> String {
    let words = tag.trim().split(|c: char| c.is_whitespace() && !c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

impl Resource for Utility {
    fn owner(&self) -> Option<&PrincipalName> {
        Some(&self.owner)
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        match target {
            Target::Tenant(tenant) => self.name.tenant == *tenant,
            Target::Utility(name) => self.name == *name,
            Target::Version(name) => self.name == name.utility,
            Target::Installation
            | Target::Execution(_)
            | Target::CodePolicy(_)
            | Target::Runtime(_)
            | Target::Principal(_)
            | Target::Session(_)
            | Target::ApiKey(_)
            | Target::Webhook(_)
            | Target::Secret(_)
            | Target::Schedule(_)
            | Target::Operation(_) => false,
        }
    }

    fn granted_with(&self) -> Option<&UtilityId> {
        Some(&self.name.utility)
    }
}

/// A utility with one of its versions is reached like the utility.
impl Resource for (Utility, Version) {
    fn owner(&self) -> Option<&PrincipalName> {
        Resource::owner(&self.0)
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        self.0.lies_in(target)
    }

    fn granted_with(&self) -> Option<&UtilityId> {
        self.0.granted_with()
    }
}

impl Part for Version {
    type Whole = Utility;

    fn lies_in(&self, whole: &Utility, target: Target<'_>) -> bool {
        Part::lies_in(&self.head, whole, target)
    }
}

impl Part for VersionHead {
    type Whole = Utility;

    /// A permit of one version opens that one, and the current one with which the utility is shown.
    fn lies_in(&self, whole: &Utility, target: Target<'_>) -> bool {
        let named = match target {
            Target::Version(name) => [name.number, whole.latest_version].contains(&self.number),
            _ => true,
        };
        named && whole.lies_in(target)
    }
}
