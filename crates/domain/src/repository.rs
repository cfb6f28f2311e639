//! Ports to the store. Each method takes a tenant scope: a query without a tenant cannot be written.
//!
//! One mutation is one commit of entity, expected revision, idempotency record and (later) audit record.

use async_trait::async_trait;

use crate::Result;
use crate::event::Event;
use crate::execution::{Execution, State};
use crate::name::{ExecutionId, PrincipalName, TenantId, UtilityId};
use crate::policy::CodePolicy;
use crate::time::Timestamp;
use crate::utility::{Kind, Utility, Version};

/// Most items of one page.
pub const MAX_PAGE: u32 = 1_000;
/// Items of a page when the request names no size.
pub const DEFAULT_PAGE: u32 = 50;

/// The tenant that a query is about. Made from a permit; see [`crate::access::Permit::scope`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TenantScope(TenantId);

impl TenantScope {
    /// A scope for work that the server does for itself (recovery, retention) and for adapters' tests.
    pub fn for_system(tenant: TenantId) -> Self {
        TenantScope(tenant)
    }

    pub(crate) fn new(tenant: TenantId) -> Self {
        TenantScope(tenant)
    }

    /// The tenant.
    pub fn tenant(&self) -> &TenantId {
        &self.0
    }
}

/// A request that may be sent twice: unique per tenant, caller, method and id for 24 hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// The method's name, e.g. `CreateUtility`.
    pub method: &'static str,
    /// Who asked.
    pub caller: PrincipalName,
    /// The client's UUID.
    pub id: String,
    /// SHA-256 of the request's bytes: the same id with another body is refused.
    pub body: crate::utility::Hash,
}

/// How long an answered request is remembered.
pub const REQUEST_KEY_TTL: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// One change of a utility, stored whole or not at all.
#[derive(Debug, Clone)]
pub struct UtilityChange {
    /// What the store must hold for the change to apply.
    pub expected: Expected,
    /// The utility after the change.
    pub utility: Utility,
    /// A version to add.
    pub new_version: Option<Version>,
    /// The request to remember with its answer.
    pub request: Option<RequestKey>,
}

/// What the store must hold for a change to apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing under this name.
    Absent,
    /// This revision.
    Revision(u64),
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed<T> {
    /// It is durable.
    Stored,
    /// The name is taken, or the revision is another.
    Conflict,
    /// The same request was answered before, with this.
    Answered(Box<T>),
    /// The request id was used before with another body.
    KeyReused,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// In the order that was asked for.
    pub items: Vec<T>,
    /// Where the next page starts; `None` at the end. Opaque to all but the repository.
    pub next: Option<String>,
}

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// 1 to [`MAX_PAGE`].
    pub size: u32,
    /// The `next` of the page before.
    pub after: Option<String>,
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
    /// Deleted ones too.
    pub show_deleted: bool,
    /// The order.
    pub order: UtilityOrder,
}

/// A top-level module of a runtime: another runtime may have another version of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeModule {
    /// Name of the runtime.
    pub runtime: String,
    /// Name of the module.
    pub module: String,
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

/// Which executions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecutionQuery {
    /// Only of this utility.
    pub utility: Option<UtilityId>,
    /// Only in one of these states; empty allows all.
    pub states: Vec<State>,
    /// Only created at or after.
    pub created_from: Option<Timestamp>,
    /// Only created before.
    pub created_before: Option<Timestamp>,
    /// Only asked for by this principal.
    pub caller: Option<PrincipalName>,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
}

/// Port: utilities and versions.
#[async_trait]
pub trait UtilityRepository: Send + Sync {
    /// The utility, deleted or not.
    async fn find(&self, scope: &TenantScope, id: &UtilityId) -> Result<Option<Utility>>;
    /// The utility with its current version, in one read.
    async fn find_current(&self, scope: &TenantScope, id: &UtilityId) -> Result<Option<(Utility, Version)>>;
    /// One version.
    async fn find_version(&self, scope: &TenantScope, id: &UtilityId, number: u32) -> Result<Option<Version>>;
    /// A page of utilities.
    async fn list(&self, scope: &TenantScope, query: &UtilityQuery, page: &PageRequest) -> Result<Page<Utility>>;
    /// A page of versions, newest first, code included.
    async fn list_versions(&self, scope: &TenantScope, id: &UtilityId, page: &PageRequest) -> Result<Page<Version>>;
    /// Stores a change, whole or not at all.
    async fn commit(&self, scope: &TenantScope, change: UtilityChange) -> Result<Committed<Utility>>;
    /// Takes note that a version compiles on the runtime with this digest. Not a change: neither revision nor version grow.
    async fn mark_compiled(&self, scope: &TenantScope, id: &UtilityId, number: u32, digest: &str) -> Result<()>;
    /// What a request was answered with, if it was: checked before work is done twice.
    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<Utility>>>;
}

/// Port: code policies, one a tenant.
#[async_trait]
pub trait CodePolicyRepository: Send + Sync {
    /// The tenant's policy, if one was stored.
    async fn find(&self, scope: &TenantScope) -> Result<Option<CodePolicy>>;
    /// Stores a policy when the stored one has the `expected` revision (0: there is none). Says whether it had.
    async fn commit(&self, scope: &TenantScope, expected: u64, policy: &CodePolicy) -> Result<bool>;
}

/// What a change was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// A utility: new, changed, deleted or undeleted.
    Utility {
        /// Whose.
        tenant: TenantId,
        /// Which.
        id: UtilityId,
    },
    /// What is noted of a version.
    Version {
        /// Whose.
        tenant: TenantId,
        /// Of which utility.
        id: UtilityId,
        /// Its number.
        number: u32,
    },
    /// A tenant's code policy.
    CodePolicy {
        /// Whose.
        tenant: TenantId,
    },
}

/// Port: hears of changes. Repositories of utilities and of code policies tell it of each change once it is stored and before
/// it is answered, also when nobody waits for the answer any more. It may hear of a change that was not stored.
pub trait ChangeListener: Send + Sync {
    /// Takes note, at once and without blocking.
    fn changed(&self, what: &Changed);
}

/// What retention removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Executions with all they had.
    pub executions: u64,
    /// Bytes of output.
    pub output_bytes: u64,
}

/// Port: executions and their events.
#[async_trait]
pub trait ExecutionRepository: Send + Sync {
    /// Stores a new execution durably; a repeated request answers with the first execution.
    async fn insert(&self, scope: &TenantScope, execution: &Execution, request: Option<&RequestKey>) -> Result<Committed<Execution>>;
    /// Stores the execution's present state and appends events, in one commit. Returns once it is durable.
    async fn save(&self, scope: &TenantScope, execution: &Execution, events: &[Event]) -> Result<()>;
    /// Appends events only.
    async fn append(&self, scope: &TenantScope, id: &ExecutionId, events: &[Event]) -> Result<()>;
    /// One execution.
    async fn find(&self, scope: &TenantScope, id: &ExecutionId) -> Result<Option<Execution>>;
    /// A page of executions.
    async fn list(&self, scope: &TenantScope, query: &ExecutionQuery, page: &PageRequest) -> Result<Page<Execution>>;
    /// Stored events after `sequence`, in order, of about `max_bytes` in all (at least one, when there is one).
    /// A [`crate::event::Body::Finished`] event carries the stored execution.
    async fn events_after(&self, scope: &TenantScope, id: &ExecutionId, sequence: u64, max_bytes: usize) -> Result<Vec<Event>>;
    /// Executions of any tenant that have not ended and belong to an instance other than `alive`; for recovery.
    async fn unfinished(&self, alive: &str) -> Result<Vec<Execution>>;
    /// Removes executions that ended before `ended_before`, then the oldest until at most `max_output_bytes` of output are kept.
    async fn prune(&self, ended_before: Timestamp, max_output_bytes: u64) -> Result<Pruned>;
}
