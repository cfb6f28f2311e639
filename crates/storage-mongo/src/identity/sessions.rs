//! Documents of sessions. A session is kept under its own id, by which it is looked for before it is known who calls.

use domain::identity::Session as Entity;
use domain::name::{PrincipalName, SessionId, SessionName, TenantId};
use domain::time::Timestamp;
use mongodb::bson::{Bson, Document, doc};
use storage_documents::SessionDocument;

use crate::collections::SESSIONS;
use crate::error::{Error, Result};
use crate::row::{Row, integer};
use crate::session::{Select, Session};

/// Sessions that have ended and go with each one that begins: more than one, so that they do not pile up.
const FORGOTTEN_AT_ONCE: usize = 16;
/// Sessions of one principal that are shown; more are not looked at.
const MAX_SHOWN: usize = 10_000;

pub(super) async fn find_shown(session: &mut Session, id: &SessionId) -> Result<Option<Entity>> {
    let found = session.find_one(SESSIONS.name, doc! { "_id": id.as_str() }).await?;
    found.map(|found| read(&found)).transpose()
}

pub(super) async fn find(session: &mut Session, tenant: &TenantId, principal: &PrincipalName, id: &SessionId) -> Result<Option<Entity>> {
    let found = session.find_one(SESSIONS.name, key(tenant, principal, id)).await?;
    found.map(|found| read(&found)).transpose()
}

/// The sessions of a principal.
pub(crate) async fn of(session: &mut Session, tenant: &TenantId, principal: &PrincipalName) -> Result<Vec<Entity>> {
    let filter = doc! { "tenant": tenant.as_str(), "principal": principal.as_str() };
    let found = session.find(SESSIONS.name, filter, Select::sorted(doc! { "_id": 1 }, MAX_SHOWN)).await?;
    found.iter().map(read).collect()
}

pub(super) async fn insert(session: &mut Session, tenant: &TenantId, begun: &Entity) -> Result<()> {
    let document = doc! {
        "_id": begun.id.as_str(),
        "tenant": tenant.as_str(),
        "principal": begun.principal.as_str(),
        "expires": integer(begun.expires.as_millis()),
        "revoked": false,
        "generation": i64::from(begun.generation),
        "document": encode(begun),
    };
    let is_free = session.insert(SESSIONS.name, document).await?;
    is_free.then_some(()).ok_or(Error::Misused("a session whose id is taken"))
}

/// Forgets some sessions of a tenant that have ended. Outside of transactions: of two that forget the same, neither waits.
pub(super) async fn forget_some(session: &mut Session, tenant: &TenantId, now: Timestamp) -> Result<()> {
    let ended = doc! { "tenant": tenant.as_str(), "expires": { "$lt": integer(now.as_millis()) + 1 } };
    let found = session.find(SESSIONS.name, ended, Select::sorted(doc! { "expires": 1 }, FORGOTTEN_AT_ONCE)).await?;
    let ids: Vec<Bson> = found.iter().map(|found| Bson::from(found.key())).collect();
    if ids.is_empty() {
        return Ok(());
    }
    session.delete(SESSIONS.name, doc! { "_id": { "$in": ids }, "tenant": tenant.as_str() }).await.map(drop)
}

/// Stores the next generation, where the one before is stored and not revoked.
pub(super) async fn rotate(session: &mut Session, tenant: &TenantId, next: &Entity) -> Result<bool> {
    let Some(before) = next.generation.checked_sub(1) else { return Ok(false) };
    let mut filter = key(tenant, &next.principal, &next.id);
    filter.extend(doc! { "revoked": false, "generation": i64::from(before) });
    let update = doc! { "$set": { "generation": i64::from(next.generation), "document": encode(next) } };
    session.update(SESSIONS.name, filter, update).await
}

/// Revokes a session of the tenant; says whether there is one.
pub(super) async fn revoke(session: &mut Session, tenant: &TenantId, id: &SessionId, at: Timestamp) -> Result<bool> {
    let found = find_shown(session, id).await?.filter(|found| found.principal.tenant() == tenant);
    let Some(found) = found else { return Ok(false) };
    let revoked = Entity { revoked: found.revoked.or(Some(at)), ..found };
    let update = doc! { "$set": { "revoked": true, "document": encode(&revoked) } };
    session.update(SESSIONS.name, key(tenant, &revoked.principal, id), update).await
}

/// Deletes the sessions of a principal.
pub(crate) async fn delete_of(session: &mut Session, tenant: &TenantId, principal: &PrincipalName) -> Result<()> {
    let filter = doc! { "tenant": tenant.as_str(), "principal": principal.as_str() };
    session.delete(SESSIONS.name, filter).await.map(drop)
}

fn key(tenant: &TenantId, principal: &PrincipalName, id: &SessionId) -> Document {
    doc! { "_id": id.as_str(), "tenant": tenant.as_str(), "principal": principal.as_str() }
}

fn encode(session: &Entity) -> String {
    storage_documents::encode(&SessionDocument::from(session))
}

fn read(found: &Row) -> Result<Entity> {
    let (principal, id) = (found.text("principal")?, found.key());
    let name = format!("{principal}/sessions/{id}");
    let broken = |source| Error::undecodable(SESSIONS.name, name.clone(), source);
    let parsed = SessionName::parse("name", &name).map_err(|error| broken(error.into()))?;
    let document = storage_documents::decode::<SessionDocument>(found.text("document")?).map_err(broken)?;
    document.into_session(parsed.principal, parsed.session).map_err(|error| broken(error.into()))
}
