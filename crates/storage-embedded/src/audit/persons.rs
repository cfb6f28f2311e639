//! People in audit records, as a connection sees them. By what rules they stand in records, `storage-rules` says.

use std::future::{Future, ready};

use domain::audit::{AuditQuery, AuditRecord, Entry};
use domain::name::{PrincipalName, TenantId};
use rusqlite::Connection;
pub(super) use storage_rules::{Beside, FoundBy, Wanted, Written};
use storage_rules::{Person, Persons, Told, at_once};

use crate::error::{Error, Result};
use crate::identity::principals;
use crate::vault::Vault;

/// The people whom a connection sees. Nothing here waits.
struct People<'a> {
    connection: &'a Connection,
    vault: &'a Vault,
}

impl Persons for People<'_> {
    type Error = Error;

    fn person(&mut self, name: &PrincipalName) -> impl Future<Output = Result<Person>> + Send {
        ready(self.vault.person(self.connection, name))
    }

    fn find_person(&mut self, name: &PrincipalName) -> impl Future<Output = Result<Option<Person>>> + Send {
        ready(self.vault.find_person(self.connection, name))
    }

    fn person_of(&mut self, tenant: &TenantId, id: &str) -> impl Future<Output = Result<Person>> + Send {
        ready(self.vault.person_of(self.connection, tenant, id))
    }

    fn is_principal(&mut self, name: &PrincipalName) -> impl Future<Output = Result<bool>> + Send {
        ready(principals::exists(self.connection, name))
    }

    fn told(&self) -> &Told {
        self.vault.told()
    }
}

pub(super) fn written(connection: &Connection, vault: &Vault, entry: &Entry, sequence: u64) -> Result<Written> {
    at_once(storage_rules::written(&mut People { connection, vault }, entry, sequence))
}

pub(super) fn shown(connection: &Connection, vault: &Vault, tenant: &TenantId, beside: Beside, bytes: &[u8]) -> Result<AuditRecord> {
    at_once(storage_rules::shown(&mut People { connection, vault }, tenant, beside, bytes))
}

pub(super) fn listed(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    beside: (Beside, FoundBy),
    bytes: &[u8],
) -> Result<AuditRecord> {
    at_once(storage_rules::listed(&mut People { connection, vault }, tenant, beside, bytes))
}

pub(super) fn read(connection: &Connection, vault: &Vault, tenant: &TenantId, sequence: u64, bytes: &[u8]) -> Result<AuditRecord> {
    at_once(storage_rules::read(&mut People { connection, vault }, tenant, sequence, bytes))
}

pub(super) fn wanted(connection: &Connection, vault: &Vault, query: &AuditQuery) -> Result<Option<Wanted>> {
    at_once(storage_rules::wanted(&mut People { connection, vault }, query))
}
