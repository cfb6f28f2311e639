//! People in audit records: under an id that says nothing where a record is written, and by their name where it is read.
//!
//! The bytes of a record never change, so what is personal of the user who acted is sealed in them under the user's own key, and the
//! name of a user whom it is about, or whom a change names, is not in them at all.

use std::collections::HashMap;
use std::convert::Infallible;

use crate::row::integer;
use domain::audit::{Actor, AuditQuery, AuditRecord, Entry, Outcome};
use domain::error::Source;
use domain::lease::InstanceId;
use domain::name::{PrincipalKind, PrincipalName, TenantId};
use domain::time::Timestamp;
use keys::Place;
use storage_documents::{AuditDocument, PersonalDocument};

use crate::error::{Error, Result};
use crate::identity::principals;
use crate::session::Session;
use crate::told::Trouble;
use crate::vault::{Person, Vault, user_in};

const TABLE: &str = "audit_records";
/// What is sealed, as a place names it.
const FIELD: &str = "actor";
/// The reason in the place of a record that does not open.
const UNREADABLE: &str = "RECORD_UNREADABLE";
/// The reason where what stands beside a record is something else than it says.
const MISPLACED: &str = "RECORD_MISPLACED";
/// What a record is about where that is a user whom nobody knows.
const USER: &str = "user";

/// A record as it is stored.
pub(super) struct Written {
    pub(super) actor: String,
    pub(super) resource: String,
    pub(super) bytes: Vec<u8>,
}

/// What stands beside a record, which no tree covers.
pub(super) struct Beside {
    pub(super) sequence: u64,
    pub(super) millis: i64,
    pub(super) action: String,
    pub(super) outcome: String,
}

/// What lists filter by beside that.
#[derive(PartialEq, Eq)]
pub(super) struct FoundBy {
    pub(super) actor: String,
    pub(super) resource: String,
}

/// What a list is of, as it stands beside records.
pub(super) struct Wanted {
    pub(super) actor: Option<String>,
    pub(super) resource: Option<String>,
}

pub(super) async fn written(session: &mut Session, vault: &Vault, entry: &Entry, sequence: u64) -> Result<Written> {
    let mut document = AuditDocument::new(entry, sequence);
    let actor = match &entry.actor.principal {
        Some(user) if user.kind() == PrincipalKind::User => {
            let person = vault.person(session, user).await?;
            let personal = document.take_personal(person.reference());
            // Of somebody who was erased, nothing personal is kept any more.
            if let Person::Known(subject) = &person {
                let text = storage_documents::encode(&personal);
                document.set_sealed(subject.seal(place(&entry.tenant, &sequence.to_string()), &text));
            }
            person.reference()
        }
        other => other.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    let resource = match user_in(&entry.resource) {
        Some((user, rest)) => match person_about(session, vault, entry, &user).await? {
            Some(person) => {
                let resource = format!("{}{rest}", person.reference());
                document.set_resource_of_subject(resource.clone());
                resource
            }
            None => {
                document.restore_resource(USER.to_owned());
                USER.to_owned()
            }
        },
        None => entry.resource.clone(),
    };
    let mut named = HashMap::new();
    for change in &entry.changes {
        if let Some((what, user, rest)) = user_named_by(&change.field) {
            let person = vault.person(session, &user).await?;
            named.insert(change.field.as_str(), format!("{what}={}{rest}", person.reference()));
        }
    }
    rename(&mut document, |field| named.get(field).cloned());
    Ok(Written { actor, resource, bytes: document.to_bytes() })
}

/// Whom a record is about. A refused call makes nobody: whoever may do nothing must not fill the store with persons of any name. Such a
/// record says only of what kind it is where there is nobody of the name.
async fn person_about(session: &mut Session, vault: &Vault, entry: &Entry, user: &PrincipalName) -> Result<Option<Person>> {
    let found = vault.find_person(session, user).await?;
    if found.is_some() || (entry.outcome == Outcome::Denied && !principals::exists(session, user).await?) {
        return Ok(found);
    }
    vault.person(session, user).await.map(Some)
}

/// The record as [`read`] answers it. One that does not open hides none behind it: what is not sealed of it is shown, or where that is
/// none of this place, what stands beside it.
pub(super) async fn shown(session: &mut Session, vault: &Vault, tenant: &TenantId, beside: Beside, bytes: &[u8]) -> Result<AuditRecord> {
    match read(session, vault, tenant, beside.sequence, bytes).await {
        Err(error @ (Error::Undecodable { .. } | Error::Sealed { .. })) => {
            if session.shared.told.is_news(Trouble::Unopened, &error) {
                tracing::error!(%error, "an audit record does not open");
            }
            let rest = unsealed(bytes).filter(|record| record.sequence == beside.sequence && record.entry.tenant == *tenant);
            Ok(rest.unwrap_or_else(|| beside.unreadable(tenant)))
        }
        read => read,
    }
}

/// The record as [`shown`] answers it, for a list, which is made by what stands beside records and is not signed for.
pub(super) async fn listed(
    session: &mut Session,
    vault: &Vault,
    tenant: &TenantId,
    (beside, found_by): (Beside, FoundBy),
    bytes: &[u8],
) -> Result<AuditRecord> {
    let (millis, action, outcome) = (beside.millis, beside.action.clone(), beside.outcome.clone());
    let mut record = shown(session, vault, tenant, beside, bytes).await?;
    // What does not open may be the bytes of another place.
    let is_found_rightly =
        record.entry.reason == UNREADABLE || found_by_itself(session, vault, bytes).await?.is_none_or(|own| own == found_by);
    let entry = &mut record.entry;
    let own = (integer(entry.time.as_millis()), entry.action.as_str(), entry.outcome.as_str());
    if !is_found_rightly || own != (millis, action.as_str(), outcome.as_str()) {
        let error = Error::undecodable(TABLE, format!("{tenant}/{}", record.sequence), "what stands beside it is something else");
        if session.shared.told.is_news(Trouble::Misplaced, &error) {
            tracing::error!(%error, "somebody has changed by what audit records are found");
        }
        entry.reason = MISPLACED.to_owned();
    }
    Ok(record)
}

/// What would stand beside a record by what it says itself; `None` where that cannot be told. Records of before there were keys name people,
/// and what stands beside them does not.
async fn found_by_itself(session: &mut Session, vault: &Vault, bytes: &[u8]) -> Result<Option<FoundBy>> {
    let Ok(document) = AuditDocument::from_bytes(bytes) else { return Ok(None) };
    let actor = match document.subject() {
        Some((reference, _)) => Some(reference.to_owned()),
        None => beside_itself(session, vault, document.principal().unwrap_or_default()).await?,
    };
    let resource = beside_itself(session, vault, document.resource()).await?;
    Ok(actor.zip(resource).map(|(actor, resource)| FoundBy { actor, resource }))
}

async fn beside_itself(session: &mut Session, vault: &Vault, text: &str) -> Result<Option<String>> {
    let Some((user, rest)) = user_in(text) else { return Ok(Some(text.to_owned())) };
    match vault.find_person(session, &user).await {
        Ok(person) => Ok(person.map(|person| format!("{}{rest}", person.reference()))),
        // Somebody whose key is damaged says nothing of where the record stands.
        Err(Error::Undecodable { .. } | Error::Sealed { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn unsealed(bytes: &[u8]) -> Option<AuditRecord> {
    let mut document = AuditDocument::from_bytes(bytes).ok()?;
    document.restore_personal(PersonalDocument::default());
    let AuditRecord { sequence, entry } = document.into_record().ok()?;
    Some(AuditRecord { sequence, entry: Entry { reason: UNREADABLE.to_owned(), ..entry } })
}

impl Beside {
    fn unreadable(self, tenant: &TenantId) -> AuditRecord {
        let entry = Entry {
            tenant: tenant.clone(),
            time: Timestamp::from_millis(self.millis.unsigned_abs()),
            until: None,
            count: 1,
            instance: InstanceId::new(""),
            call: String::new(),
            actor: Actor::default(),
            method: String::new(),
            action: self.action,
            resource: String::new(),
            version: None,
            outcome: Outcome::parse(&self.outcome).unwrap_or(Outcome::Unknown),
            reason: UNREADABLE.to_owned(),
            changes: Vec::new(),
            purpose: String::new(),
            request_id: String::new(),
            trace_id: String::new(),
        };
        AuditRecord { sequence: self.sequence, entry }
    }
}

/// A record with people by their names; those who were erased by what stands for them.
pub(super) async fn read(session: &mut Session, vault: &Vault, tenant: &TenantId, sequence: u64, bytes: &[u8]) -> Result<AuditRecord> {
    let broken = |source: Source| Error::undecodable(TABLE, format!("{tenant}/{sequence}"), source);
    let mut document = AuditDocument::from_bytes(bytes).map_err(broken)?;
    if let Some((reference, sealed)) = document.subject() {
        let found = vault.person_in(session, reference).await?;
        match (found, sealed) {
            (Some((Person::Known(subject), "")), Some(sealed)) => {
                let text = subject.open(TABLE, place(tenant, &sequence.to_string()), sealed)?;
                let personal = storage_documents::decode::<PersonalDocument>(&text).map_err(broken)?;
                document.restore_personal(personal);
            }
            (Some((Person::Known(_), "")), None) => return Err(broken("what is personal of its actor is missing".into())),
            (Some((Person::Erased(name), "")), _) => document.set_erased(&name),
            _ => return Err(broken("its actor is no subject".into())),
        }
    }
    if let Some(resource) = document.resource_of_subject()
        && let Some((person, rest)) = vault.person_in(session, resource).await?
    {
        let resource = format!("{}{rest}", person.name());
        document.restore_resource(resource);
    }
    if document.is_pseudonymous() {
        let mut fields = Vec::new();
        rename(&mut document, |field| {
            fields.push(field.to_owned());
            None
        });
        let mut names = HashMap::new();
        for field in &fields {
            if let Some((what, value)) = field.split_once('=')
                && let Some((person, rest)) = vault.person_in(session, value).await?
            {
                names.insert(field.as_str(), format!("{what}={}{rest}", person.name()));
            }
        }
        rename(&mut document, |field| names.get(field).cloned());
    }
    let record = document.into_record().map_err(|invalid| broken(invalid.into()))?;
    if record.sequence != sequence || record.entry.tenant != *tenant {
        return Err(broken("it is the record of another place".into()));
    }
    Ok(record)
}

/// What a query is of, as it stands beside records; `None` where that is a person of whom there can be no record.
pub(super) async fn wanted(session: &mut Session, vault: &Vault, query: &AuditQuery) -> Result<Option<Wanted>> {
    let actor = match &query.actor {
        Some(user) if user.kind() == PrincipalKind::User => match reference(session, vault, user).await? {
            Some(reference) => Some(reference),
            None => return Ok(None),
        },
        other => other.as_ref().map(ToString::to_string),
    };
    let resource = match query.resource.as_deref().map(|text| (text, user_in(text))) {
        Some((_, Some((user, rest)))) => match reference(session, vault, &user).await? {
            Some(reference) => Some(format!("{reference}{rest}")),
            None => return Ok(None),
        },
        Some((text, None)) => Some(text.to_owned()),
        None => None,
    };
    Ok(Some(Wanted { actor, resource }))
}

/// How records name a user. Somebody who was erased is found by what stands for them, and no more by their name.
pub(crate) async fn reference(session: &mut Session, vault: &Vault, user: &PrincipalName) -> Result<Option<String>> {
    if user.erased_id().is_some() {
        return Ok(Some(Person::Erased(user.clone()).reference()));
    }
    let person = vault.find_person(session, user).await?;
    Ok(person.filter(|person| matches!(person, Person::Known(_))).map(|person| person.reference()))
}

/// Gives fields that changed other texts, where there is one.
fn rename(document: &mut AuditDocument, mut other: impl FnMut(&str) -> Option<String>) {
    let Ok(()) = document.rename_changes(|field| Ok::<_, Infallible>(other(field)));
}

/// The field, and the user whom a change of it names as `field=user`, with what follows.
fn user_named_by(field: &str) -> Option<(&str, PrincipalName, &str)> {
    let (what, value) = field.split_once('=')?;
    let (user, rest) = user_in(value)?;
    Some((what, user, rest))
}

fn place<'a>(tenant: &'a TenantId, sequence: &'a str) -> Place<'a> {
    Place { tenant: tenant.as_str(), collection: TABLE, id: sequence, field: FIELD }
}
