//! The canonical bytes of an audit record: JSON whose members stand in the order of their names, without blanks, and are left out
//! where they say nothing. They are what the log's tree is built over, so what a member of a form means never changes: what is to be
//! said otherwise gets another version. A member that comes to a form says nothing in records from before.
//!
//! Version 1 says everything in plain text. In version 2 a user stands under an id that says nothing (`actor.subject`, and in
//! `resource`), and what is personal of the one who acted is sealed under their own key (`actor.sealed`): the bytes stay what they are
//! when that key is destroyed.

use std::net::IpAddr;

use domain::audit::{Actor, AuditRecord, Entry, FieldChange, Outcome};
use domain::error::Source;
use domain::hash::Hash;
use domain::identity::Role;
use domain::lease::InstanceId;
use domain::name::{PrincipalName, TenantId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::form::{InvalidField, decode, encode, parsed};

/// The version of the form in which everything is in plain text.
const PLAIN: u32 = 1;
/// The version of the form in which people stand under an id.
const PSEUDONYMOUS: u32 = 2;

/// See [`AuditRecord`]. The order of the fields is the order of their names.
#[derive(Debug, Serialize, Deserialize)]
pub struct AuditDocument {
    action: String,
    #[serde(default, skip_serializing_if = "ActorDocument::is_nobody")]
    actor: ActorDocument,
    call: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<ChangeDocument>,
    count: u64,
    instance: String,
    method: String,
    outcome: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    purpose: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    request_id: String,
    resource: String,
    sequence: u64,
    tenant: String,
    time: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    trace_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct ActorDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
}

/// What is personal of the user who acted, as it is sealed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct PersonalDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    purpose: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct ChangeDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    field: String,
}

impl AuditDocument {
    /// The document of what is to be recorded in this place.
    pub fn new(entry: &Entry, sequence: u64) -> Self {
        AuditDocument {
            action: entry.action.clone(),
            actor: ActorDocument::from(&entry.actor),
            call: entry.call.clone(),
            changes: entry.changes.iter().map(ChangeDocument::from).collect(),
            count: entry.count,
            instance: entry.instance.to_string(),
            method: entry.method.clone(),
            outcome: entry.outcome.as_str().to_owned(),
            purpose: entry.purpose.clone(),
            reason: entry.reason.clone(),
            request_id: entry.request_id.clone(),
            resource: entry.resource.clone(),
            sequence,
            tenant: entry.tenant.to_string(),
            time: entry.time.as_millis(),
            trace_id: entry.trace_id.clone(),
            until: entry.until.map(Timestamp::as_millis),
            v: PLAIN,
            version: entry.version,
        }
    }

    /// Puts the id of the user who acted into the place of what is personal of them, and answers that.
    pub fn take_personal(&mut self, subject: String) -> PersonalDocument {
        self.v = PSEUDONYMOUS;
        self.actor.subject = Some(subject);
        let (address, principal) = (self.actor.address.take(), self.actor.principal.take());
        PersonalDocument { address, principal, purpose: std::mem::take(&mut self.purpose) }
    }

    /// Holds what is personal sealed.
    pub fn set_sealed(&mut self, sealed: String) {
        self.actor.sealed = Some(sealed);
    }

    /// Puts the id of a user into the place of their name in what the record is about.
    pub fn set_resource_of_subject(&mut self, resource: String) {
        self.v = PSEUDONYMOUS;
        self.resource = resource;
    }

    /// Puts ids into the place of the users whom fields that changed name, where `subject` knows an id for the field's text.
    ///
    /// # Errors
    /// Those of `subject`.
    pub fn rename_changes<E>(&mut self, mut subject: impl FnMut(&str) -> Result<Option<String>, E>) -> Result<(), E> {
        for change in &mut self.changes {
            if let Some(field) = subject(&change.field)? {
                self.v = PSEUDONYMOUS;
                change.field = field;
            }
        }
        Ok(())
    }

    /// Whether users stand under ids in it.
    pub fn is_pseudonymous(&self) -> bool {
        self.v == PSEUDONYMOUS
    }

    /// The id of the user who acted, where they stand under one, and what is personal of them, sealed.
    pub fn subject(&self) -> Option<(&str, Option<&str>)> {
        Some((self.actor.subject.as_deref()?, self.actor.sealed.as_deref()))
    }

    /// The name of who acted, where it stands in plain text.
    pub fn principal(&self) -> Option<&str> {
        self.actor.principal.as_deref()
    }

    /// What the record is about, as it stands in it.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// What the record is about, where users stand under ids in it.
    pub fn resource_of_subject(&self) -> Option<&str> {
        (self.v == PSEUDONYMOUS).then_some(&self.resource)
    }

    /// Holds in plain text what was sealed.
    pub fn restore_personal(&mut self, personal: PersonalDocument) {
        let PersonalDocument { address, principal, purpose } = personal;
        self.actor = ActorDocument { address, principal, subject: None, sealed: None, ..std::mem::take(&mut self.actor) };
        self.purpose = purpose;
    }

    /// Names who acted, where nothing else is known of them any more.
    pub fn set_erased(&mut self, principal: &PrincipalName) {
        self.restore_personal(PersonalDocument { principal: Some(principal.to_string()), ..PersonalDocument::default() });
    }

    /// Names what the record is about.
    pub fn restore_resource(&mut self, resource: String) {
        self.resource = resource;
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self).into_bytes()
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// Says where the bytes are no such document, and quotes nothing of it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Source> {
        decode(std::str::from_utf8(bytes)?)
    }

    /// The record.
    ///
    /// # Errors
    /// Names a field whose value no record can have.
    pub fn into_record(self) -> Result<AuditRecord, InvalidField> {
        let entry = Entry {
            tenant: parsed("tenant", TenantId::parse("tenant", &self.tenant).ok())?,
            time: Timestamp::from_millis(self.time),
            until: self.until.map(Timestamp::from_millis),
            count: self.count,
            instance: InstanceId::new(self.instance),
            call: self.call,
            actor: self.actor.into_actor()?,
            method: self.method,
            action: self.action,
            resource: self.resource,
            version: self.version,
            outcome: parsed("outcome", Outcome::parse(&self.outcome))?,
            reason: self.reason,
            changes: self.changes.into_iter().map(ChangeDocument::into_change).collect::<Result<_, _>>()?,
            purpose: self.purpose,
            request_id: self.request_id,
            trace_id: self.trace_id,
        };
        Ok(AuditRecord { sequence: self.sequence, entry })
    }
}

impl ActorDocument {
    fn is_nobody(&self) -> bool {
        let parts = [&self.key, &self.principal, &self.role, &self.sealed, &self.session, &self.subject];
        self.address.is_none() && parts.into_iter().all(Option::is_none)
    }

    fn into_actor(self) -> Result<Actor, InvalidField> {
        let principal = self.principal.map(|name| parsed("actor.principal", PrincipalName::parse("principal", &name).ok()));
        let role = self.role.map(|role| parsed("actor.role", Role::parse(&role))).transpose()?;
        Ok(Actor { principal: principal.transpose()?, role, session: self.session, key: self.key, address: self.address })
    }
}

impl From<&Actor> for ActorDocument {
    fn from(actor: &Actor) -> Self {
        ActorDocument {
            address: actor.address,
            key: actor.key.clone(),
            principal: actor.principal.as_ref().map(ToString::to_string),
            role: actor.role.map(|role| role.as_str().to_owned()),
            session: actor.session.clone(),
            ..ActorDocument::default()
        }
    }
}

impl From<&FieldChange> for ChangeDocument {
    fn from(change: &FieldChange) -> Self {
        let text = |hash: &Option<Hash>| hash.as_ref().map(ToString::to_string);
        ChangeDocument { after: text(&change.after), before: text(&change.before), field: change.field.clone() }
    }
}

impl ChangeDocument {
    fn into_change(self) -> Result<FieldChange, InvalidField> {
        let hash = |field, text: Option<String>| text.map(|text| parsed(field, Hash::from_hex(&text))).transpose();
        Ok(FieldChange { field: self.field, before: hash("changes.before", self.before)?, after: hash("changes.after", self.after)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Entry {
        Entry {
            tenant: TenantId::parse("tenant", "acme").unwrap(),
            time: Timestamp::from_millis(1_700_000_000_123),
            until: None,
            count: 1,
            instance: InstanceId::new("one"),
            call: "c-1".to_owned(),
            actor: Actor {
                principal: Some(PrincipalName::parse("principal", "tenants/acme/users/ann").unwrap()),
                role: Some(Role::SuperAdmin),
                session: None,
                key: None,
                address: Some("127.0.0.1".parse().unwrap()),
            },
            method: "/zona.utility.v1.UtilityService/UpdateUtility".to_owned(),
            action: "utility.update".to_owned(),
            resource: "tenants/acme/utilities/a".to_owned(),
            version: None,
            outcome: Outcome::Allowed,
            reason: String::new(),
            changes: vec![FieldChange::of("code", Some("a"), Some("b")).unwrap()],
            purpose: "a \"test\"\u{e9}".to_owned(),
            request_id: "r-1".to_owned(),
            trace_id: String::new(),
        }
    }

    /// The form is what trees are built over: this text never changes.
    #[test]
    fn the_canonical_bytes_of_a_record_are_these() {
        let bytes = AuditDocument::new(&sample(), 7).to_bytes();
        let expected = concat!(
            r#"{"action":"utility.update","actor":{"address":"127.0.0.1","principal":"tenants/acme/users/ann","role":"super_admin"},"#,
            r#""call":"c-1","#,
            r#""changes":[{"after":"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d","#,
            r#""before":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb","field":"code"}],"#,
            r#""count":1,"instance":"one","method":"/zona.utility.v1.UtilityService/UpdateUtility","outcome":"ALLOWED","#,
            r#""purpose":"a \"test\"é","request_id":"r-1","resource":"tenants/acme/utilities/a","sequence":7,"#,
            r#""tenant":"acme","time":1700000000123,"v":1}"#,
        );
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    /// As the other one: this text never changes.
    #[test]
    fn the_canonical_bytes_of_a_record_of_a_person_are_these() {
        let mut document = AuditDocument::new(&Entry { changes: Vec::new(), ..sample() }, 7);
        let personal = document.take_personal("tenants/acme/subjects/0123".to_owned());
        document.set_sealed("AQID".to_owned());
        document.set_resource_of_subject("tenants/acme/subjects/0123/sessions/s".to_owned());
        let expected = concat!(
            r#"{"action":"utility.update","actor":{"role":"super_admin","sealed":"AQID","subject":"tenants/acme/subjects/0123"},"#,
            r#""call":"c-1","count":1,"#,
            r#""instance":"one","method":"/zona.utility.v1.UtilityService/UpdateUtility","outcome":"ALLOWED","request_id":"r-1","#,
            r#""resource":"tenants/acme/subjects/0123/sessions/s","sequence":7,"tenant":"acme","time":1700000000123,"v":2}"#,
        );
        assert_eq!(String::from_utf8(document.to_bytes()).unwrap(), expected);
        assert_eq!(encode(&personal), r#"{"address":"127.0.0.1","principal":"tenants/acme/users/ann","purpose":"a \"test\"é"}"#);
        document.restore_personal(personal);
        document.restore_resource(sample().resource);
        let read = document.into_record().unwrap();
        assert_eq!(read.entry, Entry { changes: Vec::new(), ..sample() });
    }

    #[test]
    fn a_record_from_before_roles_were_recorded_is_read() {
        let text = String::from_utf8(AuditDocument::new(&sample(), 7).to_bytes()).unwrap();
        let first = text.replace(r#","role":"super_admin""#, "");
        let actor = Actor { role: None, ..sample().actor };
        let read = AuditDocument::from_bytes(first.as_bytes()).unwrap().into_record().unwrap();
        assert_eq!(read, AuditRecord { sequence: 7, entry: Entry { actor, ..sample() } });
    }

    #[test]
    fn the_members_of_a_record_stand_in_the_order_of_their_names() {
        let actor = Actor { session: Some("s".to_owned()), key: Some("k".to_owned()), ..sample().actor };
        let full = Entry {
            actor,
            reason: "R".to_owned(),
            trace_id: "t".to_owned(),
            version: Some(3),
            until: Some(Timestamp::from_millis(1)),
            ..sample()
        };
        let bytes = AuditDocument::new(&full, 7).to_bytes();
        // A map of the parser sorts by name.
        let sorted: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(serde_json::to_vec(&sorted).unwrap(), bytes);
        let read = AuditDocument::from_bytes(&bytes).unwrap().into_record().unwrap();
        assert_eq!(read, AuditRecord { sequence: 7, entry: full });
    }
}
