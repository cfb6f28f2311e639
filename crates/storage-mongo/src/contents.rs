//! Seals what callers and their code have written: code, what an execution takes and gives, and its events. Each stands sealed by the
//! key of its tenant, for the document that it is in (see [`Spot`]); what is looked for and ordered by stands beside it in plain text.
//! Nothing was ever stored here that is not sealed, so what stands in plain text is nobody's own work and is refused.

use std::sync::Arc;

use domain::name::TenantId;
use keys::Key;
use storage_rules::{Spot, batch_of, sealed_batch};
use zeroize::Zeroizing;

use crate::error::Result;
use crate::session::Session;

/// Seals by the key of one tenant. Within a transaction that is read once: nothing that a transaction reads is kept.
pub(crate) struct Sealing<'a> {
    tenant: &'a TenantId,
    key: Arc<Key>,
}

// === impl Sealing ===

impl<'a> Sealing<'a> {
    /// The tenant's key, made where there is none. For transactions, and only for what is there: a tenant that is gone gets no key again.
    pub(crate) async fn begin(session: &mut Session, tenant: &'a TenantId) -> Result<Self> {
        let shared = Arc::clone(&session.shared);
        Ok(Sealing { tenant, key: shared.vault.tenant_key(session, tenant).await? })
    }

    pub(crate) fn seal(&self, spot: &Spot, bytes: &[u8]) -> Vec<u8> {
        spot.seal(self.tenant, &self.key, bytes)
    }

    /// A batch as it is stored.
    pub(crate) fn seal_batch(&self, spot: &Spot, events: &[u8]) -> Vec<u8> {
        sealed_batch(&self.seal(spot, events))
    }
}

// === reading ===

/// Opens a text that was sealed for this very document.
pub(crate) async fn open_text(session: &mut Session, tenant: &TenantId, spot: &Spot, sealed: &[u8]) -> Result<Zeroizing<String>> {
    let opened = open(session, tenant, spot, sealed).await?;
    spot.text(tenant, opened)
}

/// A batch as it was before it was sealed.
pub(crate) async fn open_batch(session: &mut Session, tenant: &TenantId, spot: &Spot, stored: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    match batch_of(stored) {
        Some(sealed) => open(session, tenant, spot, sealed).await,
        None => Err(spot.broken(tenant, "it is no sealed batch")),
    }
}

/// Opens what was sealed for this very document.
pub(crate) async fn open(session: &mut Session, tenant: &TenantId, spot: &Spot, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let shared = Arc::clone(&session.shared);
    shared.vault.open_of_tenant(session, tenant, spot.collection, spot.place(tenant), sealed).await
}
