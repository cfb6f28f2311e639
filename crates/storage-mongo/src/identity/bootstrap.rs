//! The document of the code for the first super administrator: one of the whole installation.

use domain::event::Happened;
use domain::hash::Hash;
use domain::identity::Principal;
use domain::name::TenantId;
use domain::time::Timestamp;
use mongodb::bson::doc;

use super::principals;
use crate::collections::BOOTSTRAP;
use crate::error::Result;
use crate::session::Session;
use crate::vault::Vault;
use crate::{epochs, events};

/// The id of the one document.
const ONE: &str = "code";

/// Keeps the one code that counts, unless there is an active super administrator.
pub(super) async fn offer(session: &mut Session, code: &Hash) -> Result<bool> {
    // Of two transactions, this one and one that makes a super administrator, only one is stored.
    epochs::guard(session, &TenantId::system()).await?;
    if principals::count_ruling(session, &TenantId::system()).await? > 0 {
        return Ok(false);
    }
    let update = doc! { "$set": { "code": code.to_string() } };
    session.upsert(BOOTSTRAP.name, doc! { "_id": ONE }, update).await?;
    Ok(true)
}

/// Stores the first super administrator in place of the code.
pub(super) async fn redeem(session: &mut Session, vault: &Vault, code: &Hash, principal: &Principal, now: Timestamp) -> Result<bool> {
    let of_code = doc! { "_id": ONE, "code": code.to_string() };
    if session.delete(BOOTSTRAP.name, of_code.clone()).await? == 0 {
        return Ok(false);
    }
    if !principals::insert(session, vault, principal).await? {
        // The name is taken, and the code serves for another.
        session.add(BOOTSTRAP.name, of_code).await?;
        return Ok(false);
    }
    events::note(session, now, &Happened::of_principal(None, principal)).await?;
    Ok(true)
}
