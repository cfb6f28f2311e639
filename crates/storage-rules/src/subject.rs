//! A person whom something is kept of, and what is sealed under their key.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::name::{PrincipalKind, PrincipalName, TenantId};
use keys::{Key, Place};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Between a tenant and the id of a subject, where records name one.
const COLLECTION: &str = "subjects";

/// A person whom something is kept of.
pub struct Subject {
    /// Whose they are.
    pub tenant: TenantId,
    /// The id that says nothing of them.
    pub id: String,
    /// The user's name.
    pub name: PrincipalName,
    /// What is personal of them is sealed under it.
    pub key: Key,
}

/// Whom an id stands for.
#[derive(Clone)]
pub enum Person {
    /// Somebody.
    Known(Arc<Subject>),
    /// Somebody whose key was destroyed.
    Erased(PrincipalName),
}

// === impl Person ===

impl Person {
    /// How records name them, where that may never change.
    pub fn reference(&self) -> String {
        let (tenant, id) = match self {
            Person::Known(subject) => (&subject.tenant, subject.id.as_str()),
            Person::Erased(name) => (name.tenant(), name.erased_id().unwrap_or_default()),
        };
        format!("tenants/{tenant}/{COLLECTION}/{id}")
    }

    /// What they are called where they are shown.
    pub fn name(&self) -> &PrincipalName {
        match self {
            Person::Known(subject) => &subject.name,
            Person::Erased(name) => name,
        }
    }
}

// === impl Subject ===

impl Subject {
    /// Seals a text of the person for a field, as text.
    pub fn seal(&self, place: Place<'_>, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.key.seal(place, text.as_bytes()))
    }

    /// Seals a text of the person's own document.
    pub fn seal_own(&self, field: &str, text: &str) -> String {
        self.seal(Place { id: &self.id, ..person_place(&self.tenant, "principals", field) }, text)
    }

    /// Opens what was sealed for a field of a document.
    ///
    /// # Errors
    /// It was not sealed for that field by this person's key.
    pub fn open<E: Failure>(&self, table: &'static str, place: Place<'_>, sealed: &str) -> Result<Zeroizing<String>, E> {
        let damaged = |error| E::unopened(table, format!("{}/{}", place.tenant, place.id), error);
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_no_base64| damaged(keys::Error::Form))?;
        let text = self.key.open(place, &bytes).map_err(damaged)?;
        let text = std::str::from_utf8(&text).map_err(|_no_text| damaged(keys::Error::Form))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Opens what was sealed in the person's own document.
    ///
    /// # Errors
    /// As [`Subject::open`].
    pub fn open_own<E: Failure>(&self, field: &str, sealed: &str) -> Result<Zeroizing<String>, E> {
        self.open("principals", Place { id: &self.id, ..person_place(&self.tenant, "principals", field) }, sealed)
    }
}

// === people in texts ===

/// A field of a document whose id is to be filled in.
pub(crate) fn person_place<'a>(tenant: &'a TenantId, collection: &'a str, field: &'a str) -> Place<'a> {
    Place { tenant: tenant.as_str(), collection, id: "", field }
}

/// The user whom a full name begins with, and what follows; `None` where it begins with no user.
pub fn user_in(text: &str) -> Option<(PrincipalName, &str)> {
    let (_, _, rest) = split(text, "users")?;
    let name = PrincipalName::parse("name", &text[..text.len() - rest.len()]).ok()?;
    (name.kind() == PrincipalKind::User).then_some((name, rest))
}

/// The tenant and the id of the subject whom a text like `tenants/acme/subjects/0123/sessions/1` begins with, and what follows; `None`
/// where it begins with nobody.
pub fn subject_in(text: &str) -> Option<(&str, &str, &str)> {
    split(text, COLLECTION)
}

/// `tenants/{tenant}/{collection}/{id}` and what follows, which begins with a slash where it is anything.
fn split<'a>(text: &'a str, collection: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let (tenant, rest) = text.strip_prefix("tenants/")?.split_once('/')?;
    let rest = rest.strip_prefix(collection)?.strip_prefix('/')?;
    let end = rest.find('/').unwrap_or(rest.len());
    Some((tenant, &rest[..end], &rest[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_begins_with_a_user_with_a_subject_or_with_nobody() {
        let (user, rest) = user_in("tenants/acme/users/ann/sessions/1").expect("it begins with a user");
        assert_eq!((user.as_str(), rest), ("tenants/acme/users/ann", "/sessions/1"));
        assert_eq!(subject_in("tenants/acme/subjects/0123"), Some(("acme", "0123", "")));
        assert_eq!(subject_in("tenants/acme/subjects/0123/sessions/1"), Some(("acme", "0123", "/sessions/1")));
        for nobody in ["", "tenants/acme", "tenants/acme/utilities/ann", "tenants/acme/subject/0123", "users/ann"] {
            assert!(user_in(nobody).is_none() && subject_in(nobody).is_none(), "{nobody}");
        }
    }
}
