//! Batches of events as they are stored: a byte 2 and what was sealed, which servers of before stored as it is, beginning with a byte 1.

use std::borrow::Cow;

use domain::name::TenantId;
use rusqlite::Connection;
use storage_documents::frame::VERSION;
use storage_rules::{Spot, batch_of, sealed_batch};

use super::spot::{may_be_plain, open, seal};
use crate::error::Result;
use crate::vault::Vault;

/// Whether a batch is stored as servers did that sealed none.
pub(crate) fn is_plain(stored: &[u8]) -> bool {
    stored.first() == Some(&VERSION)
}

/// A batch as it is stored.
pub(crate) fn seal_batch(connection: &Connection, vault: &Vault, tenant: &TenantId, spot: &Spot, events: &[u8]) -> Result<Vec<u8>> {
    let sealed = seal(connection, vault, tenant, spot, events)?;
    Ok(sealed_batch(&sealed))
}

/// A batch as it was before it was sealed, or as it stands.
pub(crate) fn open_batch<'a>(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    spot: &Spot,
    stored: &'a [u8],
) -> Result<Cow<'a, [u8]>> {
    if let Some(sealed) = batch_of(stored) {
        let mut batch = open(connection, vault, tenant, spot, sealed)?;
        return Ok(std::mem::take(&mut *batch).into());
    }
    if is_plain(stored) {
        may_be_plain(vault, tenant, spot)?;
    }
    Ok(stored.into())
}
