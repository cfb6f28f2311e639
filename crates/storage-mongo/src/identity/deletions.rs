//! Documents of principals that were deleted: since when what was issued to them is void.

use domain::identity::DELETION_REMEMBERED;
use domain::name::{PrincipalName, TenantId};
use domain::time::Timestamp;
use mongodb::bson::{Bson, doc};

use super::names::{kind, of_name};
use crate::collections::DELETED_PRINCIPALS;
use crate::error::Result;
use crate::row::integer;
use crate::session::{Select, Session};
use crate::vault::Vault;

/// Deletions that are forgotten with each one that is remembered: more than one, so that they do not pile up.
const FORGOTTEN_AT_ONCE: usize = 16;

/// Since when what was issued to a principal that was deleted is void; for good, to one who was erased.
pub(super) async fn find(session: &mut Session, vault: &Vault, tenant: &TenantId, name: &PrincipalName) -> Result<Option<Timestamp>> {
    // Whoever asks about another tenant than the scope's finds nothing.
    if name.tenant() != tenant {
        return Ok(None);
    }
    if vault.is_erased(session, name).await? {
        return Ok(Some(Timestamp::from_millis(u64::MAX)));
    }
    let Some(found) = session.find_one(DELETED_PRINCIPALS.name, of_name(name)).await? else { return Ok(None) };
    Ok(Some(Timestamp::from_millis(found.number("valid_after")?)))
}

/// Remembers a deletion, and forgets some others of the tenant that nothing depends on any more.
pub(super) async fn remember(session: &mut Session, name: &PrincipalName, voided: Timestamp, now: Timestamp) -> Result<()> {
    let (tenant, kind_of) = (name.tenant().as_str(), kind(name.kind()));
    let update = doc! { "$set": { "kind": kind_of, "valid_after": integer(voided.as_millis()) } };
    session.upsert(DELETED_PRINCIPALS.name, of_name(name), update).await?;
    // Of two clocks the one that is behind: it is better to remember for too long.
    let past = integer(voided.min(now).minus(DELETION_REMEMBERED).as_millis());
    let old = doc! { "tenant": tenant, "kind": "user", "valid_after": { "$lt": past } };
    let found = session.find(DELETED_PRINCIPALS.name, old, Select::sorted(doc! { "valid_after": 1 }, FORGOTTEN_AT_ONCE)).await?;
    let ids: Vec<Bson> = found.iter().map(|found| Bson::from(found.key())).collect();
    if ids.is_empty() {
        return Ok(());
    }
    session.delete(DELETED_PRINCIPALS.name, doc! { "tenant": tenant, "_id": { "$in": ids } }).await.map(drop)
}

/// Forgets the deletion of a principal.
pub(super) async fn forget(session: &mut Session, name: &PrincipalName) -> Result<()> {
    session.delete(DELETED_PRINCIPALS.name, of_name(name)).await.map(drop)
}
