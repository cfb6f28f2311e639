//! For which place what callers and their code have written is sealed, and in which form it stands there: it opens in no other. The names of
//! collections and fields are part of what is sealed, and so the same in every store.

use domain::identity::Secret;
use domain::name::TenantId;
use domain::schedule::Schedule;
use domain::secret::NamedSecret;
use keys::{Key, Place};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// What stands before a sealed batch of events, in the place of its version; a 1 is one in plain text.
pub const SEALED: u8 = 2;

/// A document, and what of it is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The collection, or table.
    pub collection: &'static str,
    /// The document's id.
    pub id: String,
    /// What of it.
    pub field: String,
}

impl Spot {
    /// The code of a version.
    pub fn code(utility: &str, number: u32) -> Self {
        Spot::code_at(format!("{utility}/{number}"))
    }

    /// The code of a version whose id is known.
    pub fn code_at(id: String) -> Self {
        Spot { collection: "version_code", id, field: "code".to_owned() }
    }

    /// What an execution takes and gives.
    pub fn execution(id: &str) -> Self {
        Spot { collection: "executions", id: id.to_owned(), field: "contents".to_owned() }
    }

    /// A batch of events, by the number of its first.
    pub fn events(execution: &str, first: u64) -> Self {
        Spot::events_at(format!("{execution}/{first}"))
    }

    /// A batch of events whose id is known.
    pub fn events_at(id: String) -> Self {
        Spot { collection: "output", id, field: "events".to_owned() }
    }

    /// What opens a piece of archived output, by the number of its last event.
    pub fn archived(execution: &str, last: u64) -> Self {
        Spot { collection: "output_archive", id: format!("{execution}/{last}"), field: "reference".to_owned() }
    }

    /// The value of a named secret, and which of the values that ever stood under this name: one of before does not open as the one of now.
    pub fn secret(secret: &NamedSecret) -> Self {
        let field = format!("value/{}/{}", secret.created.as_millis(), secret.version);
        Spot { collection: "secrets", id: secret.name.secret.as_str().to_owned(), field }
    }

    /// The parameters of a schedule, and which of those that it ever had.
    pub fn schedule(schedule: &Schedule) -> Self {
        let field = format!("params/{}/{}", schedule.created.as_millis(), schedule.edition);
        Spot { collection: "schedules", id: schedule.name.schedule.as_str().to_owned(), field }
    }

    /// The manifest of a revision of the platform.
    pub fn manifest(revision: u64) -> Self {
        Spot { collection: "platform_revisions", id: revision.to_string(), field: "manifest".to_owned() }
    }

    /// All else of a revision of the platform, in which what was asked of integrations and the last lines of a service stand.
    pub fn platform(revision: u64) -> Self {
        Spot { collection: "platform_revisions", id: revision.to_string(), field: "document".to_owned() }
    }

    /// What is asked of the items of a chunk of an operation.
    pub fn entries(operation: &str, chunk: u32) -> Self {
        Spot { collection: "operation_items", id: format!("{operation}/{chunk}"), field: "entries".to_owned() }
    }

    /// What became of them.
    pub fn outcomes(operation: &str, chunk: u32) -> Self {
        Spot { collection: "operation_outcomes", id: format!("{operation}/{chunk}"), field: "outcomes".to_owned() }
    }

    /// A secret of a webhook, or those before together.
    pub fn webhook(webhook: &str, field: &str) -> Self {
        Spot { collection: "webhooks", id: webhook.to_owned(), field: field.to_owned() }
    }

    /// Where that is, of a tenant.
    pub fn place<'a>(&'a self, tenant: &'a TenantId) -> Place<'a> {
        Place { tenant: tenant.as_str(), collection: self.collection, id: &self.id, field: &self.field }
    }

    /// Seals something for it, by the tenant's key.
    pub fn seal(&self, tenant: &TenantId, key: &Key, bytes: &[u8]) -> Vec<u8> {
        key.seal(self.place(tenant), bytes)
    }

    /// That what stands there is something else than it should be.
    pub fn broken<E: Failure>(&self, tenant: &TenantId, source: impl Into<domain::error::Source>) -> E {
        E::undecodable(self.collection, format!("{tenant}/{}", self.id), source.into())
    }

    /// The text that was opened there.
    ///
    /// # Errors
    /// It is none.
    pub fn text<E: Failure>(&self, tenant: &TenantId, mut opened: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>, E> {
        let text = String::from_utf8(std::mem::take(&mut *opened)).map(Zeroizing::new);
        text.map_err(|error| self.broken(tenant, error.utf8_error()))
    }

    /// The value of a secret that was opened there.
    ///
    /// # Errors
    /// It is no text.
    pub fn value<E: Failure>(&self, tenant: &TenantId, opened: &[u8]) -> Result<Secret, E> {
        std::str::from_utf8(opened).map(Secret::new).map_err(|error| self.broken(tenant, error))
    }
}

/// A batch as it is stored.
pub fn sealed_batch(sealed: &[u8]) -> Vec<u8> {
    [&[SEALED], sealed].concat()
}

/// What is sealed of a stored batch; `None` where it is no sealed one.
pub fn batch_of(stored: &[u8]) -> Option<&[u8]> {
    stored.split_first().filter(|(first, _)| **first == SEALED).map(|(_, sealed)| sealed)
}

#[cfg(test)]
mod tests {
    use test_support::sample::tenant;
    use test_support::schedule_repository::schedule;

    use super::*;

    #[test]
    fn what_is_sealed_for_one_place_opens_in_no_other() {
        let (acme, key) = (tenant("acme"), Key::new(&[7; keys::KEY_BYTES]));
        let first = schedule("acme", "a");
        let spots = [
            Spot::code("extract", 1),
            Spot::code("extract", 2),
            Spot::execution("1"),
            Spot::events("1", 0),
            Spot::events("1", 1),
            Spot::archived("1", 1),
            Spot::manifest(1),
            Spot::platform(1),
            Spot::platform(2),
            Spot::schedule(&first),
            Spot::schedule(&domain::schedule::Schedule { edition: first.edition + 1, ..first.clone() }),
            Spot::schedule(&schedule("acme", "b")),
            Spot::entries("1", 1),
            Spot::outcomes("1", 1),
            Spot::outcomes("1", 2),
        ];
        for (at, spot) in spots.iter().enumerate() {
            let sealed = spot.seal(&acme, &key, b"text");
            for (other, there) in spots.iter().enumerate() {
                assert_eq!(key.open(there.place(&acme), &sealed).is_ok(), at == other, "{spot:?} in {there:?}");
            }
            assert!(key.open(spot.place(&tenant("beta")), &sealed).is_err());
        }
    }

    #[test]
    fn a_batch_in_plain_text_is_no_sealed_one() {
        assert_eq!(batch_of(&sealed_batch(b"text")), Some(&b"text"[..]));
        assert_eq!((batch_of(b""), batch_of(&[1, 2])), (None, None));
    }
}
