//! Use cases of what is stored of a person: taking it away, and erasing it.

use std::collections::VecDeque;
use std::pin::Pin;

use futures_util::Stream;
use futures_util::stream::try_unfold;

use crate::access::{Action, Grantee, Permit, TenantScope};
use crate::audit::AuditQuery;
use crate::error::{Error, Result};
use crate::execution::ExecutionQuery;
use crate::identity::principals::check_ruled;
use crate::identity::subject::{Erasure, SubjectPart, SubjectState};
use crate::identity::use_cases::{Asked, Identities, IdentityPorts, remembered, settled};
use crate::identity::{Principal, actions};
use crate::name::{PrincipalName, TenantName, UtilityName};
use crate::page::{MAX_PAGE, Page, PageRequest};
use crate::request::{Committed, RequestKey, once};
use crate::utility::UtilityQuery;

/// All that is stored of a person, part by part.
pub type SubjectExport = Pin<Box<dyn Stream<Item = Result<SubjectPart>> + Send>>;

impl Identities {
    /// Everything that is stored of a user.
    ///
    /// # Errors
    /// [`Error::NotFound`] where nothing is, or the person was erased; [`Error::Denied`] for a user above the caller.
    pub async fn export_subject(&self, permit: &Permit<actions::ExportSubject>) -> Result<SubjectExport> {
        let (scope, user) = (permit.scope(), permit.target().clone());
        let principal = self.ruled(&scope, permit, &user).await?;
        if self.ports.subjects.find_subject(&scope, &user).await? != Some(SubjectState::Known) {
            return Err(Error::NotFound { resource: user.to_string() });
        }
        let ready = principal.map(SubjectPart::User).into_iter().collect();
        let exporting = Exporting { ports: self.ports.clone(), scope, user, ready, next: Some(Source::Sessions) };
        Ok(Box::pin(try_unfold(exporting, |mut exporting| async move {
            loop {
                if let Some(part) = exporting.ready.pop_front() {
                    return Ok(Some((part, exporting)));
                }
                let Some(source) = exporting.next.take() else { return Ok(None) };
                exporting.read(source).await?;
            }
        })))
    }

    /// Erases a person. Returns what stands for them, once their key is destroyed, whatever they show is refused, and their name is
    /// replaced in what is stored; a failure after the first of these leaves the rest to the next call, or to the server's own work.
    ///
    /// # Errors
    /// [`Error::NotFound`] where nothing is stored of the user; [`Error::Denied`] for a user above the caller;
    /// [`Error::Precondition`] for the last super administrator, and while a legal hold keeps everything of the tenant.
    pub async fn erase_subject(&self, permit: &Permit<actions::EraseSubject>, asked: Asked) -> Result<PrincipalName> {
        let request = asked.request.clone();
        once(|| self.erased_before(permit, request.as_ref()), self.erase(permit, asked)).await
    }

    /// Goes on with erasures that have begun; see [`crate::identity::SubjectRepository::go_on_erasing`].
    ///
    /// # Errors
    /// Those of the store.
    pub async fn go_on_erasing(&self) -> Result<u64> {
        self.ports.subjects.go_on_erasing().await
    }

    async fn erase(&self, permit: &Permit<actions::EraseSubject>, asked: Asked) -> Result<PrincipalName> {
        if !asked.violations.is_empty() {
            return Err(Error::Invalid(asked.violations));
        }
        let (scope, user) = (permit.scope(), permit.target());
        let principal = self.ruled(&scope, permit, user).await?;
        if principal.is_none() && self.ports.subjects.find_subject(&scope, user).await?.is_none() {
            return Err(Error::NotFound { resource: user.to_string() });
        }
        if self.ports.tenants.is_held(user.tenant()).await? {
            return Err(legal_hold(user));
        }
        let judged_at = match &principal {
            Some(principal) => self.spare(&scope, principal).await?,
            None => None,
        };
        let erasure = Erasure { user: user.clone(), principal, judged_at, request: asked.request };
        let committed = self.ports.subjects.erase(&scope, erasure).await?;
        let stored = committed == Committed::Stored;
        let erased = match self.ports.subjects.find_subject(&scope, user).await? {
            Some(SubjectState::Erased(erased)) => erased,
            Some(SubjectState::Known) | None => user.clone(),
        };
        if stored {
            self.ports.subjects.go_on_erasing().await?;
        }
        settled(committed, erased, false, user)
    }

    async fn erased_before(&self, permit: &Permit<actions::EraseSubject>, request: Option<&RequestKey>) -> Result<Option<PrincipalName>> {
        let Some(request) = request else { return Ok(None) };
        remembered(self.ports.subjects.find_erased(&permit.scope(), request).await?)
    }

    /// The user, if there is one, whom the caller may decide about.
    async fn ruled<A>(&self, scope: &TenantScope, permit: &Permit<A>, user: &PrincipalName) -> Result<Option<Principal>>
    where
        A: Action<Target = PrincipalName>,
    {
        match permit.open(self.ports.principals.find(scope, user).await?, user) {
            Ok(principal) => check_ruled(permit, &principal).map(|()| Some(principal)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What is kept for others goes before what somebody may ask for.
fn legal_hold(user: &PrincipalName) -> Error {
    let subject = TenantName { tenant: user.tenant().clone() }.to_string();
    let description = format!("{subject} is on legal hold: nothing of it is erased before a super administrator has taken that back");
    Error::Precondition { reason: "LEGAL_HOLD", subject, description }
}

/// Where parts come from, in this order.
enum Source {
    Sessions,
    Grants,
    Utilities(Option<String>),
    Executions(Option<String>),
    /// What the user did.
    Acts(Option<String>),
    /// What was done to the user.
    Records(Option<String>),
    /// What others hear of the user, behind a place.
    Events(u64),
}

struct Exporting {
    ports: IdentityPorts,
    scope: TenantScope,
    user: PrincipalName,
    ready: VecDeque<SubjectPart>,
    next: Option<Source>,
}

impl Exporting {
    /// Reads a page. What the permit is about is the person: that the rest is theirs, the queries see to.
    async fn read(&mut self, source: Source) -> Result<()> {
        let (ports, scope, user) = (&self.ports, &self.scope, &self.user);
        let page = |after| PageRequest { size: MAX_PAGE, after };
        match source {
            Source::Sessions => {
                let found = ports.subjects.sessions(scope, user).await?.open_for_system().unwrap_or_default();
                self.ready.extend(found.into_iter().map(SubjectPart::Session));
                self.next = Some(Source::Grants);
            }
            Source::Grants => {
                let held = ports.grants.held_by(scope, &Grantee::Principal(user.clone())).await?;
                let part =
                    |(utility, access, expires): (&UtilityName, _, _)| SubjectPart::Grant { utility: utility.clone(), access, expires };
                self.ready.extend(held.iter().map(part));
                self.next = Some(Source::Utilities(None));
            }
            Source::Utilities(after) => {
                let query = UtilityQuery { owner: Some(user.clone()), show_deleted: true, ..UtilityQuery::default() };
                let found = ports.utilities.list(scope, &query, &page(after)).await?.open_for_system();
                let next = self.take(found, |utility| SubjectPart::Utility(utility.name));
                self.next = Some(next.map_or(Source::Executions(None), |next| Source::Utilities(Some(next))));
            }
            Source::Executions(after) => {
                let query = ExecutionQuery { caller: Some(user.clone()), ..ExecutionQuery::default() };
                let found = ports.executions.list(scope, &query, &page(after)).await?.open_for_system();
                let next = self.take(found, |execution| SubjectPart::Execution(execution.name));
                self.next = Some(next.map_or(Source::Acts(None), |next| Source::Executions(Some(next))));
            }
            Source::Acts(after) => {
                let query = AuditQuery { actor: Some(user.clone()), ..AuditQuery::default() };
                let found = ports.audit.list(scope, &query, &page(after)).await?.open_for_system();
                let next = self.take(found, |record| SubjectPart::Record(Box::new(record)));
                self.next = Some(next.map_or(Source::Records(None), |next| Source::Acts(Some(next))));
            }
            Source::Records(after) => {
                let query = AuditQuery { resource: Some(user.to_string()), ..AuditQuery::default() };
                let found = ports.audit.list(scope, &query, &page(after)).await?.open_for_system();
                // What the user did to themselves was among what they did.
                let found = found.map(|mut page| {
                    page.items.retain(|record| record.entry.actor.principal.as_ref() != Some(user));
                    page
                });
                let next = self.take(found, |record| SubjectPart::Record(Box::new(record)));
                self.next = Some(next.map_or(Source::Events(0), |next| Source::Records(Some(next))));
            }
            Source::Events(after) => {
                let found = ports.events.behind(scope, after).await?.open_for_system().map(|page| page.items).unwrap_or_default();
                self.next = found.last().map(|last| Source::Events(last.sequence));
                let theirs = found.into_iter().filter(|event| event.names(user));
                self.ready.extend(theirs.map(|event| SubjectPart::Event(Box::new(event))));
            }
        }
        Ok(())
    }

    /// Takes what a page holds, and answers where the next one begins.
    fn take<T>(&mut self, found: Option<Page<T>>, part: impl Fn(T) -> SubjectPart) -> Option<String> {
        let Page { items, next } = found?;
        self.ready.extend(items.into_iter().map(part));
        next
    }
}
