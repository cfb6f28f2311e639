//! Keys and persons as a connection sees them, for the rules of `storage-rules`. Nothing here waits.

use std::future::{Future, ready};
use std::sync::Arc;

use domain::name::{PrincipalName, TenantId};
use domain::time::Timestamp;
use keys::{KEY_BYTES, Key, Place, Wrapped};
use rusqlite::Connection;
use storage_rules::Person;
use storage_rules::vault::{Keys, StoredSubject, Unwrapped};

use super::held::Vault;
use super::rows;
use crate::error::{Error, Result};

/// A connection, and what is kept of what it reads.
pub(super) struct Ring<'a> {
    connection: &'a Connection,
    vault: &'a Vault,
}

impl<'a> Ring<'a> {
    pub(super) fn new(connection: &'a Connection, vault: &'a Vault) -> Self {
        Ring { connection, vault }
    }
}

impl Keys for Ring<'_> {
    type Error = Error;
    /// How often everything was forgotten before.
    type Seen = u64;

    fn wrapped(&mut self, tenant: &TenantId, subject: &str) -> impl Future<Output = Result<Option<Wrapped>>> + Send {
        ready(rows::find_key(self.connection, tenant, subject))
    }

    fn add_key(&mut self, tenant: &TenantId, subject: &str, key: Wrapped) -> impl Future<Output = Result<()>> + Send {
        ready(rows::insert_key(self.connection, tenant, subject, &key))
    }

    fn replace_key(&mut self, tenant: &TenantId, subject: &str, key: Wrapped) -> impl Future<Output = Result<()>> + Send {
        ready(rows::update_key(self.connection, tenant.as_str(), subject, &key))
    }

    fn is_deleted(&mut self, tenant: &TenantId) -> impl Future<Output = Result<bool>> + Send {
        ready(rows::is_deleted(self.connection, tenant))
    }

    fn subject_of(&mut self, tenant: &TenantId, id: &str) -> impl Future<Output = Result<Option<StoredSubject>>> + Send {
        ready(rows::by_id(self.connection, tenant, id))
    }

    fn subject_by(&mut self, tenant: &TenantId, digest: &[u8]) -> impl Future<Output = Result<Option<StoredSubject>>> + Send {
        ready(rows::by_digest(self.connection, tenant, digest))
    }

    fn add_subject(&mut self, tenant: &TenantId, id: &str, digest: &[u8], name: Vec<u8>) -> impl Future<Output = Result<()>> + Send {
        ready(rows::insert(self.connection, tenant, id, digest, &name))
    }

    fn erase(&mut self, tenant: &TenantId, id: &str, erasing: Vec<u8>, now: Timestamp) -> impl Future<Output = Result<()>> + Send {
        ready(rows::erase(self.connection, tenant, id, &erasing, now))
    }

    fn wrap(&self, place: Place<'_>, key: &[u8; KEY_BYTES]) -> Result<Wrapped, keys::Error> {
        self.vault.provider.wrap(place, key)
    }

    fn unwrap(&mut self, place: Place<'_>, key: &Wrapped) -> impl Future<Output = Unwrapped<Error>> + Send {
        ready(Ok(self.vault.provider.unwrap(place, key)))
    }

    fn seen(&self) -> u64 {
        self.vault.kept.generation()
    }

    fn kept_by_name(&self, name: &PrincipalName) -> Option<Person> {
        self.vault.kept.by_name(name).map(Person::Known)
    }

    fn kept_by_id(&self, tenant: &TenantId, id: &str) -> Option<Person> {
        self.vault.kept.by_id(tenant, id).map(Person::Known)
    }

    fn kept_of_tenant(&self, tenant: &TenantId) -> Option<Arc<Key>> {
        self.vault.kept.of_tenant(tenant)
    }

    fn keep(&mut self, _name: &PrincipalName, person: &Person, seen: u64) {
        if let Person::Known(subject) = person {
            self.vault.kept.keep(subject, seen);
        }
    }

    fn keep_tenant(&mut self, tenant: &TenantId, key: &Arc<Key>, seen: u64) {
        self.vault.kept.keep_tenant(tenant, key, seen);
    }

    fn forget_erased(&mut self, tenant: &TenantId, id: &str) {
        self.vault.kept.forget_erased(tenant, id);
    }
}
