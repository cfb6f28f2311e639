//! Utilities and their versions: what they are, how they change, and how code becomes one.

pub mod actions;
mod changed;
mod content;
mod copies;
mod diff;
mod draft;
mod entity;
mod gate;
mod lineage;
mod merge;
mod occasion;
mod patch;
mod proposal;
mod repository;
mod storing;
mod use_cases;
mod version;

pub use copies::{Acceptance, Copies, CopyDraft};
pub use diff::Difference;
pub use draft::{Draft, MAX_MESSAGE};
pub use entity::{MAX_DESCRIPTION, MAX_DISPLAY_NAME, MAX_TAG, MAX_TAGS, Metadata, Utility, normalized_tag};
pub use gate::{Gate, GatePorts, Passed};
pub use lineage::Lineage;
pub use merge::{Conflict, Merge};
pub use occasion::Occasion;
pub use patch::Patch;
pub use proposal::{Comparison, Part, Proposal};
pub use repository::{UtilityChange, UtilityOrder, UtilityQuery, UtilityRepository, Within};
pub use use_cases::{Call, Utilities};
pub use version::{Definition, StoredFinding, Version, VersionHead};

#[cfg(test)]
mod tests;
