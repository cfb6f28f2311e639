//! Use cases of utilities and versions. Each states its rule order: look for the request's first answer, load, check, change (a pure
//! method), store with compare-and-set.

use std::sync::Arc;

use crate::access::{Action, OfTenant, Permit};
use crate::code::{CodeReport, Kind};
use crate::error::{Error, Result};
use crate::id::IdSource;
use crate::name::{RuntimeId, TenantName, UtilityId, UtilityName, VersionName};
use crate::page::{Page, PageRequest};
use crate::request::{Expected, RequestKey, once};
use crate::revision::{Etag, Revision};
use crate::runtime::VulnerableImport;
use crate::time::{Clock, Timestamp};
use crate::utility::content::Content;
use crate::utility::{
    Definition, Difference, Draft, Gate, Lineage, MAX_MESSAGE, Passed, Patch, Utility, UtilityQuery, UtilityRepository, Version,
    VersionHead, Within, actions, diff,
};
use crate::violation::{Violation, longest};
use crate::work::{Processor, computed};

/// The use cases.
#[derive(Clone)]
pub struct Utilities {
    pub(super) repository: Arc<dyn UtilityRepository>,
    gate: Gate,
    pub(super) clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    pub(super) processor: Arc<dyn Processor>,
}

/// How a mutation is asked for.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// The revision that the caller saw; empty for any.
    pub etag: Etag,
    /// The request to remember.
    pub request: Option<RequestKey>,
    /// Check everything, store nothing.
    pub validate_only: bool,
    /// What is wrong with the request already, e.g. an unknown enum value: reported together with what is found here.
    pub violations: Vec<Violation>,
}

impl Utilities {
    /// Wires the use cases to their ports.
    pub fn new(
        repository: Arc<dyn UtilityRepository>,
        gate: Gate,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        processor: Arc<dyn Processor>,
    ) -> Self {
        Utilities { repository, gate, clock, ids, processor }
    }

    /// Creates a utility with its first version. Without an id that can be read, everything else is checked all the same, and nothing is
    /// stored.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation, findings of the code included; [`Error::AlreadyExists`].
    pub async fn create(
        &self,
        permit: &Permit<actions::CreateUtility>,
        id: Option<UtilityId>,
        draft: Draft,
        call: Call,
    ) -> Result<(Utility, Version)> {
        let (request, stores) = (call.request.clone(), !call.validate_only);
        let created = once(|| self.answered(permit, request.as_ref()), self.create_of(permit, id, draft, None, call)).await?;
        if stores {
            permit.note_resource(&created.0.name);
            permit.note_version(created.1.number);
        }
        Ok(created)
    }

    /// Creates a utility of a draft and of where that comes from, without looking for the request's first answer.
    pub(super) async fn create_of<A: Action<Target = TenantName>>(
        &self,
        permit: &Permit<A>,
        id: Option<UtilityId>,
        draft: Draft,
        lineage: Option<Lineage>,
        call: Call,
    ) -> Result<(Utility, Version)> {
        let scope = permit.scope();
        let mut violations = call.violations.clone();
        violations.extend(draft.violations("utility"));
        let runtime = draft.runtime.unwrap_or_default();
        let passed = self.gate.pass(&scope, id.as_ref(), &draft.code, draft.kind, &runtime, &mut violations).await?;
        let Some(Passed { code, report, compiled_on }) = passed.filter(|_| violations.is_empty()) else {
            return Err(Error::Invalid(violations));
        };
        let unnamed = Error::Internal { context: "a utility without an id had no violation", source: None };
        let name = UtilityName { tenant: permit.target().tenant.clone(), utility: id.ok_or(unnamed)? };
        let now = self.clock.now();
        let definition = Definition {
            kind: report.kind.or(draft.kind).unwrap_or(Kind::Script),
            parameters_overridden: draft.parameters.is_some(),
            parameters: draft.parameters.unwrap_or_else(|| report.parameters.clone()),
            limits: draft.limits,
            runtime,
            isolation: draft.isolation,
            fresh_processes: draft.fresh_processes,
        };
        let content = Content::passed(definition, Passed { code, report, compiled_on }, draft.message);
        let version = content.version(1, permit, now);
        let utility = Utility {
            name,
            uid: self.ids.unique(),
            metadata: draft.metadata.normalized(),
            owner: permit.principal().clone(),
            deleted: None,
            latest_version: 1,
            definition: version.definition.clone(),
            content_hash: version.content_hash,
            code_sha256: version.code.sha256(),
            imports: version.imports.clone(),
            lineage,
            revision: Revision::FIRST,
            created: now,
            updated: now,
        };
        self.commit(permit, Expected::Absent, utility, Some(version.clone()), version, call).await
    }

    /// Reads a utility with its current version; deleted ones too.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get(&self, permit: &Permit<actions::GetUtility>) -> Result<(Utility, Version)> {
        self.load(permit, permit.target()).await
    }

    /// What the current version imports from packages with known vulnerabilities; `None` while it is not known what its runtime
    /// holds.
    pub fn vulnerable_imports(&self, utility: &Utility) -> Option<Vec<VulnerableImport>> {
        self.gate.vulnerable_imports(&utility.definition.runtime, &utility.imports)
    }

    /// A page of utilities; `vulnerable` leaves those that import a module of a package with known vulnerabilities.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor that is not one; those of the sandbox when `vulnerable` is asked and it cannot say what
    /// runtimes hold.
    pub async fn list(
        &self,
        permit: &Permit<actions::ListUtilities>,
        mut query: UtilityQuery,
        vulnerable: bool,
        page: &PageRequest,
    ) -> Result<Page<Utility>> {
        query.within = permit.only_owner().map(|owner| Within { owner: owner.clone(), granted: permit.granted() });
        if vulnerable {
            query.imports = Some(self.gate.vulnerable_modules().await?);
        }
        Ok(permit.open_page(self.repository.list(&permit.scope(), &query, page).await?))
    }

    /// Changes parts of a utility; a change of code, parameters, limits, runtime or isolation makes a new version.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`], [`Error::Stale`], [`Error::Precondition`] when it is deleted.
    pub async fn update(&self, permit: &Permit<actions::UpdateUtility>, patch: Patch, call: Call) -> Result<(Utility, Version)> {
        let (request, stores) = (call.request.clone(), !call.validate_only);
        let updated = once(|| self.answered(permit, request.as_ref()), self.apply(permit, patch, call)).await?;
        if stores {
            permit.note_version(updated.1.number);
        }
        Ok(updated)
    }

    async fn apply(&self, permit: &Permit<actions::UpdateUtility>, patch: Patch, call: Call) -> Result<(Utility, Version)> {
        let (utility, current) = self.load(permit, permit.target()).await?;
        utility.check_active()?;
        utility.check_etag(&call.etag)?;
        let (draft, lineage) = (patch.merge(&utility), utility.lineage.clone());
        self.replace(permit, (utility, current), draft, patch.code, lineage, call).await
    }

    /// Puts a draft, new code if there is any, and where both come from into the place of what a utility is now. What is executed
    /// otherwise than before passes the gate.
    pub(super) async fn replace<A: Action<Target = UtilityName>>(
        &self,
        permit: &Permit<A>,
        (utility, current): (Utility, Version),
        draft: Draft,
        code: Option<Vec<u8>>,
        lineage: Option<Lineage>,
        call: Call,
    ) -> Result<(Utility, Version)> {
        let (scope, name) = (permit.scope(), permit.target());
        let mut violations = call.violations.clone();
        violations.extend(draft.violations("utility"));
        let runtime = draft.runtime.unwrap_or_default();
        let infers_again = utility.definition.parameters_overridden && draft.parameters.is_none();
        let checks_again = code.is_some() || infers_again || runtime != current.definition.runtime;
        let passed = if checks_again {
            let source = code.unwrap_or_else(|| current.code.text().as_bytes().to_vec());
            let kind = Some(utility.definition.kind);
            self.gate.pass(&scope, Some(&name.utility), &source, kind, &runtime, &mut violations).await?
        } else {
            None
        };
        if !violations.is_empty() {
            return Err(Error::Invalid(violations));
        }
        let definition = Definition {
            kind: utility.definition.kind,
            parameters_overridden: draft.parameters.is_some(),
            parameters: draft.parameters.unwrap_or_else(|| match &passed {
                Some(passed) => passed.report.parameters.clone(),
                None => current.definition.parameters.clone(),
            }),
            limits: draft.limits,
            runtime,
            isolation: draft.isolation,
            fresh_processes: draft.fresh_processes,
        };
        let message = draft.message;
        let content = match passed {
            Some(passed) => Content::passed(definition, passed, message),
            None => Content {
                definition,
                code: current.code.clone(),
                compiled_on: current.compiled_on.clone(),
                warnings: current.warnings.clone(),
                imports: current.imports.clone(),
                message,
            },
        };
        let next = Utility { metadata: draft.metadata.normalized(), lineage, ..utility.clone() };
        self.store_next(permit, (utility, current), next, content, call).await
    }

    /// Deletes a utility; its name stays taken, its versions and executions stay.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`], [`Error::Precondition`] when it is deleted already.
    pub async fn delete(&self, permit: &Permit<actions::DeleteUtility>, call: Call) -> Result<(Utility, Version)> {
        let now = self.clock.now();
        let request = call.request.clone();
        let work = self.mark(permit, call, |utility| utility.check_active(), Some(now));
        once(|| self.answered(permit, request.as_ref()), work).await
    }

    /// Brings a deleted utility back.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`], [`Error::Precondition`] when it is not deleted.
    pub async fn undelete(&self, permit: &Permit<actions::UndeleteUtility>, call: Call) -> Result<(Utility, Version)> {
        let deleted = |utility: &Utility| match utility.deleted {
            Some(_) => Ok(()),
            None => Err(Error::Precondition {
                reason: "UTILITY_NOT_DELETED",
                subject: utility.name.to_string(),
                description: format!("{} is not deleted", utility.name),
            }),
        };
        let request = call.request.clone();
        once(|| self.answered(permit, request.as_ref()), self.mark(permit, call, deleted, None)).await
    }

    /// A page of versions, newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn list_versions(&self, permit: &Permit<actions::ListUtilityVersions>, page: &PageRequest) -> Result<Page<VersionHead>> {
        let name = permit.target();
        let utility = self.reach(permit, name).await?;
        let found = self.repository.list_versions(&permit.scope(), &name.utility, page).await?;
        Ok(permit.open_parts(&utility, found))
    }

    /// One version.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn get_version(&self, permit: &Permit<actions::GetUtilityVersion>) -> Result<Version> {
        self.load_version(permit, permit.target()).await
    }

    /// What differs between two versions. `to` is the current one unless it is named; `from` is the one before `to`, and nothing
    /// where that is the first.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn diff(&self, permit: &Permit<actions::DiffUtilityVersions>, from: Option<u32>, to: Option<u32>) -> Result<Difference> {
        let name = permit.target();
        let to = match to {
            Some(number) => self.load_version(permit, &name.version(number)).await?,
            None => self.load(permit, name).await?.1,
        };
        let from = match from.unwrap_or(to.number - 1) {
            0 => None,
            number => Some(self.load_version(permit, &name.version(number)).await?),
        };
        let id = name.utility.clone();
        computed(self.processor.as_ref(), move || diff::between(&id, from.as_ref(), &to)).await
    }

    /// Makes the content of an old version the newest one, as a new version.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Stale`], [`Error::Precondition`]; [`Error::Invalid`] when today's rules refuse the old code.
    pub async fn restore(
        &self,
        permit: &Permit<actions::RestoreUtilityVersion>,
        message: String,
        call: Call,
    ) -> Result<(Utility, Version)> {
        let (request, stores) = (call.request.clone(), !call.validate_only);
        let restored = once(|| self.answered(permit, request.as_ref()), self.bring_back(permit, message, call)).await?;
        if stores {
            permit.note_resource(&restored.0.name.version(restored.1.number));
            permit.note_version(restored.1.number);
        }
        Ok(restored)
    }

    async fn bring_back(&self, permit: &Permit<actions::RestoreUtilityVersion>, message: String, call: Call) -> Result<(Utility, Version)> {
        let (scope, name) = (permit.scope(), permit.target());
        let (utility, current) = self.load(permit, &name.utility).await?;
        utility.check_active()?;
        utility.check_etag(&call.etag)?;
        let old = self.load_version(permit, name).await?;
        let mut violations = call.violations.clone();
        longest(&mut violations, "message".to_owned(), &message, MAX_MESSAGE);
        let source = old.code.text().as_bytes();
        let definition = old.definition.clone();
        let passed = self
            .gate
            .pass(&scope, Some(&name.utility.utility), source, Some(definition.kind), &definition.runtime, &mut violations)
            .await?;
        let Some(passed) = passed.filter(|_| violations.is_empty()) else {
            return Err(Error::Invalid(violations));
        };
        let message = if message.is_empty() { format!("Restore version {}", name.number) } else { message };
        let content = Content::passed(definition, passed, message);
        let next = utility.clone();
        self.store_next(permit, (utility, current), next, content, call).await
    }

    /// Checks code without storing it, for a runtime (`None`: the default one), also against what its author says it is.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a runtime that this server does not have. Findings are the answer.
    pub async fn validate(
        &self,
        permit: &Permit<actions::ValidateCode>,
        source: Vec<u8>,
        kind: Option<Kind>,
        runtime: Option<RuntimeId>,
    ) -> Result<CodeReport> {
        let runtime = runtime.unwrap_or_default();
        if let Some(unknown) = self.gate.unknown_runtime("runtime", &runtime) {
            return Err(Error::Invalid(vec![unknown]));
        }
        self.gate.check(&permit.scope(), None, source, kind, &runtime).await
    }

    /// A utility that the permit is about, with its current version.
    pub(super) async fn load<A>(&self, permit: &Permit<A>, name: &UtilityName) -> Result<(Utility, Version)>
    where
        A: Action<Target: OfTenant>,
    {
        permit.open(self.repository.find_current(&permit.scope(), &name.utility).await?, name)
    }

    async fn reach<A>(&self, permit: &Permit<A>, name: &UtilityName) -> Result<Utility>
    where
        A: Action<Target: OfTenant>,
    {
        permit.open(self.repository.find(&permit.scope(), &name.utility).await?, name)
    }

    async fn load_version<A>(&self, permit: &Permit<A>, name: &VersionName) -> Result<Version>
    where
        A: Action<Target: OfTenant>,
    {
        let utility = self.reach(permit, &name.utility).await?;
        let found = self.repository.find_version(&permit.scope(), &name.utility.utility, name.number).await?;
        permit.open_part(&utility, found, name)
    }

    async fn mark<A: Action<Target = UtilityName>>(
        &self,
        permit: &Permit<A>,
        call: Call,
        allowed: impl Fn(&Utility) -> Result<()> + Send,
        deleted: Option<Timestamp>,
    ) -> Result<(Utility, Version)> {
        let (utility, current) = self.load(permit, permit.target()).await?;
        utility.check_etag(&call.etag)?;
        allowed(&utility)?;
        let changed = Utility { deleted, ..utility.clone() };
        self.put(permit, utility, changed, (None, current), call).await
    }
}
