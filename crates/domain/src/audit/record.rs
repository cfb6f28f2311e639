//! What a record says. It never holds a value that was sent or stored: of fields that changed, it holds hashes.

use std::net::IpAddr;

use sha2::{Digest as _, Sha256};

use crate::access::{Resource, Target};
use crate::error::{Error, Result};
use crate::hash::Hash;
use crate::identity::Role;
use crate::lease::InstanceId;
use crate::name::{PrincipalName, TenantId};
use crate::time::Timestamp;

/// Longest purpose in characters; what is beyond is cut.
pub const MAX_PURPOSE: usize = 256;

/// A record in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place in the tenant's log, from 0, without gaps.
    pub sequence: u64,
    /// What it says.
    pub entry: Entry,
}

/// What is recorded; the store gives it its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// In whose log it stands: the tenant's that the call was about; the caller's where it was refused, or about the installation.
    pub tenant: TenantId,
    /// When, by the clock of the server.
    pub time: Timestamp,
    /// The end of the time that it counts; `None` for a single call.
    pub until: Option<Timestamp>,
    /// How many calls it stands for.
    pub count: u64,
    /// Which server.
    pub instance: InstanceId,
    /// What an intent and its outcome have in common, and nothing else has.
    pub call: String,
    /// Who.
    pub actor: Actor,
    /// The path of the method.
    pub method: String,
    /// The action, e.g. `utility.create`.
    pub action: String,
    /// Full name of what it was done to; only its kind where it was counted, or belongs to the installation.
    pub resource: String,
    /// The version that was named.
    pub version: Option<u32>,
    /// What became of it.
    pub outcome: Outcome,
    /// The reason of an error, as callers are told it; empty where there is none.
    pub reason: String,
    /// Fields that changed.
    pub changes: Vec<FieldChange>,
    /// What the caller said that it was for; empty where it said nothing.
    pub purpose: String,
    /// The id of the request.
    pub request_id: String,
    /// The id of its trace.
    pub trace_id: String,
}

/// Who.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Actor {
    /// The principal; `None` where nobody knew who it was.
    pub principal: Option<PrincipalName>,
    /// How much it might do then; `None` where that was not known.
    pub role: Option<Role>,
    /// The session of its token.
    pub session: Option<String>,
    /// The API key that it showed.
    pub key: Option<String>,
    /// Where the connection came from.
    pub address: Option<IpAddr>,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It is permitted and about to happen.
    Intent,
    /// It was permitted and done.
    Allowed,
    /// It was not permitted.
    Denied,
    /// It was permitted and not done.
    Failed,
    /// Whoever asked went away before it was done; an execution that was started then ends by itself.
    Cancelled,
    /// The server died in between: it was done or it was not.
    Unknown,
}

/// A field that changed, as SHA-256 of what it held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// The field.
    pub field: String,
    /// Of what it held before; `None` where it held nothing.
    pub before: Option<Hash>,
    /// Of what it holds now; `None` where it holds nothing.
    pub after: Option<Hash>,
}

// === impls ===

impl Outcome {
    const NAMES: [(Outcome, &'static str); 6] = [
        (Outcome::Intent, "INTENT"),
        (Outcome::Allowed, "ALLOWED"),
        (Outcome::Denied, "DENIED"),
        (Outcome::Failed, "FAILED"),
        (Outcome::Cancelled, "CANCELLED"),
        (Outcome::Unknown, "UNKNOWN"),
    ];

    /// Its name in records.
    pub fn as_str(self) -> &'static str {
        let named = Outcome::NAMES.iter().find(|(outcome, _)| *outcome == self);
        named.map(|(_, name)| *name).expect("each has a name")
    }

    /// What became of work that has ended, and the reason that who asked is told.
    pub fn of<T>(done: &Result<T>) -> (Self, &'static str) {
        match done {
            Ok(_) => (Outcome::Allowed, ""),
            Err(error @ (Error::Denied { .. } | Error::Closed { .. } | Error::Unauthenticated | Error::SignIn { .. })) => {
                (Outcome::Denied, error.reason())
            }
            Err(error @ Error::Unsettled { .. }) => (Outcome::Unknown, error.reason()),
            Err(error) => (Outcome::Failed, error.reason()),
        }
    }

    /// The outcome of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Outcome::NAMES.iter().find(|(_, known)| *known == name).map(|(outcome, _)| *outcome)
    }
}

impl FieldChange {
    /// The change of a field from one text to another; `None` where both are the same.
    pub fn of(field: &str, before: Option<&str>, after: Option<&str>) -> Option<Self> {
        let hashed = |text: &str| Hash::from_bytes(Sha256::digest(text).into());
        (before != after).then(|| FieldChange { field: field.to_owned(), before: before.map(hashed), after: after.map(hashed) })
    }

    /// The change of a field whose values are names, which the record may say: `field=value` where it held nothing before or holds
    /// nothing now, `field=before->after` otherwise.
    pub fn named(field: &str, before: Option<&str>, after: Option<&str>) -> Option<Self> {
        let said = match (before, after) {
            (Some(before), Some(after)) => format!("{field}={before}->{after}"),
            (Some(one), None) | (None, Some(one)) => format!("{field}={one}"),
            (None, None) => return None,
        };
        FieldChange::of(&said, before, after)
    }

    /// The change of a field whose value is the name of a principal. Without hashes: that of a name could be confirmed by trying, and
    /// outlived its being forgotten.
    pub fn principal(field: &str, name: &str) -> Self {
        FieldChange { field: format!("{field}={name}"), before: None, after: None }
    }

    /// That a secret, or what is personal, is another one; nothing is recorded of either.
    pub fn secret(field: &str) -> Self {
        FieldChange { field: field.to_owned(), before: None, after: None }
    }
}

impl Resource for AuditRecord {
    fn owner(&self) -> Option<&PrincipalName> {
        None
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        target == Target::Tenant(&self.entry.tenant)
    }
}
