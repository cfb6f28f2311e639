//! Documents of tenants, and answers to requests about them.

use std::sync::Arc;

use domain::identity::Secret;
use domain::name::TenantId;
use domain::page::Page;
use domain::request::{Committed, RequestKey};
use domain::revision::Revision;
use domain::tenant::{Listed, Tenant, TenantNumber, TenantQuery, TenantState, Unreadable};
use domain::time::Timestamp;
use keys::Place;
use mongodb::bson::{Bson, Document, doc};
use storage_documents::TenantDocument;
use storage_rules::PageById;

use crate::collections::{TENANTS, TOTALS};
use crate::error::{Error, Result};
use crate::request::{self, Remembered};
use crate::row::{Row, binary, integer};
use crate::session::{Select, Session};

pub(super) const ORDER: &str = "tenant";
/// Tenants that a sweep over all of them knows: more than an installation is made for.
const MAX_TENANTS: usize = 100_000;

/// A page of tenants; what cannot be read of one is left out.
pub(super) async fn list(session: &mut Session, query: TenantQuery, page: &PageById) -> Result<Page<Listed>> {
    let mut filter = doc! { "_id": { "$gt": &page.after } };
    if !query.show_deleted {
        filter.insert("state", doc! { "$ne": TenantState::Deleted.as_str() });
    }
    let mut rows = session.find(TENANTS.name, filter, Select::sorted(doc! { "_id": 1 }, page.limit())).await?;
    let next = page.cut(&mut rows, Row::key);
    let items = rows.iter().filter_map(|row| listed(session, row).transpose()).collect::<Result<_>>()?;
    Ok(Page { items, next })
}

/// `None` where its code is none, by which nobody could reach it.
fn listed(session: &Session, row: &Row) -> Result<Option<Listed>> {
    let parsed = TenantId::parse("code", row.key()).map_err(|error| Error::undecodable(TENANTS.name, row.key(), error));
    let Some(code) = session.shared.readable(parsed)? else { return Ok(None) };
    Ok(Some(match session.shared.readable(decode_row(row))? {
        Some(tenant) => Listed::Whole(Box::new(tenant)),
        None => {
            let state = row.text("state").ok().and_then(TenantState::parse);
            let number = row.integer("number").ok().and_then(|number| i32::try_from(number).ok()).unwrap_or_default();
            Listed::Unreadable(Unreadable { code, number: TenantNumber::from_stored(number), state })
        }
    }))
}

pub(super) async fn find(session: &mut Session, code: &TenantId) -> Result<Option<Tenant>> {
    let row = session.find_one(TENANTS.name, doc! { "_id": code.as_str() }).await?;
    row.map(|row| decode_row(&row)).transpose()
}

/// The codes of tenants that a legal hold keeps.
pub(crate) async fn held(session: &mut Session) -> Result<Vec<String>> {
    let select = Select { fields: doc! { "_id": 1 }, limit: MAX_TENANTS, ..Select::default() };
    let found = session.find(TENANTS.name, doc! { "held": true }, select).await?;
    Ok(found.iter().map(|row| row.key().to_owned()).collect())
}

/// The codes of tenants that have settled how long they keep executions.
pub(crate) async fn settled(session: &mut Session) -> Result<Vec<String>> {
    let select = Select { fields: doc! { "_id": 1 }, limit: MAX_TENANTS, ..Select::default() };
    let found = session.find(TENANTS.name, doc! { "settles_executions": true }, select).await?;
    Ok(found.iter().map(|row| row.key().to_owned()).collect())
}

/// Whether a legal hold keeps everything of a tenant.
pub(crate) async fn is_held(session: &mut Session, code: &TenantId) -> Result<bool> {
    session.exists(TENANTS.name, doc! { "_id": code.as_str(), "held": true }).await
}

/// Whether a tenant is at this revision, and at any where none is given, and in this state, likewise.
pub(crate) async fn is_at(session: &mut Session, code: &TenantId, revision: Option<Revision>, state: Option<TenantState>) -> Result<bool> {
    let mut filter = doc! { "_id": code.as_str() };
    if let Some(revision) = revision {
        filter.insert("revision", integer(revision.as_u64()));
    }
    if let Some(state) = state {
        filter.insert("state", state.as_str());
    }
    session.exists(TENANTS.name, filter).await
}

/// The codes of all tenants. A code that is none names nothing that anybody could reach.
pub(super) async fn codes(session: &mut Session) -> Result<Vec<TenantId>> {
    let select = Select { sort: doc! { "_id": 1 }, limit: MAX_TENANTS, fields: doc! { "_id": 1 } };
    let found = session.find(TENANTS.name, Document::new(), select).await?;
    Ok(found.iter().filter_map(|row| TenantId::parse("code", row.key()).ok()).collect())
}

/// The number of a new tenant; `None` where its code is taken.
pub(super) async fn insert(session: &mut Session, tenant: &Tenant) -> Result<Option<i32>> {
    if session.exists(TENANTS.name, doc! { "_id": tenant.code.as_str() }).await? {
        return Ok(None);
    }
    let number = session.advance(TOTALS.name, doc! { "_id": TENANTS.name }, "value", 1).await?;
    let mut document = doc! { "_id": tenant.code.as_str(), "tenant": tenant.code.as_str(), "number": number };
    document.extend(fields(tenant));
    session.add(TENANTS.name, document).await?;
    i32::try_from(number).map(Some).map_err(|_too_many| Error::Misused("more tenants than there are numbers"))
}

/// Stores a tenant where the stored one has this revision; says whether it had.
pub(super) async fn update(session: &mut Session, tenant: &Tenant, expected: Revision) -> Result<bool> {
    let filter = doc! { "_id": tenant.code.as_str(), "revision": integer(expected.as_u64()) };
    session.update(TENANTS.name, filter, doc! { "$set": fields(tenant) }).await
}

fn fields(tenant: &Tenant) -> Document {
    doc! {
        "state": tenant.state.as_str(),
        "revision": integer(tenant.revision.as_u64()),
        "held": tenant.settings.legal_hold,
        "settles_executions": tenant.settings.keep.executions.is_some(),
        "max_utilities": tenant.settings.quota.utilities.map_or(Bson::Null, |most| Bson::Int64(i64::from(most.get()))),
        "document": encode(tenant),
    }
}

/// Keeps the password of a tenant's database, sealed; an empty one takes it away.
pub(super) async fn keep_password(session: &mut Session, code: &TenantId, password: Option<&Secret>) -> Result<()> {
    let Some(password) = password else { return Ok(()) };
    let place = Place { tenant: code.as_str(), collection: TENANTS.name, id: "", field: "db_password" };
    let change = match password.expose() {
        "" => doc! { "$unset": { "db_password": "" } },
        text => {
            let shared = Arc::clone(&session.shared);
            let sealed = shared.vault.seal_of_tenant(session, code, place, text.as_bytes()).await?;
            doc! { "$set": { "db_password": binary(sealed) } }
        }
    };
    session.update(TENANTS.name, doc! { "_id": code.as_str() }, change).await.map(drop)
}

/// Whether what is kept of a tenant itself holds its secret, or says who has agreed for it.
pub(crate) async fn holds_somebody(session: &mut Session, code: &TenantId) -> Result<bool> {
    let Some(row) = session.find_one(TENANTS.name, doc! { "_id": code.as_str() }).await? else { return Ok(false) };
    Ok(row.find_bytes("db_password")?.is_some() || decode_row(&row).is_ok_and(|tenant| tenant.settings.consent.said.is_some()))
}

/// Removes a tenant's secret, and who has agreed for it. What cannot be read of it stays as it is.
pub(crate) async fn forget_somebody(session: &mut Session, code: &TenantId) -> Result<()> {
    let id = doc! { "_id": code.as_str() };
    let Some(row) = session.find_one(TENANTS.name, id.clone()).await? else { return Ok(()) };
    let mut change = doc! { "$unset": { "db_password": "" } };
    if let Some(mut tenant) = session.shared.readable(decode_row(&row))? {
        tenant.settings.consent.said = None;
        change.insert("$set", doc! { "document": encode(&tenant) });
    }
    session.update(TENANTS.name, id, change).await.map(drop)
}

pub(super) async fn remember(session: &mut Session, asked_in: &TenantId, key: &RequestKey, now: Timestamp, answer: &Tenant) -> Result<()> {
    request::remember(session, asked_in, key, now, answer.code.as_str(), Some(&encode(answer))).await
}

/// What a request was answered with, at or after `since`.
pub(super) async fn answered(
    session: &mut Session,
    asked_in: &TenantId,
    key: &RequestKey,
    since: Timestamp,
) -> Result<Option<Committed<Tenant>>> {
    let (resource, answer) = match request::find(session, asked_in, key, since).await? {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let broken = |source: domain::error::Source| Error::undecodable("requests", resource.clone(), source);
    let code = TenantId::parse("code", &resource).map_err(|error| broken(error.into()))?;
    let text = answer.ok_or_else(|| broken("the answer is missing".into()))?;
    // A number never changes, so it is not part of the answer.
    let Some(tenant) = find(session, &code).await? else {
        return Ok(Some(Committed::Removed { resource: format!("tenants/{code}") }));
    };
    Ok(Some(Committed::Answered(Box::new(decode(code, tenant.number.as_i32(), &text)?))))
}

fn encode(tenant: &Tenant) -> String {
    storage_documents::encode(&TenantDocument::from(tenant))
}

fn decode_row(row: &Row) -> Result<Tenant> {
    let code = TenantId::parse("code", row.key()).map_err(|error| Error::undecodable(TENANTS.name, row.key(), error))?;
    let number = i32::try_from(row.integer("number")?).map_err(|_too_large| row.broken("number"))?;
    decode(code, number, row.text("document")?)
}

fn decode(code: TenantId, number: i32, text: &str) -> Result<Tenant> {
    let key = code.to_string();
    let document = storage_documents::decode::<TenantDocument>(text);
    let tenant = document.and_then(|document| Ok(document.into_tenant(code, number)?));
    tenant.map_err(|source| Error::undecodable(TENANTS.name, key, source))
}
