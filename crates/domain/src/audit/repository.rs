//! The port to where audit logs are stored. Records are only added: no method changes one, and the oldest are removed as a whole, once a
//! record says so. Tiles and checkpoints stay.

use async_trait::async_trait;

use crate::Result;
use crate::access::{Found, TenantScope};
use crate::audit::record::{AuditRecord, Entry, Outcome};
use crate::lease::InstanceId;
use crate::name::{PrincipalName, TenantId};
use crate::news::{News, never};
use crate::page::{Page, PageRequest};
use crate::revision::Revision;
use crate::time::Timestamp;

/// Records that one page of a list looks at.
pub const MAX_LOOKED_AT: usize = 5_000;

/// Which records; newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditQuery {
    /// Only at or after.
    pub from: Option<Timestamp>,
    /// Only before.
    pub before: Option<Timestamp>,
    /// Only of this principal.
    pub actor: Option<PrincipalName>,
    /// Only this action.
    pub action: Option<String>,
    /// Only about the resource of this full name.
    pub resource: Option<String>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
}

impl AuditQuery {
    /// Whether a record is one of them.
    pub fn fits(&self, entry: &Entry) -> bool {
        self.from.is_none_or(|from| entry.time >= from)
            && self.before.is_none_or(|before| entry.time < before)
            && self.actor.as_ref().is_none_or(|actor| entry.actor.principal.as_ref() == Some(actor))
            && self.action.as_ref().is_none_or(|action| entry.action == *action)
            && self.resource.as_ref().is_none_or(|resource| entry.resource == *resource)
            && self.outcome.is_none_or(|outcome| entry.outcome == outcome)
    }
}

/// A record as it is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place.
    pub sequence: u64,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
}

/// Where a tile is in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePlace {
    /// The level, from that of the leaves.
    pub level: u8,
    /// From the left.
    pub index: u64,
}

/// Up to 256 hashes of one level of the tree, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Where it is.
    pub place: TilePlace,
    /// Its hashes, one after the other.
    pub hashes: Vec<u8>,
}

/// That a log had so many records and this root, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// How many records it covers.
    pub size: u64,
    /// When it was signed.
    pub time: Timestamp,
    /// It as a signed note.
    pub note: String,
}

/// A tree that has grown, with the checkpoint over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The records that the last checkpoint covered.
    pub from: u64,
    /// Tiles that are new or have grown.
    pub tiles: Vec<Tile>,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
}

/// Port: audit logs, one a tenant.
#[async_trait]
pub trait AuditRepository: Send + Sync {
    /// That a record is added to the tenant's log from now on, as far as the store hears of it.
    fn news(&self, _scope: &TenantScope) -> News {
        never()
    }
    /// Adds records, all or none of them, each at the next place of its tenant's log. An intent is open from then on. Returns once
    /// they are durable, and fails only once they will not be: what was refused is offered again, and must not be recorded twice.
    async fn append(&self, entries: Vec<Entry>) -> Result<()>;
    /// Adds the outcomes of open intents and closes these, all or none of them. Adds nothing where one is not open: one intent has one
    /// outcome. Says how many were open.
    async fn close_all(&self, outcomes: Vec<Entry>) -> Result<u64>;
    /// As [`AuditRepository::close_all`], for outcomes that nobody waits for: they may wait a moment for other writes, and share their
    /// commit.
    async fn close_all_behind(&self, outcomes: Vec<Entry>) -> Result<u64> {
        self.close_all(outcomes).await
    }
    /// Does it with one outcome; says whether its intent was open.
    async fn close(&self, outcome: Entry) -> Result<bool> {
        Ok(self.close_all(vec![outcome]).await? > 0)
    }
    /// At most `limit` open intents of other servers than `own` that hold no lease in force at `now`: nobody else closes them. Those
    /// that cannot be read do not count; where there are some, an error behind the others says why.
    async fn abandoned(&self, own: &InstanceId, now: Timestamp, limit: u32) -> Result<Vec<Result<AuditRecord>>>;
    /// A page of records. It ends early, perhaps without any, where it has looked at [`MAX_LOOKED_AT`] records: what a page costs does
    /// not depend on how rare it is what is wanted.
    async fn list(&self, scope: &TenantScope, query: &AuditQuery, page: &PageRequest) -> Result<Found<Page<AuditRecord>>>;
    /// The first and the last place of records that lists find at or after `from` and before `before`: nobody has signed that.
    async fn places(&self, scope: &TenantScope, from: Timestamp, before: Timestamp) -> Result<Option<(u64, u64)>>;
    /// How many records a log has.
    async fn size(&self, scope: &TenantScope) -> Result<u64>;
    /// Records from `sequence` on, in order, of about `max_bytes` in all (at least one, where there is one).
    async fn records_from(&self, scope: &TenantScope, sequence: u64, max_bytes: usize) -> Result<Vec<StoredRecord>>;
    /// The same records to be read; the page has no next one.
    async fn since(&self, scope: &TenantScope, sequence: u64, max_bytes: usize) -> Result<Found<Page<AuditRecord>>>;
    /// The first record that is there: those before it were removed.
    async fn first_kept(&self, scope: &TenantScope) -> Result<u64>;
    /// The newest checkpoint from before `before` whose every intent is closed: what it covers is at least so old.
    async fn removable(&self, scope: &TenantScope, before: Timestamp) -> Result<Option<Checkpoint>>;
    /// Removes records before `first_kept`, which a checkpoint covers, at most `limit` in a step; none of them is shown from the first
    /// step on. Nothing of a tenant that is held, or is at another revision than `judged`, where one is given: what is shown of it stays
    /// so. Says how many this step has removed: after the last, none.
    async fn remove(&self, scope: &TenantScope, first_kept: u64, limit: u32, judged: Option<Revision>) -> Result<u64>;
    /// At most `limit` tenants with records that no checkpoint covers.
    async fn unsealed(&self, limit: u32) -> Result<Vec<TenantId>>;
    /// The newest checkpoint that covers at most `size` records.
    async fn checkpoint(&self, scope: &TenantScope, size: u64) -> Result<Option<Checkpoint>>;
    /// The oldest checkpoint that covers more than `size` records.
    async fn checkpoint_after(&self, scope: &TenantScope, size: u64) -> Result<Option<Checkpoint>>;
    /// Puts `note` in the place of the note `before` of the checkpoint over `size` records; says whether it was that.
    async fn cosign(&self, scope: &TenantScope, size: u64, before: &str, note: &str) -> Result<bool>;
    /// Those of these tiles that there are.
    async fn tiles(&self, scope: &TenantScope, places: &[TilePlace]) -> Result<Vec<Tile>>;
    /// Stores tiles and the checkpoint over them, unless the last checkpoint covers other than [`Sealed::from`] records: another
    /// server was first. Says whether it has stored them.
    async fn seal(&self, scope: &TenantScope, sealed: Sealed) -> Result<bool>;
}
