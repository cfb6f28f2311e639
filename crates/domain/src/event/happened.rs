//! What a change means for others: which events a store adds in the commit of the change.
//!
//! One place decides it for every store, so a store that forgets an event fails the contract suite, and none tells more than another.

use crate::access::{Consent, Grant};
use crate::event::{Details, EventKind};
use crate::execution::Execution;
use crate::identity::Principal;
use crate::name::TenantId;
use crate::process::{Outcome, Sighting, Standing};
use crate::tenant::{Tenant, TenantState};
use crate::utility::{Occasion, UtilityChange};

/// What the platform is called as the subject of events.
const PLATFORM: &str = "platform";

/// An event before it has a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// Whose log it belongs to.
    pub tenant: TenantId,
    /// What happened.
    pub kind: EventKind,
    /// What it happened to: a full resource name.
    pub subject: String,
    /// What is said of it.
    pub details: Details,
}

impl Happened {
    /// What a change of a utility means.
    pub fn of_utility(change: &UtilityChange) -> Self {
        let utility = &change.utility;
        let kind = match change.occasion {
            Occasion::Create => EventKind::UtilityCreated,
            Occasion::Update => EventKind::UtilityUpdated,
            Occasion::Delete => EventKind::UtilityDeleted,
            Occasion::Undelete => EventKind::UtilityUndeleted,
            Occasion::Restore => EventKind::UtilityRestored,
        };
        let mut details = Details::new();
        details.insert("version".to_owned(), u64::from(utility.latest_version).into());
        details.insert("revision".to_owned(), utility.revision.as_u64().into());
        Happened { tenant: utility.name.tenant.clone(), kind, subject: utility.name.to_string(), details }
    }

    /// That an execution has ended; `None` while it has not.
    pub fn of_execution(execution: &Execution) -> Option<Self> {
        if !execution.state.is_terminal() {
            return None;
        }
        let mut details = Details::new();
        details.insert("utility".to_owned(), execution.version.utility.to_string().into());
        details.insert("version".to_owned(), u64::from(execution.version.number).into());
        details.insert("state".to_owned(), execution.state.as_str().into());
        if let Some(failure) = &execution.failure {
            details.insert("reason".to_owned(), failure.reason.as_str().into());
        }
        let (tenant, kind) = (execution.name.tenant.clone(), EventKind::ExecutionEnded);
        Some(Happened { tenant, kind, subject: execution.name.to_string(), details })
    }

    /// What a change of a tenant means: for the tenant itself, and for who administers all of them.
    pub fn of_tenant(before: Option<&Tenant>, after: &Tenant) -> Vec<Self> {
        let kind = match (before.map(|before| before.state), after.state) {
            (None, _) => EventKind::TenantCreated,
            (Some(old), new) if old == new => EventKind::TenantUpdated,
            (Some(_), TenantState::Active) => EventKind::TenantResumed,
            (Some(_), TenantState::Suspended) => EventKind::TenantSuspended,
            (Some(_), TenantState::Deleted) => EventKind::TenantDeleted,
        };
        if before.is_some_and(|before| before.revision == after.revision) {
            return Vec::new();
        }
        let mut details = Details::new();
        details.insert("number".to_owned(), u64::from(after.number.as_i32().unsigned_abs()).into());
        details.insert("state".to_owned(), after.state.as_str().into());
        let own = Happened { tenant: after.code.clone(), kind, subject: after.name().to_string(), details };
        let installation = (!after.code.is_system()).then(|| Happened { tenant: TenantId::system(), ..own.clone() });
        std::iter::once(own).chain(installation).collect()
    }

    /// That access was given: nothing for what is only offered, and for what is shared the same in the logs of both tenants.
    pub fn of_grant(grant: &Grant) -> Vec<Self> {
        Happened::of_access(EventKind::AccessGranted, grant)
    }

    /// That access was taken back, or given back, likewise.
    pub fn of_revocation(grant: &Grant) -> Vec<Self> {
        Happened::of_access(EventKind::AccessRevoked, grant)
    }

    fn of_access(kind: EventKind, grant: &Grant) -> Vec<Self> {
        if grant.consent == Consent::Awaited {
            return Vec::new();
        }
        let mut details = Details::new();
        details.insert("grantee".to_owned(), grant.grantee.to_string().into());
        details.insert("access".to_owned(), grant.access.as_str().into());
        if let Some(end) = grant.expires {
            details.insert("expires".to_owned(), end.as_millis().into());
        }
        let own = Happened { tenant: grant.utility.tenant.clone(), kind, subject: grant.utility.to_string(), details };
        let receivers = grant.shared_with().map(|receiver| Happened { tenant: receiver.clone(), ..own.clone() });
        std::iter::once(own).chain(receivers).collect()
    }

    /// What a change of a user or a service account means for what it may do; nothing where that stays as it is.
    pub fn of_principal(before: Option<&Principal>, after: &Principal) -> Vec<Self> {
        let Some(before) = before else { return vec![Happened::to_principal(EventKind::PrincipalCreated, after)] };
        let mut happened = Vec::new();
        if before.role != after.role {
            happened.push(Happened::to_principal(EventKind::PrincipalRoleChanged, after));
        }
        match (before.is_active(), after.is_active()) {
            (true, false) => happened.push(Happened::to_principal(EventKind::PrincipalDisabled, after)),
            (false, true) => happened.push(Happened::to_principal(EventKind::PrincipalEnabled, after)),
            (true, true) | (false, false) => {}
        }
        happened
    }

    /// That a user or a service account was deleted.
    pub fn of_deletion(principal: &Principal) -> Self {
        Happened::to_principal(EventKind::PrincipalDeleted, principal)
    }

    /// That the platform shall be something else.
    pub fn of_platform(revision: u64) -> Self {
        let details = Details::from([("revision".to_owned(), revision.into())]);
        Happened { tenant: TenantId::system(), kind: EventKind::PlatformChanged, subject: PLATFORM.to_owned(), details }
    }

    /// What came of that, beside what had come of it before: what each server that begins tries once more and fails at once more is told once.
    /// Why something failed is not told: it may hold what a service has put out.
    pub fn of_outcome(revision: u64, before: &Standing, outcome: &Outcome) -> Option<Self> {
        let told = |outcome: &Outcome| {
            let mut details = Details::from([("revision".to_owned(), revision.into()), ("outcome".to_owned(), outcome.as_str().into())]);
            if let Outcome::RolledBack(failure) | Outcome::Failed(failure) = outcome
                && !failure.service.is_empty()
            {
                details.insert("service".to_owned(), failure.service.as_str().into());
            }
            details
        };
        let details = told(outcome);
        let is_told = matches!(before, Standing::Ended(before, _) if told(before) == details);
        (!is_told).then(|| Happened { kind: EventKind::PlatformEnded, details, ..Happened::of_platform(revision) })
    }

    /// What it means how a service or an integration is, beside how it was when that was told last: for who administers the installation,
    /// and for the tenant of an integration.
    pub fn of_sighting(before: Option<&Sighting>, now: &Sighting) -> Vec<Self> {
        let tenant = now.tenant();
        let (changed, given_up) = match tenant {
            Some(_) => (EventKind::IntegrationStateChanged, EventKind::IntegrationGivenUp),
            None => (EventKind::ServiceStateChanged, EventKind::ServiceGivenUp),
        };
        let mut details = Details::from([("revision".to_owned(), now.revision.into()), ("state".to_owned(), now.state.as_str().into())]);
        let gives_up = now.has_given_up && before.is_none_or(|before| !before.has_given_up);
        let alert = gives_up.then(|| (given_up, details.clone()));
        let change = before.is_none_or(|before| before.state != now.state).then(|| {
            details.extend(before.map(|before| ("before".to_owned(), before.state.as_str().into())));
            (changed, details)
        });
        let logs: Vec<TenantId> = tenant.into_iter().filter(|tenant| !tenant.is_system()).chain([TenantId::system()]).collect();
        let told = change.into_iter().chain(alert);
        told.flat_map(|(kind, details)| {
            let one = |tenant: &TenantId| Happened { tenant: tenant.clone(), kind, subject: now.subject.clone(), details: details.clone() };
            logs.iter().map(one).collect::<Vec<_>>()
        })
        .collect()
    }

    fn to_principal(kind: EventKind, principal: &Principal) -> Self {
        let details = Details::from([("role".to_owned(), principal.role.as_str().into())]);
        Happened { tenant: principal.name.tenant().clone(), kind, subject: principal.name.to_string(), details }
    }
}
