//! The port to where secrets are kept.

use async_trait::async_trait;

use crate::Result;
use crate::access::{Found, TenantScope};
use crate::identity::Secret;
use crate::name::SecretId;
use crate::page::{Page, PageRequest};
use crate::request::{Committed, Expected, RequestKey};
use crate::revision::Revision;
use crate::secret::NamedSecret;
use crate::time::Timestamp;

/// One change of a secret, stored whole or not at all.
#[derive(Debug)]
pub struct SecretChange {
    /// What the store must hold for the change to apply.
    pub expected: Expected,
    /// The secret after the change; the last it was, where it is deleted.
    pub secret: NamedSecret,
    /// Whether it is deleted, with its value.
    pub deletes: bool,
    /// Another value; a new secret has one.
    pub value: Option<Secret>,
    /// The request to remember with its answer, which never holds the value.
    pub request: Option<RequestKey>,
}

/// Port: secrets. Values are sealed by the tenant's key, each for its place, and leave the store by [`SecretRepository::open`] alone.
#[async_trait]
pub trait SecretRepository: Send + Sync {
    /// The secret of this id.
    async fn find(&self, scope: &TenantScope, id: &SecretId) -> Result<Found<NamedSecret>>;
    /// A page of secrets, by id.
    async fn list(&self, scope: &TenantScope, page: &PageRequest) -> Result<Found<Page<NamedSecret>>>;
    /// Stores a change, whole or not at all. Beyond [`MAX_SECRETS`](crate::secret::MAX_SECRETS) of a tenant a new one is refused with
    /// [`too_many`](crate::secret::too_many).
    async fn commit(&self, scope: &TenantScope, change: SecretChange) -> Result<Committed<NamedSecret>>;
    /// What a request was answered with, if it was.
    async fn find_answer(&self, scope: &TenantScope, request: &RequestKey) -> Result<Option<Committed<NamedSecret>>>;
    /// A secret with its value, both of one moment.
    async fn open(&self, scope: &TenantScope, id: &SecretId) -> Result<Option<(NamedSecret, Secret)>>;
    /// The revision of one that is there and cannot be read; `None` where it can be read, or there is none.
    async fn find_unreadable(&self, scope: &TenantScope, id: &SecretId) -> Result<Option<Revision>>;
    /// Notes that they were handed to an execution, for each once a minute at most, in one commit.
    async fn note_uses(&self, scope: &TenantScope, ids: &[SecretId], now: Timestamp) -> Result<()>;
}
