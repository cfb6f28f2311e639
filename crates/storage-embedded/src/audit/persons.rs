//! People in audit records: under an id that says nothing where a record is written, and by their name where it is read.
//!
//! The bytes of a record never change, so what is personal of the user who acted is sealed in them under the user's own key, and the
//! name of a user whom it is about, or whom a change names, is not in them at all.

use domain::audit::{Actor, AuditQuery, AuditRecord, Entry, Outcome};
use domain::error::Source;
use domain::lease::InstanceId;
use domain::name::{PrincipalKind, PrincipalName, TenantId};
use domain::time::Timestamp;
use keys::Place;
use rusqlite::Connection;
use storage_documents::{AuditDocument, PersonalDocument};

use crate::connection::integer;
use crate::error::{Error, Result};
use crate::identity::principals;
use crate::vault::{Person, Trouble, Vault, user_in};

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

pub(super) fn written(connection: &Connection, vault: &Vault, entry: &Entry, sequence: u64) -> Result<Written> {
    let mut document = AuditDocument::new(entry, sequence);
    let actor = match &entry.actor.principal {
        Some(user) if user.kind() == PrincipalKind::User => {
            let person = vault.person(connection, user)?;
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
        Some((user, rest)) => match person_about(connection, vault, entry, &user)? {
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
    document.rename_changes(|field| {
        let Some((what, user, rest)) = user_named_by(field) else { return Ok(None) };
        Ok::<_, Error>(Some(format!("{what}={}{rest}", vault.person(connection, &user)?.reference())))
    })?;
    Ok(Written { actor, resource, bytes: document.to_bytes() })
}

/// Whom a record is about. A refused call makes nobody: whoever may do nothing must not fill the store with persons of any name. Such a
/// record says only of what kind it is where there is nobody of the name.
fn person_about(connection: &Connection, vault: &Vault, entry: &Entry, user: &PrincipalName) -> Result<Option<Person>> {
    let found = vault.find_person(connection, user)?;
    if found.is_some() || (entry.outcome == Outcome::Denied && !principals::exists(connection, user)?) {
        return Ok(found);
    }
    vault.person(connection, user).map(Some)
}

/// The record as [`read`] answers it. One that does not open hides none behind it: what is not sealed of it is shown, or where that is
/// none of this place, what stands beside it.
pub(super) fn shown(connection: &Connection, vault: &Vault, tenant: &TenantId, beside: Beside, bytes: &[u8]) -> Result<AuditRecord> {
    match read(connection, vault, tenant, beside.sequence, bytes) {
        Err(error @ (Error::Undecodable { .. } | Error::Sealed { .. })) => {
            if vault.is_news(Trouble::Unopened, &error) {
                tracing::error!(%error, "an audit record does not open");
            }
            let rest = unsealed(bytes).filter(|record| record.sequence == beside.sequence && record.entry.tenant == *tenant);
            Ok(rest.unwrap_or_else(|| beside.unreadable(tenant)))
        }
        read => read,
    }
}

/// The record as [`shown`] answers it, for a list, which is made by what stands beside records and is not signed for.
pub(super) fn listed(
    connection: &Connection,
    vault: &Vault,
    tenant: &TenantId,
    (beside, found_by): (Beside, FoundBy),
    bytes: &[u8],
) -> Result<AuditRecord> {
    let (millis, action, outcome) = (beside.millis, beside.action.clone(), beside.outcome.clone());
    let mut record = shown(connection, vault, tenant, beside, bytes)?;
    // What does not open may be the bytes of another place.
    let is_found_rightly = record.entry.reason == UNREADABLE || found_by_itself(connection, vault, bytes).is_none_or(|own| own == found_by);
    let entry = &mut record.entry;
    let own = (integer(entry.time.as_millis()), entry.action.as_str(), entry.outcome.as_str());
    if !is_found_rightly || own != (millis, action.as_str(), outcome.as_str()) {
        let error = Error::undecodable(TABLE, format!("{tenant}/{}", record.sequence), "what stands beside it is something else");
        if vault.is_news(Trouble::Misplaced, &error) {
            tracing::error!(%error, "somebody has changed by what audit records are found");
        }
        entry.reason = MISPLACED.to_owned();
    }
    Ok(record)
}

/// What would stand beside a record by what it says itself; `None` where that cannot be told. Records of before there were keys name people,
/// and what stands beside them does not.
fn found_by_itself(connection: &Connection, vault: &Vault, bytes: &[u8]) -> Option<FoundBy> {
    let document = AuditDocument::from_bytes(bytes).ok()?;
    let beside = |text: &str| match user_in(text) {
        Some((user, rest)) => Some(format!("{}{rest}", vault.find_person(connection, &user).ok()??.reference())),
        None => Some(text.to_owned()),
    };
    let actor = match document.subject() {
        Some((reference, _)) => reference.to_owned(),
        None => beside(document.principal().unwrap_or_default())?,
    };
    Some(FoundBy { actor, resource: beside(document.resource())? })
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
pub(super) fn read(connection: &Connection, vault: &Vault, tenant: &TenantId, sequence: u64, bytes: &[u8]) -> Result<AuditRecord> {
    let broken = |source: Source| Error::undecodable(TABLE, format!("{tenant}/{sequence}"), source);
    let mut document = AuditDocument::from_bytes(bytes).map_err(broken)?;
    if let Some((reference, sealed)) = document.subject() {
        let found = vault.person_in(connection, reference)?;
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
        && let Some((person, rest)) = vault.person_in(connection, resource)?
    {
        let resource = format!("{}{rest}", person.name());
        document.restore_resource(resource);
    }
    if document.is_pseudonymous() {
        document.rename_changes(|field| {
            let Some((what, value)) = field.split_once('=') else { return Ok(None) };
            let found = vault.person_in(connection, value)?;
            Ok::<_, Error>(found.map(|(person, rest)| format!("{what}={}{rest}", person.name())))
        })?;
    }
    let record = document.into_record().map_err(|invalid| broken(invalid.into()))?;
    if record.sequence != sequence || record.entry.tenant != *tenant {
        return Err(broken("it is the record of another place".into()));
    }
    Ok(record)
}

/// What a query is of, as it stands beside records; `None` where that is a person of whom there can be no record.
pub(super) fn wanted(connection: &Connection, vault: &Vault, query: &AuditQuery) -> Result<Option<Wanted>> {
    let actor = match &query.actor {
        Some(user) if user.kind() == PrincipalKind::User => match reference(connection, vault, user)? {
            Some(reference) => Some(reference),
            None => return Ok(None),
        },
        other => other.as_ref().map(ToString::to_string),
    };
    let resource = match query.resource.as_deref().map(|text| (text, user_in(text))) {
        Some((_, Some((user, rest)))) => match reference(connection, vault, &user)? {
            Some(reference) => Some(format!("{reference}{rest}")),
            None => return Ok(None),
        },
        Some((text, None)) => Some(text.to_owned()),
        None => None,
    };
    Ok(Some(Wanted { actor, resource }))
}

/// How records name a user. Somebody who was erased is found by what stands for them, and no more by their name.
pub(crate) fn reference(connection: &Connection, vault: &Vault, user: &PrincipalName) -> Result<Option<String>> {
    if user.erased_id().is_some() {
        return Ok(Some(Person::Erased(user.clone()).reference()));
    }
    let person = vault.find_person(connection, user)?;
    Ok(person.filter(|person| matches!(person, Person::Known(_))).map(|person| person.reference()))
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
