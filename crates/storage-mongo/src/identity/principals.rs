//! Documents of users and service accounts, and answers to their requests.

use domain::access::Grantee;
use domain::event::Happened;
use domain::identity::{Principal, PrincipalChange, PrincipalQuery};
use domain::name::{PrincipalKind, PrincipalName, TenantId};
use domain::page::Page;
use domain::request::{Committed, Expected};
use domain::revision::Revision;
use domain::time::Timestamp;
use mongodb::bson::{Bson, doc};
use storage_documents::PrincipalDocument;
use storage_rules::{PageById, Person, Trouble};

use super::names::{kind, of_name};
use super::{api_keys, deletions, sessions};
use crate::collections::{GRANTS, PRINCIPALS};
use crate::error::{Error, Result};
use crate::request::{self, Remembered};
use crate::row::{Row, integer};
use crate::session::{Select, Session};
use crate::vault::Vault;
use crate::{epochs, events};

/// The name of the order of a list.
pub(super) const ORDER: &str = "principal";
/// What is sealed of a user, as its place names it.
const DISPLAY_NAME: &str = "display_name";
/// What a user is shown to be called where that does not open: nobody is kept from signing in, or from being disabled, by it.
const UNREADABLE: &str = "(cannot be opened)";
/// Super administrators of a tenant that are counted; whether there are more changes nothing.
const MAX_RULING: usize = 1_000;

/// A page of principals of a tenant. One that cannot be read hides no other.
pub(super) async fn list(
    session: &mut Session,
    vault: &Vault,
    tenant: &TenantId,
    query: &PrincipalQuery,
    page: &PageById,
) -> Result<Page<Principal>> {
    let mut filter = doc! { "tenant": tenant.as_str(), "kind": kind(query.kind), "id": { "$gt": &page.after } };
    if let Some(only) = &query.only {
        // Somebody of another tenant or kind reaches nobody here.
        let is_here = only.tenant() == tenant && only.kind() == query.kind;
        let only = if is_here { Bson::from(only.id()) } else { Bson::Null };
        filter.insert("id", doc! { "$eq": only, "$gt": &page.after });
    }
    let mut found = session.find(PRINCIPALS.name, filter, Select::sorted(doc! { "id": 1 }, page.limit())).await?;
    let next = page.cut(&mut found, |found| found.text("id").unwrap_or_default());
    let mut items = Vec::new();
    for found in &found {
        let read = read(session, vault, tenant, query.kind, found).await;
        items.extend(session.shared.readable(read)?);
    }
    Ok(Page { items, next })
}

async fn read(session: &mut Session, vault: &Vault, tenant: &TenantId, kind: PrincipalKind, found: &Row) -> Result<Principal> {
    let collection = match kind {
        PrincipalKind::User => "users",
        PrincipalKind::ServiceAccount => "serviceAccounts",
    };
    let text = format!("tenants/{tenant}/{collection}/{}", found.text("id")?);
    let name = PrincipalName::parse("name", &text).map_err(|error| Error::undecodable(PRINCIPALS.name, text, error))?;
    decode(session, vault, &name, found.text("document")?).await
}

pub(crate) async fn find(session: &mut Session, vault: &Vault, tenant: &TenantId, name: &PrincipalName) -> Result<Option<Principal>> {
    // Whoever asks about another tenant than the scope's finds nothing.
    if name.tenant() != tenant {
        return Ok(None);
    }
    let Some(text) = stored(session, name).await? else { return Ok(None) };
    decode(session, vault, name, &text).await.map(Some)
}

/// The document of a principal, as it is stored.
async fn stored(session: &mut Session, name: &PrincipalName) -> Result<Option<String>> {
    let found = session.find_one(PRINCIPALS.name, of_name(name)).await?;
    found.map(|found| found.text("document").map(str::to_owned)).transpose()
}

/// Whether there is a principal of this name.
pub(crate) async fn exists(session: &mut Session, name: &PrincipalName) -> Result<bool> {
    session.exists(PRINCIPALS.name, of_name(name)).await
}

/// Counted over an index that holds only those: there are a few.
pub(super) async fn count_ruling(session: &mut Session, tenant: &TenantId) -> Result<u64> {
    let ruling = doc! { "tenant": tenant.as_str(), "ruling": true };
    Ok(session.count(PRINCIPALS.name, ruling, MAX_RULING).await? as u64)
}

pub(super) async fn commit(
    session: &mut Session,
    vault: &Vault,
    tenant: &TenantId,
    change: &PrincipalChange,
    (now, since): (Timestamp, Timestamp),
) -> Result<Committed<Principal>> {
    let principal = &change.principal;
    if let Some(key) = &change.request {
        let remembered = request::find(session, tenant, key, since).await?;
        if let Some(answered) = answer(session, vault, remembered).await? {
            return Ok(answered);
        }
    }
    let before = find(session, vault, tenant, &principal.name).await?;
    let is_stored = match change.expected {
        Expected::Absent => insert(session, vault, principal).await?,
        Expected::Revision(revision) if change.deletes => delete(session, tenant, principal, revision, now).await?,
        Expected::Revision(revision) => update(session, vault, tenant, principal, revision).await?,
    };
    if !is_stored {
        return Ok(Committed::Conflict);
    }
    let happened = match change.deletes {
        true => vec![Happened::of_deletion(principal)],
        false => Happened::of_principal(before.as_ref(), principal),
    };
    events::note(session, now, &happened).await?;
    if let Some(key) = &change.request {
        let document = encode(session, vault, &principal.without_secret()).await?;
        request::remember(session, tenant, key, now, principal.name.as_str(), Some(&document)).await?;
    }
    Ok(Committed::Stored)
}

/// Stores a new one, unless there is one, or somebody of this name was erased.
pub(super) async fn insert(session: &mut Session, vault: &Vault, principal: &Principal) -> Result<bool> {
    let name = &principal.name;
    if exists(session, name).await? || vault.is_erased(session, name).await? {
        return Ok(false);
    }
    let mut row = of_name(name);
    row.extend(doc! {
        "kind": kind(name.kind()),
        "id": name.id(),
        "revision": integer(principal.revision.as_u64()),
        "document": encode(session, vault, principal).await?,
    });
    if principal.is_ruling() {
        // There only where it is true, so that the index of those who rule is as small as they are few.
        row.insert("ruling", true);
    }
    session.add(PRINCIPALS.name, row).await?;
    Ok(true)
}

pub(crate) async fn update(
    session: &mut Session,
    vault: &Vault,
    tenant: &TenantId,
    principal: &Principal,
    expected: Revision,
) -> Result<bool> {
    let name = &principal.name;
    // Somebody who signs in beside an erasure was read before it.
    if name.tenant() != tenant || vault.is_erased(session, name).await? {
        return Ok(false);
    }
    let document = encode(session, vault, principal).await?;
    let mut update = doc! { "$set": { "revision": integer(principal.revision.as_u64()), "document": document } };
    match principal.is_ruling() {
        true => update.get_document_mut("$set").expect("it was made above").insert("ruling", true),
        false => update.insert("$unset", doc! { "ruling": "" }),
    };
    let mut filter = of_name(name);
    filter.insert("revision", integer(expected.as_u64()));
    session.update(PRINCIPALS.name, filter, update).await
}

/// Deletes a principal with all that was issued and granted to it.
async fn delete(session: &mut Session, tenant: &TenantId, principal: &Principal, expected: Revision, now: Timestamp) -> Result<bool> {
    let name = &principal.name;
    let mut filter = of_name(name);
    filter.insert("revision", integer(expected.as_u64()));
    if session.delete(PRINCIPALS.name, filter).await? == 0 {
        return Ok(false);
    }
    api_keys::delete_of(session, tenant, name).await?;
    sessions::delete_of(session, tenant, name).await?;
    delete_grants(session, name).await?;
    deletions::remember(session, name, principal.valid_after, now).await?;
    Ok(true)
}

/// Deletes what there is under the name of somebody who is erased. That it was deleted is remembered with the digest of the name.
pub(crate) async fn delete_erased(session: &mut Session, user: &PrincipalName) -> Result<()> {
    session.delete(PRINCIPALS.name, of_name(user)).await?;
    deletions::forget(session, user).await?;
    sessions::delete_of(session, user.tenant(), user).await?;
    delete_grants(session, user).await
}

/// Takes back what was granted to a principal.
async fn delete_grants(session: &mut Session, name: &PrincipalName) -> Result<()> {
    let grantee = Grantee::Principal(name.clone()).to_string();
    session.delete(GRANTS.name, doc! { "tenant": name.tenant().as_str(), "grantee": grantee }).await?;
    epochs::advance_grants(session, name.tenant()).await
}

pub(super) async fn answer(session: &mut Session, vault: &Vault, remembered: Option<Remembered>) -> Result<Option<Committed<Principal>>> {
    let (resource, answer) = match remembered {
        None => return Ok(None),
        Some(Remembered::Reused) => return Ok(Some(Committed::KeyReused)),
        Some(Remembered::Answered { resource, answer }) => (resource, answer),
    };
    let broken = |source: domain::error::Source| Error::undecodable("requests", resource.clone(), source);
    let name = PrincipalName::parse("name", &resource).map_err(|error| broken(error.into()))?;
    if name.erased_id().is_some() || vault.is_erased(session, &name).await? {
        return Ok(Some(Committed::Removed { resource }));
    }
    let text = answer.ok_or_else(|| broken("the answer is missing".into()))?;
    Ok(Some(Committed::Answered(Box::new(decode(session, vault, &name, &text).await?))))
}

/// A principal as it is stored; what a user is called, sealed.
async fn encode(session: &mut Session, vault: &Vault, principal: &Principal) -> Result<String> {
    let mut document = PrincipalDocument::from(principal);
    if principal.name.kind() == PrincipalKind::User && !document.display_name().is_empty() {
        if let Some(sealed) = kept_sealed(session, vault, principal).await? {
            document.seal_display_name(sealed);
        } else if document.display_name() != UNREADABLE {
            let Person::Known(subject) = vault.person(session, &principal.name).await? else {
                return Err(Error::Misused("the name of somebody who was erased"));
            };
            document.seal_display_name(subject.seal_own(DISPLAY_NAME, document.display_name()));
        }
    }
    Ok(storage_documents::encode(&document))
}

/// What stays as it is stored since it does not open: a change of something else must not put what is shown instead into its place.
async fn kept_sealed(session: &mut Session, vault: &Vault, principal: &Principal) -> Result<Option<String>> {
    if principal.display_name != UNREADABLE {
        return Ok(None);
    }
    let Some(text) = stored(session, &principal.name).await? else { return Ok(None) };
    let document = storage_documents::decode::<PrincipalDocument>(&text);
    let document = document.map_err(|source| Error::undecodable(PRINCIPALS.name, principal.name.as_str(), source))?;
    let Some(sealed) = document.sealed_display_name() else { return Ok(None) };
    Ok(open_name(session, vault, &principal.name, sealed).await?.is_none().then(|| sealed.to_owned()))
}

async fn decode(session: &mut Session, vault: &Vault, name: &PrincipalName, text: &str) -> Result<Principal> {
    let broken = |source| Error::undecodable(PRINCIPALS.name, name.as_str(), source);
    let mut document = storage_documents::decode::<PrincipalDocument>(text).map_err(broken)?;
    if let Some(sealed) = document.sealed_display_name() {
        let opened = open_name(session, vault, name, sealed).await?;
        document.open_display_name(opened.unwrap_or_else(|| UNREADABLE.to_owned()));
    }
    document.into_principal(name.clone()).map_err(|invalid| broken(invalid.into()))
}

/// What a user is called; `None` where that does not open, which operators are told.
async fn open_name(session: &mut Session, vault: &Vault, name: &PrincipalName, sealed: &str) -> Result<Option<String>> {
    let missing = || Error::undecodable(PRINCIPALS.name, name.as_str(), "the key that its name is sealed under is not there");
    let opened = match vault.find_person(session, name).await {
        Ok(Some(Person::Known(subject))) => subject.open_own(DISPLAY_NAME, sealed),
        Ok(Some(Person::Erased(_)) | None) => Err(missing()),
        Err(error) => Err(error),
    };
    match opened {
        Ok(opened) => Ok(Some(opened.to_string())),
        Err(error @ (Error::Undecodable { .. } | Error::Sealed { .. })) => {
            if session.shared.told.is_news(Trouble::Unopened, &error) {
                tracing::error!(%error, "what a user is called does not open");
            }
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
