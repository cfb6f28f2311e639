//! The transaction with which an erasure begins, and what is known of those that are not over.

use domain::event::Happened;
use domain::identity::{Erasure, SubjectState};
use domain::name::{PrincipalName, TenantId};
use domain::request::Committed;
use domain::time::Timestamp;
use mongodb::bson::{Bson, doc};
use storage_rules::Person;

use crate::collections::{AUDIT_RECORDS, EXECUTIONS, OPERATIONS, SUBJECTS};
use crate::epochs;
use crate::error::{Error, Result};
use crate::events;
use crate::identity::principals;
use crate::request::{self, Remembered};
use crate::row::{Row, integer};
use crate::session::{Select, Session};
use crate::tenants::{held, is_held};
use crate::vault::Vault;

/// Erasures that one call goes on with.
const AT_ONCE: usize = 100;

/// Whether something is kept of a user: as a user, or as one who has acted.
pub(super) async fn find(session: &mut Session, vault: &Vault, tenant: &TenantId, user: &PrincipalName) -> Result<Option<SubjectState>> {
    if user.tenant() != tenant {
        return Ok(None);
    }
    let Some(person) = vault.find_person(session, user).await? else { return Ok(None) };
    if let Person::Erased(erased) = person {
        return Ok(Some(SubjectState::Erased(erased)));
    }
    let acted = doc! { "tenant": tenant.as_str(), "actor": person.reference() };
    let is_known = principals::find(session, vault, tenant, user).await?.is_some() || session.exists(AUDIT_RECORDS.name, acted).await?;
    Ok(is_known.then_some(SubjectState::Known))
}

pub(super) async fn erase(
    session: &mut Session,
    vault: &Vault,
    erasure: &Erasure,
    (now, since): (Timestamp, Timestamp),
) -> Result<Committed<PrincipalName>> {
    let (user, tenant) = (&erasure.user, erasure.user.tenant());
    if let Some(key) = &erasure.request
        && let Some(answered) = answer(request::find(session, tenant, key, since).await?)?
    {
        return Ok(answered);
    }
    if is_held(session, tenant).await? {
        // It was not when this was judged.
        return Ok(Committed::Conflict);
    }
    let stored = principals::find(session, vault, tenant, user).await?;
    if stored.as_ref().map(|stored| stored.revision) != erasure.principal.as_ref().map(|judged| judged.revision) {
        return Ok(Committed::Conflict);
    }
    let erased = match vault.person(session, user).await? {
        Person::Known(subject) => {
            let erased = vault.destroy(session, &subject, now).await?;
            principals::delete_erased(session, user).await?;
            if let Some(deleted) = &stored {
                // By the name, which others know: it is replaced like everywhere else.
                events::note(session, now, &[Happened::of_deletion(deleted)]).await?;
            }
            erased
        }
        Person::Erased(erased) => erased,
    };
    if let Some(key) = &erasure.request {
        request::remember(session, tenant, key, now, erased.as_str(), None).await?;
    }
    Ok(Committed::Stored)
}

pub(super) fn answer(remembered: Option<Remembered>) -> Result<Option<Committed<PrincipalName>>> {
    Ok(match remembered {
        None => None,
        Some(Remembered::Reused) => Some(Committed::KeyReused),
        Some(Remembered::Answered { resource, .. }) => {
            let name = PrincipalName::parse("name", &resource).map_err(|error| Error::undecodable("requests", resource, error))?;
            Some(Committed::Answered(Box::new(name)))
        }
    })
}

/// An erasure that is not over.
#[derive(Debug, Clone)]
pub(super) struct Unfinished {
    pub(super) user: PrincipalName,
    /// What stands for the user.
    pub(super) erased: PrincipalName,
    pub(super) since: Timestamp,
}

/// Erasures whose names are not replaced everywhere yet, of tenants that no legal hold keeps. One that cannot be read keeps no other from
/// going on.
pub(super) async fn unfinished(session: &mut Session, vault: &Vault) -> Result<Vec<Unfinished>> {
    let kept: Vec<Bson> = held(session).await?.into_iter().map(Bson::from).collect();
    let erasing = doc! { "is_erasing": true, "tenant": { "$nin": kept } };
    let found = session.find(SUBJECTS.name, erasing, Select { limit: AT_ONCE, ..Select::default() }).await?;
    let mut unfinished = Vec::new();
    for found in &found {
        let read = read(session, vault, found).await;
        unfinished.extend(session.shared.readable(read)?);
    }
    Ok(unfinished)
}

async fn read(session: &mut Session, vault: &Vault, found: &Row) -> Result<Unfinished> {
    let tenant = TenantId::parse("tenant", found.text("tenant")?);
    let tenant = tenant.map_err(|error| Error::undecodable(SUBJECTS.name, found.key(), error))?;
    let id = found.text("id")?;
    let user = vault.open_erasing(session, &tenant, id, found.bytes("erasing")?).await?;
    let since = Timestamp::from_millis(found.number("erased")?);
    Ok(Unfinished { user, erased: PrincipalName::erased(&tenant, id), since })
}

/// Whether something of the user still runs, which may bring the name back when it ends.
pub(super) async fn is_running(session: &mut Session, erasing: &Unfinished) -> Result<bool> {
    let callers = [erasing.user.as_str(), erasing.erased.as_str()];
    let running = doc! { "unfinished": true, "caller": { "$in": callers.as_slice() } };
    let begun = doc! { "unfinished": true, "creator": { "$in": callers.as_slice() } };
    Ok(session.exists(EXECUTIONS.name, running).await? || session.exists(OPERATIONS.name, begun).await?)
}

/// Forgets the name of an erasure that is over; under a legal hold, which keeps documents from being changed, none is.
pub(super) async fn finish(session: &mut Session, erasing: &Unfinished) -> Result<()> {
    let tenant = erasing.erased.tenant();
    epochs::guard(session, tenant).await?;
    if is_held(session, tenant).await? {
        return Ok(());
    }
    let since = integer(erasing.since.as_millis());
    let over = doc! { "tenant": tenant.as_str(), "id": erasing.erased.erased_id(), "erased": { "$lt": since + 1 } };
    // By the index of ids, as no key is known here.
    session.update_all(SUBJECTS.name, over, doc! { "$unset": { "erasing": "", "is_erasing": "" } }).await.map(drop)
}
