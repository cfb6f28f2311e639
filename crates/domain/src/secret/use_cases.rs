//! Use cases of secrets. Each states its rule order: look for the request's first answer, check, load, change, store with
//! compare-and-set. No value leaves by them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::access::{Action, Found, OfTenant, Permit};
use crate::audit::FieldChange;
use crate::error::{Error, Result};
use crate::identity::Secret;
use crate::name::{SecretName, UtilityName};
use crate::page::{Page, PageRequest};
use crate::request::{Committed, Expected, RequestKey, key_reused, once};
use crate::revision::{Etag, Revision};
use crate::sandbox::{self, SHORTEST_SECRET};
use crate::secret::{MAX_RELEASES, MAX_VALUE, NamedSecret, SecretChange, SecretRepository, actions};
use crate::time::Clock;
use crate::violation::{Violations, longest};

/// Longest description in characters.
const MAX_DESCRIPTION: usize = 500;

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct NamedSecrets {
    repository: Arc<dyn SecretRepository>,
    clock: Arc<dyn Clock>,
}

/// What every change says beside what it changes.
#[derive(Debug, Default)]
pub struct SecretAsked {
    /// The revision that the caller saw; empty for any, and for none.
    pub etag: Etag,
    /// The request to remember.
    pub request: Option<RequestKey>,
    /// What is wrong with the request already.
    pub violations: Violations,
}

/// Parts of a secret to change; `None` leaves a part as it is.
#[derive(Debug, Default)]
pub struct SecretPatch {
    /// New value.
    pub value: Option<Secret>,
    /// New description.
    pub description: Option<String>,
    /// Utilities that it is released to from now on.
    pub utilities: Option<BTreeSet<UtilityName>>,
}

impl NamedSecrets {
    /// Wires the use cases to their ports.
    pub fn new(repository: Arc<dyn SecretRepository>, clock: Arc<dyn Clock>) -> Self {
        NamedSecrets { repository, clock }
    }

    /// Makes a secret where there is none of this name, and changes parts of it otherwise.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation; [`Error::NotFound`] where there is none, and no value is given, or an etag is;
    /// [`Error::Stale`]; [`Error::Precondition`] when the tenant has too many.
    pub async fn set(&self, permit: &Permit<actions::SetSecret>, patch: SecretPatch, asked: SecretAsked) -> Result<NamedSecret> {
        let request = asked.request.clone();
        once(|| self.answered(permit, request.as_ref()), self.apply(permit, patch, asked)).await
    }

    /// Reads what is known of a secret.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, permit: &Permit<actions::GetSecret>) -> Result<NamedSecret> {
        self.load(permit).await
    }

    /// A page of secrets.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor that is not one.
    pub async fn list(&self, permit: &Permit<actions::ListSecrets>, page: &PageRequest) -> Result<Page<NamedSecret>> {
        Ok(permit.open_page(self.repository.list(&permit.scope(), page).await?))
    }

    /// Deletes a secret with its value.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`].
    pub async fn delete(&self, permit: &Permit<actions::DeleteSecret>, asked: SecretAsked) -> Result<NamedSecret> {
        let request = asked.request.clone();
        once(|| self.answered(permit, request.as_ref()), self.remove(permit, asked)).await
    }

    async fn apply(&self, permit: &Permit<actions::SetSecret>, patch: SecretPatch, asked: SecretAsked) -> Result<NamedSecret> {
        let SecretAsked { etag, request, mut violations } = asked;
        judge(&patch, &mut violations);
        violations.unless_any(())?;
        let name = permit.target();
        let (old, expected) = match self.load(permit).await {
            Ok(old) => {
                old.check_etag(&etag)?;
                let expected = Expected::Revision(old.revision);
                (old, expected)
            }
            Err(error) if patch.value.is_some() && etag.as_str().is_empty() => self.replaced(permit, error).await?,
            Err(error) => return Err(error),
        };
        let secret = self.changed(permit, &old, &patch);
        let changes = changes(&old, &secret, patch.value.is_some());
        let change = SecretChange { expected, secret, deletes: false, value: patch.value, request };
        let stored = self.store(permit, name, change).await?;
        permit.note_changes(changes);
        Ok(stored)
    }

    async fn remove(&self, permit: &Permit<actions::DeleteSecret>, asked: SecretAsked) -> Result<NamedSecret> {
        let SecretAsked { etag, request, violations } = asked;
        violations.unless_any(())?;
        let (old, expected) = match self.load(permit).await {
            Err(error) if !matches!(error, Error::NotFound { .. }) && etag.as_str().is_empty() => self.replaced(permit, error).await?,
            found => {
                let old = found?;
                old.check_etag(&etag)?;
                let expected = Expected::Revision(old.revision);
                (old, expected)
            }
        };
        let secret = NamedSecret { updated: self.clock.now(), revision: old.revision.next(), ..old };
        let change = SecretChange { expected, secret, deletes: true, value: None, request };
        self.store(permit, permit.target(), change).await
    }

    /// Begins a secret in the place of none, or of one that cannot be read any more: of that one nothing but its revision is known.
    async fn replaced<A: Action<Target = SecretName>>(&self, permit: &Permit<A>, error: Error) -> Result<(NamedSecret, Expected)> {
        let blank = self.blank(permit);
        if matches!(error, Error::NotFound { .. }) {
            return Ok((blank, Expected::Absent));
        }
        match self.repository.find_unreadable(&permit.scope(), &permit.target().secret).await? {
            Some(revision) => Ok((NamedSecret { revision, ..blank }, Expected::Revision(revision))),
            None => Err(error),
        }
    }

    /// What a secret is before it has a value.
    fn blank<A: Action<Target = SecretName>>(&self, permit: &Permit<A>) -> NamedSecret {
        let now = self.clock.now();
        NamedSecret {
            name: permit.target().clone(),
            description: String::new(),
            utilities: BTreeMap::new(),
            version: 0,
            set_by: permit.principal().clone(),
            set: now,
            created: now,
            updated: now,
            last_used: None,
            revision: Revision::from_stored(now.as_millis()),
        }
    }

    fn changed(&self, permit: &Permit<actions::SetSecret>, old: &NamedSecret, patch: &SecretPatch) -> NamedSecret {
        let now = self.clock.now();
        let mut secret = NamedSecret { updated: now, revision: old.revision.next(), ..old.clone() };
        if patch.value.is_some() {
            secret.version = old.version.saturating_add(1);
            (secret.set, secret.set_by) = (now, permit.principal().clone());
        }
        if let Some(description) = &patch.description {
            secret.description.clone_from(description);
        }
        if let Some(utilities) = &patch.utilities {
            // What stays in the list is meant as it was: whoever has taken its name meanwhile gets nothing by that another is added.
            let since = |name: &UtilityName| old.utilities.get(name).copied().unwrap_or(now);
            secret.utilities = utilities.iter().map(|name| (name.clone(), since(name))).collect();
        }
        secret
    }

    async fn store<A: Action<Target: OfTenant>>(&self, permit: &Permit<A>, name: &SecretName, change: SecretChange) -> Result<NamedSecret> {
        let (secret, resource) = (change.secret.clone(), name.to_string());
        match self.repository.commit(&permit.scope(), change).await? {
            Committed::Stored => Ok(secret),
            // Where it was to be made, somebody has made it meanwhile.
            Committed::Conflict => Err(Error::Stale { resource }),
            Committed::Answered(first) => Ok(*first),
            Committed::Removed { resource } => Err(Error::NotFound { resource }),
            Committed::KeyReused => Err(key_reused()),
        }
    }

    async fn load<A: Action<Target = SecretName>>(&self, permit: &Permit<A>) -> Result<NamedSecret> {
        let name = permit.target();
        permit.open(self.repository.find(&permit.scope(), &name.secret).await?, name)
    }

    async fn answered<A: Action<Target: OfTenant>>(&self, permit: &Permit<A>, request: Option<&RequestKey>) -> Result<Option<NamedSecret>> {
        let Some(request) = request else { return Ok(None) };
        match self.repository.find_answer(&permit.scope(), request).await? {
            Some(Committed::Answered(first)) => {
                let name = first.name.clone();
                permit.open(Found::one(*first), &name).map(Some)
            }
            Some(Committed::Removed { resource }) => Err(Error::NotFound { resource }),
            Some(Committed::KeyReused) => Err(key_reused()),
            Some(Committed::Stored | Committed::Conflict) | None => Ok(None),
        }
    }
}

/// What is wrong with what is asked for is among the violations; none says anything of a value but its length.
fn judge(patch: &SecretPatch, violations: &mut Violations) {
    if let Some(value) = &patch.value {
        judge_value(value.expose(), violations);
    }
    if let Some(description) = &patch.description {
        let mut found = Vec::new();
        longest(&mut found, "secret.description".to_owned(), description, MAX_DESCRIPTION);
        found.into_iter().for_each(|violation| violations.push(violation.field, violation.reason, violation.description));
    }
    if let Some(count) = patch.utilities.as_ref().map(BTreeSet::len).filter(|count| *count > MAX_RELEASES) {
        violations.push("secret.utilities", "TOO_MANY", format!("{count} utilities; the limit is {MAX_RELEASES}"));
    }
}

/// What is too short or too long to be masked in output is refused, as it could not be kept from being shown.
fn judge_value(value: &str, violations: &mut Violations) {
    if value.chars().nth(SHORTEST_SECRET - 1).is_none() {
        violations.push(
            "value",
            "TOO_SHORT",
            format!("must have at least {SHORTEST_SECRET} characters, so that it can be masked in output"),
        );
    } else if value.len() > MAX_VALUE {
        violations.push("value", "TOO_LONG", format!("{} bytes; the limit is {MAX_VALUE}", value.len()));
    } else if sandbox::Secrets::new([value.to_owned()]).check("value").is_err() {
        let text = "has too many bytes in all the forms that are masked in output, which are escapes of JSON and Python, and lines";
        violations.push("value", "TOO_LONG", text);
    }
}

/// What the record of a change says: that there is another value and nothing of it, and the utilities by name.
fn changes(old: &NamedSecret, new: &NamedSecret, another_value: bool) -> Vec<FieldChange> {
    let before: BTreeSet<String> = old.utilities.keys().map(ToString::to_string).collect();
    let after: BTreeSet<String> = new.utilities.keys().map(ToString::to_string).collect();
    let added = after.difference(&before).filter_map(|name| FieldChange::named("utilities", None, Some(name)));
    let removed = before.difference(&after).filter_map(|name| FieldChange::named("utilities", Some(name), None));
    let described = Some(old.description.as_str()).filter(|_| old.version > 0);
    let description = FieldChange::of("description", described, Some(&new.description)).filter(|_| old.description != new.description);
    another_value.then(|| FieldChange::secret("value")).into_iter().chain(description).chain(added).chain(removed).collect()
}
