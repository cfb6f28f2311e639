//! Keys and persons as a session sees them, for the rules of `storage-rules`. What is read within a transaction is kept by the session alone:
//! it may be taken back.

use std::sync::Arc;
use std::time::Instant;

use domain::name::{PrincipalName, TenantId};
use domain::time::Timestamp;
use keys::{KEY_BYTES, Key, Place, Wrapped};
use storage_rules::Person;
use storage_rules::vault::{Keys, StoredSubject, Unwrapped};

use super::{Vault, rows};
use crate::error::{Error, Result};
use crate::session::Session;

/// A session, and what is kept of what it reads.
pub(super) struct Ring<'a> {
    session: &'a mut Session,
    vault: &'a Vault,
}

impl<'a> Ring<'a> {
    pub(super) fn new(session: &'a mut Session, vault: &'a Vault) -> Self {
        Ring { session, vault }
    }
}

impl Keys for Ring<'_> {
    type Error = Error;
    /// When it was, and how often everything was forgotten before.
    type Seen = (Instant, u64);

    async fn wrapped(&mut self, tenant: &TenantId, subject: &str) -> Result<Option<Wrapped>> {
        rows::find_key(self.session, tenant, subject).await
    }

    async fn add_key(&mut self, tenant: &TenantId, subject: &str, key: Wrapped) -> Result<()> {
        rows::insert_key(self.session, tenant, subject, key).await
    }

    async fn replace_key(&mut self, tenant: &TenantId, subject: &str, key: Wrapped) -> Result<()> {
        rows::update_key(self.session, tenant.as_str(), subject, key).await
    }

    async fn is_deleted(&mut self, tenant: &TenantId) -> Result<bool> {
        rows::is_deleted(self.session, tenant).await
    }

    async fn subject_of(&mut self, tenant: &TenantId, id: &str) -> Result<Option<StoredSubject>> {
        rows::by_id(self.session, tenant, id).await
    }

    async fn subject_by(&mut self, tenant: &TenantId, digest: &[u8]) -> Result<Option<StoredSubject>> {
        rows::by_digest(self.session, tenant, digest).await
    }

    async fn add_subject(&mut self, tenant: &TenantId, id: &str, digest: &[u8], name: Vec<u8>) -> Result<()> {
        rows::insert(self.session, tenant, id, digest, name).await
    }

    async fn erase(&mut self, tenant: &TenantId, id: &str, erasing: Vec<u8>, now: Timestamp) -> Result<()> {
        rows::erase(self.session, tenant, id, erasing, now).await
    }

    fn wrap(&self, place: Place<'_>, key: &[u8; KEY_BYTES]) -> Result<Wrapped, keys::Error> {
        self.vault.provider().wrap(place, key)
    }

    async fn unwrap(&mut self, place: Place<'_>, key: &Wrapped) -> Unwrapped<Error> {
        self.vault.unwrap(place, key).await
    }

    fn seen(&self) -> (Instant, u64) {
        (Instant::now(), self.vault.kept.generation())
    }

    fn kept_by_name(&self, name: &PrincipalName) -> Option<Person> {
        self.vault.kept.by_name(name).map(Person::Known).or_else(|| self.session.met.person(name))
    }

    fn kept_by_id(&self, tenant: &TenantId, id: &str) -> Option<Person> {
        self.vault.kept.by_id(tenant, id).map(Person::Known)
    }

    fn kept_of_tenant(&self, tenant: &TenantId) -> Option<Arc<Key>> {
        self.vault.kept.of_tenant(tenant).or_else(|| self.session.met.of_tenant(tenant))
    }

    fn keep(&mut self, name: &PrincipalName, person: &Person, (at, generation): (Instant, u64)) {
        match person {
            _ if self.session.in_transaction() => self.session.met.add_person(name, person),
            Person::Known(subject) => self.vault.kept.keep(subject, at, generation),
            Person::Erased(_) => {}
        }
    }

    fn keep_tenant(&mut self, tenant: &TenantId, key: &Arc<Key>, (at, generation): (Instant, u64)) {
        match self.session.in_transaction() {
            true => self.session.met.add_tenant(tenant, key),
            false => self.vault.kept.keep_tenant(tenant, key, at, generation),
        }
    }

    fn forget_erased(&mut self, tenant: &TenantId, id: &str) {
        self.session.met.forget();
        self.vault.kept.forget_erased(tenant, id);
    }
}
