//! A person as a subject: all that is stored of them, and its erasure.

use async_trait::async_trait;

use crate::Result;
use crate::access::{Access, Found, TenantScope};
use crate::audit::AuditRecord;
use crate::event::Event;
use crate::identity::{Principal, Session};
use crate::name::{ExecutionName, PrincipalName, UtilityName};
use crate::request::{Committed, RequestKey};
use crate::time::Timestamp;

/// A part of what is stored of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectPart {
    /// The user.
    User(Principal),
    /// A session of the user.
    Session(Session),
    /// What was granted to the user.
    Grant {
        /// Of which utility.
        utility: UtilityName,
        /// How much.
        access: Access,
        /// When it ends.
        expires: Option<Timestamp>,
    },
    /// A utility that the user owns.
    Utility(UtilityName),
    /// An execution that the user asked for.
    Execution(ExecutionName),
    /// An audit record of the user's tenant: of what the user did, or of what was done to the user.
    Record(Box<AuditRecord>),
    /// An event of the user's tenant that names the user.
    Event(Box<Event>),
}

/// Whether something is kept of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectState {
    /// Something is.
    Known,
    /// The person was erased; this stands for them.
    Erased(PrincipalName),
}

/// An erasure, begun whole or not at all.
#[derive(Debug, Clone)]
pub struct Erasure {
    /// Whose.
    pub user: PrincipalName,
    /// The user as it was judged; `None` for one whom only an outside issuer knows.
    pub principal: Option<Principal>,
    /// The tenant's epoch that it was judged at, where it depends on more than the user: another one is a conflict.
    pub judged_at: Option<u64>,
    /// The request to remember with its answer.
    pub request: Option<RequestKey>,
}

/// Port: what is kept of persons, wherever it is.
#[async_trait]
pub trait SubjectRepository: Send + Sync {
    /// What is kept of a user; `None` where nothing is, and nobody of this name was erased.
    async fn find_subject(&self, scope: &TenantScope, user: &PrincipalName) -> Result<Option<SubjectState>>;
    /// The sessions of a user that are stored.
    async fn sessions(&self, scope: &TenantScope, user: &PrincipalName) -> Result<Found<Vec<Session>>>;
    /// Begins an erasure, in one commit: destroys the person's key, deletes the user with sessions and what was granted to it, and makes
    /// the name unusable. Where that has happened already, it changes nothing. [`Committed::Conflict`] where the user is another than the one
    /// that was judged.
    async fn erase(&self, scope: &TenantScope, erasure: Erasure) -> Result<Committed<PrincipalName>>;
    /// What a request was answered with, if it was.
    async fn find_erased(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<PrincipalName>>>;
    /// Goes on with erasures that have begun: puts what stands for a person into the place of their name in everything else that is
    /// stored. Says how much it has replaced. An erasure is over once nothing is left to replace, and nothing that began before it can
    /// bring the name back; until then a later call goes on with it, also one of the next server.
    async fn go_on_erasing(&self) -> Result<u64>;
}
