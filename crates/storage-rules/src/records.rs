//! People in audit records: under an id that says nothing where a record is written, and by their name where it is read.
//!
//! The bytes of a record never change, so what is personal of the user who acted is sealed in them under the user's own key, and the
//! name of a user whom it is about, or whom a change names, is not in them at all.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;

use domain::audit::{Actor, AuditQuery, AuditRecord, Entry, Outcome};
use domain::error::Source;
use domain::lease::InstanceId;
use domain::name::{PrincipalKind, PrincipalName, TenantId};
use domain::time::Timestamp;
use keys::Place;
use storage_documents::{AuditDocument, PersonalDocument};

use crate::failure::Failure;
use crate::subject::{Person, subject_in, user_in};
use crate::told::{Told, Trouble};

const TABLE: &str = "audit_records";
/// What is sealed, as a place names it.
const FIELD: &str = "actor";
/// The reason in the place of a record that does not open.
const UNREADABLE: &str = "RECORD_UNREADABLE";
/// The reason where what stands beside a record is something else than it says.
const MISPLACED: &str = "RECORD_MISPLACED";
/// What a record is about where that is a user whom nobody knows.
const USER: &str = "user";

/// Port: the people of a store, as one caller of it sees them.
pub trait Persons {
    /// Why the store fails.
    type Error: Failure;

    /// The person of this name, made where there is none. For writes.
    fn person(&mut self, name: &PrincipalName) -> impl Future<Output = Result<Person, Self::Error>> + Send;

    /// The person of this name, if there is one.
    fn find_person(&mut self, name: &PrincipalName) -> impl Future<Output = Result<Option<Person>, Self::Error>> + Send;

    /// Whom an id stands for.
    fn person_of(&mut self, tenant: &TenantId, id: &str) -> impl Future<Output = Result<Person, Self::Error>> + Send;

    /// Whether there is a principal of this name.
    fn is_principal(&mut self, name: &PrincipalName) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// What was logged.
    fn told(&self) -> &Told;
}

/// A record as it is stored.
pub struct Written {
    /// Who acted, as lists filter by it.
    pub actor: String,
    /// What it is about, as lists filter by it.
    pub resource: String,
    /// The canonical bytes.
    pub bytes: Vec<u8>,
}

/// What stands beside a record, which no tree covers.
pub struct Beside {
    /// Its place.
    pub sequence: u64,
    /// When it was.
    pub millis: i64,
    /// What was done.
    pub action: String,
    /// What became of it.
    pub outcome: String,
}

/// What lists filter by beside that.
#[derive(PartialEq, Eq)]
pub struct FoundBy {
    /// Who acted.
    pub actor: String,
    /// What it is about.
    pub resource: String,
}

/// What a list is of, as it stands beside records.
pub struct Wanted {
    /// Who acted.
    pub actor: Option<String>,
    /// What it is about.
    pub resource: Option<String>,
}

// === writing ===

/// A record with people under their ids.
///
/// # Errors
/// Those of the store.
pub async fn written<P: Persons>(persons: &mut P, entry: &Entry, sequence: u64) -> Result<Written, P::Error> {
    let mut document = AuditDocument::new(entry, sequence);
    let actor = match &entry.actor.principal {
        Some(user) if user.kind() == PrincipalKind::User => {
            let person = persons.person(user).await?;
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
        Some((user, rest)) => match person_about(persons, entry, &user).await? {
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
            let person = persons.person(&user).await?;
            named.insert(change.field.as_str(), format!("{what}={}{rest}", person.reference()));
        }
    }
    rename(&mut document, |field| named.get(field).cloned());
    Ok(Written { actor, resource, bytes: document.to_bytes() })
}

/// Whom a record is about. A refused call makes nobody: whoever may do nothing must not fill the store with persons of any name. Such a
/// record says only of what kind it is where there is nobody of the name.
async fn person_about<P: Persons>(persons: &mut P, entry: &Entry, user: &PrincipalName) -> Result<Option<Person>, P::Error> {
    let found = persons.find_person(user).await?;
    if found.is_some() || (entry.outcome == Outcome::Denied && !persons.is_principal(user).await?) {
        return Ok(found);
    }
    persons.person(user).await.map(Some)
}

// === reading ===

/// The record as [`read`] answers it. One that does not open hides none behind it: what is not sealed of it is shown, or where that is
/// none of this place, what stands beside it.
///
/// # Errors
/// Those of the store.
pub async fn shown<P: Persons>(persons: &mut P, tenant: &TenantId, beside: Beside, bytes: &[u8]) -> Result<AuditRecord, P::Error> {
    match read(persons, tenant, beside.sequence, bytes).await {
        Err(error) if error.is_of_one_thing() => {
            if persons.told().is_news(Trouble::Unopened, &error) {
                tracing::error!(%error, "an audit record does not open");
            }
            let rest = unsealed(bytes).filter(|record| record.sequence == beside.sequence && record.entry.tenant == *tenant);
            Ok(rest.unwrap_or_else(|| beside.unreadable(tenant)))
        }
        read => read,
    }
}

/// The record as [`shown`] answers it, for a list, which is made by what stands beside records and is not signed for.
///
/// # Errors
/// Those of the store.
pub async fn listed<P: Persons>(
    persons: &mut P,
    tenant: &TenantId,
    (beside, found_by): (Beside, FoundBy),
    bytes: &[u8],
) -> Result<AuditRecord, P::Error> {
    let (millis, action, outcome) = (beside.millis, beside.action.clone(), beside.outcome.clone());
    let mut record = shown(persons, tenant, beside, bytes).await?;
    // What does not open may be the bytes of another place.
    let is_found_rightly = record.entry.reason == UNREADABLE || found_by_itself(persons, bytes).await?.is_none_or(|own| own == found_by);
    let entry = &mut record.entry;
    let own_millis = i64::try_from(entry.time.as_millis()).unwrap_or(i64::MAX);
    if !is_found_rightly || (own_millis, entry.action.as_str(), entry.outcome.as_str()) != (millis, action.as_str(), outcome.as_str()) {
        let source = Source::from("what stands beside it is something else");
        let error = P::Error::undecodable(TABLE, format!("{tenant}/{}", record.sequence), source);
        if persons.told().is_news(Trouble::Misplaced, &error) {
            tracing::error!(%error, "somebody has changed by what audit records are found");
        }
        entry.reason = MISPLACED.to_owned();
    }
    Ok(record)
}

/// What would stand beside a record by what it says itself; `None` where that cannot be told. Records of before there were keys name people,
/// and what stands beside them does not.
async fn found_by_itself<P: Persons>(persons: &mut P, bytes: &[u8]) -> Result<Option<FoundBy>, P::Error> {
    let Ok(document) = AuditDocument::from_bytes(bytes) else { return Ok(None) };
    let actor = match document.subject() {
        Some((reference, _)) => Some(reference.to_owned()),
        None => beside_itself(persons, document.principal().unwrap_or_default()).await?,
    };
    let resource = beside_itself(persons, document.resource()).await?;
    Ok(actor.zip(resource).map(|(actor, resource)| FoundBy { actor, resource }))
}

async fn beside_itself<P: Persons>(persons: &mut P, text: &str) -> Result<Option<String>, P::Error> {
    let Some((user, rest)) = user_in(text) else { return Ok(Some(text.to_owned())) };
    match persons.find_person(&user).await {
        Ok(person) => Ok(person.map(|person| format!("{}{rest}", person.reference()))),
        // Somebody whose key is damaged says nothing of where the record stands.
        Err(error) if error.is_of_one_thing() => Ok(None),
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
///
/// # Errors
/// It does not open; those of the store.
pub async fn read<P: Persons>(persons: &mut P, tenant: &TenantId, sequence: u64, bytes: &[u8]) -> Result<AuditRecord, P::Error> {
    let broken = |source: Source| P::Error::undecodable(TABLE, format!("{tenant}/{sequence}"), source);
    let mut document = AuditDocument::from_bytes(bytes).map_err(broken)?;
    if let Some((reference, sealed)) = document.subject() {
        let found = person_in(persons, reference).await?;
        match (found, sealed) {
            (Some((Person::Known(subject), "")), Some(sealed)) => {
                let text = subject.open::<P::Error>(TABLE, place(tenant, &sequence.to_string()), sealed)?;
                let personal = storage_documents::decode::<PersonalDocument>(&text).map_err(broken)?;
                document.restore_personal(personal);
            }
            (Some((Person::Known(_), "")), None) => return Err(broken("what is personal of its actor is missing".into())),
            (Some((Person::Erased(name), "")), _) => document.set_erased(&name),
            _ => return Err(broken("its actor is no subject".into())),
        }
    }
    if let Some(resource) = document.resource_of_subject()
        && let Some((person, rest)) = person_in(persons, resource).await?
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
                && let Some((person, rest)) = person_in(persons, value).await?
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

/// Whom a text like `tenants/acme/subjects/0123/sessions/1` begins with, and what follows; `None` where it begins with nobody.
async fn person_in<'a, P: Persons>(persons: &mut P, text: &'a str) -> Result<Option<(Person, &'a str)>, P::Error> {
    let Some((tenant, id, rest)) = subject_in(text) else { return Ok(None) };
    let tenant = TenantId::parse("tenant", tenant);
    let tenant = tenant.map_err(|error| P::Error::undecodable("subjects", text.to_owned(), error.into()))?;
    Ok(Some((persons.person_of(&tenant, id).await?, rest)))
}

// === looking for ===

/// What a query is of, as it stands beside records; `None` where that is a person of whom there can be no record.
///
/// # Errors
/// Those of the store.
pub async fn wanted<P: Persons>(persons: &mut P, query: &AuditQuery) -> Result<Option<Wanted>, P::Error> {
    let actor = match &query.actor {
        Some(user) if user.kind() == PrincipalKind::User => match reference(persons, user).await? {
            Some(reference) => Some(reference),
            None => return Ok(None),
        },
        other => other.as_ref().map(ToString::to_string),
    };
    let resource = match query.resource.as_deref().map(|text| (text, user_in(text))) {
        Some((_, Some((user, rest)))) => match reference(persons, &user).await? {
            Some(reference) => Some(format!("{reference}{rest}")),
            None => return Ok(None),
        },
        Some((text, None)) => Some(text.to_owned()),
        None => None,
    };
    Ok(Some(Wanted { actor, resource }))
}

/// How records name a user. Somebody who was erased is found by what stands for them, and no more by their name.
async fn reference<P: Persons>(persons: &mut P, user: &PrincipalName) -> Result<Option<String>, P::Error> {
    if user.erased_id().is_some() {
        return Ok(Some(Person::Erased(user.clone()).reference()));
    }
    let person = persons.find_person(user).await?;
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
