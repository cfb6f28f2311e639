//! What of a deleted tenant goes after its executions and utilities, in steps: whatever is in any collection under its code, and at last
//! its keys.

use std::sync::Arc;

use domain::name::TenantId;
use domain::time::Timestamp;
use mongodb::bson::{Bson, Document, doc};

use crate::collections::{
    self, AUDIT_CHECKPOINTS, AUDIT_INTENTS, AUDIT_LOGS, AUDIT_RECORDS, AUDIT_TILES, Collection, DATA_KEYS, DELETED_PRINCIPALS, EPOCHS,
    EVENT_LOGS, EVENTS, EXECUTION_PARTS, EXECUTIONS, GRANTS_RECEIVED, OUTPUT, OUTPUT_TOTALS, PRINCIPALS, SUBJECTS, Scope, UTILITIES,
    VERSION_CODE, VERSIONS, WEBHOOK_DELIVERIES,
};
use crate::error::Result;
use crate::row::{Row, integer};
use crate::session::{Select, Session};
use crate::tenants;

/// Collections that are not simply emptied: what goes in steps before, what tells which copies are old and which place in a log of events
/// comes next, what makes void what was issued, what another tenant on legal hold has given, and keys with the persons under whose ids the
/// audit log names them; and that log.
const EXEMPT: [Collection; 18] = [
    AUDIT_CHECKPOINTS,
    AUDIT_INTENTS,
    AUDIT_LOGS,
    AUDIT_RECORDS,
    AUDIT_TILES,
    DATA_KEYS,
    DELETED_PRINCIPALS,
    EPOCHS,
    EVENT_LOGS,
    EXECUTIONS,
    EXECUTION_PARTS,
    GRANTS_RECEIVED,
    OUTPUT,
    OUTPUT_TOTALS,
    SUBJECTS,
    UTILITIES,
    VERSION_CODE,
    VERSIONS,
];
/// Most documents that go in one step.
const STEP: usize = 500;

/// Whether anything is left that goes, or that others share with the tenant.
pub(super) async fn is_due(session: &mut Session, tenant: &TenantId) -> Result<bool> {
    for collection in emptied() {
        if session.exists(collection, of(tenant)).await? {
            return Ok(true);
        }
    }
    let held: Vec<Bson> = tenants::held(session).await?.into_iter().map(Bson::from).collect();
    let left = [
        (DATA_KEYS.name, of(tenant)),
        (SUBJECTS.name, named(tenant, "name")),
        (SUBJECTS.name, named(tenant, "erasing")),
        (DELETED_PRINCIPALS.name, doc! { "tenant": tenant.as_str(), "kind": "user" }),
        (GRANTS_RECEIVED.name, doc! { "tenant": tenant.as_str(), "from": { "$nin": held } }),
    ];
    for (collection, filter) in left {
        if session.exists(collection, filter).await? {
            return Ok(true);
        }
    }
    tenants::holds_somebody(session, tenant).await
}

/// Removes some documents; how many. What is on its way goes before what it was copied from.
pub(super) async fn step(session: &mut Session, tenant: &TenantId, now: Timestamp) -> Result<u64> {
    for collection in [WEBHOOK_DELIVERIES.name, EVENTS.name].into_iter().chain(emptied()) {
        let found = session.find(collection, of(tenant), Select::sorted(doc! { "_id": 1 }, STEP)).await?;
        if collection == PRINCIPALS.name {
            void(session, tenant, &found, now).await?;
        }
        if !found.is_empty() {
            return remove(session, collection, tenant, &found).await;
        }
    }
    let users = doc! { "tenant": tenant.as_str(), "kind": "user" };
    let found = session.find(DELETED_PRINCIPALS.name, users, Select::sorted(doc! { "_id": 1 }, STEP)).await?;
    if !found.is_empty() {
        return remove(session, DELETED_PRINCIPALS.name, tenant, &found).await;
    }
    let shared = Arc::clone(&session.shared);
    shared.vault.destroy_some(session, tenant, now, STEP).await
}

/// Removes what says whose the rest is. What was sealed by the tenant's key and by those of its persons opens nowhere any more, in audit
/// logs neither, but in backups of the database from before.
pub(super) async fn finish(session: &mut Session, tenant: &TenantId, now: Timestamp) -> Result<()> {
    tenants::forget_somebody(session, tenant).await?;
    session.advance_identity(tenant).await?;
    session.tell(domain::change::Changed::CodePolicy { tenant: tenant.clone() });
    let shared = Arc::clone(&session.shared);
    shared.vault.destroy_tenant(session, tenant, now).await
}

/// Whoever makes a service account of the same name after the tenant was resumed gets nothing of the one before.
async fn void(session: &mut Session, tenant: &TenantId, principals: &[Row], now: Timestamp) -> Result<()> {
    for principal in principals {
        let kind = principal.text("kind")?;
        if kind != "user" {
            let key = doc! { "_id": principal.key(), "tenant": tenant.as_str() };
            let voided = doc! { "$set": { "kind": kind, "valid_after": integer(now.as_millis()) } };
            session.upsert(DELETED_PRINCIPALS.name, key, voided).await?;
        }
    }
    Ok(())
}

async fn remove(session: &mut Session, collection: &'static str, tenant: &TenantId, found: &[Row]) -> Result<u64> {
    let keys: Vec<&str> = found.iter().map(Row::key).collect();
    match keys.is_empty() {
        true => Ok(0),
        false => session.delete(collection, doc! { "_id": { "$in": keys }, "tenant": tenant.as_str() }).await,
    }
}

/// Every collection of tenants but those that are exempt: what a later version adds goes without being named here.
fn emptied() -> impl Iterator<Item = &'static str> {
    let of_tenants = collections::ALL.iter().copied().flatten().filter(|collection| collection.scope != Scope::Installation);
    let is_exempt = |name: &str| EXEMPT.iter().any(|exempt| exempt.name == name);
    of_tenants.map(|collection| collection.name).filter(move |name| !is_exempt(name))
}

fn of(tenant: &TenantId) -> Document {
    doc! { "tenant": tenant.as_str() }
}

fn named(tenant: &TenantId, field: &str) -> Document {
    doc! { "tenant": tenant.as_str(), field: { "$exists": true } }
}
