//! The port to where utilities and versions are stored. Each method takes a tenant scope: a query without a tenant cannot be
//! written. One mutation is one commit of entity, expected revision, idempotency record and (later) audit record.

use async_trait::async_trait;

use crate::Result;
use crate::access::{Found, Granted, TenantScope};
use crate::code::Kind;
use crate::name::{PrincipalName, UtilityId};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, Expected, RequestKey};
use crate::runtime::RuntimeModule;
use crate::utility::{Occasion, Utility, Version, VersionHead};

/// One change of a utility, stored whole or not at all.
#[derive(Debug, Clone)]
pub struct UtilityChange {
    /// What the store must hold for the change to apply.
    pub expected: Expected,
    /// What it is for, as others are told.
    pub occasion: Occasion,
    /// The utility after the change.
    pub utility: Utility,
    /// A version to add.
    pub new_version: Option<Version>,
    /// The request to remember with its answer.
    pub request: Option<RequestKey>,
}

/// Which utilities, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UtilityQuery {
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Only of this owner.
    pub owner: Option<PrincipalName>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// Only ids that start so.
    pub id_prefix: Option<String>,
    /// Only those whose current version imports one of these modules.
    pub imports: Option<Vec<RuntimeModule>>,
    /// Only copies.
    pub copied: bool,
    /// Deleted ones too.
    pub show_deleted: bool,
    /// Only those within a caller's reach.
    pub within: Option<Within>,
    /// The order.
    pub order: UtilityOrder,
}

/// A reach that is narrower than the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    /// Everything of this owner.
    pub owner: PrincipalName,
    /// And these, whoever owns them. At most a few times [`crate::access::MAX_GRANTS`].
    pub granted: Granted,
}

/// Orders of a list of utilities; ties are broken by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UtilityOrder {
    /// By id.
    #[default]
    Id,
    /// Newest first.
    NewestFirst,
    /// Last changed first.
    LastChangedFirst,
}

impl Within {
    /// Whether a utility is within the reach.
    pub fn holds(&self, utility: &Utility) -> bool {
        utility.owner == self.owner || self.granted.contains(&utility.name.utility)
    }
}

/// Port: utilities and versions.
#[async_trait]
pub trait UtilityRepository: Send + Sync {
    /// The utility, deleted or not.
    async fn find(&self, scope: &TenantScope, id: &UtilityId) -> Result<Found<Utility>>;
    /// The utility with its current version, in one read.
    async fn find_current(&self, scope: &TenantScope, id: &UtilityId) -> Result<Found<(Utility, Version)>>;
    /// One version.
    async fn find_version(&self, scope: &TenantScope, id: &UtilityId, number: u32) -> Result<Found<Version>>;
    /// A page of utilities.
    async fn list(&self, scope: &TenantScope, query: &UtilityQuery, page: &PageRequest) -> Result<Found<Page<Utility>>>;
    /// A page of versions, newest first, without their code, which is not read either.
    async fn list_versions(&self, scope: &TenantScope, id: &UtilityId, page: &PageRequest) -> Result<Found<Page<VersionHead>>>;
    /// How often the tenant's utilities have changed; 0 before the first time. It grows in the commit of each change and of each
    /// note of a compilation, so a copy is current as long as the epoch is the one at which it was read.
    async fn epoch(&self, scope: &TenantScope) -> Result<u64>;
    /// Stores a change, whole or not at all. A store that keeps tenants, too, refuses a utility beyond their quota, in the commit:
    /// [`crate::Error::Exhausted`].
    async fn commit(&self, scope: &TenantScope, change: UtilityChange) -> Result<Committed<Utility>>;
    /// Takes note that a version compiles on the runtime with this digest. Not a change: neither revision nor version grow.
    async fn mark_compiled(&self, scope: &TenantScope, id: &UtilityId, number: u32, digest: &str) -> Result<()>;
    /// What a request was answered with, if it was: looked for before anything about it is judged.
    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Utility>>>;
    /// Remembers a request that changed nothing, with its answer; one that was answered before keeps its first answer. Not a
    /// change: nothing grows and nobody is told.
    async fn remember(&self, scope: &TenantScope, request: &RequestKey, answer: &Utility) -> Result<Committed<Utility>>;
}
