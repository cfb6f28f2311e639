//! An event as it is kept.

use std::collections::BTreeMap;

use crate::access::{Resource, Target};
use crate::event::EventKind;
use crate::name::{PrincipalName, TenantId};
use crate::time::Timestamp;

/// What is said of an event, by name.
pub type Details = BTreeMap<String, Detail>;

/// One thing that is said of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// A name, a state or a role.
    Text(String),
    /// A number, or a time in milliseconds since 1970.
    Number(u64),
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whose log it stands in.
    pub tenant: TenantId,
    /// Its place there, from 1, without gaps.
    pub sequence: u64,
    /// Unique among all events; the same in each log that it stands in.
    pub id: String,
    /// When it was stored.
    pub time: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// What it happened to: a full resource name.
    pub subject: String,
    /// What is said of it.
    pub details: Details,
}

// === impls ===

impl Event {
    /// The log that it comes from, as a CloudEvent names it.
    pub fn source(&self) -> String {
        format!("//zona.dev/tenants/{}", self.tenant)
    }

    /// Whether it is about somebody, or what is said of it names them.
    pub(crate) fn names(&self, somebody: &PrincipalName) -> bool {
        let is_said = |detail: &Detail| matches!(detail, Detail::Text(text) if text == somebody.as_str());
        self.subject == somebody.as_str() || self.details.values().any(is_said)
    }
}

impl Resource for Event {
    fn owner(&self) -> Option<&PrincipalName> {
        None
    }

    fn lies_in(&self, target: Target<'_>) -> bool {
        target == Target::Tenant(&self.tenant)
    }
}

impl From<u64> for Detail {
    fn from(number: u64) -> Self {
        Detail::Number(number)
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        Detail::Text(text)
    }
}

impl From<&str> for Detail {
    fn from(text: &str) -> Self {
        Detail::Text(text.to_owned())
    }
}
