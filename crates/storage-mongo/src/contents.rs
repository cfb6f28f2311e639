//! Seals what callers and their code have written: code, what an execution takes and gives, and its events. Each stands sealed by the
//! key of its tenant, for the document that it is in; what is looked for and ordered by stands beside it in plain text. Nothing was ever
//! stored here that is not sealed, so what stands in plain text is nobody's own work and is refused.

use std::sync::Arc;

use domain::name::TenantId;
use keys::{Key, Place};
use zeroize::Zeroizing;

use crate::collections::{EXECUTIONS, OUTPUT, VERSION_CODE};
use crate::error::{Error, Result};
use crate::session::Session;

/// What stands before a sealed batch of events, in the place of its version: as in the embedded store, where a 1 is one in plain text.
const SEALED: u8 = 2;

/// A document, and what of it is sealed: it opens in no other.
pub(crate) struct Spot {
    collection: &'static str,
    id: String,
    field: &'static str,
}

/// Seals by the key of one tenant. Within a transaction that is read once: nothing that a transaction reads is kept.
pub(crate) struct Sealing<'a> {
    tenant: &'a TenantId,
    key: Arc<Key>,
}

/// The code of a version.
pub(crate) fn code(utility: &str, number: u32) -> Spot {
    Spot { collection: VERSION_CODE.name, id: format!("{utility}/{number}"), field: "code" }
}

/// What an execution takes and gives.
pub(crate) fn execution(id: &str) -> Spot {
    Spot { collection: EXECUTIONS.name, id: id.to_owned(), field: "contents" }
}

/// A batch of events, by the number of its first.
pub(crate) fn events(execution: &str, first: u64) -> Spot {
    Spot { collection: OUTPUT.name, id: format!("{execution}/{first}"), field: "events" }
}

// === impl Sealing ===

impl<'a> Sealing<'a> {
    /// The tenant's key, made where there is none. For transactions, and only for what is there: a tenant that is gone gets no key again.
    pub(crate) async fn begin(session: &mut Session, tenant: &'a TenantId) -> Result<Self> {
        let shared = Arc::clone(&session.shared);
        Ok(Sealing { tenant, key: shared.vault.tenant_key(session, tenant).await? })
    }

    pub(crate) fn seal(&self, spot: &Spot, bytes: &[u8]) -> Vec<u8> {
        self.key.seal(spot.place(self.tenant), bytes)
    }

    /// A batch as it is stored.
    pub(crate) fn seal_batch(&self, spot: &Spot, events: &[u8]) -> Vec<u8> {
        [&[SEALED], self.seal(spot, events).as_slice()].concat()
    }
}

// === reading ===

/// Opens a text that was sealed for this very document.
pub(crate) async fn open_text(session: &mut Session, tenant: &TenantId, spot: &Spot, sealed: &[u8]) -> Result<Zeroizing<String>> {
    let mut bytes = open(session, tenant, spot, sealed).await?;
    let text = String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new);
    text.map_err(|error| spot.broken(tenant, error.utf8_error()))
}

/// A batch as it was before it was sealed.
pub(crate) async fn open_batch(session: &mut Session, tenant: &TenantId, spot: &Spot, stored: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    match stored.split_first() {
        Some((&SEALED, sealed)) => open(session, tenant, spot, sealed).await,
        _ => Err(spot.broken(tenant, "it is no sealed batch")),
    }
}

async fn open(session: &mut Session, tenant: &TenantId, spot: &Spot, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let shared = Arc::clone(&session.shared);
    shared.vault.open_of_tenant(session, tenant, spot.collection, spot.place(tenant), sealed).await
}

// === impl Spot ===

impl Spot {
    fn place<'a>(&'a self, tenant: &'a TenantId) -> Place<'a> {
        Place { tenant: tenant.as_str(), collection: self.collection, id: &self.id, field: self.field }
    }

    fn broken(&self, tenant: &TenantId, source: impl Into<domain::error::Source>) -> Error {
        Error::undecodable(self.collection, format!("{tenant}/{}", self.id), source)
    }
}
