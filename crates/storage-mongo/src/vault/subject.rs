//! A person whom something is kept of, and what is sealed under their key.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::name::{PrincipalName, TenantId};
use keys::{Key, Place};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Between a tenant and the id of a subject, where records name one.
pub(super) const COLLECTION: &str = "subjects";

/// A person whom something is kept of.
pub(crate) struct Subject {
    pub(super) tenant: TenantId,
    pub(super) id: String,
    /// The user's name.
    pub(crate) name: PrincipalName,
    pub(super) key: Key,
}

/// Whom an id stands for.
#[derive(Clone)]
pub(crate) enum Person {
    /// Somebody.
    Known(Arc<Subject>),
    /// Somebody whose key was destroyed.
    Erased(PrincipalName),
}

// === impl Person ===

impl Person {
    /// How records name them, where that may never change.
    pub(crate) fn reference(&self) -> String {
        let (tenant, id) = match self {
            Person::Known(subject) => (&subject.tenant, subject.id.as_str()),
            Person::Erased(name) => (name.tenant(), name.erased_id().unwrap_or_default()),
        };
        format!("tenants/{tenant}/{COLLECTION}/{id}")
    }

    /// What they are called where they are shown.
    pub(crate) fn name(&self) -> &PrincipalName {
        match self {
            Person::Known(subject) => &subject.name,
            Person::Erased(name) => name,
        }
    }
}

// === impl Subject ===

impl Subject {
    /// Seals a text of the person for a field, as text.
    pub(crate) fn seal(&self, place: Place<'_>, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.key.seal(place, text.as_bytes()))
    }

    /// Seals a text of the person's own document.
    pub(crate) fn seal_own(&self, field: &str, text: &str) -> String {
        self.seal(Place { id: &self.id, ..place(&self.tenant, "principals", field) }, text)
    }

    /// Opens what was sealed for a field of a document.
    pub(crate) fn open(&self, table: &'static str, place: Place<'_>, sealed: &str) -> Result<Zeroizing<String>> {
        let damaged = |error| Error::sealed(table, format!("{}/{}", place.tenant, place.id))(error);
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_no_base64| damaged(keys::Error::Form))?;
        let text = self.key.open(place, &bytes).map_err(damaged)?;
        let text = std::str::from_utf8(&text).map_err(|_no_text| damaged(keys::Error::Form))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Opens what was sealed in the person's own document.
    pub(crate) fn open_own(&self, field: &str, sealed: &str) -> Result<Zeroizing<String>> {
        self.open("principals", Place { id: &self.id, ..place(&self.tenant, "principals", field) }, sealed)
    }
}

/// A field of a document whose id is to be filled in.
pub(super) fn place<'a>(tenant: &'a TenantId, collection: &'a str, field: &'a str) -> Place<'a> {
    Place { tenant: tenant.as_str(), collection, id: "", field }
}
