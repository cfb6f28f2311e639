//! How changes of utilities are stored: with compare-and-set, once for each request, and with what the record of the call says of them.

use crate::access::{Action, Found, OfTenant, Permit};
use crate::error::{Error, Result};
use crate::request::{Committed, Expected, RequestKey, key_reused};
use crate::utility::changed::changed_fields;
use crate::utility::content::Content;
use crate::utility::{Call, Occasion, Utilities, Utility, UtilityChange, Version};

impl Utilities {
    /// Stores `next`, which is the utility but for what makes no version, with this content, which makes one where it is other content.
    pub(super) async fn store_next<A: Action<Target: OfTenant>>(
        &self,
        permit: &Permit<A>,
        (utility, current): (Utility, Version),
        next: Utility,
        content: Content,
        call: Call,
    ) -> Result<(Utility, Version)> {
        let definition = content.definition.clone();
        // A stored hash may be of an older formula, so it is not what tells whether something changes.
        let same_content = definition.content_hash(&content.code) == current.definition.content_hash(&current.code);
        let same_origin = definition.parameters_overridden == utility.definition.parameters_overridden;
        if same_content && same_origin && next == utility {
            return self.unchanged(permit, utility, current, call).await;
        }
        let new_version = (!same_content).then(|| content.version(utility.latest_version + 1, permit, self.clock.now()));
        let shown = new_version.clone().unwrap_or(current);
        let changed = Utility {
            latest_version: shown.number,
            definition,
            content_hash: shown.content_hash,
            code_sha256: shown.code.sha256(),
            imports: shown.imports.clone(),
            ..next
        };
        self.put(permit, utility, changed, (new_version, shown), call).await
    }

    /// Stores a change of what a utility was, with a version that it makes, and answers it with the version that is shown with it.
    pub(super) async fn put<A: Action<Target: OfTenant>>(
        &self,
        permit: &Permit<A>,
        before: Utility,
        changed: Utility,
        (new_version, shown): (Option<Version>, Version),
        call: Call,
    ) -> Result<(Utility, Version)> {
        let now = new_version.as_ref().map_or_else(|| self.clock.now(), |version| version.created);
        let changed = Utility { revision: before.revision.next(), updated: now, ..changed };
        let noted = !call.validate_only;
        let done = self.commit(permit, Expected::Revision(before.revision), changed, new_version, shown, call).await?;
        if noted {
            permit.note_changes(changed_fields(&before, &done.0));
        }
        Ok(done)
    }

    /// Stores a utility, unless it is only to be checked.
    pub(super) async fn commit<A: Action<Target: OfTenant>>(
        &self,
        permit: &Permit<A>,
        expected: Expected,
        utility: Utility,
        new_version: Option<Version>,
        shown: Version,
        call: Call,
    ) -> Result<(Utility, Version)> {
        if call.validate_only {
            return Ok((utility, shown));
        }
        let occasion = Occasion::of(A::SPEC, utility.deleted.is_some());
        let change = UtilityChange { expected, occasion, utility: utility.clone(), new_version, request: call.request };
        match self.repository.commit(&permit.scope(), change).await? {
            Committed::Stored => Ok((utility, shown)),
            Committed::Conflict if expected == Expected::Absent => Err(Error::AlreadyExists { resource: utility.name.to_string() }),
            Committed::Conflict => Err(Error::Stale { resource: utility.name.to_string() }),
            Committed::Answered(first) => self.with_version(permit, *first).await,
            Committed::Removed { resource } => Err(Error::NotFound { resource }),
            Committed::KeyReused => Err(key_reused()),
        }
    }

    /// Answers a change that changes nothing; it is remembered all the same, or its repetition would undo what came in between.
    pub(super) async fn unchanged<A: Action<Target: OfTenant>>(
        &self,
        permit: &Permit<A>,
        utility: Utility,
        shown: Version,
        call: Call,
    ) -> Result<(Utility, Version)> {
        let Some(request) = call.request.filter(|_| !call.validate_only) else { return Ok((utility, shown)) };
        match self.repository.remember(&permit.scope(), &request, &utility).await? {
            Committed::Stored | Committed::Conflict => Ok((utility, shown)),
            Committed::Answered(first) => self.with_version(permit, *first).await,
            Committed::Removed { resource } => Err(Error::NotFound { resource }),
            Committed::KeyReused => Err(key_reused()),
        }
    }

    /// What a request was answered with, if it was.
    pub(super) async fn answered<A>(&self, permit: &Permit<A>, request: Option<&RequestKey>) -> Result<Option<(Utility, Version)>>
    where
        A: Action<Target: OfTenant>,
    {
        let Some(request) = request else { return Ok(None) };
        match self.repository.find_answer(&permit.scope(), request).await? {
            Some(Committed::Answered(first)) => Ok(Some(self.with_version(permit, *first).await?)),
            Some(Committed::Removed { resource }) => Err(Error::NotFound { resource }),
            Some(Committed::KeyReused) => Err(key_reused()),
            Some(Committed::Stored | Committed::Conflict) | None => Ok(None),
        }
    }

    /// The utility that a request was answered with, opened like any other, with its current version.
    async fn with_version<A>(&self, permit: &Permit<A>, first: Utility) -> Result<(Utility, Version)>
    where
        A: Action<Target: OfTenant>,
    {
        let name = first.name.clone();
        let utility = permit.open(Found::one(first), &name)?;
        let found = self.repository.find_version(&permit.scope(), &name.utility, utility.latest_version).await?;
        let missing = |_absent| Error::Internal { context: "a utility's current version is missing", source: None };
        let version = permit.open_part(&utility, found, &name).map_err(missing)?;
        Ok((utility, version))
    }
}
