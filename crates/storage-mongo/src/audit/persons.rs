//! People in audit records, as a session sees them. By what rules they stand in records, `storage-rules` says.

use domain::audit::{AuditQuery, AuditRecord, Entry};
use domain::name::{PrincipalName, TenantId};
pub(super) use storage_rules::{Beside, FoundBy, Wanted, Written};
use storage_rules::{Person, Persons, Told};

use crate::error::{Error, Result};
use crate::identity::principals;
use crate::session::Session;
use crate::vault::Vault;

/// The people whom a session sees.
struct People<'a> {
    session: &'a mut Session,
    vault: &'a Vault,
}

impl Persons for People<'_> {
    type Error = Error;

    async fn person(&mut self, name: &PrincipalName) -> Result<Person> {
        self.vault.person(self.session, name).await
    }

    async fn find_person(&mut self, name: &PrincipalName) -> Result<Option<Person>> {
        self.vault.find_person(self.session, name).await
    }

    async fn person_of(&mut self, tenant: &TenantId, id: &str) -> Result<Person> {
        self.vault.person_of(self.session, tenant, id).await
    }

    async fn is_principal(&mut self, name: &PrincipalName) -> Result<bool> {
        principals::exists(self.session, name).await
    }

    fn told(&self) -> &Told {
        &self.session.shared.told
    }
}

pub(super) async fn written(session: &mut Session, vault: &Vault, entry: &Entry, sequence: u64) -> Result<Written> {
    storage_rules::written(&mut People { session, vault }, entry, sequence).await
}

pub(super) async fn shown(session: &mut Session, vault: &Vault, tenant: &TenantId, beside: Beside, bytes: &[u8]) -> Result<AuditRecord> {
    storage_rules::shown(&mut People { session, vault }, tenant, beside, bytes).await
}

pub(super) async fn listed(
    session: &mut Session,
    vault: &Vault,
    tenant: &TenantId,
    beside: (Beside, FoundBy),
    bytes: &[u8],
) -> Result<AuditRecord> {
    storage_rules::listed(&mut People { session, vault }, tenant, beside, bytes).await
}

pub(super) async fn read(session: &mut Session, vault: &Vault, tenant: &TenantId, sequence: u64, bytes: &[u8]) -> Result<AuditRecord> {
    storage_rules::read(&mut People { session, vault }, tenant, sequence, bytes).await
}

pub(super) async fn wanted(session: &mut Session, vault: &Vault, query: &AuditQuery) -> Result<Option<Wanted>> {
    storage_rules::wanted(&mut People { session, vault }, query).await
}
