//! Rows of sessions.

use domain::identity::Session;
use domain::name::{PrincipalName, SessionId, SessionName, TenantId};
use domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use storage_documents::SessionDocument;

use crate::connection::integer;
use crate::error::{Error, Result, during};

const TABLE: &str = "sessions";
/// Sessions that have ended and go with each one that begins: more than one, so that they do not pile up.
const FORGOTTEN_AT_ONCE: u32 = 16;

pub(super) fn find_shown(connection: &Connection, id: &SessionId) -> Result<Option<Session>> {
    const QUERY: &str = "SELECT principal, id, document FROM sessions WHERE id = ?1";
    let run = || connection.prepare_cached(QUERY)?.query_row([id.as_str()], read);
    run().optional().map_err(during("reading a session"))?.transpose()
}

pub(super) fn find(connection: &Connection, tenant: &TenantId, principal: &PrincipalName, id: &SessionId) -> Result<Option<Session>> {
    const QUERY: &str = "SELECT principal, id, document FROM sessions WHERE tenant = ?1 AND principal = ?2 AND id = ?3";
    let key = params![tenant.as_str(), principal.as_str(), id.as_str()];
    let run = || connection.prepare_cached(QUERY)?.query_row(key, read);
    run().optional().map_err(during("reading a session"))?.transpose()
}

/// The sessions of a principal.
pub(crate) fn of(connection: &Connection, tenant: &TenantId, principal: &PrincipalName) -> Result<Vec<Session>> {
    const QUERY: &str = "SELECT principal, id, document FROM sessions WHERE tenant = ?1 AND principal = ?2";
    let key = params![tenant.as_str(), principal.as_str()];
    let run = || connection.prepare_cached(QUERY)?.query_map(key, read)?.collect::<rusqlite::Result<Vec<_>>>();
    run().map_err(during("reading sessions"))?.into_iter().collect()
}

/// Stores a session, and forgets some that had ended when it began.
pub(super) fn insert(connection: &Connection, tenant: &TenantId, session: &Session) -> Result<()> {
    const INSERT: &str = "INSERT INTO sessions (tenant, principal, id, expires, revoked, generation, document) \
         VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6)";
    const FORGET: &str = "DELETE FROM sessions WHERE (tenant, principal, id) IN \
         (SELECT tenant, principal, id FROM sessions WHERE expires <= ?1 ORDER BY expires LIMIT ?2)";
    let run = || {
        let (expires, document) = (integer(session.expires.as_millis()), encode(session));
        let row = params![tenant.as_str(), session.principal.as_str(), session.id.as_str(), expires, session.generation, document];
        connection.prepare_cached(INSERT)?.execute(row)?;
        connection.prepare_cached(FORGET)?.execute(params![integer(session.created.as_millis()), FORGOTTEN_AT_ONCE])
    };
    run().map(drop).map_err(during("storing a session"))
}

/// Stores the next generation, where the one before is stored and not revoked.
pub(super) fn rotate(connection: &Connection, tenant: &TenantId, session: &Session) -> Result<bool> {
    const QUERY: &str = "UPDATE sessions SET generation = ?4, document = ?5 \
         WHERE tenant = ?1 AND principal = ?2 AND id = ?3 AND revoked = 0 AND generation = ?6";
    let Some(before) = session.generation.checked_sub(1) else { return Ok(false) };
    let key = (tenant.as_str(), session.principal.as_str(), session.id.as_str());
    let run = || {
        let row = params![key.0, key.1, key.2, session.generation, encode(session), before];
        connection.prepare_cached(QUERY)?.execute(row)
    };
    run().map(|stored| stored == 1).map_err(during("storing a session"))
}

/// Revokes a session of the tenant; says whether there is one.
pub(super) fn revoke(connection: &Connection, tenant: &TenantId, id: &SessionId, at: Timestamp) -> Result<bool> {
    const QUERY: &str = "UPDATE sessions SET revoked = 1, document = ?4 WHERE tenant = ?1 AND principal = ?2 AND id = ?3";
    let Some(session) = find_shown(connection, id)?.filter(|session| session.principal.tenant() == tenant) else { return Ok(false) };
    let revoked = Session { revoked: session.revoked.or(Some(at)), ..session };
    let row = params![tenant.as_str(), revoked.principal.as_str(), id.as_str(), encode(&revoked)];
    let run = || connection.prepare_cached(QUERY)?.execute(row);
    run().map(|stored| stored == 1).map_err(during("revoking a session"))
}

fn encode(session: &Session) -> String {
    storage_documents::encode(&SessionDocument::from(session))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Session>> {
    let (principal, id): (String, String) = (row.get(0)?, row.get(1)?);
    let name = format!("{principal}/sessions/{id}");
    let broken = |source| Error::undecodable(TABLE, name.clone(), source);
    let parsed = SessionName::parse("name", &name).map_err(|error| broken(error.into()));
    let document = storage_documents::decode::<SessionDocument>(row.get_ref(2)?.as_str()?).map_err(broken);
    Ok(parsed.and_then(|name| document?.into_session(name.principal, name.session).map_err(|error| broken(error.into()))))
}
