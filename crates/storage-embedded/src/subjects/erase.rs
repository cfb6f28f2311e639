//! The commit with which an erasure begins.

use domain::access::Grantee;
use domain::event::Happened;
use domain::identity::{Erasure, SubjectState};
use domain::name::{PrincipalName, TenantId};
use domain::request::Committed;
use domain::time::Timestamp;
use rusqlite::{Connection, params};
use storage_rules::Person;

use crate::connection::integer;
use crate::error::{Error, Result, during};
use crate::events;
use crate::identity::principals;
use crate::request::{self, Remembered};
use crate::tenants::is_held;
use crate::vault::Vault;

/// Whether something is kept of a user: as a user, or as one who has acted.
pub(super) fn find(connection: &Connection, vault: &Vault, tenant: &TenantId, user: &PrincipalName) -> Result<Option<SubjectState>> {
    const ACTED: &str = "SELECT EXISTS (SELECT 1 FROM audit_records WHERE tenant = ?1 AND actor = ?2)";
    if user.tenant() != tenant {
        return Ok(None);
    }
    let Some(person) = vault.find_person(connection, user)? else { return Ok(None) };
    if let Person::Erased(erased) = person {
        return Ok(Some(SubjectState::Erased(erased)));
    }
    let acted = || connection.prepare_cached(ACTED)?.query_row(params![tenant.as_str(), person.reference()], |row| row.get::<_, bool>(0));
    let is_known = principals::find(connection, vault, tenant, user)?.is_some() || acted().map_err(during("looking for a person"))?;
    Ok(is_known.then_some(SubjectState::Known))
}

pub(super) fn erase(
    connection: &Connection,
    vault: &Vault,
    erasure: &Erasure,
    (now, since): (Timestamp, Timestamp),
) -> Result<Committed<PrincipalName>> {
    let (user, tenant) = (&erasure.user, erasure.user.tenant());
    if let Some(key) = &erasure.request
        && let Some(answered) = answer(request::find(connection, tenant, key, since)?)?
    {
        return Ok(answered);
    }
    if is_held(connection, tenant)? {
        // It was not when this was judged.
        return Ok(Committed::Conflict);
    }
    let stored = principals::find(connection, vault, tenant, user)?;
    if stored.as_ref().map(|stored| stored.revision) != erasure.principal.as_ref().map(|judged| judged.revision) {
        return Ok(Committed::Conflict);
    }
    let erased = match vault.person(connection, user)? {
        Person::Known(subject) => {
            let erased = vault.destroy(connection, &subject, now)?;
            delete(connection, user).map_err(during("deleting a person"))?;
            if let Some(deleted) = &stored {
                // By the name, which others know: it is replaced like everywhere else.
                events::note(connection, now, &[Happened::of_deletion(deleted)])?;
            }
            erased
        }
        Person::Erased(erased) => erased,
    };
    if let Some(key) = &erasure.request {
        request::remember(connection, tenant, key, now, erased.as_str(), None)?;
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

/// What there is under the name itself. That it was deleted is remembered with the digest of the name.
fn delete(connection: &Connection, user: &PrincipalName) -> rusqlite::Result<()> {
    const PRINCIPAL: &str = "DELETE FROM principals WHERE tenant = ?1 AND kind = 'user' AND id = ?2";
    const DELETION: &str = "DELETE FROM deleted_principals WHERE tenant = ?1 AND kind = 'user' AND id = ?2";
    const SESSIONS: &str = "DELETE FROM sessions WHERE tenant = ?1 AND principal = ?2";
    const GRANTS: &str = "DELETE FROM grants WHERE tenant = ?1 AND grantee = ?2";
    let (tenant, grantee) = (user.tenant().as_str(), Grantee::Principal(user.clone()).to_string());
    for (query, key) in [(PRINCIPAL, user.id()), (DELETION, user.id()), (SESSIONS, user.as_str()), (GRANTS, grantee.as_str())] {
        connection.prepare_cached(query)?.execute(params![tenant, key])?;
    }
    Ok(())
}

/// Erasures whose names are not replaced everywhere yet, of tenants that no legal hold keeps: names, what stands for them, and since when.
pub(super) fn unfinished(connection: &Connection, vault: &Vault) -> Result<Vec<Unfinished>> {
    const QUERY: &str = "SELECT tenant, id, erased, erasing FROM subjects WHERE erasing IS NOT NULL \
         AND tenant NOT IN (SELECT code FROM tenants WHERE held) LIMIT 100";
    let run = || {
        let mut statement = connection.prepare_cached(QUERY)?;
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get::<_, Vec<u8>>(3)?))
        })?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    let rows = run().map_err(during("looking for erasures"))?;
    let open = |(tenant, id, since, sealed): (String, String, i64, Vec<u8>)| {
        let tenant = TenantId::parse("tenant", &tenant).map_err(|error| Error::undecodable("subjects", tenant, error))?;
        let user = vault.open_erasing(connection, &tenant, &id, &sealed)?;
        let since = Timestamp::from_millis(since.unsigned_abs());
        Ok::<_, Error>(Unfinished { user, erased: PrincipalName::erased(&tenant, &id), since })
    };
    rows.into_iter().map(open).collect()
}

/// An erasure that is not over.
#[derive(Debug, Clone)]
pub(super) struct Unfinished {
    pub(super) user: PrincipalName,
    /// What stands for the user.
    pub(super) erased: PrincipalName,
    pub(super) since: Timestamp,
}

/// Whether something of the user still runs, which may bring the name back when it ends.
pub(super) fn is_running(connection: &Connection, erasing: &Unfinished) -> Result<bool> {
    const QUERY: &str = "SELECT EXISTS (SELECT 1 FROM executions WHERE unfinished = 1 AND caller IN (?1, ?2))";
    const OPERATIONS: &str =
        "SELECT EXISTS (SELECT 1 FROM operations INDEXED BY operations_live WHERE unfinished = 1 AND creator IN (?1, ?2))";
    let key = params![erasing.user.as_str(), erasing.erased.as_str()];
    let is_any = |query: &str| connection.prepare_cached(query)?.query_row(key, |row| row.get::<_, bool>(0));
    let run = || Ok(is_any(QUERY)? || is_any(OPERATIONS)?);
    run().map_err(during("looking for executions of a person"))
}

/// Forgets the name of an erasure that is over; under a legal hold, which keeps rows from being changed, none is.
pub(super) fn finish(connection: &Connection, erasing: &Unfinished) -> Result<()> {
    const QUERY: &str = "UPDATE subjects SET erasing = NULL WHERE tenant = ?1 AND id = ?2 AND erased <= ?3 \
         AND tenant NOT IN (SELECT code FROM tenants WHERE held)";
    let (tenant, id) = (erasing.erased.tenant().as_str(), erasing.erased.erased_id().unwrap_or_default());
    let run = || connection.prepare_cached(QUERY)?.execute(params![tenant, id, integer(erasing.since.as_millis())]);
    run().map(drop).map_err(during("finishing an erasure"))
}
