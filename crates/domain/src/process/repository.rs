//! The port to where revisions of the platform are kept.

use async_trait::async_trait;

use crate::Result;
use crate::process::{Outcome, PlatformRevision, Sighting};
use crate::request::{Committed, RequestKey};
use crate::time::Timestamp;

/// Revisions that are kept, beside the newest that was reached: enough to see what happened of late.
pub const KEPT_REVISIONS: u64 = 20;

/// Port: revisions of what the platform shall be, and how it was seen to be. Each change adds in its commit what
/// [`crate::event::Happened`] says of it. Each revision is sealed by the key of the tenant `system`: configs may stand
/// in manifests, and secrets in parameters of integrations and in what services put out.
#[async_trait]
pub trait PlatformRepository: Send + Sync {
    /// The newest revision.
    async fn newest(&self) -> Result<Option<PlatformRevision>>;
    /// The number of the newest revision; 0 before the first.
    async fn last(&self) -> Result<u64>;
    /// The newest revision that was reached.
    async fn reached(&self) -> Result<Option<PlatformRevision>>;
    /// Stores a revision, whole or not at all, where the newest is the one before it; [`Committed::Conflict`] otherwise. Those that are older
    /// than [`KEPT_REVISIONS`] go, but for the newest that was reached.
    async fn add(&self, revision: &PlatformRevision, request: Option<&RequestKey>) -> Result<Committed<PlatformRevision>>;
    /// Notes what came of a revision, where its standing [gives way](crate::process::Standing::gives_way_to) to that; says whether it did.
    async fn settle(&self, revision: u64, outcome: &Outcome, at: Timestamp) -> Result<bool>;
    /// How everything was when that was told last, but for what was removed.
    async fn told(&self) -> Result<Vec<Sighting>>;
    /// Notes how something is, together with its events, unless that was told last; says whether it did. What was removed is forgotten.
    async fn tell(&self, sighting: &Sighting, at: Timestamp) -> Result<bool>;
    /// What a request was answered with, if it was: the revision as it is now.
    async fn find_answer(&self, request: &RequestKey) -> Result<Option<Committed<PlatformRevision>>>;
}
